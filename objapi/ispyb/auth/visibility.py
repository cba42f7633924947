"""Rows that a caller sees: a question to the transaction, which asks the row rules of the profile."""

from typing import Final

import sqlalchemy as sa

from objapi.profiles.ispyb.derived_types import derived_types, table_of
from objapi.store.transaction import Transaction

_TYPES: Final = {table_of(portal_type): portal_type for portal_type in derived_types}


def visible_rows(
    transaction: Transaction, table: sa.FromClause, *joined: sa.FromClause, counted: bool = False
) -> sa.ColumnElement[bool]:
    """The rows of a table, or of an alias of it, that the caller sees, as a condition for a statement.

    `joined` are tables that the statement joins to it on the way to the proposal or session, in any order. `counted` is
    for a statement that goes over all rows rather than to the end of a page.
    Raises TypeError for what is not a table of ISPyB.
    """
    return transaction.visible(_type_of(table), table, joined, counted=counted)


def sees_many(transaction: Transaction, table: sa.Table) -> bool:
    """True where the caller sees all rows of a table, or very many."""
    return transaction.sees_many(_type_of(table))


def _type_of(table: sa.FromClause) -> str:
    declared = table.element if isinstance(table, sa.Alias) else table
    if not isinstance(declared, sa.Table):
        raise TypeError(f"{declared} is not a table of ISPyB")
    return _TYPES[declared]

"""Changing a table that exists: the MySQL family takes many changes in one statement, SQLite one at a time.

One `ALTER TABLE` passes over a large table once and is carried out as a whole, so a request that runs beside it never
meets a table half changed. On SQLite the transaction sees to that.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.schema import CreateColumn, CreateIndex

from catalog.dialect.types import is_mysql_family


def drop_keys(connection: Connection, table: sa.Table, names: Iterable[str]) -> None:
    """Drop keys by name; they must exist."""
    quote = connection.dialect.identifier_preparer.quote
    if is_mysql_family(connection.dialect):
        _alter(connection, table, [f"DROP INDEX {quote(name)}" for name in names])
    else:
        for name in names:
            connection.exec_driver_sql(f"DROP INDEX {quote(name)}")


def add_keys(connection: Connection, table: sa.Table, keys: Sequence[sa.Index]) -> None:
    """Make keys of the table that do not exist yet."""
    if is_mysql_family(connection.dialect):
        _alter(connection, table, [_key_clause(connection, key) for key in keys])
    else:
        for key in keys:
            connection.execute(CreateIndex(key))


def put_columns(
    connection: Connection, table: sa.Table, new: Sequence[sa.Column[Any]], rebuilt: Sequence[sa.Column[Any]] = ()
) -> None:
    """Add the columns `new`, and make those in `rebuilt` anew, which exist and lose their values.

    No key may contain a rebuilt column. Rows that exist get NULL or the column's server default.
    """
    quote = connection.dialect.identifier_preparer.quote
    clauses = [f"DROP COLUMN {quote(column.name)}" for column in rebuilt]
    clauses += [f"ADD COLUMN {CreateColumn(column).compile(connection)}" for column in (*rebuilt, *new)]
    if is_mysql_family(connection.dialect):
        _alter(connection, table, clauses)
    else:
        for clause in clauses:
            _alter(connection, table, [clause])


def _key_clause(connection: Connection, key: sa.Index) -> str:
    quote = connection.dialect.identifier_preparer.quote
    columns = ", ".join(quote(column.name) for column in key.columns)
    return f"ADD {'UNIQUE ' if key.unique else ''}INDEX {quote(str(key.name))} ({columns})"


def _alter(connection: Connection, table: sa.Table, clauses: Sequence[str]) -> None:
    if clauses:
        name = connection.dialect.identifier_preparer.format_table(table)
        connection.exec_driver_sql(f"ALTER TABLE {name} {', '.join(clauses)}")

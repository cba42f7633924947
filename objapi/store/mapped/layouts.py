"""Layouts of tables: asked of the database once, when a type is first used."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from catalog.dialect.existing import ExistingColumn, existing_columns, find_table
from objapi.errors import MissingTable
from objapi.model.types import EntityType
from objapi.store.mapped.names import HALF_BITS

RETRY_AFTER = 60


@dataclass(frozen=True, slots=True)
class Layout:
    """The table of a type as its database has it; fields whose column is lacking there are not in `fields`."""

    entity_type: EntityType
    table: sa.Table
    key: tuple[sa.Column[Any], ...]
    fields: Mapping[str, sa.Column[Any]]
    columns: Mapping[str, ExistingColumn]
    """Column → what is known of it, for the columns of fields and of the key."""

    @property
    def packed(self) -> sa.ColumnElement[int]:
        """The key as one number."""
        return packed(self.key)

    def keys(self, table: sa.FromClause) -> tuple[sa.ColumnElement[Any], ...]:
        """The key columns in an alias of the table."""
        return tuple(table.c[column.name] for column in self.key)


def packed(key: tuple[sa.ColumnElement[Any], ...]) -> sa.ColumnElement[int]:
    """The columns of a key as one number, as `RowNames.packed` makes it."""
    if len(key) == 1:
        return key[0]
    return sa.type_coerce(key[0] * (1 << HALF_BITS) + key[1], sa.BigInteger())


def learn_layout(connection: Connection, entity_type: EntityType, schema: str | None) -> Layout:
    """Ask the database for the table of a type. Raises MissingTable when the table or its key is not there."""
    mapping = entity_type.table
    if mapping is None:
        raise TypeError(f"{entity_type.portal_type} has no table")
    name = find_table(connection, mapping.name, schema)
    if name is None:
        raise MissingTable(
            f"{entity_type.portal_type}: the database {mapping.database} has no table {mapping.name}. All other types "
            "whose tables are there can be used. If it should be there, name the right database.",
            retry_after=RETRY_AFTER,
        )
    # Declared and existing names compare without regard to case, as MariaDB compares columns.
    known = {column.name.lower(): column for column in existing_columns(connection, name, schema)}
    lacking = [column for column in mapping.key if column.lower() not in known]
    if lacking:
        raise MissingTable(
            f"{entity_type.portal_type}: the table {name} has no key column {', '.join(lacking)}. Correct the type's "
            "declaration.",
            retry_after=RETRY_AFTER,
        )
    found = {field: known[column.lower()] for field, column in mapping.columns.items() if column.lower() in known}
    wanted = {item.name: item for item in (*(known[column.lower()] for column in mapping.key), *found.values())}
    table = sa.Table(
        name,
        sa.MetaData(),
        *(
            sa.Column(item.name, item.type, primary_key=item.name.lower() in {key.lower() for key in mapping.key})
            for item in wanted.values()
        ),
        schema=schema,
    )
    return Layout(
        entity_type=entity_type,
        table=table,
        key=tuple(table.c[known[column.lower()].name] for column in mapping.key),
        fields={field: table.c[item.name] for field, item in found.items()},
        columns=wanted,
    )

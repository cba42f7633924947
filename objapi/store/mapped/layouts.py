"""Layouts of tables: asked of the database once, when a type is first used."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from catalog.dialect.existing import ExistingColumn, existing_columns, find_table, integer_bounds
from catalog.dialect.row_keys import key_as_text, key_digest, key_text, key_value
from objapi.errors import MissingTable
from objapi.model.types import EntityType
from objapi.store.mapped.names import HALF_BITS, KEY_BITS, RowNames

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
        return self.number(self.key)

    def keys(self, table: sa.FromClause) -> tuple[sa.ColumnElement[Any], ...]:
        """The key columns in an alias of the table."""
        return tuple(table.c[column.name] for column in self.key)

    def number(self, key: Sequence[sa.ColumnElement[Any]]) -> sa.ColumnElement[int]:
        """The columns of a key as one number, as `RowNames` makes it."""
        if self.has_text_key:
            return key_digest(*key)
        if len(key) == 1:
            return key[0]
        return sa.type_coerce(key[0] * (1 << HALF_BITS) + key[1], sa.BigInteger())

    def named(self, key: Sequence[sa.ColumnElement[Any]]) -> sa.ColumnElement[Any]:
        """The columns of a key as what stands for it in an order of ids."""
        if not self.has_text_key:
            return self.number(key)
        return key[0] if len(key) == 1 else key_as_text(*key)

    def referred(self, key: Sequence[sa.ColumnElement[Any]]) -> sa.ColumnElement[Any]:
        """The columns of a key as foreign keys hold it: one column as it is."""
        return key[0] if len(key) == 1 else self.number(key)

    @property
    def has_text_key(self) -> bool:
        """True if the key is one of texts."""
        return self.entity_type.table is not None and self.entity_type.table.text_key

    def key_of(self, names: RowNames, values: Sequence[Any]) -> int | None:
        """The key that values of the key columns make; None when they are out of its range."""
        if not self.has_text_key:
            return names.packed([-1 if value is None else int(value) for value in values])
        texts = [text for text in map(key_text, values) if text is not None]
        return None if len(texts) < len(values) else names.key_of_texts(self.entity_type.portal_type, texts)

    def key_values(self, texts: Sequence[str]) -> tuple[Any, ...] | None:
        """The values of the key columns that texts stand for; None when the columns hold no such values."""
        known = [self.columns[column.name] for column in self.key]
        values = tuple(key_value(text, item.type, item.words) for text, item in zip(texts, known, strict=True))
        return None if None in values else values

    def values_of(self, names: RowNames, key: int) -> tuple[Any, ...] | None:
        """The values of the key columns of a key; None for a digest whose texts are not remembered."""
        portal_type = self.entity_type.portal_type
        if not self.has_text_key:
            return names.parts(portal_type, key)
        texts = names.texts(portal_type, key)
        return None if texts is None else self.key_values(texts)

    def having(self, names: RowNames, keys: Sequence[int]) -> sa.ColumnElement[bool]:
        """The rows with some keys, said so that the database goes by its primary key where the keys are known."""
        if self.has_text_key:
            values = {key: self.values_of(names, key) for key in keys}
            known = [item for item in values.values() if item is not None]
            unknown = [key for key, item in values.items() if item is None]
            alternatives: list[sa.ColumnElement[bool]]
            if len(self.key) == 1:
                alternatives = [self.key[0].in_([item for (item,) in known])]
            else:
                alternatives = [
                    sa.and_(*(column == part for column, part in zip(self.key, item, strict=True))) for item in known
                ]
            return sa.or_(sa.false(), *alternatives, *([self.packed.in_(unknown)] if unknown else []))
        if len(self.key) == 1:
            return self.key[0].in_(keys)
        first = {names.parts(self.entity_type.portal_type, key)[0] for key in keys}
        return sa.and_(self.key[0].in_(sorted(first)), self.packed.in_(keys))

    @property
    def served(self) -> sa.ColumnElement[bool] | None:
        """The rows whose key has a name; None where all have one."""
        conditions = [
            condition
            for column in self.key
            if (condition := _has_name(column, self.columns[column.name], len(self.key), self.has_text_key)) is not None
        ]
        return sa.and_(*conditions) if conditions else None


def _has_name(
    column: sa.Column[Any], known: ExistingColumn, width: int, has_text_key: bool
) -> sa.ColumnElement[bool] | None:
    """The rows of which a key column holds something that a name can be made of; None: all of them.

    A column of a primary key may be empty on SQLite, and one of a view anywhere.
    """
    if has_text_key:
        return column.is_not(None) if known.nullable else None
    most = (1 << (KEY_BITS if width == 1 else HALF_BITS)) - 1
    low, high = integer_bounds(known)
    bounds = [*([column >= 0] if low < 0 or known.nullable else []), *([column <= most] if high > most else [])]
    return sa.and_(*bounds) if bounds else None


def learn_layout(connection: Connection, entity_type: EntityType, schema: str | None) -> Layout:
    """Ask the database for the table of a type. Raises MissingTable when the table or its key is not there."""
    mapping = entity_type.table
    if mapping is None:
        raise TypeError(f"{entity_type.portal_type} has no table")
    name = find_table(connection, mapping.name, schema)
    if name is None:
        raise MissingTable(
            f"{entity_type.portal_type}: the database {mapping.database} has no table {mapping.name}, or the gateway's "
            "account may not see it. All other types whose tables are there can be used.",
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

"""An existing table as a catalog: its columns are the indexes."""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC
from typing import Any

import sqlalchemy as sa

from catalog import CatalogSchema, IndexKind
from catalog.clauses import PathPlace
from catalog.dialect import small_integer
from catalog.dialect.existing import as_moment, holds_bytes
from catalog.dialect.row_keys import key_digest
from catalog.statements import ClockMinutes
from objapi.model.paths import Path
from objapi.model.registry import CatalogDeclaration
from objapi.model.types import Kind
from objapi.store.mapped.columns import ColumnConversion, HexadecimalDigits, IdOfRow, IdOfTexts, UidOfRow
from objapi.store.mapped.layouts import Layout
from objapi.store.mapped.schema import row_variables
from workflows import Workflow

_NO_SIDES = sa.Table("no_side_table", sa.MetaData(), sa.Column("rid", sa.BigInteger()))
"""Stands in for side tables: no index of an existing table has several keys a row."""


class RowTables:
    """The columns of one table by index; what `catalog.Searchable` asks for.

    Texts compare as the columns are collated. An index without a column, because the database lacks it, has no key in
    any row.
    """

    def __init__(
        self, catalog: CatalogDeclaration, layout: Layout, conversion: ColumnConversion, chain: Sequence[Workflow]
    ) -> None:
        self.layout = layout
        self._catalog = catalog
        self._conversion = conversion
        self._chain = chain
        self._columns = dict(self._indexed(layout.table))

    @property
    def schema(self) -> CatalogSchema:
        """The catalog."""
        return self._catalog.schema

    @property
    def main(self) -> sa.Table:
        """The table."""
        return self.layout.table

    @property
    def rid(self) -> sa.ColumnElement[int]:
        """The key as one number."""
        return self.layout.packed

    @property
    def ties(self) -> tuple[sa.ColumnElement[Any], ...]:
        """The key: rows that are equal otherwise stand in its order."""
        return self.layout.key

    @property
    def selected(self) -> tuple[sa.ColumnElement[Any], ...]:
        """The key."""
        return self.layout.key

    @property
    def keywords(self) -> sa.Table:
        """Never asked: there are no keyword indexes."""
        return _NO_SIDES

    @property
    def postings(self) -> sa.Table:
        """Never asked: there are no text indexes."""
        return _NO_SIDES

    def column(self, index_name: str) -> sa.ColumnElement[Any]:
        """The column of an index."""
        return self._columns[index_name]

    def aliased(self, index_name: str) -> tuple[sa.FromClause, sa.ColumnElement[Any]]:
        """The table under another name, and the column of an index there."""
        other = self.layout.table.alias("other")
        return other, next(column for name, column in self._indexed(other) if name == index_name)

    def number(self, row: Sequence[Any]) -> int:
        """The number of the row whose key ends a row of a result."""
        portal_type, names = self.layout.entity_type.portal_type, self._conversion.names
        key = self.layout.key_of(names, row[-len(self.layout.key) :])
        # A key out of range has no UID; the number of no row stands for it, so that it is left out of answers.
        return names.rid(portal_type, (1 << 62) - 1 if key is None else key)

    def under(self, index_name: str, places: Sequence[PathPlace], every: bool) -> sa.ColumnElement[bool]:
        """The rows at any of the places, or with `every` at all of them."""
        found = [sa.or_(sa.false(), *self._at(place)) for place in places]
        return sa.and_(*found) if every else sa.or_(*found)

    def coded(self, index_name: str, codes: Sequence[str]) -> sa.ColumnElement[bool]:
        """The rows that have any of some codes, as id or in a field that the type declares for it."""
        entity_type, names = self.layout.entity_type, self._conversion.names
        keys = (names.key_of_id(entity_type.portal_type, code) for code in codes)
        found = [self.layout.having(names, [key for key in keys if key is not None]) if codes else sa.false()]
        fields = [path.attribute for path in entity_type.scan if path.attribute in self.layout.fields]
        columns = [self.layout.table.c[self.layout.fields[name].name] for name in fields if name is not None]
        columns += self.layout.key if self.layout.has_text_key and len(self.layout.key) == 1 else ()
        texts = (sa.func.lower(sa.func.trim(_searched(column))) for column in columns)
        return sa.or_(*found, *(text.in_(list(codes)) for text in texts))

    def _at(self, place: PathPlace) -> Iterator[sa.ColumnElement[bool]]:
        portal_type = self.layout.entity_type.portal_type
        above = self._conversion.names.folder(portal_type).split("/")[1:]
        count = len(place.components)
        for begin in range(len(above) + 1) if place.level < 0 else (place.level,):
            below = len(above) + 1 - begin - count
            if below < 0 or not (place.depth < 0 or below == place.depth or (below < place.depth != 1)):
                continue
            named = place.components[: len(above) - begin]
            if tuple(above[begin : begin + count]) != named:
                continue
            if below:
                yield sa.true()
                continue
            key = self._conversion.names.key_of_id(portal_type, place.components[-1]) if count else None
            if key is not None:
                yield self.layout.having(self._conversion.names, [key])

    # Columns of indexes

    def _indexed(self, table: sa.FromClause) -> Iterator[tuple[str, sa.ColumnElement[Any]]]:
        entity_type, names = self.layout.entity_type, self._conversion.names
        own: dict[str, Callable[[], sa.ColumnElement[Any]]] = {
            "uid": lambda: sa.type_coerce(self._packed(table), UidOfRow(names, entity_type.portal_type)),
            "id": lambda: self._id(table),
            "path": lambda: self._id(table),
            "portal_type": lambda: sa.literal(entity_type.portal_type),
        }
        for index_name, source in self._catalog.sources.items():
            origin = source.of(entity_type.portal_type)
            attribute = origin.attribute if isinstance(origin, Path) else None
            workflow = next((item for item in self._chain if item.state_variable == attribute), None)
            if attribute is not None and attribute in entity_type.fields:
                yield index_name, self._field(table, index_name, attribute)
            elif attribute is not None and attribute in own:
                yield index_name, own[attribute]()
            elif workflow is not None:
                yield index_name, self._state(table, workflow)

    def _packed(self, table: sa.FromClause) -> sa.ColumnElement[int]:
        return self.layout.number(self.layout.keys(table))

    def _id(self, table: sa.FromClause) -> sa.ColumnElement[Any]:
        """The key, compared with ids and ordered as the keys are."""
        names, portal_type = self._conversion.names, self.layout.entity_type.portal_type
        shown = self.layout.named(self.layout.keys(table))
        if not self.layout.has_text_key:
            return sa.type_coerce(shown, IdOfRow(names, portal_type))
        return sa.type_coerce(shown, IdOfTexts(len(self.layout.key), shown.type))

    def _field(self, table: sa.FromClause, index_name: str, attribute: str) -> sa.ColumnElement[Any]:
        column = self.layout.fields.get(attribute)
        if column is None:
            return sa.null()
        field = self.layout.entity_type.fields[attribute]
        found: sa.ColumnElement[Any] = table.c[column.name]
        if self._catalog.schema.indexes[index_name].kind is IndexKind.SUBSTRING:
            return _searched(found)
        match field.kind:
            case Kind.REFERENCE if index_name == attribute or index_name not in self._key_columns():
                target = self._conversion.names.tables[field.targets[0]]
                number = key_digest(found) if target.text_key else found
                return sa.type_coerce(number, UidOfRow(self._conversion.names, field.targets[0]))
            case Kind.DATETIME:
                in_utc = self.layout.columns[column.name].in_utc
                return sa.type_coerce(as_moment(found), ClockMinutes(UTC if in_utc else self._conversion.zone))
            case Kind.BOOLEAN:
                return sa.type_coerce(found, small_integer())
            case _ if holds_bytes(found.type):
                return sa.type_coerce(found, HexadecimalDigits())
            case _:
                return found

    def _key_columns(self) -> frozenset[str]:
        mapping = self.layout.entity_type.table
        return frozenset(mapping.columns.values()) if mapping is not None else frozenset()

    def _state(self, table: sa.FromClause, workflow: Workflow) -> sa.ColumnElement[Any]:
        """The state of a row: the stored one, else the initial one."""
        stored = (
            sa.select(row_variables.c.value)
            .where(
                row_variables.c.portal_type == self.layout.entity_type.portal_type,
                row_variables.c.row_key == self._packed(table),
                row_variables.c.variable == workflow.state_variable,
            )
            .correlate(table)
            .scalar_subquery()
        )
        return sa.func.coalesce(stored, workflow.initial_state)


def _searched(column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    """A column as the text that its values are answered as."""
    if holds_bytes(column.type):
        return sa.func.lower(sa.func.hex(column), type_=sa.String())
    return column if isinstance(column.type, sa.String) else sa.cast(column, sa.String())

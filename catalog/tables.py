"""The SQL tables of a catalog.

`cat_<catalog>` has a row per document: rid, ord (creation time in microseconds), acl, scope (0: none), and a typed
column per index with one key a document; a missing key is NULL. `…_kw` has a row per keyword, `…_words` one per
word and place.
"""

from collections.abc import Sequence
from datetime import UTC, tzinfo
from typing import Any

import sqlalchemy as sa
from sqlalchemy.types import TypeEngine

from catalog.clauses import PathPlace
from catalog.dialect import (
    TABLE_OPTIONS,
    ascii_key,
    big_integer,
    big_key,
    exact_decimal,
    small_integer,
)
from catalog.kinds import Index, IndexKind, ValueType
from catalog.names import column_name, key_name, table_name
from catalog.pathsql import under
from catalog.schema import PATH_LENGTH, CatalogSchema
from catalog.stored import StoredText


def _column_type(index: Index) -> TypeEngine[Any]:
    match index.kind:
        case IndexKind.UUID:
            return StoredText()
        case IndexKind.PATH:
            return ascii_key(PATH_LENGTH)
        case IndexKind.BOOLEAN:
            return small_integer()
        case IndexKind.DATE:
            return sa.Integer()
        case IndexKind.POSITION:
            return big_integer()
        case _:
            return _field_type(index.value_type)


def _field_type(value_type: ValueType) -> TypeEngine[Any]:
    match value_type:
        case ValueType.STRING:
            return StoredText()
        case ValueType.DECIMAL:
            return exact_decimal()
        case ValueType.BOOLEAN:
            return small_integer()
        case ValueType.INTEGER | ValueType.DATETIME:
            return big_integer()


def span_names(index: Index) -> tuple[str, str]:
    """The columns of a date range index: its first and its last minute."""
    name = column_name(index.name)
    return f"{name}_s", f"{name}_e"


def path_names(index: Index) -> tuple[str, str, str]:
    """The columns of a path index: the path, the number of its parent, the count of its components."""
    name = column_name(index.name)
    return name, f"{name}_p", f"{name}_d"


def _columns_of(index: Index) -> list[sa.Column[Any]]:
    if index.kind in (IndexKind.KEYWORD, IndexKind.TEXT):
        return []
    if index.kind is IndexKind.DATE_RANGE:
        return [sa.Column(name, sa.Integer()) for name in span_names(index)]
    if index.kind is IndexKind.PATH:
        path, parent, depth = path_names(index)
        return [
            sa.Column(path, _column_type(index)),
            sa.Column(parent, big_integer()),
            sa.Column(depth, sa.Integer()),
        ]
    return [sa.Column(column_name(index.name), _column_type(index))]


class CatalogTables:
    """The tables of one catalog, in the metadata given.

    main: the row per document. keywords, postings: the side tables (there even when no index needs them, so that the
    first one added to a catalog changes no table).
    blank: a row with every column missing.
    local_zone: the zone of naive date-times and of date texts without one, in values to be indexed.
    """

    def __init__(self, schema: CatalogSchema, metadata: sa.MetaData, local_zone: tzinfo = UTC) -> None:
        self.schema = schema
        self.local_zone = local_zone
        name = table_name(schema.name)
        columns = [column for index in schema.indexes.values() for column in _columns_of(index)]
        self.main = sa.Table(
            name,
            metadata,
            sa.Column("rid", big_key(), primary_key=True, autoincrement=False),
            sa.Column("ord", big_integer(), nullable=False),
            sa.Column("acl", sa.Integer(), nullable=False),
            sa.Column("scope", big_integer(), nullable=False),
            *columns,
            **TABLE_OPTIONS,
        )
        self.rid: sa.ColumnElement[int] = self.main.c.rid
        self.selected: tuple[sa.ColumnElement[Any], ...] = (self.main.c.rid,)
        self.ties: tuple[sa.ColumnElement[Any], ...] = (self.main.c.ord, self.main.c.rid)
        self.blank: dict[str, Any] = {column.name: None for column in self.main.columns}
        self._add_keys()
        self.keywords = self._side_table(metadata, f"{name}_kw")
        self.postings = self._side_table(metadata, f"{name}_words", "pos")

    def column(self, index_name: str) -> sa.Column[Any]:
        """The column of an index with one key a document. Raises KeyError for another index."""
        return self.main.c[column_name(index_name)]

    def elsewhere(self, index_name: str) -> tuple[sa.FromClause, sa.ColumnElement[Any]]:
        """The main table under another name, and the column of an index there."""
        other = self.main.alias("other")
        return other, other.c[column_name(index_name)]

    def number(self, row: Sequence[Any]) -> int:
        """The rid in a row of a result that ends in it."""
        return int(row[-1])

    def under(self, index_name: str, places: Sequence[PathPlace], every: bool) -> sa.ColumnElement[bool]:
        """The documents at any of the places, or with `every` at all of them."""
        columns = tuple(self.main.c[name] for name in path_names(self.schema.indexes[index_name]))
        return under(columns, places, every=every)

    @property
    def side_tables(self) -> tuple[sa.Table, ...]:
        """The tables with several rows a document."""
        return (self.keywords, self.postings)

    def _add_keys(self) -> None:
        # Every key goes on with the creation order, so that a sorted page is read from it without sorting. Those of
        # the hot queries hold the visibility too, so that counting reads nothing but the key.
        covering = ("ord", "rid", "acl", "scope")
        for names in dict.fromkeys(((), *self.schema.hot_queries)):
            self._add_key(*(column_name(name) for name in names), *covering)
        for index in self.schema.indexes.values():
            if index.keyed and index.sortable:
                self._add_key(column_name(index.name), "ord")
        for index in self.schema.of_kind(IndexKind.PATH):
            self._add_key(path_names(index)[1])
        for index in self.schema.of_kind(IndexKind.DATE_RANGE):
            if index.hot:
                self._add_key(*span_names(index))

    def _add_key(self, *names: str) -> None:
        sa.Index(key_name(self.main.name, *names), *(self.main.c[name] for name in names))

    @staticmethod
    def _side_table(metadata: sa.MetaData, name: str, *places: str) -> sa.Table:
        return sa.Table(
            name,
            metadata,
            sa.Column("idx", sa.Integer(), primary_key=True, autoincrement=False),
            sa.Column("word", StoredText(), primary_key=True),
            sa.Column("rid", big_key(), primary_key=True, autoincrement=False),
            *(sa.Column(place, sa.Integer(), primary_key=True, autoincrement=False) for place in places),
            sa.Index(key_name(name, "rid"), "rid", "idx"),
            sqlite_with_rowid=False,
            **TABLE_OPTIONS,
        )

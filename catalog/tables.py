"""The SQL tables of a catalog.

`cat_<catalog>` has a row per document: rid, ord (creation time in microseconds), acl, scope (0: none), and a typed
column per index with one key a document; a missing key is NULL. `…_kw` has a row per keyword, `…_words` one per
word and place. Long texts, paths and keywords of any type have a stored form, by which one column can hold and order
them.

Statements read a `Searchable`: it says which column each index is, in which order rows stand when nothing else orders
them, and how a row of the result becomes the number by which its document is known. That is the tables of a catalog,
or a table that other programs write.
"""

import hashlib
from collections.abc import Callable, Collection, Hashable, Sequence
from datetime import UTC, tzinfo
from typing import Any, Final, Literal, Protocol

import sqlalchemy as sa
from sqlalchemy.engine import Dialect
from sqlalchemy.sql import ColumnElement
from sqlalchemy.types import TypeEngine

from catalog.clauses import Key, PathPlace
from catalog.dialect import (
    TABLE_OPTIONS,
    BinaryText,
    LongText,
    PreparedSelect,
    ascii_key,
    big_integer,
    big_key,
    decimal_of_sortable,
    exact_decimal,
    small_integer,
    sortable_decimal,
)
from catalog.places import under
from catalog.schema import (
    KEYWORD_KINDS,
    PATH_LENGTH,
    PREFIX_LENGTH,
    SIDE_KINDS,
    STRING_LENGTH,
    CatalogSchema,
    Index,
    IndexKind,
    ValueType,
    column_name,
    index_number,
    key_name,
    table_name,
)
from catalog.values import DateReading

MARK: Final = "\0"
_INTEGER_OFFSET: Final = 2**63


def stored_text(text: str) -> str:
    """A text in at most 128 characters; equal texts stay equal, different ones different.

    A longer one becomes its first 96 characters, NUL and a digest, so long texts order by those characters only.
    """
    length = len(text)
    if length <= PREFIX_LENGTH or (length <= STRING_LENGTH and text[PREFIX_LENGTH] != MARK):
        return text
    digest = hashlib.blake2b(text.encode(), digest_size=15).hexdigest()
    return f"{text[:PREFIX_LENGTH]}{MARK}{digest}"


def keyword_text(key: Key) -> str:
    """A keyword as a text that sorts as the keyword does among those of its type."""
    if isinstance(key, str):
        return key
    if isinstance(key, int):
        return f"{key + _INTEGER_OFFSET:020d}"
    return sortable_decimal(key)


def keyword_of(text: str, value_type: ValueType) -> Key:
    """The keyword that `keyword_text` wrote."""
    match value_type:
        case ValueType.STRING:
            return text
        case ValueType.DECIMAL:
            return decimal_of_sortable(text)
        case _:
            return int(text) - _INTEGER_OFFSET


def _shortened(value: str | None) -> str | None:
    # Nearly all are short, so that these cost one call.
    return value if value is None or len(value) <= PREFIX_LENGTH else stored_text(value)


class StoredText(LongText):
    """A text column of 128 characters for texts of any length; see `stored_text`."""

    impl = BinaryText(STRING_LENGTH)
    cache_ok = True
    kept_length = PREFIX_LENGTH

    def process_bind_param(self, value: str | None, dialect: Dialect) -> Any:
        """Shorten what is too long."""
        return None if value is None else stored_text(value)

    def bind_processor(self, dialect: Dialect) -> Callable[[str | None], Any]:
        """The same for many values, in one step instead of the three of a decorator."""
        return _shortened


class Searchable(Protocol):
    """The columns of the indexes of one catalog."""

    @property
    def schema(self) -> CatalogSchema:
        """The catalog."""

    @property
    def main(self) -> sa.FromClause:
        """The row per document."""

    @property
    def rid(self) -> ColumnElement[int]:
        """The column by which side tables refer to a row."""

    @property
    def ties(self) -> tuple[ColumnElement[Any], ...]:
        """The columns that order rows with equal keys, no two rows being equal in them."""

    @property
    def selected(self) -> tuple[ColumnElement[Any], ...]:
        """The last of `ties`: those that identify a row."""

    @property
    def keywords(self) -> sa.Table:
        """The side table of keyword indexes."""

    @property
    def postings(self) -> sa.Table:
        """The side table of text indexes."""

    def column(self, index_name: str) -> ColumnElement[Any]:
        """The column of an index with one key a document. Raises KeyError for another index."""

    def aliased(self, index_name: str) -> tuple[sa.FromClause, ColumnElement[Any]]:
        """The rows under another name, and the column of an index there: to ask whether any row has a key."""

    def number(self, row: Sequence[Any]) -> int:
        """The number of a document, from a row of a result that ends in the columns `selected`."""

    def under(self, index_name: str, places: Sequence[PathPlace], every: bool) -> ColumnElement[bool]:
        """The documents at any of the places, or with `every` at all of them."""

    def coded(self, index_name: str, codes: Sequence[str]) -> ColumnElement[bool]:
        """The documents that have any of some codes, which are as `code_key` makes them."""


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
    if index.kind in SIDE_KINDS:
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


_COVERING: Final = ("ord", "rid", "acl", "scope")


class CatalogTables:
    """The tables of one catalog, in the metadata given.

    main: the row per document. keywords, postings: the side tables (there even when no index needs them, so that the
    first one added to a catalog changes no table).
    keyword_indexes, text_indexes: those of the side tables, with their numbers there.
    prepared: statements about the catalog, by their shape.
    counted: indexes by whose values, with acl and scope, `counts` counts the documents; each has one text a document.
    always: indexes in which no document is missing.
    unfolded: rows that this process has inserted into `counts` since it last folded them.
    local_zone: the zone of naive date-times and of date texts without one, in values to be indexed.
    far_dates: dates beyond an index' reach are refused, or indexed as the nearest within it.
    """

    def __init__(
        self,
        schema: CatalogSchema,
        metadata: sa.MetaData,
        local_zone: tzinfo = UTC,
        far_dates: Literal["refuse", "nearest"] = "refuse",
        *,
        counted: Sequence[str] = (),
        always: Collection[str] = (),
    ) -> None:
        self.schema = schema
        self.counted = tuple(counted)
        self.always = frozenset(always)
        self.dates = DateReading(local_zone, far=far_dates)
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
        self.prepared: dict[Hashable, PreparedSelect] = {}
        self.unfolded = 0
        self.keyword_indexes, self.text_indexes = (
            tuple((index, index_number(index.name)) for index in schema.of_kind(*kinds))
            for kinds in (KEYWORD_KINDS, (IndexKind.TEXT,))
        )
        self._add_keys()
        self.keywords = self._side_table(metadata, f"{name}_kw")
        self.postings = self._side_table(metadata, f"{name}_words", "pos")
        self.counts = self._counts_table(metadata, f"{name}_n")

    def column(self, index_name: str) -> sa.Column[Any]:
        """The column of an index with one key a document. Raises KeyError for another index."""
        return self.main.c[column_name(index_name)]

    def hot_key(self, equal: Collection[str], sort: Sequence[str]) -> str | None:
        """The key that serves documents with one value in each of some indexes, sorted by others; None: there is none.

        For a page far from the beginning the database then skips entries of that key, and no rows.
        """
        for names in self.schema.hot_queries:
            place = len(names) - len(sort)
            if sort and list(names[place:]) == list(sort) and set(names[:place]) == set(equal):
                return self._hot_name(names)
        return None

    @property
    def named_keys(self) -> frozenset[str]:
        """The keys that statements may name: all that `hot_key` gives."""
        return frozenset(map(self._hot_name, self.schema.hot_queries))

    def _hot_name(self, names: Sequence[str]) -> str:
        return key_name(self.main.name, *(column_name(name) for name in names), *_COVERING)

    def aliased(self, index_name: str) -> tuple[sa.FromClause, sa.ColumnElement[Any]]:
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

    def coded(self, index_name: str, codes: Sequence[str]) -> sa.ColumnElement[bool]:
        """The documents that have any of some codes."""
        side = self.keywords.c
        held = sa.select(side.rid).where(side.idx == index_number(index_name), side.word.in_(list(codes)))
        return self.rid.in_(held)

    @property
    def side_tables(self) -> tuple[sa.Table, ...]:
        """The tables with several rows a document."""
        return (self.keywords, self.postings)

    def _add_keys(self) -> None:
        # Every key goes on with the creation order, so that a sorted page is read from it without sorting. Those of
        # the hot queries hold the visibility too, so that counting reads nothing but the key.
        for names in dict.fromkeys(((), *self.schema.hot_queries)):
            self._add_key(*(column_name(name) for name in names), *_COVERING)
        if self.schema.hot_queries:
            # For users who see a few scopes of many: the hot query with most columns, within each scope.
            longest = max(self.schema.hot_queries, key=len)
            self._add_key("scope", *(column_name(name) for name in longest), "ord", "rid", "acl")
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

    def _counts_table(self, metadata: sa.MetaData, name: str) -> sa.Table:
        """Numbers of documents, to be added up: writers insert what they add or take, nothing is ever updated.

        `folded` rows are the sums of former ones. A column of an index holds `""` for documents missing there.
        """
        values = [column_name(index) for index in self.counted]
        return sa.Table(
            name,
            metadata,
            sa.Column("id", big_key(), primary_key=True, autoincrement=False),
            sa.Column("folded", sa.Integer(), nullable=False),
            *(sa.Column(value, StoredText()) for value in values),
            sa.Column("acl", sa.Integer(), nullable=False),
            sa.Column("scope", big_integer(), nullable=False),
            sa.Column("n", big_integer(), nullable=False),
            sa.Index(key_name(name, "of"), *values, "acl", "scope", "n"),
            sa.Index(key_name(name, "folded"), "folded"),
            **TABLE_OPTIONS,
        )

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

"""The declaration of a catalog: its indexes, the columns that hold them, and the limits that a database sets."""

import hashlib
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from functools import lru_cache
from types import MappingProxyType
from typing import Final


class IndexKind(Enum):
    """Ways in which an index compares; the values are the spellings used in declarations."""

    FIELD = "field"
    KEYWORD = "keyword"
    DATE = "date"
    DATE_RANGE = "date_range"
    BOOLEAN = "boolean"
    UUID = "uuid"
    PATH = "path"
    TEXT = "text"
    POSITION = "position"
    CODE = "code"
    """Codes on labels, compared without regard to case and white space around them."""
    SUBSTRING = "substring"
    """The text of a column of an existing table, searched for a part of it; no catalog of the gateway has any."""


class ValueType(Enum):
    """The type of the keys of a field or keyword index; a criterion of another type matches nothing."""

    STRING = "string"
    INTEGER = "integer"
    DECIMAL = "decimal"
    DATETIME = "datetime"
    BOOLEAN = "boolean"


OPTIONS: Final[dict[IndexKind, frozenset[str]]] = {
    IndexKind.FIELD: frozenset({"range", "not"}),
    IndexKind.DATE: frozenset({"range", "not"}),
    IndexKind.UUID: frozenset({"range", "not"}),
    IndexKind.KEYWORD: frozenset({"range", "not", "operator"}),
    IndexKind.PATH: frozenset({"depth", "level", "operator", "navtree", "navtree_start"}),
    IndexKind.DATE_RANGE: frozenset(),
    IndexKind.BOOLEAN: frozenset(),
    IndexKind.TEXT: frozenset(),
    IndexKind.POSITION: frozenset(),
    IndexKind.CODE: frozenset(),
    IndexKind.SUBSTRING: frozenset(),
}
"""The query options of each kind, beside `query` itself."""

SORTABLE: Final[frozenset[IndexKind]] = frozenset(
    {
        IndexKind.FIELD,
        IndexKind.DATE,
        IndexKind.BOOLEAN,
        IndexKind.UUID,
        IndexKind.PATH,
        IndexKind.POSITION,
    }
)
"""Kinds with one key a document; the others cannot order documents."""

SIDE_KINDS: Final[frozenset[IndexKind]] = frozenset({IndexKind.KEYWORD, IndexKind.CODE, IndexKind.TEXT})
"""Kinds whose keys, several a document, are in side tables."""

KEYWORD_KINDS: Final = (IndexKind.KEYWORD, IndexKind.CODE)
"""Kinds whose keys are in the keyword table."""

TYPED: Final[frozenset[IndexKind]] = frozenset({IndexKind.FIELD, IndexKind.KEYWORD})
"""Kinds whose keys may be of any value type; the others have one of their own."""


@dataclass(frozen=True, slots=True)
class Index:
    """One index of a catalog.

    `name` is what queries say, case-sensitive. `hot` asks for a database key of its own; uuid and path always have one.
    """

    name: str
    kind: IndexKind
    value_type: ValueType = ValueType.STRING
    hot: bool = False

    @property
    def sortable(self) -> bool:
        """True if the index can order documents."""
        return self.kind in SORTABLE

    @property
    def keyed(self) -> bool:
        """True if the column has a database key of its own."""
        return self.hot or self.kind in (IndexKind.UUID, IndexKind.PATH)


SLUG_LENGTH: Final = 36


def _digest(text: str, length: int) -> str:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()[:length]


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")[:SLUG_LENGTH]


@lru_cache(maxsize=4096)
def column_name(index_name: str) -> str:
    """The column of an index: `ix_getid_1a2b3c`, at most 46 characters."""
    return f"ix_{_slug(index_name)}_{_digest(index_name, 6)}"


def table_name(catalog_name: str) -> str:
    """The table of a catalog: `cat_<name>`, with a digest when the name is not plain lower case."""
    slug = _slug(catalog_name)
    if slug == catalog_name:
        return f"cat_{slug}"
    return f"cat_{slug}_{_digest(catalog_name, 6)}"


def key_name(table: str, *columns: str) -> str:
    """The name of a database key; unique in the whole database, which SQLite asks for."""
    return f"k_{table[:40]}_{_digest(' '.join((table, *columns)), 10)}"


@lru_cache(maxsize=4096)
def index_number(index_name: str) -> int:
    """The number that stands for an index in side tables: 31 bits, from the name alone."""
    return int(_digest(index_name, 8), 16) & 0x7FFFFFFF


KEY_LIMIT: Final = 64
KEY_BYTES_LIMIT: Final = 3072
ROW_BYTES_LIMIT: Final = 8126
DECLARED_BYTES_LIMIT: Final = 65_535
OFF_PAGE_BYTES: Final = 40
FIXED_ROW_BYTES: Final = 60
FIXED_KEYS: Final = 2
COVERING_BYTES: Final = 28

STRING_LENGTH: Final = 128
PREFIX_LENGTH: Final = 96
"""Characters that are stored of a text longer than `STRING_LENGTH`, before its digest."""
PATH_LENGTH: Final = 1000
PATH_DEPTH: Final = 20
DECIMAL_DIGITS: Final = 38
DECIMAL_PLACES: Final = 12

_TYPE_BYTES: Final = {
    ValueType.STRING: STRING_LENGTH * 4 + 2,
    ValueType.INTEGER: 8,
    ValueType.DECIMAL: 18,
    ValueType.DATETIME: 8,
    ValueType.BOOLEAN: 4,
}


def key_bytes(index: Index) -> int:
    """The bytes that the index's column takes in an InnoDB key."""
    match index.kind:
        case IndexKind.FIELD:
            return _TYPE_BYTES[index.value_type]
        case IndexKind.UUID:
            return _TYPE_BYTES[ValueType.STRING]
        case IndexKind.PATH:
            return PATH_LENGTH + 2
        case IndexKind.DATE | IndexKind.BOOLEAN:
            return 4
        case IndexKind.POSITION | IndexKind.DATE_RANGE:
            return 8
        case IndexKind.KEYWORD | IndexKind.CODE | IndexKind.TEXT | IndexKind.SUBSTRING:
            return 0


def row_bytes(index: Index) -> int:
    """The bytes that the index may take in an InnoDB row; a column over 255 bytes counts as its off-page pointer."""
    size = key_bytes(index)
    inline = OFF_PAGE_BYTES if size > 255 else size
    return inline + (12 if index.kind is IndexKind.PATH else 0)


@dataclass(frozen=True, slots=True)
class CatalogSchema:
    """A catalog: its indexes, the types it holds (None: all), and the queries that must stay fast.

    `hot_queries` are index names whose columns make one composite database key, the last being the usual sort.
    """

    name: str
    indexes: Mapping[str, Index]
    title: str = ""
    types: frozenset[str] | None = None
    hot_queries: tuple[tuple[str, ...], ...] = field(default=())
    sided: tuple[Index, ...] = field(init=False, compare=False, repr=False)
    """The indexes whose values are in tables of keywords and words."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "indexes", MappingProxyType(dict(self.indexes)))
        object.__setattr__(self, "sided", self.of_kind(*SIDE_KINDS))

    def without(self, names: Collection[str]) -> "CatalogSchema":
        """The same catalog for a caller who may not use the indexes named: to queries they are unknown names."""
        if not any(name in self.indexes for name in names):
            return self
        allowed = {name: index for name, index in self.indexes.items() if name not in names}
        return replace(self, indexes=allowed)

    def of_kind(self, *kinds: IndexKind) -> tuple[Index, ...]:
        """The indexes of the kinds given, in declared order."""
        return tuple(index for index in self.indexes.values() if index.kind in kinds)

    def problems(self) -> list[str]:
        """Reasons why a database cannot hold this catalog; empty when it can.

        The limits are InnoDB's: 64 keys a table, 3,072 bytes a key, 8,126 bytes a row, 65,535 bytes with all columns
        at their widest. Each message says which indexes are too many.
        """
        return [
            *self._name_problems(),
            *self._hot_query_problems(),
            *self._key_count_problems(),
            *self._row_problems(),
        ]

    def _name_problems(self) -> Iterator[str]:
        columns: dict[str, str] = {}
        numbers: dict[int, str] = {}
        for key, index in self.indexes.items():
            if key != index.name:
                yield f"catalog {self.name}: index {index.name!r} is filed under {key!r}; both must be the same"
            for taken, identity in (
                (columns.get(column_name(key)), "column"),
                (numbers.get(index_number(key)), "number"),
            ):
                if taken is not None:
                    yield f"catalog {self.name}: indexes {taken!r} and {key!r} get the same {identity}; rename one"
            columns.setdefault(column_name(key), key)
            numbers.setdefault(index_number(key), key)

    def _hot_query_problems(self) -> Iterator[str]:
        for names in self.hot_queries:
            label = f"catalog {self.name}: hot query [{', '.join(names)}]"
            unknown = [name for name in names if name not in self.indexes]
            unfit = [name for name in names if name in self.indexes and not self.indexes[name].sortable]
            if unknown:
                yield f"{label}: {', '.join(unknown)} is no index of this catalog"
            if unfit:
                yield f"{label}: {', '.join(unfit)} has no single key a document; take it out"
            size = sum(key_bytes(self.indexes[name]) for name in names if name in self.indexes) + COVERING_BYTES
            if size > KEY_BYTES_LIMIT:
                yield f"{label}: needs a key of {size} bytes, {KEY_BYTES_LIMIT} is the most; name fewer indexes"

    def _key_count_problems(self) -> Iterator[str]:
        keyed = [index.name for index in self.indexes.values() if index.keyed]
        extra = sum(1 for index in self.indexes.values() if index.kind is IndexKind.PATH)
        # The longest hot query has a second key, which begins with the scope.
        room = KEY_LIMIT - FIXED_KEYS - extra - len(self.hot_queries) - bool(self.hot_queries)
        if len(keyed) > room:
            surplus = ", ".join(keyed[max(room, 0) :])
            yield f"catalog {self.name}: a table has at most {KEY_LIMIT} keys; too many hot indexes: {surplus}"

    def _row_problems(self) -> Iterator[str]:
        for measure, limit in ((row_bytes, ROW_BYTES_LIMIT), (key_bytes, DECLARED_BYTES_LIMIT)):
            total = FIXED_ROW_BYTES
            surplus = []
            for index in self.indexes.values():
                total += measure(index)
                if total > limit:
                    surplus.append(index.name)
            if surplus:
                names = ", ".join(surplus)
                yield f"catalog {self.name}: a row has at most {limit} bytes; too many indexes: {names}"
                return

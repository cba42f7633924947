"""Index kinds and what each of them can do.

The kinds are those of a Plone-style catalog; `POSITION` is an integer that serves for sorting only.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Final


class IndexKind(Enum):
    """How an index compares; the values are the spellings used in declarations."""

    FIELD = "field"
    KEYWORD = "keyword"
    DATE = "date"
    DATE_RANGE = "date_range"
    BOOLEAN = "boolean"
    UUID = "uuid"
    PATH = "path"
    TEXT = "text"
    POSITION = "position"


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
        """Whether the index can order documents."""
        return self.kind in SORTABLE

    @property
    def keyed(self) -> bool:
        """Whether the column has a database key of its own."""
        return self.hot or self.kind in (IndexKind.UUID, IndexKind.PATH)

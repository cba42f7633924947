"""Queries as they are after reading: plain immutable values, all conditions joined by *and*.

Keys in clauses are already in the index's own terms: text, numbers, minutes since 1970 UTC (date), microseconds since
1970 UTC (field of type datetime).
"""

from dataclasses import dataclass, field
from decimal import Decimal

from catalog.text import TextNode

Key = str | int | Decimal


@dataclass(frozen=True, slots=True)
class Nothing:
    """No document."""

    index: str


@dataclass(frozen=True, slots=True)
class HasKey:
    """Documents with a key."""

    index: str


@dataclass(frozen=True, slots=True)
class Exact:
    """Documents with any of the keys."""

    index: str
    values: tuple[Key, ...]


@dataclass(frozen=True, slots=True)
class AllOf:
    """Documents with all of the keywords."""

    index: str
    values: tuple[Key, ...]


@dataclass(frozen=True, slots=True)
class Range:
    """Documents with a key within the bounds; None: no bound.

    `every` (keywords only): with every keyword within the bounds that any document uses. `above`, `below`: the lower,
    the upper bound is no match itself. `moving`: the lower bound was given as a distance from now.
    """

    index: str
    low: Key | None
    high: Key | None
    every: bool = False
    above: bool = False
    below: bool = False
    moving: bool = False


@dataclass(frozen=True, slots=True)
class Without:
    """Documents with none of the keys; documents without any key are among them."""

    index: str
    values: tuple[Key, ...]


@dataclass(frozen=True, slots=True)
class OnlyNot:
    """As `Without`, for a `not` that stands alone.

    When no document of the catalog has any of the keys, documents without a key are left out.
    """

    index: str
    values: tuple[Key, ...]


@dataclass(frozen=True, slots=True)
class Truth:
    """Documents whose boolean key is `value`."""

    index: str
    value: bool


@dataclass(frozen=True, slots=True)
class During:
    """Documents whose span covers the minute; a missing end is open."""

    index: str
    minute: int


@dataclass(frozen=True, slots=True)
class PathPlace:
    """A place in the tree: `components` at position `level` (negative: anywhere), and `depth` levels below.

    `text` is the path as it was sent with a slash in front; depths 0 and 1 at level 0 compare it and nothing else.
    """

    components: tuple[str, ...]
    text: str
    level: int = 0
    depth: int = -1


@dataclass(frozen=True, slots=True)
class Under:
    """Documents at any of the places, or with `every` at all of them."""

    index: str
    places: tuple[PathPlace, ...]
    every: bool = False


@dataclass(frozen=True, slots=True)
class Words:
    """Documents whose text meets the tree."""

    index: str
    tree: TextNode


@dataclass(frozen=True, slots=True)
class Coded:
    """Documents with any of the codes, which are as `code_key` makes them."""

    index: str
    codes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Containing:
    """Documents whose text has one of the texts in it."""

    index: str
    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Starting:
    """Documents whose text begins with one of the texts."""

    index: str
    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Empty:
    """Documents without a key, or whose key is the empty text; with `negated` all others."""

    index: str
    negated: bool = False


ValueClause = HasKey | Exact | AllOf | Range | Without | OnlyNot | Empty | Starting | Containing
"""Clauses about the keys of an index, be it one key a document or keywords."""

Clause = Nothing | Truth | During | Under | Words | Coded | ValueClause


@dataclass(frozen=True, slots=True)
class SortKey:
    """One level of the order of a result."""

    index: str
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Query:
    """A query: conditions, order, and the slice `[start : start + limit]` of the sorted result (None: all of it).

    `nothing` is set when the query can find no document. `ties_descending` gives the direction in which creation
    order breaks ties.
    """

    clauses: tuple[Clause, ...] = ()
    sort: tuple[SortKey, ...] = ()
    limit: int | None = None
    start: int = 0
    nothing: bool = False
    ties_descending: bool = field(default=False)

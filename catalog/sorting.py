"""The order of a result and the slice of it that is asked for."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from catalog.clauses import SortKey
from catalog.errors import QueryProblem
from catalog.options import QueryOptions
from catalog.schema import CatalogSchema

MOST_ROWS: Final = 10**18
_DESCENDING: Final = ("descending", "reverse")


@dataclass(frozen=True, slots=True)
class ParsedSort:
    """The sort keys, the direction in which creation order breaks ties, and faults."""

    keys: tuple[SortKey, ...] = ()
    ties_descending: bool = False
    problems: tuple[QueryProblem, ...] = ()


@dataclass(frozen=True, slots=True)
class ParsedLimits:
    """The slice `[start : start + limit]` of the sorted result, and faults."""

    limit: int | None = None
    start: int = 0
    problems: tuple[QueryProblem, ...] = ()


def _names(value: object) -> Sequence[object]:
    if value is None:
        return ()
    return list(value) if isinstance(value, (list, tuple)) else [value]


def parse_sort(sort_on: object, sort_order: object, schema: CatalogSchema, options: QueryOptions) -> ParsedSort:
    """Read sort_on and sort_order, each a word or a list; None is not given.

    One order applies to all names; a list of orders goes name by name. `descending` and `reverse` in any case mean
    descending, every other word ascending.
    """
    names = _names(sort_on)
    orders = _names(sort_order)
    problems = [QueryProblem("sort_on", message) for name in names if (message := _unsortable(name, schema))]
    if not all(isinstance(order, str) for order in orders):
        problems.append(QueryProblem("sort_order", "the order is a word: ascending or descending"))
    if len(orders) > 1 and len(orders) != len(names):
        problems.append(QueryProblem("sort_order", f"{len(orders)} orders for {len(names)} names: give one, or each"))
    if problems:
        return ParsedSort(problems=tuple(problems))
    downward = [str(order).lower() in _DESCENDING for order in orders] or [False]
    if len(downward) == 1:
        downward *= len(names)
    keys = tuple(SortKey(str(name), down) for name, down in zip(names, downward, strict=True))
    return ParsedSort(keys, options.ties == "by_direction" and bool(keys) and keys[-1].descending)


def _unsortable(name: object, schema: CatalogSchema) -> str | None:
    index = schema.indexes.get(name) if isinstance(name, str) else None
    if index is None:
        return f"{name!r} is no index of {schema.name}"
    if not index.sortable:
        return f"{name} cannot sort: a {index.kind.value} index has no single key a document"
    return None


def parse_limits(sort_limit: object, b_start: object, b_size: object) -> ParsedLimits:
    """Read sort_limit (an integer), b_start and b_size (integers or digits); None is not given.

    `b_size` overrules `sort_limit`; `b_start` without it does nothing.
    """
    problems: list[QueryProblem] = []
    limit = sort_limit
    if limit is not None and (not isinstance(limit, int) or isinstance(limit, bool) or limit < 1):
        problems.append(QueryProblem("sort_limit", f"{limit!r} is no number above 0: send sort_limit:int=10"))
        limit = None
    start = _count(b_start, "b_start", 0, problems)
    size = _count(b_size, "b_size", 1, problems)
    if problems:
        return ParsedLimits(problems=tuple(problems))
    if size is not None:
        return ParsedLimits(size, start or 0)
    return ParsedLimits(min(limit, MOST_ROWS) if isinstance(limit, int) else None)


def _count(value: object, name: str, least: int, problems: list[QueryProblem]) -> int | None:
    if value is None:
        return None
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 19:
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and value >= least:
        return min(value, MOST_ROWS)
    problems.append(QueryProblem(name, f"{str(value)!r} is no whole number from {least} on"))
    return None

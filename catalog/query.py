"""The query grammar: a mapping of names to criteria, sort and limits becomes a `Query`.

Pure: it knows a catalog's declaration and nothing of databases. All faults are collected; client input raises nothing.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import InvalidOperation
from typing import Final

from catalog.clauses import Clause, Exact, Nothing, Query, SortKey
from catalog.conditions import ConditionProblem, Criterion, QueryOptions, clauses_of, exclusion
from catalog.errors import QueryError, QueryProblem
from catalog.mistyped import advice, converted, is_mistyped
from catalog.operators import OPERATORS, gather, operator_clauses, operators_of, part_index
from catalog.schema import OPTIONS, CatalogSchema, Index, IndexKind, ValueType
from catalog.values import encodable

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
    # Every fault is collected before any key is made: half a sort would give another order than the one asked for.
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
        problems.append(QueryProblem("sort_limit", f"{limit!r} is not a number above 0: send sort_limit:int=10"))
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
    problems.append(QueryProblem(name, f"{str(value)!r} is not a whole number from {least} on"))
    return None


MAX_VALUES: Final = 20_000
"""Databases limit the parameters of a statement, SQLite to 32,766; values of `not` may be needed twice."""

_DASHED: Final = {"sort-on": "sort_on", "sort-order": "sort_order", "sort-limit": "sort_limit"}
ORDER_PARAMETERS: Final = frozenset({*_DASHED, *_DASHED.values(), "b_start", "b_size"})
"""The parameters that `parse_request` reads besides criteria."""


@dataclass(frozen=True, slots=True)
class ParsedQuery:
    """A query as read, the names in it that are not indexes, its faults, and values of another type than their index.

    `mistyped` find nothing, which is not a fault. `asked` are the criteria by index, whatever parameters they came in.
    With faults `query` holds what could be read; use `require` unless the faults have been dealt with.
    """

    query: Query
    unknown: tuple[str, ...] = ()
    problems: tuple[QueryProblem, ...] = ()
    mistyped: tuple[QueryProblem, ...] = ()
    asked: Mapping[str, object] = field(default_factory=dict)

    def require(self) -> Query:
        """The query; raises QueryError with all problems when there are any."""
        if self.problems:
            raise QueryError(self.problems)
        return self.query


@dataclass(slots=True)
class _Reader:
    schema: CatalogSchema
    options: QueryOptions
    problems: list[QueryProblem] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    mistyped: list[QueryProblem] = field(default_factory=list)
    values: int = 0
    sent: Mapping[str, str] = field(default_factory=dict)

    def refuse(self, parameter: str, message: str) -> None:
        self.problems.append(QueryProblem(self.sent.get(parameter, parameter), message))

    def options_of(self, index: Index, given: Mapping[str, object], joint: str) -> dict[str, object]:
        """The options that the kind has; another one is a problem or an unknown name."""
        options: dict[str, object] = {}
        for option, value in given.items():
            if option in OPTIONS[index.kind]:
                options[option] = value
            elif option == "query" or (self.options.operators and option in OPERATORS):
                continue
            elif self.options.unknown_option == "error":
                known = ", ".join(sorted(OPTIONS[index.kind])) or "none"
                self.refuse(f"{index.name}{joint}{option}", f"{index.name} has no option {option!r}; it has {known}")
            else:
                self.unknown.append(f"{index.name}{joint}{option}")
        return options

    def operators_of(self, index: Index, given: Mapping[str, object]) -> dict[str, object]:
        """The operators that the index has; another one is a problem."""
        asked = {name: value for name, value in given.items() if name in OPERATORS} if self.options.operators else {}
        if not asked:
            return asked
        known = operators_of(self.schema, index, self.options)
        for name in asked.keys() - set(known):
            offered = f"it has {', '.join(known)}" if known else "it has no operators"
            self.refuse(f"{index.name}.{name}", f"{index.name} is a {index.kind.value} index without {name}; {offered}")
        return {name: value for name, value in asked.items() if name in known}

    def criterion(self, index: Index, value: object, criteria: Mapping[str, object]) -> Criterion | None:
        """The criterion of one index, its options found; None when it cannot be read."""
        if isinstance(value, Mapping):
            query = value.get("query", ())
            given = {str(key): item for key, item in value.items() if key != "query"}
            return Criterion(
                index, _as_list(query), self.options_of(index, given, "."), self.operators_of(index, given)
            )
        options = self.options_of(index, self.flat_options(index, criteria), "_")
        if not isinstance(value, (list, tuple)):
            return Criterion(index, [value], options)
        try:
            return Criterion(index, sorted(value), options)
        except (TypeError, InvalidOperation):
            self.refuse(index.name, "the values of a list must all be of one type, and without gaps")
            return None

    def fitted(self, criterion: Criterion) -> Criterion:
        """The criterion with values in the type of its index where the reading converts them; others are noted."""
        index, options = criterion.index, dict(criterion.options)
        values, excluded = list(criterion.values), list(criterion.excluded)
        if self.options.other_types == "convert":
            values = [converted(index, value, self.options.dates) for value in values]
            excluded = [converted(index, value, self.options.dates) for value in excluded]
        wrong = next((value for value in (*values, *excluded) if is_mistyped(index, value)), None)
        if wrong is not None:
            self.mistyped.append(QueryProblem(index.name, advice(index, wrong)))
        if excluded:
            options["not"] = excluded
        return Criterion(index, values, options, criterion.operators)

    def are_too_many(self, name: str, more: int) -> bool:
        """Count values of a criterion; true, and a problem, when a query may not have so many."""
        self.values += more
        if self.values > MAX_VALUES:
            self.refuse(name, f"too many values; a query has at most {MAX_VALUES}, those of `not` counted twice")
        return self.values > MAX_VALUES

    def is_plain(self, index: Index, value: str, criteria: Mapping[str, object]) -> bool:
        """True for a text that stands for itself: asked of an index of texts, without options."""
        if index.kind is not IndexKind.FIELD or index.value_type is not ValueType.STRING or not encodable(value):
            return False
        prefix = f"{index.name}_"
        return not any(name.startswith(prefix) for name in criteria)

    def flat_options(self, index: Index, criteria: Mapping[str, object]) -> dict[str, object]:
        """The parameters named INDEX_option that count as options of a plain criterion."""
        prefix = f"{index.name}_"
        flat = {name[len(prefix) :]: value for name, value in criteria.items() if name.startswith(prefix)}
        if self.options.unknown_option == "error":
            return flat
        return {
            option: value
            for option, value in flat.items()
            if option in OPTIONS[index.kind] and prefix + option not in self.schema.indexes
        }

    def consumed(self, criteria: Mapping[str, object]) -> set[str]:
        """The names that are options of a plain criterion rather than names of their own."""
        return {
            f"{name}_{option}"
            for name, value in criteria.items()
            if name in self.schema.indexes and not isinstance(value, Mapping)
            for option in self.flat_options(self.schema.indexes[name], criteria)
        }

    def clauses(self, criteria: Mapping[str, object]) -> Iterator[Clause]:
        """The conditions of all criteria, faults noted as they are met."""
        for name, value in criteria.items():
            index = self.schema.indexes.get(name)
            if index is None:
                continue
            if type(value) is str and self.is_plain(index, value, criteria):
                # Most criteria are of this kind.
                if self.are_too_many(name, 1):
                    return
                yield Exact(name, (value,))
                continue
            criterion = self.criterion(index, value, criteria)
            if criterion is None:
                continue
            criterion = self.fitted(criterion)
            if self.are_too_many(name, len(criterion.values) + 2 * len(criterion.excluded)):
                return
            try:
                if criterion.operators:
                    yield from operator_clauses(criterion, self.options, part_index(self.schema, index, self.options))
                    yield from exclusion(criterion, self.options)
                else:
                    yield from clauses_of(criterion, self.options)
            except ConditionProblem as problem:
                self.refuse(problem.parameter, str(problem))


def _as_list(value: object) -> Sequence[object]:
    return list(value) if isinstance(value, (list, tuple)) else [value]


def parse_query(criteria: Mapping[str, object], schema: CatalogSchema, options: QueryOptions) -> ParsedQuery:
    """Read the criteria of a query; see `parse_request` for the order and limits too.

    Values are what forms and JSON give: text, numbers, booleans, date-times with zone, lists of these, mappings with
    `query` and options, None. Names that are not indexes are reported in `unknown`.
    """
    reader = _Reader(schema, options)
    if options.operators and not criteria.keys() <= schema.indexes.keys():
        gathered = gather(criteria, schema)
        reader.problems.extend(gathered.problems)
        reader.sent = gathered.sent
        criteria = gathered.criteria
    named = [name for name in criteria if name in schema.indexes]
    clauses = tuple(reader.clauses(criteria))
    known = set(named) | reader.consumed(criteria)
    unknown = [name for name in criteria if name not in known]
    nothing = any(isinstance(clause, Nothing) for clause in clauses)
    if not named:
        nothing = options.empty_query == "nothing"
    query = Query(clauses=clauses, nothing=nothing)
    asked = {name: criteria[name] for name in named}
    return ParsedQuery(query, tuple(unknown + reader.unknown), tuple(reader.problems), tuple(reader.mistyped), asked)


def parse_request(criteria: Mapping[str, object], schema: CatalogSchema, options: QueryOptions) -> ParsedQuery:
    """Read a whole request: criteria, and with them sort_on, sort_order, sort_limit, b_start and b_size.

    The spellings sort-on, sort-order and sort-limit take precedence.
    """
    rest = {name: value for name, value in criteria.items() if name not in ORDER_PARAMETERS}
    order = {name: criteria[name] for name in ORDER_PARAMETERS if name in criteria and name not in _DASHED}
    order |= {plain: criteria[dashed] for dashed, plain in _DASHED.items() if dashed in criteria}
    parsed = parse_query(rest, schema, options)
    sort = parse_sort(order.get("sort_on"), order.get("sort_order"), schema, options)
    limits = parse_limits(order.get("sort_limit"), order.get("b_start"), order.get("b_size"))
    found = parsed.query
    query = Query(found.clauses, sort.keys, limits.limit, limits.start, found.nothing, sort.ties_descending)
    problems = (*parsed.problems, *sort.problems, *limits.problems)
    return ParsedQuery(query, parsed.unknown, problems, parsed.mistyped, parsed.asked)

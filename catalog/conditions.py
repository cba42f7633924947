"""Criteria become clauses, kind by kind of index, under the options of a reading."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from typing import Final, Literal

from catalog.clauses import (
    AllOf,
    Clause,
    Coded,
    Containing,
    During,
    Exact,
    HasKey,
    Nothing,
    OnlyNot,
    PathPlace,
    Range,
    Truth,
    Under,
    Without,
    Words,
)
from catalog.dates import IsoZone
from catalog.errors import DateSyntaxError, TextSyntaxError
from catalog.schema import Index, IndexKind, ValueType
from catalog.text import parse_text_query
from catalog.values import (
    DateReading,
    FarDates,
    Unfit,
    code_key,
    comparable,
    encodable,
    exact_keys,
    high_key,
    low_key,
    span_minute,
)

SAFE_FALSE_WORDS: Final = frozenset({"", "0", "false", "no", "off"})


@dataclass(frozen=True, slots=True)
class QueryOptions:
    """The points at which readings differ.

    empty_query: what a query without any index name finds.
    unknown_option: whether an option that an index kind does not have is a problem, or just an unknown name.
    paths: `exact` compares paths as given; `site` supplies slashes and `site_id` when level is absent or 0.
    ties: equal sort keys go by creation order, ascending always or in the direction of the sort.
    boolean_words: `python` takes every non-empty string as true; `safe` takes 0, false, no, off (any case) as false.
    local_zone: the zone of dates without one.
    iso_dates: the zone of ISO 8601 without an offset, UTC as Zope has it or the local one.
    far_dates: dates beyond what an index holds are a fault, stand for the nearest one, or are taken as they are.
    range_words: `contained` takes min and max wherever they stand in the option range and ranges by neither without
        them, as the original does; `named` refuses what is not made of these words.
    other_types: a criterion of another type than its index finds nothing, or is converted where that is unambiguous.
    not_fault: repeat a fault of the original, whose date index excludes nothing when `not` stands beside a query.
    operators: the operators of `catalog.operators` are read; the original has none.
    parts: parts of texts are searched in every index of texts (`stored`), or in the substring indexes of a table.
    now: the moment that durations are counted from; None: there are no relative dates.
    """

    empty_query: Literal["nothing", "everything"] = "nothing"
    unknown_option: Literal["error", "ignore"] = "error"
    paths: Literal["exact", "site"] = "exact"
    site_id: str = ""
    ties: Literal["by_direction", "ascending"] = "ascending"
    boolean_words: Literal["python", "safe"] = "python"
    local_zone: tzinfo = UTC
    iso_dates: IsoZone = "utc"
    far_dates: FarDates = "refuse"
    range_words: Literal["contained", "named"] = "contained"
    other_types: Literal["nothing", "convert"] = "nothing"
    not_fault: bool = False
    operators: bool = False
    parts: Literal["stored", "substring_indexes"] = "stored"
    now: datetime | None = None

    @classmethod
    def zope(cls, local_zone: tzinfo = UTC) -> "QueryOptions":
        """The behaviour of the original catalog, without its known faults."""
        return cls(local_zone=local_zone)

    @classmethod
    def gateway(cls, site_id: str, local_zone: tzinfo = UTC, now: datetime | None = None) -> "QueryOptions":
        """The behaviour of the JSON API: nothing surprising, nothing hidden."""
        return cls(
            empty_query="everything",
            unknown_option="ignore",
            paths="site",
            site_id=site_id,
            ties="by_direction",
            boolean_words="safe",
            local_zone=local_zone,
            iso_dates="local",
            far_dates="nearest",
            range_words="named",
            operators=True,
            now=now,
        )

    @property
    def dates(self) -> DateReading:
        """The reading of dates."""
        return DateReading(self.local_zone, self.iso_dates, self.far_dates)

    def truth(self) -> Callable[[object], bool]:
        """The function by which a criterion means true or false."""
        return safe_truth if self.boolean_words == "safe" else bool


def safe_truth(value: object) -> bool:
    """Truth by Python's rules, except that the words 0, false, no and off are false."""
    if isinstance(value, str):
        return value.strip().lower() not in SAFE_FALSE_WORDS
    return bool(value)


@dataclass(frozen=True, slots=True)
class Criterion:
    """The values asked of an index (alternatives, unless the kind says otherwise), options of its kind, operators."""

    index: Index
    values: Sequence[object]
    options: Mapping[str, object] = field(default_factory=dict)
    operators: Mapping[str, object] = field(default_factory=dict)
    """The operators of `catalog.operators` with their values."""

    @property
    def excluded(self) -> Sequence[object]:
        """The values of the option `not`, as a list."""
        value = self.options.get("not")
        if value is None:
            return ()
        return value if isinstance(value, (list, tuple)) else (value,)


MOST_LEVELS: Final = 1000
MOST_PLACES: Final = 200
_OPERATORS: Final = ("or", "and")
_RANGE: Final = re.compile(r"(?:min|max)(?:[\s:,;]*(?:min|max))?")
_TYPE_WORDS: Final = {
    ValueType.STRING: "text",
    ValueType.INTEGER: "numbers (send :int)",
    ValueType.DECIMAL: "numbers (send :int or :float)",
    ValueType.DATETIME: "dates (send :date)",
    ValueType.BOOLEAN: "truth values (send :boolean)",
}


class ConditionProblem(Exception):
    """A criterion that cannot be meant; `parameter` is the name at fault."""

    def __init__(self, parameter: str, message: str) -> None:
        super().__init__(message)
        self.parameter = parameter


def clauses_of(criterion: Criterion, options: QueryOptions) -> Iterator[Clause]:
    """The conditions that a criterion sets. Raises ConditionProblem."""
    try:
        match criterion.index.kind:
            case IndexKind.BOOLEAN:
                yield _boolean(criterion, options)
            case IndexKind.DATE_RANGE:
                yield _date_range(criterion, options.dates)
            case IndexKind.PATH:
                yield _path(criterion, options)
            case IndexKind.TEXT:
                yield _text(criterion)
            case IndexKind.SUBSTRING:
                yield _containing(criterion)
            case IndexKind.CODE:
                yield _coded(criterion)
            case IndexKind.POSITION:
                raise ConditionProblem(criterion.index.name, "this index only sorts; it cannot be searched")
            case _:
                yield from _values(criterion, options)
    except (Unfit, DateSyntaxError, TextSyntaxError) as reason:
        raise ConditionProblem(criterion.index.name, str(reason)) from reason


def _boolean(criterion: Criterion, options: QueryOptions) -> Clause:
    if not criterion.values:
        return Nothing(criterion.index.name)
    return Truth(criterion.index.name, options.truth()(criterion.values[0]))


def _date_range(criterion: Criterion, dates: DateReading) -> Clause:
    if not criterion.values:
        return Nothing(criterion.index.name)
    return During(criterion.index.name, span_minute(criterion.values[0], dates))


def _text(criterion: Criterion) -> Clause:
    name = criterion.index.name
    if not all(isinstance(value, str) for value in criterion.values):
        raise ConditionProblem(name, "words are searched by text")
    text = " ".join(str(value) for value in criterion.values)
    return Words(name, parse_text_query(text)) if text else Nothing(name)


def _containing(criterion: Criterion) -> Clause:
    name = criterion.index.name
    if not all(isinstance(value, str) for value in criterion.values):
        raise ConditionProblem(name, "a part of a text is text")
    # An empty text is part of every other one, and whoever sends it has not filled in a form.
    texts = tuple(str(value) for value in criterion.values if value)
    return Containing(name, texts) if texts else Nothing(name)


def _coded(criterion: Criterion) -> Clause:
    name = criterion.index.name
    # A code of digits alone is a number in JSON.
    texts = [str(value) if type(value) is int else value for value in criterion.values]
    if any(not isinstance(value, str) or not encodable(value) for value in texts):
        raise ConditionProblem(name, "a code is text")
    codes = tuple(dict.fromkeys(code for text in texts if (code := code_key(str(text)))))
    return Coded(name, codes) if codes else Nothing(name)


def _operator(criterion: Criterion) -> str:
    value = criterion.options.get("operator", "or")
    if not isinstance(value, str) or value.lower() not in _OPERATORS:
        raise ConditionProblem(f"{criterion.index.name} operator", f"{value!r} is not an operator: use or, and")
    return value.lower()


# Fields, dates, UUIDs, keywords


def _values(criterion: Criterion, options: QueryOptions) -> Iterator[Clause]:
    index, dates = criterion.index, options.dates
    every = index.kind is IndexKind.KEYWORD and _operator(criterion) == "and"
    bounds = _bounds(criterion, options)
    excluded = exact_keys(index, criterion.excluded, dates)
    if not criterion.values and criterion.excluded:
        yield from _only_not(index, excluded, ranged=bounds is not None)
        return
    if bounds is not None:
        yield _range(criterion, bounds, every, dates)
    else:
        yield _exact(criterion, every, dates)
    if excluded and not (options.not_fault and index.kind is IndexKind.DATE):
        yield Without(index.name, excluded)


def exclusion(criterion: Criterion, options: QueryOptions) -> Iterator[Clause]:
    """The condition of the option `not` beside other conditions on the index. Raises ConditionProblem."""
    try:
        excluded = exact_keys(criterion.index, criterion.excluded, options.dates)
    except (Unfit, DateSyntaxError) as reason:
        raise ConditionProblem(criterion.index.name, str(reason)) from reason
    if excluded:
        yield Without(criterion.index.name, excluded)


def _only_not(index: Index, excluded: tuple[str | int | Decimal, ...], *, ranged: bool) -> Iterator[Clause]:
    if ranged or not excluded:
        yield HasKey(index.name)
        if excluded:
            yield Without(index.name, excluded)
    else:
        yield OnlyNot(index.name, excluded)


def _exact(criterion: Criterion, every: bool, dates: DateReading) -> Clause:
    index = criterion.index
    given = [value for value in criterion.values if value is not None]
    keys = exact_keys(index, given, dates)
    if not keys:
        return Nothing(index.name)
    if not every:
        return Exact(index.name, keys)
    unmatched = any(not exact_keys(index, (value,), dates) for value in given)
    return Nothing(index.name) if unmatched else AllOf(index.name, keys)


def _bounds(criterion: Criterion, options: QueryOptions) -> frozenset[str] | None:
    """The bounds, min and max, that the range names; None without a range. Raises ConditionProblem for another word."""
    value = criterion.options.get("range")
    if value is None or value == "":
        return None
    # A word that bounds nothing would find every document that has a key, and act on them.
    if not isinstance(value, str) or (options.range_words == "named" and not _RANGE.fullmatch(value)):
        raise ConditionProblem(f"{criterion.index.name} range", f"{value!r} is not a range: use min, max or min:max")
    return frozenset(word for word in ("min", "max") if word in value)


def _range(criterion: Criterion, bounds: frozenset[str], every: bool, dates: DateReading) -> Clause:
    index = criterion.index
    if not bounds:
        exact_keys(index, criterion.values, dates)  # the values bound nothing, but a date that is none is still a fault
        return Range(index.name, None, None, every=True) if every else HasKey(index.name)
    known = _comparables(index, criterion.values, dates)
    low = high = None
    if known and "min" in bounds:
        low = low_key(index, min(known))
        if low is None:
            return Nothing(index.name)
    if known and "max" in bounds:
        high = high_key(index, max(known))
        if high is None:
            return Nothing(index.name)
    return Range(index.name, low, high, every)


def _comparables(index: Index, values: Sequence[object], dates: DateReading) -> list[str | int | Decimal]:
    """The values to take the bounds from; none when the only value says that there is no bound."""
    if not values:
        raise ConditionProblem(index.name, "a range needs at least one value")
    empty = [value is None or (value == "" and index.kind is IndexKind.DATE) for value in values]
    if all(empty):
        return []
    known = [comparable(index, value, dates) for value in values]
    if any(empty) or None in known:
        expected = "dates" if index.kind is IndexKind.DATE else _TYPE_WORDS[index.value_type]
        raise ConditionProblem(index.name, f"a range of this index is given by {expected}")
    return [value for value in known if value is not None]


# Paths


def _path(criterion: Criterion, options: QueryOptions) -> Clause:
    name = criterion.index.name
    every = _operator(criterion) == "and"
    level = _whole_number(criterion, "level", 0)
    depth = _whole_number(criterion, "depth", -1)
    if criterion.options.get("navtree"):
        raise ConditionProblem(f"{name} navtree", "navtree is not offered: ask for the paths that you want")
    if not all(isinstance(value, str) for value in criterion.values):
        raise ConditionProblem(name, "a path is text, as /site/folder")
    site = options.paths == "site" and level == 0
    places = tuple(_place(str(value), level, depth, options.site_id if site else None) for value in criterion.values)
    if not places:
        return Nothing(name)
    if len(places) > MOST_PLACES and (every or (depth, level) != (0, 0)):
        raise ConditionProblem(name, f"at most {MOST_PLACES} paths can be searched at once")
    return Under(name, tuple(dict.fromkeys(places)), every)


def _whole_number(criterion: Criterion, option: str, default: int) -> int:
    value = criterion.options.get(option, default)
    if not isinstance(value, int):
        name = criterion.index.name
        spelling = f"{name}.{option}:record:int=1 or {name}_{option}:int=1"
        raise ConditionProblem(f"{name} {option}", f"{str(value)!r} is not a whole number: send {spelling}")
    return max(-1, min(int(value), MOST_LEVELS))


def _place(text: str, level: int, depth: int, site_id: str | None) -> PathPlace:
    components = tuple(part for part in text.split("/") if part)
    if site_id is None:
        return PathPlace(components, text if text.startswith("/") else f"/{text}", level, depth)
    if components[:1] != (site_id,):
        components = (site_id, *components)
    return PathPlace(components, f"/{'/'.join(components)}", level, depth)

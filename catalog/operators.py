"""Operators, ways to ask an index that the original catalog lacks: empty, open ranges, parts of a text, recent dates.

An operator is a key of a criterion's record, or a parameter `INDEX.operator` or `INDEX_operator`; `recent_INDEX` is
another spelling of `INDEX.recent`. The option `not`, which needs no query beside it, is written so, too. Where a
catalog has an index of such a name, the parameter means that index. Pure.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

from catalog.clauses import Clause, Containing, Empty, Key, Nothing, Range, Starting
from catalog.conditions import ConditionProblem, Criterion, QueryOptions, safe_truth
from catalog.errors import DateSyntaxError, QueryProblem
from catalog.mistyped import advice, converted, is_mistyped
from catalog.relative_dates import DURATION_UNITS, RECENT_DAYS, beginning_of, moment_before
from catalog.schema import OPTIONS, PREFIX_LENGTH, CatalogSchema, Index, IndexKind, ValueType
from catalog.values import DateReading, Unfit, comparable, high_key, low_key

LOWER_BOUNDS: Final = ("gt", "ge", "since", "recent")
UPPER_BOUNDS: Final = ("lt", "le")
PARTS: Final = ("contains", "startswith")
OPERATORS: Final = ("empty", *LOWER_BOUNDS, *UPPER_BOUNDS, *PARTS)

_RECENT: Final = "recent_"
_EMPTY_KINDS: Final = frozenset(
    {IndexKind.FIELD, IndexKind.KEYWORD, IndexKind.DATE, IndexKind.UUID, IndexKind.BOOLEAN, IndexKind.TEXT}
)
_TRUE_WORDS: Final = frozenset({"1", "true", "yes", "on"})
_COMPACT: Final = re.compile(r"([0-9]{8})([0-9]{4}|[0-9]{6})", re.ASCII)
"""A date and a time in digits alone, as `20250301143223`."""
_ANY_MOMENT: Final = datetime(2000, 1, 1, tzinfo=UTC)
_FALSE_WORDS: Final = frozenset({"0", "false", "no", "off"})


def part_index(schema: CatalogSchema, index: Index, options: QueryOptions) -> str | None:
    """The index that is searched for a part of a text of this one; None where there is none."""
    if index.value_type is not ValueType.STRING or index.kind not in (IndexKind.FIELD, IndexKind.KEYWORD):
        return None
    if options.parts == "stored":
        return index.name
    twin = schema.indexes.get(f"{index.name}_contains")
    return twin.name if twin is not None and twin.kind is IndexKind.SUBSTRING else None


def operators_of(schema: CatalogSchema, index: Index, options: QueryOptions) -> tuple[str, ...]:
    """The operators that an index of a catalog has."""
    found: list[str] = ["empty"] if index.kind in _EMPTY_KINDS else []
    typed = index.kind in (IndexKind.FIELD, IndexKind.KEYWORD)
    is_date = index.kind is IndexKind.DATE or (typed and index.value_type is ValueType.DATETIME)
    if is_date or (typed and index.value_type is not ValueType.BOOLEAN):
        found += ["gt", "ge", "lt", "le"]
    if is_date:
        found += ["since", "recent"]
    if part_index(schema, index, options) is not None:
        found += PARTS
    return tuple(found)


# Spellings


@dataclass(frozen=True, slots=True)
class Gathered:
    """Criteria with every operator in the record of its index, and faults."""

    criteria: Mapping[str, object]
    problems: tuple[QueryProblem, ...] = ()
    sent: Mapping[str, str] = field(default_factory=dict)
    """`INDEX.operator` → the name of the parameter that said so."""


def operator_named(name: str, schema: CatalogSchema) -> tuple[str, str] | None:
    """The index and the operator that the name of a parameter means; None for any other name."""
    if name in schema.indexes:
        return None
    for joint in (".", "_"):
        index, _, operator = name.rpartition(joint)
        if operator in OPERATORS and index in schema.indexes:
            return index, operator
    index = name.removeprefix(_RECENT)
    return (index, "recent") if index != name and index in schema.indexes else None


def gather(criteria: Mapping[str, object], schema: CatalogSchema) -> Gathered:
    """Put the operators that are parameters of their own into records; criteria without any stay as they are.

    A criterion that is plain beside an operator of the same index is a fault, and so is an operator sent twice.
    """
    named = {name: found for name in criteria if (found := operator_named(name, schema)) is not None}
    excluding = dict(_exclusions(criteria, schema))
    if not named and not excluding:
        return Gathered(criteria)
    problems: list[QueryProblem] = []
    records: dict[str, dict[str, object]] = {}
    for name, (index, operator) in named.items():
        if index not in records:
            records[index] = _record(index, criteria, schema)
        record, plain = records[index], criteria.get(index)
        if plain is not None and not isinstance(plain, Mapping):
            problems.append(QueryProblem(name, f"{index} is asked for beside it; send one of the two"))
        elif operator in record:
            problems.append(QueryProblem(name, f"{operator} of {index} is sent twice; send one of them"))
        else:
            record[operator] = criteria[name]
    for name, index in excluding.items():
        if index not in records:
            plain = criteria.get(index)
            query = {} if plain is None or isinstance(plain, Mapping) else {"query": plain}
            records[index] = query | _record(index, criteria, schema)
        if records[index].setdefault("not", criteria[name]) is not criteria[name]:
            problems.append(QueryProblem(name, f"not of {index} is sent twice; send one of them"))
    taken = {*named, *excluding, *(f"{index}_{option}" for index, record in records.items() for option in record)} - {
        name for name in criteria if name in schema.indexes
    }
    gathered = {name: value for name, value in criteria.items() if name not in taken}
    sent = {f"{index}.{operator}": name for name, (index, operator) in named.items()}
    return Gathered(gathered | records, tuple(problems), sent)


def _exclusions(criteria: Mapping[str, object], schema: CatalogSchema) -> Iterator[tuple[str, str]]:
    """Parameters `INDEX.not`, and `INDEX_not` that stand alone, each with its index: they need no query beside them."""
    for name in criteria:
        index, joint = name[:-4], name[-4:-3]
        if name.endswith("not") and joint and joint in "._" and index in schema.indexes and name not in schema.indexes:
            alone = index not in criteria or isinstance(criteria[index], Mapping)
            if "not" in OPTIONS[schema.indexes[index].kind] and (joint == "." or alone):
                yield name, index


def _record(index: str, criteria: Mapping[str, object], schema: CatalogSchema) -> dict[str, object]:
    """The record of an index as it was sent, else the options that stand beside it."""
    sent = criteria.get(index)
    if isinstance(sent, Mapping):
        return dict(sent)
    beside = {option: f"{index}_{option}" for option in OPTIONS[schema.indexes[index].kind]}
    return {
        option: criteria[name] for option, name in beside.items() if name in criteria and name not in schema.indexes
    }


# Conditions


def operator_clauses(criterion: Criterion, options: QueryOptions, part_of: str | None) -> Iterator[Clause]:
    """The conditions that the operators of a criterion set. Raises ConditionProblem.

    `part_of`: the index to search for parts of a text, as `part_index` gives it.
    """
    asked = criterion.operators
    _refuse_contradictions(criterion)
    if "empty" in asked:
        empty = _truth(criterion)
        if empty and len(asked) > 1:
            others = ", ".join(name for name in asked if name != "empty")
            raise _problem(criterion, "empty", f"what is empty has nothing to compare; leave out {others}")
        yield Empty(criterion.index.name, negated=not empty)
    bounds = {name: value for name, value in asked.items() if name in LOWER_BOUNDS or name in UPPER_BOUNDS}
    if bounds:
        yield _range(criterion, bounds, options)
    for name in PARTS:
        if name in asked and part_of is not None:
            texts = tuple(_texts(criterion, name, options))
            yield Containing(part_of, texts) if name == "contains" else Starting(part_of, texts)


def _problem(criterion: Criterion, operator: str, message: str) -> ConditionProblem:
    return ConditionProblem(f"{criterion.index.name}.{operator}", message)


def _refuse_contradictions(criterion: Criterion) -> None:
    """Raise ConditionProblem for operators beside values to look for, and for two bounds of one side."""
    asked = list(criterion.operators)
    if criterion.values:
        raise _problem(criterion, asked[0], "a query stands beside it; send one of the two")
    for option in ("range", "operator"):
        if option in criterion.options:
            raise _problem(criterion, asked[0], f"{option} has no meaning beside it; leave it out")
    for side, names in (("lower", LOWER_BOUNDS), ("upper", UPPER_BOUNDS)):
        both = [name for name in asked if name in names]
        if len(both) > 1:
            raise _problem(criterion, both[1], f"{both[0]} gives a {side} bound, too; send one of them")


def _single(criterion: Criterion, operator: str) -> object:
    value = criterion.operators[operator]
    if isinstance(value, (list, tuple)) and len(value) == 1:
        value = value[0]
    if value is None or value == "" or isinstance(value, (list, tuple, Mapping)):
        raise _problem(criterion, operator, "one value is expected")
    return value


def _truth(criterion: Criterion) -> bool:
    value = _single(criterion, "empty")
    word = value.strip().lower() if isinstance(value, str) else value
    if isinstance(word, str) and word not in _TRUE_WORDS | _FALSE_WORDS:
        raise _problem(criterion, "empty", f"{value!r} is neither 1 (without a value) nor 0 (with one)")
    return safe_truth(word)


def _texts(criterion: Criterion, operator: str, options: QueryOptions) -> Iterator[str]:
    value = criterion.operators[operator]
    for text in value if isinstance(value, (list, tuple)) and value else [value]:
        if not isinstance(text, str) or not text:
            raise _problem(criterion, operator, "a text that is not empty is expected")
        if options.parts == "stored" and len(text) > PREFIX_LENGTH:
            # Of longer texts that much is stored.
            raise _problem(criterion, operator, f"a part of a text has at most {PREFIX_LENGTH} characters")
        yield text


def _range(criterion: Criterion, bounds: Mapping[str, object], options: QueryOptions) -> Clause:
    index = criterion.index
    low = high = None
    above = below = False
    for operator in bounds:
        bound = _bound(criterion, operator, options)
        if operator in LOWER_BOUNDS:
            low, above = low_key(index, bound), operator == "gt"
            above = above and low == bound
        else:
            high, below = high_key(index, bound), operator == "lt"
            below = below and high == bound
        if (low if operator in LOWER_BOUNDS else high) is None:
            return Nothing(index.name)
    # Of whole numbers, minutes and microseconds the next one stands for what lies beyond.
    if above and isinstance(low, int):
        low, above = low + 1, False
    if below and isinstance(high, int):
        high, below = high - 1, False
    return Range(index.name, low, high, above=above, below=below, moving=_moves(bounds))


def _moves(bounds: Mapping[str, object]) -> bool:
    """True for a lower bound that is given as a distance from now."""
    since = bounds.get("since")
    return "recent" in bounds or (isinstance(since, str) and moment_before(since, _ANY_MOMENT) is not None)


def _bound(criterion: Criterion, operator: str, options: QueryOptions) -> Key:
    """The value of a bound, as it compares with the keys of the index. Raises ConditionProblem."""
    index, value = criterion.index, _single(criterion, operator)
    if operator == "since":
        value = _since(criterion, value, options)
    elif operator == "recent":
        value = _recent(criterion, value, options)
    value = converted(index, value, options.dates)
    if is_mistyped(index, value):
        raise _problem(criterion, operator, advice(index, value))
    found = _comparable(criterion, operator, value, options.dates)
    if found is None or (isinstance(found, Decimal) and not found.is_finite()):
        raise _problem(criterion, operator, f"{str(value)[:40]!r} cannot be compared with the values of the index")
    return found


def _comparable(criterion: Criterion, operator: str, value: object, dates: DateReading) -> Key | None:
    try:
        return comparable(criterion.index, value, dates)
    except (Unfit, DateSyntaxError) as reason:
        more = f", or a duration as 2d, 1d6h, 3m (units: {DURATION_UNITS})" if operator == "since" else ""
        raise _problem(criterion, operator, f"{reason}{more}") from reason


def _since(criterion: Criterion, value: object, options: QueryOptions) -> object:
    """The moment that lies a duration before now; a date as it is."""
    if not isinstance(value, str):
        return value
    now = _now(criterion, "since", options).astimezone(options.local_zone)
    text = value.strip()
    compact = _COMPACT.fullmatch(text)
    return moment_before(text, now) or (f"{compact[1]}T{compact[2]}" if compact else text)


def _recent(criterion: Criterion, value: object, options: QueryOptions) -> datetime:
    now = _now(criterion, "recent", options)
    moment = beginning_of(value, now, options.local_zone) if isinstance(value, str) else None
    if moment is None:
        raise _problem(criterion, "recent", f"{str(value)[:40]!r} is none of {', '.join(RECENT_DAYS)}")
    return moment


def _now(criterion: Criterion, operator: str, options: QueryOptions) -> datetime:
    if options.now is None:
        raise _problem(criterion, operator, "times relative to now cannot be asked here")
    return options.now

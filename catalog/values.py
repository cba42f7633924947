"""Values in an index's own terms: what a document's value, or a criterion's, is as a key."""

import hashlib
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from functools import lru_cache
from typing import Final, Literal, TypeAlias

from catalog.clauses import Key
from catalog.dates import IsoZone, parse_date
from catalog.schema import DECIMAL_DIGITS, DECIMAL_PLACES, Index, IndexKind, ValueType

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MINUTE: Final = timedelta(minutes=1)
MICROSECOND: Final = timedelta(microseconds=1)
MINUTE_LIMIT: Final = 2**31 - 1
SECOND_LIMIT: Final = MINUTE_LIMIT * 60
INTEGER_LIMIT: Final = 2**63 - 1
RANGE_FLOOR: Final = (datetime(1000, 1, 1, tzinfo=UTC) - EPOCH) // MINUTE
RANGE_CEILING: Final = (datetime(2499, 12, 31, 23, 59, tzinfo=UTC) - EPOCH) // MINUTE

_DECIMAL_LIMIT: Final = Decimal(10) ** (DECIMAL_DIGITS - DECIMAL_PLACES)
_STEP: Final = Decimal(1).scaleb(-DECIMAL_PLACES)
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_WIDE: Final = Context(prec=100)
_HIGHEST: Final = _WIDE.subtract(_DECIMAL_LIMIT, _STEP)
_NUMERIC: Final = frozenset({ValueType.INTEGER, ValueType.DECIMAL, ValueType.BOOLEAN})


FarDates: TypeAlias = Literal["refuse", "nearest", "exact"]
"""Dates beyond the 31 bits of minutes that an index holds: a fault, the nearest one that it holds, or as they are."""


@dataclass(frozen=True, slots=True)
class DateReading:
    """The points at which dates are read differently.

    zone: the zone of dates without one. iso: that of ISO 8601 without an offset. far: dates out of an index' reach;
    `exact` is for columns of other programs, which hold all of the calendar.
    """

    zone: tzinfo = UTC
    iso: IsoZone = "utc"
    far: FarDates = "refuse"


class Unfit(ValueError):
    """A value that cannot be a key of the index, and why."""


def minutes_of(moment: datetime, zone: tzinfo, far: FarDates = "refuse") -> int:
    """Minutes since 1970 UTC, seconds cut off; a naive time is in `zone`. Raises Unfit beyond 31 bits by `refuse`."""
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=zone)
    minutes = (aware - EPOCH) // MINUTE
    if abs(minutes) <= MINUTE_LIMIT or far == "exact":
        return minutes
    if far == "refuse":
        raise Unfit(f"{moment.isoformat()} is too far away to be indexed")
    return MINUTE_LIMIT if minutes > 0 else -MINUTE_LIMIT


@lru_cache(maxsize=1024)
def _utc_minutes(moment: datetime, far: FarDates) -> int:
    """The same of an instant in UTC: what is written together has few instants, each in indexes of several catalogs."""
    return minutes_of(moment, UTC, far)


def microseconds_of(moment: datetime, zone: tzinfo) -> int:
    """Microseconds since 1970 UTC; a naive time is in `zone`."""
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=zone)
    return (aware - EPOCH) // MICROSECOND


def _finite(value: float | Decimal) -> bool:
    # Neither a signalling NaN nor a whole number of hundreds of digits can be asked by way of a float.
    return value.is_finite() if isinstance(value, Decimal) else isinstance(value, int) or math.isfinite(value)


def date_key(value: object, dates: DateReading) -> int | None:
    """The minute that a date index keeps for a value; None for a value that is not a date at all, as `''` or a list.

    Raises Unfit for a text that does not parse and for a date out of reach.
    """
    # An instant first, since nearly all values are one.
    if isinstance(value, datetime):
        return _utc_minutes(value, dates.far) if value.tzinfo is UTC else minutes_of(value, dates.zone, dates.far)
    if isinstance(value, str):
        return minutes_of(parse_date(value, dates.zone, iso=dates.iso), dates.zone, dates.far) if value else None
    if isinstance(value, date):
        midnight = datetime.combine(value, time(), UTC if dates.iso == "utc" else dates.zone)
        return minutes_of(midnight, dates.zone, dates.far)
    if isinstance(value, (int, float, Decimal)):
        if not _finite(value) or not -SECOND_LIMIT <= value <= SECOND_LIMIT:
            raise Unfit(f"{value} seconds since 1970 are too far away to be indexed")
        return math.floor(value) // 60
    return None


def span_minute(value: object, dates: DateReading) -> int:
    """The minute that a date range criterion means; numbers are minutes since 1970. Raises Unfit otherwise."""
    if isinstance(value, (int, float, Decimal)) and _finite(value):
        return math.trunc(max(-MINUTE_LIMIT, min(MINUTE_LIMIT, value)))
    minute = None if isinstance(value, (int, float, Decimal)) else date_key(value, dates)
    if minute is None:
        raise Unfit("a date is expected, as 2024/01/31 or 2024-01-31T13:45:00Z")
    return minute


def code_key(text: str) -> str:
    """The form in which codes compare: without case, blanks at the ends, and characters that cannot be printed."""
    if not text.isprintable():
        text = "".join(character for character in text if character.isprintable())
    return text.strip().casefold()


def encodable(text: str) -> bool:
    """False for lone surrogates, which no database can hold."""
    return text.isascii() or _SURROGATE.search(text) is None


def _number(value: object) -> Decimal | None:
    """A number as Decimal (a float as it is written), None for anything else and for NaN."""
    if isinstance(value, Decimal):
        number = value
    elif isinstance(value, (bool, int)):
        number = Decimal(int(value))
    elif isinstance(value, float):
        number = Decimal(repr(value))
    else:
        return None
    return None if number.is_nan() else number


def comparable(index: Index, value: object, dates: DateReading) -> Decimal | str | int | None:
    """The value as something that sorts like the index's keys; None when it is of another type.

    Raises Unfit for a date that cannot be read.
    """
    if index.kind is IndexKind.DATE:
        return date_key(value, dates)
    if index.kind is IndexKind.UUID or index.value_type is ValueType.STRING:
        return value if isinstance(value, str) and encodable(value) else None
    if index.value_type in _NUMERIC:
        return _number(value)
    return microseconds_of(value, dates.zone) if isinstance(value, datetime) else None


def exact_key(index: Index, value: object, dates: DateReading) -> Key | None:
    """The key that equals the value; None when no document can have it, being of another type or out of range."""
    found = comparable(index, value, dates)
    if not isinstance(found, Decimal):
        return found
    if not found.is_finite():
        return None
    if index.value_type is ValueType.DECIMAL:
        fits = found.copy_abs() < _DECIMAL_LIMIT and found == found.quantize(_STEP, context=_WIDE)
        return found.quantize(_STEP, context=_WIDE) if fits else None
    whole = found.copy_abs() <= INTEGER_LIMIT and found == found.to_integral_value()
    return int(found) if whole else None


def exact_keys(index: Index, values: Iterable[object], dates: DateReading) -> tuple[Key, ...]:
    """The keys that equal any of the values, each once, in first-seen order. Raises Unfit as `comparable`."""
    keys = (exact_key(index, value, dates) for value in values)
    return tuple(dict.fromkeys(key for key in keys if key is not None))


def low_key(index: Index, bound: Decimal | str | int) -> Key | None:
    """The lowest key that is not below the bound; None when there is none."""
    if not isinstance(bound, Decimal):
        return bound
    if index.value_type is ValueType.DECIMAL:
        if bound >= _DECIMAL_LIMIT:
            return None
        return max(bound, _HIGHEST.copy_negate()).quantize(_STEP, rounding=ROUND_CEILING, context=_WIDE)
    if bound > INTEGER_LIMIT:
        return None
    return int(max(bound, Decimal(-INTEGER_LIMIT - 1)).to_integral_value(rounding=ROUND_CEILING))


def high_key(index: Index, bound: Decimal | str | int) -> Key | None:
    """The highest key that is not above the bound; None when there is none."""
    if not isinstance(bound, Decimal):
        return bound
    if index.value_type is ValueType.DECIMAL:
        if bound <= -_DECIMAL_LIMIT:
            return None
        return min(bound, _HIGHEST).quantize(_STEP, rounding=ROUND_FLOOR, context=_WIDE)
    if bound < -INTEGER_LIMIT - 1:
        return None
    return int(min(bound, Decimal(INTEGER_LIMIT)).to_integral_value(rounding=ROUND_FLOOR))


def parent_number(path: str) -> int:
    """A 63-bit number for the parent of a path, which makes a short key; queries compare the path itself as well."""
    return _number_of(path.rpartition("/")[0])


@lru_cache(maxsize=4096)
def _number_of(parent: str) -> int:
    return int.from_bytes(hashlib.blake2b(parent.encode(), digest_size=8).digest()) >> 1

"""Dates as Zope's publisher and catalogs read them, and arithmetic that ends with the calendar.

By Zope's rules ISO 8601 without an offset is UTC, and every other spelling without a zone is in the server's local
zone: `2024-01-02` and `2024/01/02` are different instants unless the server runs in UTC. With `iso="local"` both are
in the local zone.
"""

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from typing import Final, Literal, TypeAlias
from zoneinfo import ZoneInfo, available_timezones

from catalog.errors import DateOutOfCalendar, DateSyntaxError

MAX_LENGTH: Final = 100

IsoZone: TypeAlias = Literal["utc", "local"]
"""The zone of ISO 8601 without an offset: UTC, as Zope has it, or the local one."""

FIRST_INSTANT: Final = datetime.min.replace(tzinfo=UTC)
LAST_INSTANT: Final = datetime.max.replace(tzinfo=UTC)
"""The ends of the calendar."""

_ISO: Final = re.compile(
    r"(?P<year>\d{4})"
    r"(?:-(?P<month>\d{2})(?:-(?P<day>\d{2}))?|(?P<month2>\d{2})(?P<day2>\d{2}))?"
    r"(?:[T ](?P<hour>\d{2})(?::?(?P<minute>\d{2})(?::?(?P<second>\d{2})(?:[.,](?P<fraction>\d+))?)?)?)?"
    r" ?(?P<zone>Z|[+-]\d{2}(?::?\d{2})?)?",
    re.ASCII,
)
_TIME: Final = re.compile(
    r"(?<![\d:])(?P<hour>\d{1,2})(?::(?P<minute>\d{2})(?::(?P<second>\d{2})(?:\.(?P<fraction>\d+))?)?)?"
    r"\s*(?P<half>am|pm)?(?![\w:.])",
    re.ASCII | re.IGNORECASE,
)
_ZONE: Final = re.compile(
    r"(?:^|(?<=[\s\d]))(?P<name>[A-Za-z]+(?:/[A-Za-z_+\-]+)+|(?:GMT|UTC)?[+-]\d{1,2}(?::?\d{2})?|[A-Za-z]{1,5})\s*$",
    re.ASCII,
)
_OFFSET: Final = re.compile(r"(?:GMT|UTC)?([+-])(\d{1,2}):?(\d{2})?", re.ASCII | re.IGNORECASE)
_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH_NAMES: Final = (
    *_MONTHS,
    *("january february march april june july august september sept october november december").split(),
)
_WEEKDAY: Final = re.compile(
    r"\b(?:mon|tue|tues|wed|thu|thurs|fri|sat|sun|monday|tuesday|wednesday|thursday|friday|saturday|sunday)\b\.?,?",
    re.IGNORECASE,
)
_ABBREVIATIONS: Final = {
    "utc": 0, "gmt": 0, "z": 0, "ut": 0, "wet": 0, "bst": 1, "west": 1, "cet": 1, "met": 1, "cest": 2, "mest": 2,
    "eet": 2, "eest": 3, "est": -5, "edt": -4, "cst": -6, "cdt": -5, "mst": -7, "mdt": -6, "pst": -8, "pdt": -7,
}  # fmt: skip


def parse_date(text: str, local_zone: tzinfo = UTC, *, international: bool = False, iso: IsoZone = "utc") -> datetime:
    """The instant that a text names, with zone.

    `iso`: the zone of ISO 8601 without an offset. `international`: numeric dates are day/month/year and nothing else;
    otherwise month/day/year, the order swapped when it can only be meant that way. A bare day is its first moment.
    Raises DateSyntaxError for a text that is not a date.
    """
    stripped = text.strip()
    if not stripped or len(stripped) > MAX_LENGTH:
        raise DateSyntaxError(f"{_shown(text)} is no date")
    try:
        bare = UTC if iso == "utc" else local_zone
        match = _ISO.fullmatch(stripped)
        found = _iso_date(match, bare) if match else _loose_date(stripped, local_zone, international)
        # The arithmetic that every user of the instant does; at the ends of the calendar it would fail there.
        found.astimezone(UTC)
    except OverflowError as reason:
        raise DateOutOfCalendar(f"{_shown(text)} is outside the years 1 to 9999 in UTC") from reason
    except ValueError as reason:
        raise DateSyntaxError(f"{_shown(text)} is no date: write 2024-01-31T13:45:00Z or 2024/01/31 13:45") from reason
    return found


def other_reading(text: str, local_zone: tzinfo = UTC) -> datetime | None:
    """The instant with day and month swapped, of a date in numbers that can be read either way; None for any other."""
    try:
        found = parse_date(text, local_zone, iso="local")
        swapped = parse_date(text, local_zone, international=True, iso="local")
    except DateSyntaxError:
        return None
    return swapped if swapped != found else None


def shifted(moment: datetime, **span: float) -> datetime:
    """The instant a span later, given as `timedelta` takes it (`minutes=5`); the last or first one beyond the calendar.

    The calendar ends where UTC leaves the years 1 to 9999.
    """
    try:
        found = moment + timedelta(**span)
        if found.tzinfo is not None:
            found.astimezone(UTC)
    except OverflowError:
        end = FIRST_INSTANT if any(part < 0 for part in span.values()) else LAST_INSTANT
        return end.replace(tzinfo=None if moment.tzinfo is None else UTC)
    return found


def in_zone(moment: datetime, zone: tzinfo) -> datetime:
    """An instant with the offset of a zone; with its own where that would leave the years 1 to 9999."""
    try:
        return moment.astimezone(zone)
    except OverflowError:
        return moment


def _shown(text: str) -> str:
    return repr(text if len(text) <= 40 else f"{text[:40]}…")


def _microseconds(fraction: str | None) -> int:
    return int((fraction or "0").ljust(6, "0")[:6])


def _iso_date(match: re.Match[str], bare: tzinfo) -> datetime:
    part = match.groupdict()
    zone = bare if not part["zone"] else UTC if part["zone"] == "Z" else _offset(part["zone"])
    return datetime(
        int(part["year"]),
        int(part["month"] or part["month2"] or 1),
        int(part["day"] or part["day2"] or 1),
        int(part["hour"] or 0),
        int(part["minute"] or 0),
        int(part["second"] or 0),
        _microseconds(part["fraction"]),
        tzinfo=zone,
    )


def _offset(text: str) -> timezone:
    match = _OFFSET.fullmatch(text)
    if match is None:
        raise ValueError(text)
    sign, hours, minutes = match.groups()
    if int(hours) > 14 or int(minutes or 0) > 59:
        raise ValueError(text)
    span = timedelta(hours=int(hours), minutes=int(minutes or 0))
    return timezone(span if sign == "+" else -span)


@lru_cache(maxsize=1)
def _zone_names() -> dict[str, str]:
    return {name.lower(): name for name in available_timezones()}


def _zone(name: str) -> tzinfo | None:
    """The zone of a name, None for a word that does not name one."""
    lower = name.lower()
    if lower in _ABBREVIATIONS:
        hours = _ABBREVIATIONS[lower]
        return UTC if hours == 0 else timezone(timedelta(hours=hours))
    if _OFFSET.fullmatch(name):
        return _offset(name)
    if "/" in name and lower in _zone_names():
        return ZoneInfo(_zone_names()[lower])
    return None


def _split_zone(text: str) -> tuple[str, tzinfo | None]:
    match = _ZONE.search(text)
    if match is None or match.start() == 0:
        return text, None
    name = match["name"]
    if name[0] in "+-" and ":" not in text[: match.start()]:
        return text, None  # 9-3-1997: a date, not an offset
    zone = _zone(name)
    return (text, None) if zone is None else (text[: match.start()], zone)


def _split_time(text: str) -> tuple[str, tuple[int, int, int, int]]:
    for match in _TIME.finditer(text):
        if match["minute"] is None and match["half"] is None:
            continue
        hour = int(match["hour"])
        half = (match["half"] or "").lower()
        if half and not 1 <= hour <= 12:
            raise ValueError(text)
        if half:
            hour = hour % 12 + (12 if half == "pm" else 0)
        rest = f"{text[: match.start()]} {text[match.end() :]}"
        return rest, (hour, int(match["minute"] or 0), int(match["second"] or 0), _microseconds(match["fraction"]))
    return text, (0, 0, 0, 0)


def _loose_date(text: str, local_zone: tzinfo, international: bool) -> datetime:
    rest, zone = _split_zone(_WEEKDAY.sub(" ", text))
    rest, time = _split_time(rest)
    parts = [part for part in re.split(r"[\s/,.\-]+", rest) if part]
    year, month, day = _calendar_day(parts, international)
    return datetime(year, month, day, *time, tzinfo=zone or local_zone)


def _calendar_day(parts: list[str], international: bool) -> tuple[int, int, int]:
    """Year, month and day of two or three words, one of which may be the name of a month."""
    if not 2 <= len(parts) <= 3:
        raise ValueError(parts)
    # A month's name leaves no doubt about the other two; only numbers alone need the rules of order below.
    named = [n for n, part in enumerate(parts) if part.lower() in _MONTH_NAMES]
    month = None
    if len(named) == 1:
        month = _MONTHS.index(parts[named[0]].lower()[:3]) + 1
    numbers = [part for n, part in enumerate(parts) if n not in named]
    if len(named) > 1 or not all(re.fullmatch(r"\d{1,4}", part, re.ASCII) for part in numbers):
        raise ValueError(parts)
    # Of two words one must be a whole year: "3/4" and "May 3" could be any of several dates.
    if len(parts) == 2 and not any(len(part) == 4 for part in numbers):
        raise ValueError(parts)
    year, others = _take_year(numbers)
    if month is not None:
        return year, month, others[0] if others else 1
    if len(others) == 1:
        return year, others[0], 1
    first, second = others
    # A year in front is followed by the month, as in ISO 8601, unless the number cannot be one.
    if len(numbers[0]) > 2:
        return (year, second, first) if first > 12 else (year, first, second)
    if international or first > 12:
        return year, second, first
    return year, first, second


def _take_year(numbers: list[str]) -> tuple[int, list[int]]:
    """The year (four digits, or more than a day can be, or the last) and the numbers that are left."""
    if not numbers:
        raise ValueError(numbers)
    position = next((n for n, part in enumerate(numbers) if len(part) > 2 or int(part) > 31), len(numbers) - 1)
    year = int(numbers[position])
    if len(numbers[position]) == 3 or any(len(part) > 2 for n, part in enumerate(numbers) if n != position):
        raise ValueError(numbers)  # 2024-005 counts the days of a year: no month has three digits
    if len(numbers[position]) <= 2:
        year += 2000 if year < 70 else 1900
    return year, [int(part) for n, part in enumerate(numbers) if n != position]

"""Moments named by their distance from now: durations such as `1d6h`, and days such as `today`. Pure."""

import calendar
import re
from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta, tzinfo
from types import MappingProxyType
from typing import Final

RECENT_DAYS: Final[Mapping[str, int]] = MappingProxyType(
    {"today": 0, "yesterday": 1, "this-week": 7, "this-month": 30, "this-year": 365}
)
"""Word → days before the beginning of today."""

DURATION_UNITS: Final = "y, m (months), w, d, h, min, s"
"""Units of durations, the longest first; `m` is a month, as published clients send it."""

_UNIT_NAMES: Final = ("y", "m", "w", "d", "h", "min", "s")
_DURATION: Final = re.compile(
    "".join(rf"(?:([0-9]{{1,9}})\s*{unit}(?![a-z])\s*)?" for unit in _UNIT_NAMES), re.IGNORECASE
)
_FIRST: Final = datetime(1, 1, 2, tzinfo=UTC)


def moment_before(text: str, now: datetime) -> datetime | None:
    """The moment so long before now as a duration says (`2d`, `1d6h`, `3m`); None for a text that is no duration.

    Years and months are those of the calendar: a month before 31 March is the last day of February. What would lie
    before the calendar is its beginning.
    """
    found = _DURATION.fullmatch(text.strip())
    if found is None or not any(found.groups()):
        return None
    years, months, weeks, days, hours, minutes, seconds = (int(number or 0) for number in found.groups())
    try:
        earlier = _months_before(now, 12 * years + months)
        return earlier - timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds)
    except (OverflowError, ValueError):
        return _FIRST


def _months_before(now: datetime, months: int) -> datetime:
    """The same day and time some months earlier, or the last day of a shorter month. Raises ValueError."""
    year, month = divmod(now.year * 12 + now.month - 1 - months, 12)
    if year < 1:
        raise ValueError("before the calendar")
    last = calendar.monthrange(year, month + 1)[1]
    return now.replace(year=year, month=month + 1, day=min(now.day, last))


def beginning_of(word: str, now: datetime, zone: tzinfo) -> datetime | None:
    """The beginning of a recent time (a word of `RECENT_DAYS`, in any case) in a zone; None for another word."""
    days = RECENT_DAYS.get(word.strip().lower())
    if days is None:
        return None
    return datetime.combine(now.astimezone(zone).date() - timedelta(days=days), time(), zone)

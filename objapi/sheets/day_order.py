"""Dates in numbers whose day or month could come first: what the rest of their column says. Pure."""

import re
from collections.abc import Iterable
from typing import Final

_NUMBERS: Final = re.compile(r"\A(?P<first>[0-9]{1,2})(?P<mark>[./-])(?P<second>[0-9]{1,2})(?=(?P=mark)[0-9]{2})")
_MONTHS: Final = 12


def has_days_first(texts: Iterable[str]) -> bool:
    """True for a column with a date that only makes sense with the day first, and none that does with the month first.

    One program has written all of it, so the dates that could be meant either way are meant like that one.
    """
    found = [(int(match["first"]), int(match["second"])) for match in map(_NUMBERS.match, texts) if match]
    return any(first > _MONTHS for first, _ in found) and not any(second > _MONTHS for _, second in found)


def with_month_first(text: str) -> str:
    """A date that has its day first, in the order in which the gateway reads dates in numbers."""
    return _NUMBERS.sub(r"\g<second>\g<mark>\g<first>", text, count=1)

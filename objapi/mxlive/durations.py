"""Lengths of time in words, as the client shows them in its log. Pure."""

from typing import Final

_UNITS: Final = (("sec", 60.0), ("min", 60.0), ("hour", 24.0), ("day", 7.0), ("week", 4.35), ("month", 12.0))
"""Each unit, and how many of it make the next one."""


def in_words(seconds: float) -> str:
    """The two largest units that round above zero, such as ``1 day 3 hours``."""
    parts: list[tuple[float, str]] = []
    rest = max(seconds, 0.0)
    for unit, size in _UNITS:
        rest, left = divmod(rest, size)
        parts.append((left, unit))
    parts.append((rest, "year"))
    shown = [(round(value), unit) for value, unit in reversed(parts) if round(value) > 0]
    return " ".join(f"{value} {unit}{'s' if value > 1 else ''}" for value, unit in shown[:2]) or "0 minutes"

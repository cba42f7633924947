"""Instants and row numbers: microseconds since 1970 UTC, ISO 8601 text in documents, and numbers that rise with time.

A row number is given by the gateway, the same whichever database stores it: 63 bits, milliseconds since 2020 in the
upper 41, then a counter of 22 bits that starts at random for each millisecond. Two processes can only meet within one
millisecond; the primary key refuses the second one and the request runs again.
"""

import secrets
import threading
import time
from datetime import UTC, datetime

from catalog.values import EPOCH, MICROSECOND


def to_micros(instant: datetime) -> int:
    """Microseconds since 1970 UTC of an instant with zone."""
    return (instant - EPOCH) // MICROSECOND


def from_micros(micros: int) -> datetime:
    """The instant, in UTC."""
    return EPOCH + micros * MICROSECOND


def to_text(instant: datetime) -> str:
    """The stored form of a datetime field: ISO 8601 in UTC."""
    return instant.astimezone(UTC).isoformat()


_EPOCH_MS = 1_577_836_800_000
_COUNTER_BITS = 22
_COUNTER_MASK = (1 << _COUNTER_BITS) - 1


class RowIds:
    """Gives row numbers, each once in this process and always rising; safe between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last = 0

    def next(self) -> int:
        """A number greater than every one given before."""
        with self._lock:
            stamp = (time.time_ns() // 1_000_000 - _EPOCH_MS) << _COUNTER_BITS
            if stamp > self._last:
                self._last = stamp | secrets.randbelow(_COUNTER_MASK >> 1)
            else:
                self._last += 1
            return self._last


rowids = RowIds()
"""The numbers of this process."""

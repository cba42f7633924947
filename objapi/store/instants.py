"""Instants as the store keeps them: microseconds since 1970 UTC, and ISO 8601 text in documents."""

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

"""Times as old databases hold them."""

from datetime import datetime
from typing import Any


def known_time(value: Any) -> datetime | None:
    """A time of the database, or None.

    The zero date, with which some columns of MySQL databases begin, is no time; drivers give it as text.
    """
    return value if isinstance(value, datetime) else None

"""What the current thread has asked of databases: a few numbers, for measurements and headers."""

from threading import local
from typing import Final


class DatabaseUse(local):
    """Numbers of one thread since somebody set them to zero; every engine of this package adds to them.

    They are plain attributes: each statement pays for them, and so nothing here is called.
    """

    statements: int = 0
    seconds: float = 0.0
    """Seconds in which statements ran, and a transaction waited for its connection, its beginning or its commit."""
    repeats: int = 0
    """Transactions that were done again."""
    fault: str = ""
    """Kind of the last failure for which the database could not be used; empty: there was none."""
    running_since: float = 0.0
    """Instant of the performance counter at which the running statement was sent."""


DATABASE_USE: Final = DatabaseUse()
"""The numbers of whichever thread looks at them."""

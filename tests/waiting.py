"""Waits of tests: for an event, with an end that no machine reaches but in a failure.

How long something takes says more about what else the machine does than about the gateway. So nothing in `tests/` but
this module sleeps or compares clocks (`tests/test_waiting.py` sees to it); time limits of the gateway are tested with
a clock that the test moves, or with somebody who never answers.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

ENOUGH: Final = 120
"""Seconds until a test gives up waiting for what must come."""

_PAUSE: Final = 0.02


def wait_until(condition: Callable[[], bool], what: str, log: Path | None = None) -> None:
    """Wait until the condition holds; fails the test when it never does, and shows the log then."""
    end = time.monotonic() + ENOUGH
    while not condition():
        if time.monotonic() > end:
            shown = log.read_text(errors="replace") if log else ""
            raise AssertionError(f"{what} did not come within {ENOUGH} s\n{shown}")
        time.sleep(_PAUSE)

"""Time and SQL statements of something that is done a few times, and the table that shows them."""

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import Engine, event

REPEATS = 5
ENOUGH_SECONDS = 5.0
"""Seconds after which a measurement is not repeated."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """One row of the table: seconds of each run, and SQL statements of one; None where they cannot be counted."""

    database: str
    objects: int
    what: str
    seconds: tuple[float, ...]
    statements: int | None = None

    @property
    def cells(self) -> tuple[str, ...]:
        middle = 1000 * statistics.median(self.seconds)
        worst = 1000 * max(self.seconds)
        counted = "" if self.statements is None else f"{self.statements}"
        return (self.database, f"{self.objects:,}", self.what, f"{middle:,.1f}", f"{worst:,.1f}", counted)


class StatementCounter:
    """Counts the statements of an engine from its making on. BEGIN, COMMIT and connection set-up are none."""

    def __init__(self, engine: Engine) -> None:
        self.count = 0
        event.listen(engine, "before_cursor_execute", self._add)

    def _add(self, *_: object) -> None:
        self.count += 1


def repeated(work: Callable[[], object], *, repeats: int = REPEATS) -> tuple[float, ...]:
    """The seconds that each run took, fewer runs when they take long."""
    taken: list[float] = []
    while len(taken) < repeats and sum(taken) < ENOUGH_SECONDS:
        begun = time.perf_counter()
        work()
        taken.append(time.perf_counter() - begun)
    return tuple(taken)


HEAD = ("database", "objects", "measured", "median ms", "worst ms", "statements")
_NUMBERS = (1, 3, 4, 5)


def table(measurements: Sequence[Measurement]) -> str:
    """The measurements as a table for a terminal, numbers to the right."""
    rows = [HEAD, *(measurement.cells for measurement in measurements)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD))]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if column in _NUMBERS else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )

"""Progress of long work on the command line: a bar on a terminal, a line now and then in a log."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

import click

LINE_SECONDS = 10.0

Advance = Callable[[int], None]


@contextmanager
def progress(label: str, total: int, stream: TextIO | None = None) -> Iterator[Advance]:
    """Show the progress of work that has `total` units; yields the function to call with the units just done.

    `stream` is standard error when not given. On a terminal click draws a bar with the remaining time; elsewhere a
    line is written at the beginning, at most every ten seconds, and at the end. Of no work nothing is shown.
    """
    target = stream or sys.stderr
    if not total:
        yield lambda done: None
    elif target.isatty():
        with click.progressbar(length=total, label=label, file=target, show_pos=True) as bar:
            yield bar.update
    else:
        lines = _Lines(label, total, target)
        lines.write()
        yield lines.advance
        lines.write()


class _Lines:
    """Progress as lines of text, for output that goes into a file."""

    def __init__(self, label: str, total: int, stream: TextIO) -> None:
        self._label = label
        self._total = total
        self._stream = stream
        self._done = 0
        self._written = 0.0

    def advance(self, done: int) -> None:
        self._done += done
        if time.monotonic() - self._written >= LINE_SECONDS:
            self.write()

    def write(self) -> None:
        click.echo(f"{self._label}: {self._done} of {self._total}", file=self._stream)
        self._written = time.monotonic()

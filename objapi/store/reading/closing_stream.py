"""An iterator that keeps something open for as long as it runs."""

from collections.abc import Callable, Iterator
from typing import Self


class ClosingStream:
    """Yields chunks, and calls back once when they are all taken, when one cannot be made, or when it is closed."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._callbacks: list[Callable[[], None]] = []

    def when_done(self, callback: Callable[[], None]) -> None:
        """What to do at the end, such as closing a connection."""
        self._callbacks.append(callback)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> bytes:
        try:
            return next(self._chunks)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End it, whether or not all was taken."""
        close = getattr(self._chunks, "close", None)
        if close is not None:
            close()
        callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            callback()

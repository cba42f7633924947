"""Looks at something that may hang, for callers who are answered in time: one at a time, in a thread of its own."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar

T = TypeVar("T")


class Looks(Generic[T]):
    """Takes a look when somebody asks, and shares it with all who ask meanwhile. Safe between threads."""

    def __init__(self, name: str, look: Callable[[], T]) -> None:
        self._name = name
        self._look = look
        self._lock = threading.Lock()
        self._running: Future[T] | None = None

    def found(self, seconds: float) -> T:
        """Return what a look finds, or the one that is running, or raise what it raises.

        Raises TimeoutError after so many seconds.
        """
        with self._lock:
            running = self._running
            if running is None or running.done():
                running = self._running = Future()
                threading.Thread(target=self._take, args=(running,), name=self._name, daemon=True).start()
        return running.result(seconds)

    def _take(self, running: "Future[T]") -> None:
        try:
            running.set_result(self._look())
        except Exception as error:  # noqa: BLE001 - raised for who waits for it
            running.set_exception(error)

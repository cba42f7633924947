"""Threads that answer requests: started when there is work for them, ended when there was none for a while."""

from collections.abc import Callable
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from typing import Final

_IDLE_SECONDS: Final = 30.0


class RequestThreads:
    """A pool of at most `most` threads; work beyond that waits, in the order in which it came. It must not raise.

    `ThreadPoolExecutor` is no use here: it never ends a thread, and holds up the end of the process.
    """

    def __init__(self, most: int, idle_seconds: float = _IDLE_SECONDS) -> None:
        self._most = most
        self._idle_seconds = idle_seconds
        self._work: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._lock = Lock()
        self._threads = 0
        self._free = 0
        """Threads that wait, less the work that is there for them; below zero when work waits for threads."""

    @property
    def count(self) -> int:
        """Threads there are now."""
        return self._threads

    def submit(self, work: Callable[[], None]) -> None:
        """Have some work done in a thread. Raises RuntimeError, and does not do it, when no thread can be started."""
        with self._lock:
            self._free -= 1
            starts = self._free < 0 and self._threads < self._most
            if starts:
                self._threads += 1
                self._free += 1
        if starts:
            self._start()
        self._work.put(work)

    def _start(self) -> None:
        try:
            Thread(target=self._run, name="request", daemon=True).start()
        except RuntimeError:
            # The system has no more threads. The work waits for one of those that run, if any does.
            with self._lock:
                self._threads -= 1
                self._free -= 1
                if self._threads:
                    return
                self._free += 1
            raise

    def _run(self) -> None:
        while True:
            try:
                work = self._work.get(timeout=self._idle_seconds)
            except Empty:
                if self._ended():
                    return
                continue
            work()
            # What the work held must not live until the next one comes.
            del work
            with self._lock:
                self._free += 1

    def _ended(self) -> bool:
        """True when this thread may end: work that was just counted on it is waited for."""
        with self._lock:
            if self._free <= 0:
                return False
            self._free -= 1
            self._threads -= 1
            return True

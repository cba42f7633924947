"""The thread of a worker that numbers requests soon after their commits, and tells callers who wait for changes.

Nothing depends on it: whoever reads the trail numbers first what is left, also what another process has committed. The
parent process has no such thread, since it has no connection to the database, and workers are forked from it.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from sqlalchemy.exc import DBAPIError

from objapi.errors import ApiError, Unavailable
from objapi.site import Site

GATHERING_SECONDS: Final = 1.0
"""Time after a commit for which others are awaited, to be numbered together."""
POLL_SECONDS: Final = 0.5
"""Time between two looks for what other processes have committed, while somebody waits."""
IDLE_SECONDS: Final = 60.0
"""Time after which it looks even though this process has committed nothing: for failed log-ins, and for what another
process has left when it ended."""

_RETRY_SECONDS: Final = 5

_log = logging.getLogger("objapi.trail")


class TrailWatch:
    """The thread of one process that numbers requests and tells who waits for them; to be started after a fork."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._places = threading.BoundedSemaphore(site.settings.max_waiting)
        self._numbered = threading.Condition()
        self._seq = 0
        self._waiting = 0
        self._listeners: set[Callable[[], None]] = set()

    def start(self) -> None:
        """Start the thread, unless it runs."""
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="trail", daemon=True)
                self._thread.start()

    @contextmanager
    def place(self) -> Iterator[None]:
        """One of the places for callers who wait. Raises Unavailable (503) when all are taken."""
        if not self._places.acquire(blocking=False):
            raise Unavailable(
                f"{self._site.settings.max_waiting} callers wait for changes already (OBJAPI_MAX_WAITING); "
                "ask without wait, or later.",
                retry_after=_RETRY_SECONDS,
            )
        try:
            yield
        finally:
            self._places.release()

    def wait_beyond(self, seq: int, seconds: float) -> None:
        """Wait until a request with a higher number is there, at most so many seconds; no connection is held."""
        self.start()
        with self._numbered:
            self._waiting += 1
            # The thread may be in its long sleep.
            self._site.written.set()
            try:
                self._numbered.wait_for(lambda: self._seq > seq, max(0.0, seconds))
            finally:
                self._waiting -= 1

    @contextmanager
    def listening(self, wake: Callable[[], None]) -> Iterator[None]:
        """Have `wake`, which must not block, called in the thread of this when requests have got numbers."""
        self.start()
        with self._numbered:
            self._listeners.add(wake)
            self._waiting += 1
            self._site.written.set()
        try:
            yield
        finally:
            with self._numbered:
                self._listeners.discard(wake)
                self._waiting -= 1

    def _run(self) -> None:
        written = self._site.written
        while True:
            if written.wait(POLL_SECONDS if self._waiting else IDLE_SECONDS) and not self._waiting:
                time.sleep(GATHERING_SECONDS)
            written.clear()
            self._number()

    def _number(self) -> None:
        """Number what has been committed, and wake who waits; a failure is left for the next time."""
        try:
            head = self._site.number_requests(aside=True)
        except (ApiError, DBAPIError) as error:
            _log.info("requests were not numbered: %s", error)
            time.sleep(POLL_SECONDS)
            return
        with self._numbered:
            if head.seq > self._seq:
                self._seq = head.seq
                self._numbered.notify_all()
                for wake in self._listeners:
                    wake()

"""The thread of a worker that numbers requests soon after their commits, so that who reads the trail need not wait.

Nothing depends on it: whoever reads the trail numbers first what is left, also what another process has committed. The
parent process has no such thread, since it has no connection to the database, and workers are forked from it.
"""

import logging
import threading
import time
from typing import Final

from sqlalchemy.exc import DBAPIError

from objapi.errors import ApiError
from objapi.site import Site

GATHERING_SECONDS: Final = 1.0
"""Time after a commit for which others are awaited, to be numbered together."""
IDLE_SECONDS: Final = 60.0
"""Time after which it looks even though this process has committed nothing: for failed log-ins, and for what another
process has left when it ended."""

_log = logging.getLogger("objapi.trail")


class TrailWatch:
    """The numbering thread of one process, to be started after a fork."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the thread, unless it runs."""
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="trail", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        written = self._site.written
        while True:
            if written.wait(IDLE_SECONDS):
                time.sleep(GATHERING_SECONDS)
            written.clear()
            self.number()

    def number(self) -> None:
        """Number what has been committed; a failure is left for the next time."""
        try:
            self._site.number_requests(aside=True)
        except (ApiError, DBAPIError) as error:
            _log.info("requests were not numbered: %s", error)

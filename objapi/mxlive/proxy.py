"""Client of the data proxy, which returns an opaque key for a directory; addresses of files are built from the key.

It is called outside of any transaction, and the whole call is bounded in time, the look-up of the host included.
"""

import json
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Final
from urllib.parse import urlencode, urlsplit

from objapi.errors import Cause, Unavailable, ValidationError

LONGEST_KEY: Final = 200
_LONGEST_ANSWER: Final = 64 * 1024
_RETRY_AFTER: Final = 10


class DirectoryRefused(ValidationError):
    """The data proxy refuses a key for a directory outside of those that it may show."""


@dataclass(frozen=True, slots=True)
class DataProxy:
    """The proxy at a URL, with its time limit in seconds; without a URL all keys are empty."""

    url: str | None
    timeout: float

    def key_of(self, directory: str) -> str:
        """A fresh key for a directory; empty without a proxy. Raises Unavailable (503) and DirectoryRefused."""
        if self.url is None:
            return ""
        status, body = _within(self.timeout, lambda: self._ask(directory))
        if status != 200:
            raise _unavailable(f"it answered {status}")
        try:
            answer = json.loads(body)
        except ValueError:
            raise _unavailable("its answer is not JSON") from None
        key = answer.get("key", "") if isinstance(answer, dict) else ""
        if key is None:
            message = "directory: the data proxy gives no access to it"
            raise DirectoryRefused(message, causes=[Cause("parameter", "directory", message)])
        if not isinstance(key, str) or not 0 < len(key) <= LONGEST_KEY or not key.isascii() or not key.isprintable():
            raise _unavailable("its answer has no key")
        return key

    def _ask(self, directory: str) -> tuple[int, bytes]:
        parts = urlsplit(self.url or "")
        make = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        connection = make(parts.hostname or "", parts.port, timeout=self.timeout)
        try:
            connection.request(
                "POST",
                f"{parts.path}/data/create/",
                urlencode({"path": directory}),
                {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"},
            )
            response = connection.getresponse()
            return response.status, response.read(_LONGEST_ANSWER)
        finally:
            connection.close()


def _within(seconds: float, ask: Callable[[], tuple[int, bytes]]) -> tuple[int, bytes]:
    """The answer of `ask` if it arrives in time; a later one is discarded. Raises Unavailable."""
    answers: queue.SimpleQueue[tuple[int, bytes] | None] = queue.SimpleQueue()

    def run() -> None:
        try:
            answers.put(ask())
        except (OSError, HTTPException, ValueError):
            answers.put(None)

    threading.Thread(target=run, name="data proxy", daemon=True).start()
    try:
        answer = answers.get(timeout=seconds)
    except queue.Empty:
        raise _unavailable(f"it did not answer within {seconds:g} s") from None
    if answer is None:
        raise _unavailable("it cannot be reached")
    return answer


def _unavailable(reason: str) -> Unavailable:
    return Unavailable(f"The data proxy is not available: {reason}. Nothing was stored.", retry_after=_RETRY_AFTER)

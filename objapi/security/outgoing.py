"""Calls that the gateway itself makes to other servers: bounded in time and size, and never redirected.

The bound on time is one on the whole call, the look-up of the host included, so that a server that answers a byte at a
time holds nobody up. To be called outside of any transaction.
"""

import queue
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import TypeVar
from urllib.parse import urlsplit

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class ServerAnswer:
    """The answer of a server. A redirection is one like any other: it is not followed."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    """Headers by name in lower case."""


class NoAnswer(Exception):
    """A server that gave no answer; the text is a phrase that says why."""


def ask(
    url: str, *, seconds: float, longest: int, body: str | None = None, headers: Mapping[str, str] | None = None
) -> ServerAnswer:
    """The answer of the server at an http or https URL, asked by GET, or with a body by POST.

    Raises NoAnswer when it cannot be reached, takes longer than `seconds`, or answers more than `longest` bytes.
    """
    return within(seconds, lambda: _ask(url, seconds, longest, body, headers or {}))


def _ask(url: str, seconds: float, longest: int, body: str | None, headers: Mapping[str, str]) -> ServerAnswer:
    parts = urlsplit(url)
    make = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    connection = make(parts.hostname or "", parts.port, timeout=seconds)
    try:
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("GET" if body is None else "POST", target, body, dict(headers))
        # Closed by itself: a connection that ends with its answer knows nothing of it any more.
        with connection.getresponse() as response:
            read = response.read(longest + 1)
            told = {name.lower(): value for name, value in response.getheaders()}
    finally:
        connection.close()
    if len(read) > longest:
        raise NoAnswer(f"its answer is longer than {longest} bytes")
    return ServerAnswer(response.status, read, told)


def within(seconds: float, call: Callable[[], _T]) -> _T:
    """The answer of a call if it arrives in time; a later one is discarded.

    Raises NoAnswer, also when the call raises the errors of a connection, and whatever else the call raises.
    """
    answers: queue.SimpleQueue[tuple[_T] | Exception] = queue.SimpleQueue()

    def run() -> None:
        try:
            answers.put((call(),))
        except (OSError, HTTPException, ValueError):
            answers.put(NoAnswer("it cannot be reached"))
        except Exception as failure:  # noqa: BLE001 - raised where the answer is waited for
            answers.put(failure)

    threading.Thread(target=run, name="call to another server", daemon=True).start()
    try:
        answer = answers.get(timeout=seconds)
    except queue.Empty:
        raise NoAnswer(f"it did not answer within {seconds:g} s") from None
    if isinstance(answer, Exception):
        raise answer
    return answer[0]

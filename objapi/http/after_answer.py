"""Work after an answer: an unread body is discarded, memory that a large request took is given back.

A server that answers before it has read the body has to close the connection. Unless the answer says so, a client
sends its next request into it and loses that; one that is still sending may lose the answer, too (RFC 9112 9.6).
What Python frees stays with the C library, and what a failed request made stays with its traceback until the garbage
collector comes by, which in a quiet worker it does not. Only glibc is told; other libraries return memory themselves.
"""

import ctypes
import gc
import platform
import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from threading import Lock
from typing import Any, Final
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from objapi.errors import Unavailable
from objapi.security.throttle import address_key

_LARGE: Final = 128 * 1024
_REST_SECONDS: Final = 1.0
# Numbers of malloc.h: arenas at most, and bytes from which blocks are mapped, and the free end of the heap is returned.
_ALLOCATION: Final = ((-8, 2), (-3, 256 * 1024), (-1, 256 * 1024))


def limit_allocation() -> None:
    """Let the C library keep less for later (mallopt(3)): by default freed blocks of up to 32 MiB, for each thread."""
    library = _glibc()
    if library is not None:
        for parameter, value in _ALLOCATION:
            library.mallopt(parameter, value)


class MemoryReturn:
    """WSGI middleware that cleans up a second after a request with a large body."""

    def __init__(self, application: WSGIApplication, rest: float = _REST_SECONDS) -> None:
        self._application = application
        self._rest = rest
        self._lock = threading.Lock()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer as the application does."""
        length = str(environ.get("CONTENT_LENGTH") or "0")
        # Of a body without a length the size is not known.
        large = "HTTP_TRANSFER_ENCODING" in environ or (length.isdigit() and int(length) > _LARGE)
        answer = self._application(environ, start_response)
        # One clean-up is enough for all requests of a second.
        if large and self._lock.acquire(blocking=False):
            timer = threading.Timer(self._rest, self._clean_up)
            timer.daemon = True
            timer.start()
        return answer

    def _clean_up(self) -> None:
        self._lock.release()
        give_back()


def give_back() -> None:
    """Collect garbage and return free memory to the system."""
    gc.collect()
    library = _glibc()
    if library is not None:
        library.malloc_trim(0)


def _glibc() -> ctypes.CDLL | None:
    return ctypes.CDLL(None) if platform.libc_ver()[0] == "glibc" else None


_DISCARDED: Final = 64 * 1024
_RETRY_AFTER: Final = 5


class UnreadBodies:
    """WSGI middleware that discards what an answer left unread of a body, when it is short.

    Of a longer one the answer does not wait for the end, and carries `Connection: close`; so does that to a client
    which has not begun to send, since it waits to be told to go on (`Expect: 100-continue`).

    A body that is being read holds a thread for as long as the client takes to send it. At most `unfinished` of one
    address do so at once; reading a further one raises Unavailable (503), which the face answers.
    """

    def __init__(self, application: WSGIApplication, unfinished: int) -> None:
        self._application = application
        self._unfinished = _UnfinishedBodies(unfinished)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer as the application does, once its body was read by somebody."""
        if environ.get("CONTENT_LENGTH", "0") in ("", "0") and "HTTP_TRANSFER_ENCODING" not in environ:
            return self._application(environ, start_response)
        body = _WatchedBody(environ, self._unfinished)
        environ["wsgi.input"] = body
        waits_for_word = "100-continue" in str(environ.get("HTTP_EXPECT", "")).lower()

        def start(status: str, headers: list[tuple[str, str]], *exc_info: Any) -> Any:
            if (waits_for_word and not body.touched) or not self._discarded(body):
                headers = [*headers, ("Connection", "close")]
            return start_response(status, headers, *exc_info)

        try:
            return self._application(environ, start)
        finally:
            body.release()

    def _discarded(self, body: "_WatchedBody") -> bool:
        """Read the rest of a short body; false when it was not read to its end."""
        if body.left is None or body.left > _DISCARDED:
            return body.left == 0
        try:
            body.read()
        except Unavailable:
            return False
        finally:
            body.release()
        return True


class _UnfinishedBodies:
    """Bodies that are being read in this process, by the address that sends them."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._reading: Counter[str] = Counter()
        self._lock = Lock()

    def begin(self, address: str) -> None:
        with self._lock:
            if self._reading[address] >= self._most:
                raise Unavailable(
                    "Too many requests from your address are not sent to their end yet. Finish them, then try again.",
                    retry_after=_RETRY_AFTER,
                )
            self._reading[address] += 1

    def end(self, address: str) -> None:
        with self._lock:
            self._reading[address] -= 1
            if not self._reading[address]:
                del self._reading[address]


class _WatchedBody:
    """The input stream of PEP 3333, which notes that it was read from, and counts as unfinished until its end."""

    def __init__(self, environ: WSGIEnvironment, unfinished: _UnfinishedBodies) -> None:
        self._environ = environ
        self._stream: Any = environ["wsgi.input"]
        self._unfinished = unfinished
        length = str(environ.get("CONTENT_LENGTH") or "")
        self.left = int(length) if length.isdigit() else None
        self._address: str | None = None
        self.touched = False

    def read(self, size: int = -1) -> bytes:
        self._begin()
        chunk: bytes = self._stream.read(size) if size >= 0 else self._stream.read()
        return self._noted(chunk, ended=size < 0 or (size > 0 and not chunk))

    def readline(self, size: int = -1) -> bytes:
        self._begin()
        line: bytes = self._stream.readline(size) if size >= 0 else self._stream.readline()
        return self._noted(line, ended=size != 0 and not line)

    def readlines(self, hint: int = -1) -> list[bytes]:
        return list(self)

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.readline, b"")

    def release(self) -> None:
        """Count as unfinished no longer: it was read to its end, or nobody is going to."""
        if self._address is not None:
            self._unfinished.end(self._address)
            self._address = None

    def _begin(self) -> None:
        self.touched = True
        if self._address is None and self.left != 0:
            # Of the client, since proxies that are trusted have been looked through by now.
            address = address_key(str(self._environ.get("REMOTE_ADDR", "")))
            self._unfinished.begin(address)
            self._address = address

    def _noted(self, piece: bytes, *, ended: bool) -> bytes:
        if self.left is not None:
            self.left = max(self.left - len(piece), 0)
        if ended:
            self.left = 0
        if self.left == 0:
            self.release()
        return piece

"""Bodies of which an answer needed nothing: the connection stays usable, or is closed in a way that clients see.

A server that answers before it has read the body has to close the connection. Unless the answer says so, a client
sends its next request into it and loses that; one that is still sending may lose the answer, too (RFC 9112 9.6).
"""

import time
from collections.abc import Iterable, Iterator
from typing import Any, Final
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

_CHUNK: Final = 64 * 1024
_DISCARD_SECONDS: Final = 5.0


class UnreadBodies:
    """WSGI middleware that discards what an answer left unread of a body, up to `most` bytes and for a few seconds.

    Past these the answer carries `Connection: close`; so does that to a client which has not begun to send, since it
    waits to be told to go on (`Expect: 100-continue`).
    """

    def __init__(self, application: WSGIApplication, most: int) -> None:
        self._application = application
        self._most = most

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer as the application does, once its body was read by somebody."""
        if environ.get("CONTENT_LENGTH", "0") in ("", "0") and "HTTP_TRANSFER_ENCODING" not in environ:
            return self._application(environ, start_response)
        body = _WatchedBody(environ["wsgi.input"])
        environ["wsgi.input"] = body
        waits_for_word = "100-continue" in str(environ.get("HTTP_EXPECT", "")).lower()

        def start(status: str, headers: list[tuple[str, str]], *exc_info: Any) -> Any:
            if (waits_for_word and not body.touched) or not self._discarded(body):
                headers = [*headers, ("Connection", "close")]
            return start_response(status, headers, *exc_info)

        return self._application(environ, start)

    def _discarded(self, body: "_WatchedBody") -> bool:
        """Read the rest of a body; false when too much or too little of it comes."""
        left, deadline = self._most, time.monotonic() + _DISCARD_SECONDS
        while left > 0 and time.monotonic() < deadline:
            chunk = body.read(_CHUNK)
            if not chunk:
                return True
            left -= len(chunk)
        return False


class _WatchedBody:
    """The input stream of PEP 3333, which notes that it was read from."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self.touched = False

    def read(self, size: int = -1) -> bytes:
        self.touched = True
        chunk: bytes = self._stream.read(size) if size >= 0 else self._stream.read()
        return chunk

    def readline(self, size: int = -1) -> bytes:
        self.touched = True
        line: bytes = self._stream.readline(size) if size >= 0 else self._stream.readline()
        return line

    def readlines(self, hint: int = -1) -> list[bytes]:
        return list(self)

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.readline, b"")

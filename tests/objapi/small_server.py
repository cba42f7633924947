"""A server with a tiny application, started as a process of its own by the tests of `objapi.serve`.

It takes its settings from the environment and writes `ready` when the port answers.
"""

import os
import sys
from collections.abc import Iterable, Iterator
from functools import partial
from threading import Event
from typing import Final
from wsgiref.types import StartResponse, WSGIEnvironment

from objapi.http.exchange import EARLY_REFUSAL
from objapi.http.metrics import Metrics, gather_metrics
from objapi.serve import ServeError, serve
from objapi.settings import Settings, load_settings

PIECE: Final = b"x" * 32 * 1024
STREAMED: Final = 2_000


class Application:
    """Answers `<process id> <site id> <bytes of the body>`, or the status for which the server did not read the body.

    `/metrics` gives the numbers of all workers, `/slow` says so, counts itself as a password check and stays, `/crash`
    ends the worker, `/stream` is long, `/broken` fails on its way, and `/streamed` tells the pieces that were made of
    the stream and whether it was closed.
    """

    def __init__(self, settings: Settings, metrics: Metrics) -> None:
        self.metrics = metrics
        self.site_id = settings.site_id
        self.pieces = 0
        self.closed = False

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"] == "/metrics":
            start_response("200 OK", [("Content-Type", "text/plain")])
            return [gather_metrics() or b""]
        if environ["PATH_INFO"] == "/slow":
            say("slow")
            self.metrics.password_checks(1)
            Event().wait()
        if environ["PATH_INFO"] == "/crash":
            os._exit(3)
        if environ["PATH_INFO"] == "/stream":
            start_response("200 OK", [("Content-Type", "text/plain")])
            return self._stream()
        if environ["PATH_INFO"] == "/broken":
            start_response("200 OK", [("Content-Type", "text/plain")])
            return self._broken()
        if environ["PATH_INFO"] == "/streamed":
            start_response("200 OK", [("Content-Type", "text/plain")])
            return [f"{self.pieces} {self.closed}".encode()]
        refusal = environ.get(EARLY_REFUSAL)
        if refusal is not None:
            start_response(f"{refusal.status} Refused", [("Content-Type", "text/plain")])
            return [refusal.message.encode()]
        body = environ["wsgi.input"].read() if environ["REQUEST_METHOD"] == "POST" else b""
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [f"{os.getpid()} {self.site_id} {len(body)}".encode()]

    def _stream(self) -> Iterator[bytes]:
        self.pieces, self.closed = 0, False
        try:
            for _ in range(STREAMED):
                self.pieces += 1
                yield PIECE
        finally:
            self.closed = True

    def _broken(self) -> Iterator[bytes]:
        yield PIECE
        yield PIECE
        raise RuntimeError("this piece cannot be made")


def create_app(settings: Settings, metrics: Metrics) -> Application:
    if settings.site_id == "broken":
        raise RuntimeError("this application cannot be made")
    return Application(settings, metrics)


def say(word: str) -> None:
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


def main() -> int:
    try:
        return serve(load_settings(os.environ), partial(say, "ready"), create_app)
    except ServeError as error:
        sys.stderr.write(f"{error}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main())

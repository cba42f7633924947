"""A stand-in for the data proxy, which a test can make fail."""

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any
from urllib.parse import parse_qs


class StandIn:
    """What was asked, and how it answers: with fresh keys unless `status` or `answer` say otherwise."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self._speaks = Event()
        self.well()

    def well(self) -> None:
        """Answer as a proxy that works."""
        self.status = 200
        self.answer: Any = None
        self._speaks.set()

    def be_silent(self) -> None:
        """Answer nobody until it is well again."""
        self._speaks.clear()

    def wait_to_speak(self) -> None:
        """Wait as long as it is silent."""
        self._speaks.wait()

    def body(self, path: str) -> bytes:
        if isinstance(self.answer, bytes):
            return self.answer
        return json.dumps({"key": uuid.uuid4().hex} if self.answer is None else self.answer).encode()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


@contextmanager
def stand_in() -> Iterator[tuple[StandIn, str]]:
    """A stand-in on a free loopback port, and its address."""
    state = StandIn()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.path == "/download/data/create/"
            form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
            state.asked.extend(form["path"])
            state.wait_to_speak()
            body = state.body(form["path"][0])
            self.send_response(state.status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: object) -> None:
            """Keep the output of tests clean."""

    with _Server(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield state, f"http://127.0.0.1:{server.server_port}/download"
        finally:
            state.well()
            server.shutdown()

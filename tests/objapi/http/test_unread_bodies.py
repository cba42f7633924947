"""What becomes of a body that an answer did not need."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from threading import Event
from typing import Any

import pytest

from objapi.errors import Unavailable
from objapi.http.after_answer import UnreadBodies
from tests.waiting import ENOUGH

SIZE = 60_000
LONG = 100_000


def answer(read: int | None, body: bytes, **headers: str) -> tuple[dict[str, str], int]:
    """The headers of an answer to a body of which the application read some; and what is left of it."""
    sent: list[tuple[str, str]] = []
    stream = BytesIO(body)

    def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if read is not None:
            environ["wsgi.input"].read(read)
        start_response("401 Unauthorized", [("Content-Type", "text/plain")])
        return [b"no"]

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: object = None) -> None:
        sent.extend(headers)

    environ: dict[str, Any] = {"wsgi.input": stream, "CONTENT_LENGTH": str(len(body))} | headers
    assert list(UnreadBodies(application, 2)(environ, start_response)) == [b"no"]
    return dict(sent), len(body) - stream.tell()


@pytest.mark.parametrize("read", [None, 0, 1000, SIZE, -1])
def test_the_rest_of_a_short_body_is_discarded_and_the_connection_stays(read: int | None) -> None:
    headers, left = answer(read, b"x" * SIZE)
    assert "Connection" not in headers
    assert left == 0


@pytest.mark.parametrize(("read", "closes"), [(None, True), (0, True), (1000, True), (LONG, False), (-1, False)])
def test_the_answer_to_a_long_body_does_not_wait_for_it_and_says_that_it_ends(read: int | None, closes: bool) -> None:
    headers, left = answer(read, b"x" * LONG)
    assert (headers.get("Connection") == "close", left > 0) == (closes, closes)


def test_a_body_of_unknown_length_is_not_waited_for() -> None:
    for read, closes in ((None, True), (-1, False)):
        headers, _ = answer(read, b"x" * 1000, CONTENT_LENGTH="", HTTP_TRANSFER_ENCODING="chunked")
        assert (headers.get("Connection") == "close") is closes


@pytest.mark.parametrize(("read", "closes"), [(None, True), (-1, False)])
def test_a_client_that_waits_for_a_word_is_not_asked_for_what_nobody_wants(read: int | None, closes: bool) -> None:
    headers, left = answer(read, b"x" * SIZE, HTTP_EXPECT="100-continue")
    assert (headers.get("Connection") == "close", left == SIZE) == (closes, closes)


@pytest.mark.parametrize("length", ["", "0"])
def test_a_request_without_a_body_is_passed_on_as_it_is(length: str) -> None:
    headers, left = answer(None, b"next request", CONTENT_LENGTH=length)
    assert (headers, left) == ({"Content-Type": "text/plain"}, len(b"next request"))


class SlowBody:
    """A body whose rest does not come before it is told to."""

    def __init__(self) -> None:
        self.asked, self.comes = Event(), Event()

    def read(self, size: int = -1) -> bytes:
        self.asked.set()
        assert self.comes.wait(ENOUGH)
        return b""


def reading(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    try:
        environ["wsgi.input"].read()
    except Unavailable as refused:
        start_response("503 Unavailable", [("Retry-After", str(refused.retry_after))])
    else:
        start_response("200 OK", [])
    return []


@pytest.mark.parametrize("length", ["1000", ""])
def test_of_one_address_only_so_many_bodies_are_read_at_once(length: str) -> None:
    middleware = UnreadBodies(reading, 2)

    def status(body: Any, address: str, length: str = length) -> tuple[str, dict[str, str]]:
        sent: list[Any] = []
        environ = {"wsgi.input": body, "REMOTE_ADDR": address, "HTTP_TRANSFER_ENCODING": "chunked"}
        list(middleware(environ | {"CONTENT_LENGTH": length}, lambda *said: sent.extend(said)))
        return sent[0][:3], dict(sent[1])

    slow = [SlowBody(), SlowBody()]
    with ThreadPoolExecutor(2) as pool:
        held = [pool.submit(status, body, "192.0.2.1") for body in slow]
        assert all(body.asked.wait(ENOUGH) for body in slow)
        refused, headers = status(BytesIO(b"x" * 1000), "192.0.2.1")
        assert (refused, headers["Connection"]) == ("503", "close")
        assert status(BytesIO(b"x" * 1000), "192.0.2.2", "1000")[0] == "200"
        for body in slow:
            body.comes.set()
        assert [future.result(ENOUGH)[0] for future in held] == ["200", "200"]
    assert status(BytesIO(b"x" * 1000), "192.0.2.1", "1000")[0] == "200"

"""What becomes of a body that an answer did not need."""

from collections.abc import Iterable
from io import BytesIO
from typing import Any

import pytest

from objapi.http.unread_bodies import UnreadBodies

SIZE = 200_000
MOST = 300_000


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
    assert list(UnreadBodies(application, MOST)(environ, start_response)) == [b"no"]
    return dict(sent), len(body) - stream.tell()


@pytest.mark.parametrize("read", [None, 0, 1000, SIZE, -1])
@pytest.mark.parametrize("length", [str(SIZE), ""])
def test_the_rest_is_discarded_and_the_connection_stays(read: int | None, length: str) -> None:
    headers, left = answer(read, b"x" * SIZE, CONTENT_LENGTH=length, HTTP_TRANSFER_ENCODING="chunked")
    assert "Connection" not in headers
    assert left == 0


def test_of_an_endless_body_only_so_much_is_read_and_the_answer_says_that_it_ends() -> None:
    headers, left = answer(None, b"x" * 2 * MOST)
    assert headers["Connection"] == "close"
    assert left >= MOST - 64 * 1024


@pytest.mark.parametrize(("read", "closes"), [(None, True), (-1, False)])
def test_a_client_that_waits_for_a_word_is_not_asked_for_what_nobody_wants(read: int | None, closes: bool) -> None:
    headers, left = answer(read, b"x" * SIZE, HTTP_EXPECT="100-continue")
    assert (headers.get("Connection") == "close", left == SIZE) == (closes, closes)


@pytest.mark.parametrize("length", ["", "0"])
def test_a_request_without_a_body_is_passed_on_as_it_is(length: str) -> None:
    headers, left = answer(None, b"next request", CONTENT_LENGTH=length)
    assert (headers, left) == ({"Content-Type": "text/plain"}, len(b"next request"))

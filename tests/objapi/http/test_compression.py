"""Compression: which answers, in which coding, and that they come back as they were."""

import gzip
import tracemalloc
from collections.abc import Iterator

import pytest
from flask import Request, Response
from werkzeug.test import EnvironBuilder

from objapi.http.compression import ENCODERS, SMALLEST, compress

LONG = b'{"name": "value"}' * SMALLEST


def answered(response: Response, accepted: str | None) -> Response:
    headers = {} if accepted is None else {"Accept-Encoding": accepted}
    compress(Request(EnvironBuilder(headers=headers).get_environ()), response)
    return response


def json(body: bytes | Iterator[bytes] = LONG, **headers: str) -> Response:
    return Response(body, headers={"Content-Type": "application/json; charset=utf-8", **headers})


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        (None, None),
        ("", None),
        ("identity", None),
        ("br", None),
        ("gzip", "gzip"),
        ("GZIP", "gzip"),
        ("deflate, gzip;q=0.5", "gzip"),
        ("gzip;q=0", None),
        ("identity, gzip;q=0.5", None),
        ("zstd", "zstd"),
        ("gzip, zstd", "zstd"),
        ("gzip, zstd;q=0.5", "gzip"),
        ("*", "zstd"),
    ],
)
def test_the_coding_is_the_one_that_the_client_likes_best(accepted: str | None, coding: str | None) -> None:
    response = answered(json(), accepted)
    assert response.headers.get("Content-Encoding") == coding
    assert response.headers["Vary"] == "Accept-Encoding"
    assert int(response.headers["Content-Length"]) == len(response.get_data())


@pytest.mark.parametrize(
    "response",
    [
        json(b"{}"),
        json(**{"Cache-Control": "no-store, no-transform"}),
        json(**{"Content-Encoding": "br"}),
        Response(LONG, content_type="application/octet-stream"),
        Response(LONG, content_type="text/html"),
        Response(status=304, content_type="application/json"),
    ],
)
def test_answers_that_stay_as_they_are(response: Response) -> None:
    before = response.headers.get("Content-Encoding"), response.get_data()
    answered(response, "gzip")
    assert (response.headers.get("Content-Encoding"), response.get_data()) == before
    assert "Vary" not in response.headers


@pytest.mark.parametrize("coding", ENCODERS)
def test_what_was_compressed_comes_back(coding: str) -> None:
    whole, streamed = answered(json(), coding), answered(json(iter([LONG, b"", LONG])), coding)
    assert decoded(coding, whole.get_data()) == LONG
    assert decoded(coding, b"".join(streamed.response)) == LONG * 2
    assert "Content-Length" not in streamed.headers


def decoded(coding: str, body: bytes) -> bytes:
    if coding == "gzip":
        return gzip.decompress(body)
    zstd = pytest.importorskip("backports.zstd")
    plain: bytes = zstd.decompress(body)
    return plain


@pytest.mark.parametrize("coding", ENCODERS)
def test_a_stream_is_compressed_piece_by_piece(coding: str) -> None:
    pieces = (bytes([number % 251]) * 32_768 for number in range(1_000))
    response = answered(json(pieces), coding)
    tracemalloc.start()
    size = sum(len(piece) for piece in response.response)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert size < 1_000_000
    assert peak < 8_000_000


def test_a_stream_that_breaks_off_has_no_end() -> None:
    def pieces() -> Iterator[bytes]:
        yield LONG
        raise RuntimeError("the database went away")

    response = answered(json(pieces()), "gzip")
    sent = b""
    with pytest.raises(RuntimeError):
        for piece in response.response:
            sent += piece
    with pytest.raises(EOFError):
        gzip.decompress(sent or b"\x1f\x8b")

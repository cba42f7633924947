"""What a method replied, as a response of HTTP."""

import unicodedata
from collections.abc import Iterator
from typing import Final
from urllib.parse import quote

from flask import Response

from objapi.api import envelope
from objapi.api.outcomes import PartlyDone
from objapi.api.replies import Download, Listing, Reply, Text
from objapi.http.exchange import Exchange, current_exchange
from objapi.http.failures import as_api_error, log_failure

PIECE: Final = 32 * 1024
"""Bytes of a streamed answer that are handed to the server at once."""


def respond(reply: Reply) -> Response:
    """The response to what a method replied."""
    match reply:
        case Text():
            return _text(reply)
        case Download():
            return _download(reply)
        case Listing():
            return _listing(reply, current_exchange())
        case PartlyDone():
            return answered(envelope.partial_failure(frame_of(current_exchange()), reply.message, reply.answer))
        case _:
            return answered(envelope.success(frame_of(current_exchange()), reply))


def frame_of(exchange: Exchange) -> envelope.Frame:
    """What the envelope says of the request."""
    return envelope.Frame(exchange.url, exchange.runtime, exchange.request_id)


def answered(answer: envelope.Answer) -> Response:
    """An answer as a response."""
    response = Response(answer.body, status=answer.status)
    for name, value in answer.headers.items():
        response.headers[name] = value
    return response


def _text(reply: Text) -> Response:
    """A document; it is shown, with its own styles, but may load and run nothing."""
    response = Response(reply.body, content_type=f"{reply.content_type}; charset=utf-8")
    response.headers["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
    return response


def _download(reply: Download) -> Response:
    """A file, to be saved under its name: nothing that a user has uploaded runs on this site."""
    blob = reply.blob
    pieces = (piece for chunk in _logged(blob.chunks, current_exchange()) for piece in _cut(chunk))
    response = Response(pieces, content_type=blob.content_type)
    response.content_length = blob.size
    response.call_on_close(getattr(blob.chunks, "close", _nothing))
    response.headers.set("Content-Disposition", "attachment", **_file_names(blob.filename))
    return response


def _file_names(filename: str) -> dict[str, str]:
    """The parameters of Content-Disposition that name a file: headers are ASCII, any other name is encoded (RFC 6266).

    The plain name beside the encoded one is for clients that know only that.
    """
    plain = unicodedata.normalize("NFKD", filename).encode("ascii", "replace").decode()
    if plain == filename:
        return {"filename": filename}
    return {"filename": plain.replace("?", "_"), "filename*": f"UTF-8''{quote(filename, safe='')}"}


def _listing(reply: Listing, exchange: Exchange) -> Response:
    """A long list. Its first chunk is read here, so that what fails at once is still answered as a failure.

    What fails later ends the answer before the closing bracket, so that no client takes half a list for the whole; the
    connection is broken off too where the server does that when an iterator fails.
    """
    chunks = reply.chunks
    first = next(chunks, b"")
    head = envelope.success(frame_of(exchange), reply.head)
    response = Response(_pieces(head.body, first, chunks, exchange), content_type=envelope.JSON_TYPE)
    response.call_on_close(getattr(chunks, "close", _nothing))
    return response


def _nothing() -> None:
    """An iterator that holds nothing needs no closing."""


def _pieces(head: bytes, first: bytes, chunks: Iterator[bytes], exchange: Exchange) -> Iterator[bytes]:
    yield head.removesuffix(b"}") + b',"objects":['
    yield from _cut(first)
    for chunk in _logged(chunks, exchange):
        yield b","
        yield from _cut(chunk)
    yield b"]}"


def _cut(chunk: bytes) -> Iterator[bytes]:
    """A chunk in pieces: servers queue a number of them for a slow client, however large each is."""
    for start in range(0, len(chunk), PIECE):
        yield chunk[start : start + PIECE]


def _logged(chunks: Iterator[bytes], exchange: Exchange) -> Iterator[bytes]:
    """The chunks; a failure on the way, for which it is too late to be answered, is logged and breaks off."""
    try:
        yield from chunks
    except Exception as error:
        log_failure(error, as_api_error(error), request_id=exchange.request_id, method="stream", path=exchange.path)
        raise

"""Compression of answers, when their clients accept it (RFC 9110 section 12.5.3): gzip, zstd where a library is there.

An answer that holds a secret beside what a client has sent must not be compressed: its length would tell the secret
letter by letter to whoever can make the client ask (BREACH). Such an answer says `Cache-Control: no-transform`, which
proxies heed too.
"""

import zlib
from collections.abc import Callable, Iterable, Iterator
from importlib import import_module
from typing import Any, Final, Protocol

from flask import Request, Response

SMALLEST: Final = 1024
"""Bytes below which compression is not worth its header."""

_TYPES: Final = frozenset(
    {
        "application/json",
        "application/problem+json",
        "application/x-ndjson",
        "application/xml",
        "image/svg+xml",
        "text/css",
        "text/csv",
        "text/javascript",
        "text/plain",
    }
)
_GZIP_LEVEL: Final = 5
_GZIP_WINDOW: Final = 31
"""The window of zlib, with the header of gzip."""


class Encoder(Protocol):
    """A compression under way."""

    def compress(self, data: bytes, /) -> bytes:
        """Take some bytes in; give those that are ready."""

    def flush(self) -> bytes:
        """Give all that is left."""


def _zstd() -> Any:
    """The module of zstd: that of Python 3.14, else the extra `zstd`; None without either."""
    for name in ("compression.zstd", "backports.zstd"):
        try:
            return import_module(name)
        except ImportError:
            continue
    return None


_ZSTD: Final = _zstd()
ENCODERS: Final[dict[str, Callable[[], Encoder]]] = {
    **({} if _ZSTD is None else {"zstd": _ZSTD.ZstdCompressor}),
    "gzip": lambda: zlib.compressobj(_GZIP_LEVEL, wbits=_GZIP_WINDOW),
}
"""Content coding → its encoder, the one that serves best first."""


def compress(request: Request, response: Response) -> None:
    """Compress a response that is worth it and may be, in the coding that the client likes best.

    Caches are told (`Vary`) where another client would be answered in another coding.
    """
    if response.mimetype not in _TYPES or response.cache_control.no_transform or "Content-Encoding" in response.headers:
        return
    if response.status_code in (204, 206, 304) or _is_small(response):
        return
    response.vary.add("Accept-Encoding")
    coding = _accepted(request)
    if coding is None:
        return
    encoder = ENCODERS[coding]()
    response.headers["Content-Encoding"] = coding
    _weaken(response)
    if response.is_streamed:
        response.headers.pop("Content-Length", None)
        response.response = _encoded(response.response, encoder)
    else:
        response.set_data(encoder.compress(response.get_data()) + encoder.flush())


def _is_small(response: Response) -> bool:
    # A stream that does not tell its size may be long.
    size = (
        response.headers.get("Content-Length", SMALLEST, type=int) if response.is_streamed else len(response.get_data())
    )
    return size < SMALLEST


def _weaken(response: Response) -> None:
    """Make the entity tag a weak one, which is no condition for parts: those of a file are never compressed.

    A client that has half of a compressed file would go on with bytes of the plain one (RFC 9110 section 8.8.3).
    """
    tag, _ = response.get_etag()
    if tag is not None:
        response.set_etag(tag, weak=True)
        response.headers.pop("Accept-Ranges", None)


def _accepted(request: Request) -> str | None:
    """The coding of the highest quality, the first of several; None where an answer as it is serves better."""
    accepted = request.accept_encodings
    best = max(ENCODERS, key=lambda coding: accepted[coding])
    return best if accepted[best] > 0 and accepted[best] >= accepted["identity"] else None


def _encoded(pieces: Iterable[Any], encoder: Encoder) -> Iterator[bytes]:
    """The pieces of a stream compressed as they come. What breaks it off leaves it without its end, as it must."""
    for piece in pieces:
        if ready := encoder.compress(piece if isinstance(piece, bytes) else str(piece).encode()):
            yield ready
    yield encoder.flush()

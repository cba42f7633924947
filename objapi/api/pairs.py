"""From the bytes of a query string or form body to name=value pairs, nothing interpreted yet."""

import re
from binascii import unhexlify
from dataclasses import dataclass, field
from typing import Final, Literal

from werkzeug.http import parse_options_header

BodyKind = Literal["form", "multipart", "json", "none"]

_FORM_TYPES: Final = frozenset({"", "application/x-www-form-urlencoded", "application/x-url-encoded"})
_METHODS_WITH_BODY: Final = frozenset({"POST", "PUT", "PATCH"})
_ESCAPES: Final = re.compile(rb"(?:%[0-9A-Fa-f]{2})+")


@dataclass(frozen=True, slots=True)
class Upload:
    """A file part of a multipart form. Without a file name it is false: a browser's empty file input."""

    filename: str
    content_type: str
    content: bytes = field(repr=False)

    def __bool__(self) -> bool:
        return bool(self.filename)


@dataclass(frozen=True, slots=True)
class RawPair:
    """One pair as it arrived: percent-decoded bytes, and the charset its sender declared (None: UTF-8)."""

    name: bytes
    value: bytes | Upload
    name_charset: str | None = None
    value_charset: str | None = None


@dataclass(frozen=True, slots=True)
class BodyType:
    """How a request body is to be read: `kind`, the declared charset and the multipart boundary."""

    kind: BodyKind
    charset: str | None = None
    boundary: str | None = None


def body_type(method: str, content_type: str | None) -> BodyType:
    """What the body of a request with this HTTP method and Content-Type is to the form.

    Bodies of GET, HEAD and DELETE are not read. A missing content type counts as a form. Any type that is neither form
    nor JSON leaves the form to the query string ("none").
    """
    if method.upper() not in _METHODS_WITH_BODY:
        return BodyType("none")
    mimetype, options = parse_options_header(content_type)
    mimetype = mimetype.lower()
    charset = options.get("charset") or None
    if mimetype in _FORM_TYPES:
        return BodyType("form", charset)
    if mimetype == "multipart/form-data":
        return BodyType("multipart", charset, options.get("boundary"))
    if mimetype == "application/json":
        return BodyType("json", charset)
    return BodyType("none")


def parse_pairs(query: bytes, body: bytes | None = None, charset: str | None = None) -> list[RawPair]:
    """The pairs of a query string, then those of an urlencoded body whose declared charset is `charset`.

    Pairs are separated by `&` alone and empty ones vanish; without `=` the value is empty; `+` is a blank; a malformed
    escape stays as it is. Never raises.
    """
    pairs = [RawPair(name, value) for name, value in _split(query)]
    pairs.extend(RawPair(name, value, charset, charset) for name, value in _split(body or b""))
    return pairs


def _split(text: bytes) -> list[tuple[bytes, bytes]]:
    return [
        (_decoded(name), _decoded(value))
        for name, _, value in (chunk.partition(b"=") for chunk in text.split(b"&") if chunk)
    ]


def _decoded(text: bytes) -> bytes:
    """Percent-decoded, a run of escapes at a time: a body of nothing but `%` must cost no more than any other."""
    text = text.replace(b"+", b" ")
    return _ESCAPES.sub(lambda run: unhexlify(run[0].replace(b"%", b"")), text) if b"%" in text else text

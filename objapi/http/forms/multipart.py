"""`multipart/form-data` bodies: Werkzeug's sans-I/O parser under limits of our own, giving raw pairs and uploads."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from werkzeug.datastructures import Headers
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.http import parse_options_header
from werkzeug.sansio.multipart import Data, Epilogue, Field, File, MultipartDecoder, NeedData

from objapi.errors import BadRequest, Cause, TooLarge
from objapi.http.forms.pairs import FormUpload, RawPair

_CHUNK: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class MultipartLimits:
    """Limits of a multipart body; sizes in bytes. Text fields are allowed to be long: `input_values` is one."""

    max_parts: int = 10_000
    max_field_size: int = 16 * 1024 * 1024
    max_file_size: int = 64 * 1024 * 1024


@dataclass(slots=True)
class _Part:
    """A part while its data arrives."""

    name: str | None
    headers: Headers
    filename: str | None
    chunks: list[bytes] = field(default_factory=list)
    size: int = 0

    def receive(self, data: bytes, limits: MultipartLimits) -> None:
        self.size += len(data)
        limit = limits.max_field_size if self.filename is None else limits.max_file_size
        if self.size > limit:
            message = (
                f"{self.name}: the part has more than {limit} bytes, which is the limit of this site (its setting "
                "OBJAPI_MAX_BODY_SIZE)."
            )
            raise TooLarge(message, causes=[Cause("parameter", self.name or "", message)])
        self.chunks.append(bytes(data))

    def pair(self) -> RawPair | None:
        """The finished part; None for one without a name, which no form can hold."""
        if self.name is None:
            return None
        name = self.name.encode("utf-8", "surrogateescape")
        content = b"".join(self.chunks)
        content_type = self.headers.get("Content-Type", "")
        if self.filename is not None:
            return RawPair(name, FormUpload(self.filename, content_type, content))
        charset = parse_options_header(content_type)[1].get("charset") or None
        return RawPair(name, content, value_charset=charset)


def parse_multipart(body: bytes, boundary: str | None, limits: MultipartLimits | None = None) -> list[RawPair]:
    """The pairs of a multipart body, in order; file parts are `FormUpload`s, also those without a file name.

    Raises BadRequest for a body that is not well formed or breaks off, TooLarge past a limit.
    """
    limits = limits or MultipartLimits()
    if not boundary:
        raise BadRequest("The multipart body has no boundary; name it in the Content-Type header.")
    try:
        return _pairs(body, boundary.encode("latin-1"), limits)
    except RequestEntityTooLarge:
        raise TooLarge(
            f"The form has more than {limits.max_parts} parts, which is the limit of this site (its setting "
            "OBJAPI_MAX_PARAMETERS)."
        ) from None
    except ValueError as reason:
        raise BadRequest("The multipart body is broken; send every part whole, and the closing boundary.") from reason


def _pairs(body: bytes, boundary: bytes, limits: MultipartLimits) -> list[RawPair]:
    decoder = MultipartDecoder(boundary, max_parts=limits.max_parts)
    pairs: list[RawPair] = []
    part: _Part | None = None
    for chunk in _chunks(body):
        decoder.receive_data(chunk)
        event = decoder.next_event()
        while not isinstance(event, (NeedData, Epilogue)):
            if isinstance(event, (Field, File)):
                part = _Part(event.name, event.headers, event.filename if isinstance(event, File) else None)
            elif isinstance(event, Data) and part is not None:
                part.receive(event.data, limits)
                if not event.more_data and (pair := part.pair()) is not None:
                    pairs.append(pair)
            event = decoder.next_event()
    return pairs


def _chunks(body: bytes) -> Iterable[bytes | None]:
    for start in range(0, len(body), _CHUNK):
        yield body[start : start + _CHUNK]
    yield None

"""A file as an HTTP response: whole or the part that is asked for, in pieces, and not again when the client has it.

Own code where Werkzeug has `make_conditional`: that refuses a Range header it cannot read, which RFC 9110 (14.2) has a
server pass over, and it would read a disk that hangs without a time limit.
"""

import io
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from mimetypes import MimeTypes
from typing import BinaryIO, Final

from flask import Request, Response, request
from werkzeug.http import is_resource_modified, quote_etag, unquote_etag

from objapi.http.headers import attachment
from objapi.ispyb.files.disk import READ_SECONDS, Disk, disk_of
from objapi.ispyb.files.places import FilePlace, locate, open_file
from objapi.ispyb.values.errors import Refusal, ResourceNotFound
from objapi.ispyb.wire.response import Later
from objapi.settings import Settings

PIECE: Final = 64 * 1024
"""Bytes handed to the server at a time: it queues a number of pieces for a slow client."""

READ: Final = 1024 * 1024
"""Bytes read from the disk at a time."""

UNKNOWN_TYPE: Final = "application/octet-stream"

# Not those of the machine: the same file has the same type everywhere.
_types: Final = MimeTypes()
for _ending in (".log", ".xy", ".dat", ".inp", ".lp"):
    _types.add_type("text/plain", _ending)
for _ending in (".h5", ".hdf5", ".nxs"):
    _types.add_type("application/x-hdf5", _ending)
_types.add_type("application/x-cbf", ".cbf")


@dataclass(frozen=True, slots=True)
class Sendable:
    """A file that is to be sent: where it is, its name for the client, and whether it is to be saved or shown."""

    place: FilePlace
    name: str
    save: bool


def sending(settings: Settings, *stored: str | None, missing: str, save_as: str | None = None) -> Later:
    """Send the first file that is there, of paths as the database holds them, once the transaction is over.

    With `save_as` the client is asked to save it under that name, else to show it. Its work raises ResourceNotFound
    (404) with the text `missing` when none is there, as for a row that the caller may not see, and DiskSilent (503).
    """

    def work() -> Response:
        for path in stored:
            place = locate(settings, path)
            if place is not None:
                name = save_as or place.path.rpartition("/")[2]
                try:
                    return respond_with(
                        Sendable(place, name, save_as is not None), request, settings.ispyb_disk_timeout
                    )
                except OSError:
                    continue
        raise ResourceNotFound(missing)

    return Later(work)


def content_type_of(name: str) -> str:
    """Content type by the ending of a file's name."""
    type_, encoding = _types.guess_type(name)
    if encoding is not None:
        return "application/gzip" if encoding == "gzip" else UNKNOWN_TYPE
    return f"{type_}; charset=utf-8" if type_ is not None and type_.startswith("text/") else type_ or UNKNOWN_TYPE


def respond_with(file: Sendable, asked: Request, seconds: float) -> Response:
    """The response with a file; raises OSError when it cannot be opened, DiskSilent when its disk is silent.

    `asked` may want a part of it (RFC 9110, Range and If-Range), or only news of it (If-None-Match,
    If-Modified-Since). `seconds` is how long the opening may take.
    """
    opened = _open(file.place, seconds)
    try:
        response = _response(opened, asked)
    except BaseException:
        opened.handle.close()
        raise
    response.call_on_close(opened.handle.close)
    response.set_etag(opened.etag)
    response.last_modified = opened.modified
    response.headers["Accept-Ranges"] = "bytes"
    response.headers["Cache-Control"] = "private, no-cache"
    if response.status_code != 304:
        response.content_type = content_type_of(file.name)
    if file.save:
        response.headers["Content-Disposition"] = attachment(file.name)
    return response


@dataclass(frozen=True, slots=True)
class _Opened:
    """An open file. A small one is in memory already, and then the disk is not asked again."""

    handle: BinaryIO
    disk: Disk | None
    size: int
    etag: str
    modified: datetime


def _open(place: FilePlace, seconds: float) -> _Opened:
    disk = disk_of(place.root)

    def work() -> _Opened:
        handle = open_file(place)
        status = os.fstat(handle.fileno())
        modified = datetime.fromtimestamp(int(status.st_mtime), UTC)
        etag = f"{status.st_mtime_ns:x}-{status.st_size:x}"
        if status.st_size > READ:
            return _Opened(handle, disk, status.st_size, etag, modified)
        with handle:
            content = _read(handle, 0, status.st_size)
        return _Opened(io.BytesIO(content), None, len(content), etag, modified)

    return disk.ask(work, seconds)


def _response(opened: _Opened, asked: Request) -> Response:
    if not is_resource_modified(asked.environ, quote_etag(opened.etag), None, opened.modified):
        return Response(status=304)
    start, end = _wanted(opened, asked)
    part = (start, end) != (0, opened.size)
    response = Response(_pieces(opened, start, end), 206 if part else 200, direct_passthrough=True)
    response.content_length = end - start
    if part:
        response.headers["Content-Range"] = f"bytes {start}-{end - 1}/{opened.size}"
    return response


def _wanted(opened: _Opened, asked: Request) -> tuple[int, int]:
    """First byte and end of what is asked for; everything unless one range of bytes is.

    Raises Refusal (416) for a range behind the end. A range for another state of the file (If-Range) asks for all.
    """
    ranges = asked.range
    if ranges is None or ranges.units != "bytes" or len(ranges.ranges) != 1 or not _same(opened, asked):
        return 0, opened.size
    span = ranges.range_for_length(opened.size)
    if span is None:
        raise Refusal(416, "The file has no such range", {"Content-Range": f"bytes */{opened.size}"})
    return span[0], span[1]


def _same(opened: _Opened, asked: Request) -> bool:
    """Check whether the state of the file is the one that If-Range names."""
    condition = asked.if_range
    if condition.etag is not None:
        return unquote_etag(condition.etag)[0] == opened.etag
    return condition.date is None or condition.date == opened.modified


def _pieces(opened: _Opened, start: int, end: int) -> Iterator[bytes]:
    """The bytes of a file from `start` to `end`; each reading from the disk has its time limit."""
    for place in range(start, end, READ):
        read = partial(_read, opened.handle, place, min(READ, end - place))
        chunk = read() if opened.disk is None else opened.disk.ask(read, READ_SECONDS)
        for offset in range(0, len(chunk), PIECE):
            yield chunk[offset : offset + PIECE]


def _read(handle: BinaryIO, place: int, length: int) -> bytes:
    """Exactly so many bytes of a file; raises OSError when it has become shorter."""
    handle.seek(place)
    chunk = b""
    while len(chunk) < length:
        more = handle.read(length - len(chunk))
        if not more:
            raise OSError("the file became shorter while it was sent")
        chunk += more
    return chunk

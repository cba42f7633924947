"""Contents of files: in the database, in pieces, each content once."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, select

from objapi.store.schema import blob_chunks, blobs

PIECE = 512 * 1024
"""Bytes of a content in one row."""


@dataclass(frozen=True, slots=True)
class NewBlob:
    """A content that will be stored."""

    sha256: str
    content: bytes


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file as a download needs it; `chunks` yields its bytes while the transaction is open."""

    filename: str
    content_type: str
    size: int
    """Bytes of the whole file."""
    chunks: Iterator[bytes]
    tag: str = ""
    """Text that differs for other contents."""
    part: tuple[int, int] | None = None
    """The bytes that `chunks` yields, from the first to behind the last; None: all."""


def new_blob(content: bytes) -> NewBlob:
    """A content with its digest."""
    return NewBlob(hashlib.sha256(content).hexdigest(), content)


def read_blob(connection: Connection, sha256: str, part: tuple[int, int] | None = None) -> Iterator[bytes]:
    """The pieces of a content, one statement each so that a large file is never whole in memory.

    `part`: the bytes wanted, from the first to behind the last; pieces that hold none of them are not read.
    """
    count = connection.scalar(select(blobs.c.chunks).where(blobs.c.sha256 == sha256)) or 0
    start, stop = part or (0, count * PIECE)
    for number in range(start // PIECE, min(count, -(-stop // PIECE))):
        piece = connection.scalar(
            select(blob_chunks.c.content).where(blob_chunks.c.sha256 == sha256, blob_chunks.c.number == number)
        )
        before = number * PIECE
        yield bytes(piece or b"")[max(start - before, 0) : stop - before]

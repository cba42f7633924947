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
    chunks: Iterator[bytes]


def new_blob(content: bytes) -> NewBlob:
    """A content with its digest."""
    return NewBlob(hashlib.sha256(content).hexdigest(), content)


def read_blob(connection: Connection, sha256: str) -> Iterator[bytes]:
    """The pieces of a content, one statement each so that a large file is never whole in memory."""
    count = connection.scalar(select(blobs.c.chunks).where(blobs.c.sha256 == sha256)) or 0
    for number in range(count):
        piece = connection.scalar(
            select(blob_chunks.c.content).where(blob_chunks.c.sha256 == sha256, blob_chunks.c.number == number)
        )
        yield bytes(piece or b"")

"""Contents of files: in the database, in pieces, each content once."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, select

from catalog.dialect import insert_ignore
from objapi.store.schema import blob_chunks, blobs

PIECE = 512 * 1024


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


def write_blobs(connection: Connection, new: Iterable[NewBlob]) -> None:
    """Store contents that are missing."""
    for blob in {item.sha256: item for item in new}.values():
        pieces = [blob.content[start : start + PIECE] for start in range(0, len(blob.content), PIECE)]
        row = {"sha256": blob.sha256, "size": len(blob.content), "chunks": len(pieces)}
        insert_ignore(connection, blobs, [row])
        for number, content in enumerate(pieces):
            insert_ignore(connection, blob_chunks, [{"sha256": blob.sha256, "number": number, "content": content}])


def read_blob(connection: Connection, sha256: str) -> Iterator[bytes]:
    """The pieces of a content, one statement each so that a large file is never whole in memory."""
    count = connection.scalar(select(blobs.c.chunks).where(blobs.c.sha256 == sha256)) or 0
    for number in range(count):
        piece = connection.scalar(
            select(blob_chunks.c.content).where(blob_chunks.c.sha256 == sha256, blob_chunks.c.number == number)
        )
        yield bytes(piece or b"")

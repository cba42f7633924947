"""The lines of a snapshot: a header, a row a line, checks in between, an end. Pure.

A line is JSON. The first is the header, an object. A row is a list: the name of its table and the values of the columns
that the header names. After each block of rows stands an object with the number of lines so far and the SHA-256 of
their bytes; the last line is such an object with `"end": true`. So a line that was changed, lost or added is found, and
a file that was cut short.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import orjson

FORMAT: Final = 1
BLOCK_ROWS: Final = 1_000
BLOCK_BYTES: Final = 4_000_000
"""A block ends with whichever of the two it reaches first."""


class SnapshotError(Exception):
    """A file that is no whole snapshot; the message is a sentence or two, with the remedy."""


@dataclass(frozen=True, slots=True)
class SnapshotHeader:
    """Origin of a snapshot, and what is in it."""

    objapi: str
    """Version of the software."""
    schema: str
    """Version of the tables."""
    site_id: str
    profiles: tuple[str, ...]
    fingerprint: str
    """Digest of the declarations."""
    at: str
    """Instant at which it was begun."""
    columns: Mapping[str, Sequence[str]]
    """Table → names of its columns, in the order of their values."""
    rows: Mapping[str, int]
    """Table → number of its rows."""

    @property
    def total(self) -> int:
        """Number of all rows."""
        return sum(self.rows.values())


@dataclass(frozen=True, slots=True)
class SnapshotBlock:
    """Rows between two checks, each with its table, and the lines up to the second of them."""

    rows: tuple[tuple[str, list[Any]], ...]
    lines: int
    sha256: str
    is_last: bool


def written_lines(header: SnapshotHeader, rows: Iterable[tuple[str, Sequence[object]]]) -> Iterator[bytes]:
    """The lines of a snapshot, each with its line feed; values are those of JSON."""
    digest, lines = hashlib.sha256(), 0
    in_block = size = 0

    def counted(line: bytes) -> bytes:
        nonlocal lines
        lines += 1
        digest.update(line)
        return line

    yield counted(orjson.dumps({"snapshot": FORMAT, **asdict(header)}) + b"\n")
    for table, values in rows:
        line = counted(orjson.dumps([table, *values]) + b"\n")
        in_block, size = in_block + 1, size + len(line)
        yield line
        if in_block >= BLOCK_ROWS or size >= BLOCK_BYTES:
            yield counted(_check(lines, digest.hexdigest(), is_last=False))
            in_block = size = 0
    yield _check(lines, digest.hexdigest(), is_last=True)


def _check(lines: int, sha256: str, *, is_last: bool) -> bytes:
    return orjson.dumps({"lines": lines, "sha256": sha256} | ({"end": True} if is_last else {})) + b"\n"


def read_header(line: bytes) -> SnapshotHeader:
    """The header of a snapshot, from its first line. Raises SnapshotError."""
    try:
        members = orjson.loads(line)
        number = members.pop("snapshot")
    except (orjson.JSONDecodeError, AttributeError, KeyError, TypeError):
        raise SnapshotError("This is no snapshot of a site: `objapi export` writes one.") from None
    if number != FORMAT:
        raise SnapshotError(f"The snapshot has format {number!r:.20}; this version of objapi reads format {FORMAT}.")
    try:
        return SnapshotHeader(**members | {"profiles": tuple(members["profiles"])})
    except (KeyError, TypeError):
        raise SnapshotError("Line 1 is no header of a snapshot; the file was changed.") from None


def read_blocks(lines: Iterator[bytes], header: SnapshotHeader, first: bytes) -> Iterator[SnapshotBlock]:
    """The blocks after the header, whose line is `first`, each once its check has been found right.

    Raises SnapshotError that names the lines between which the file is not what was written.
    """
    digest, count, checked = hashlib.sha256(first), 1, 1
    rows: list[tuple[str, list[Any]]] = []
    for line in lines:
        try:
            value = orjson.loads(line)
        except orjson.JSONDecodeError:
            raise SnapshotError(f"Line {count + 1} is no JSON; the file was changed or cut short.") from None
        if isinstance(value, list):
            rows.append(_row(value, header, count + 1))
        else:
            last = isinstance(value, dict) and value.get("end") is True
            if value != {"lines": count, "sha256": digest.hexdigest()} | ({"end": True} if last else {}):
                raise SnapshotError(f"The file was changed between lines {checked + 1} and {count + 1}.")
            yield SnapshotBlock(tuple(rows), count, value["sha256"], last)
            if last:
                if next(lines, None) is not None:
                    raise SnapshotError(f"There is more behind the end of the snapshot in line {count + 1}.")
                return
            rows, checked = [], count + 1
        digest.update(line)
        count += 1
    raise SnapshotError(f"The file was cut short after line {count}: its end is missing.")


def _row(value: list[Any], header: SnapshotHeader, number: int) -> tuple[str, list[Any]]:
    name = value[0] if value else None
    columns = header.columns.get(name) if isinstance(name, str) else None
    if not isinstance(name, str) or columns is None or len(value) != len(columns) + 1:
        raise SnapshotError(f"Line {number} is no row of a table that the header names; the file was changed.")
    return name, value[1:]

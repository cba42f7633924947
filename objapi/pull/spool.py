"""Everything that was pulled so far, in a file beside the site's data: what an interrupted pull goes on from."""

import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import orjson

from objapi.pull.remote import RemoteError

_TABLES: Final = """
create table if not exists notes (name text primary key, value text not null);
create table if not exists objects (number integer primary key, uid text not null unique, type text not null,
                                    document blob not null);
create table if not exists files (uid text not null, field text not null, content blob, problem text,
                                  primary key (uid, field));
create table if not exists users (login text primary key, document blob not null);
create table if not exists misfits (path text not null, uid text not null, type text not null, field text not null,
                                    reason text not null, stage text not null);
"""
_READ_AHEAD: Final = 500


@dataclass(frozen=True, slots=True)
class PullMisfit:
    """Something of the other laboratory that did not fit, or was not given."""

    path: str
    portal_type: str
    reason: str
    field: str = ""
    uid: str = ""

    def as_dict(self) -> dict[str, str]:
        """The members of its line in a report."""
        return {name: value for name, value in asdict(self).items() if value}


class Spool:
    """The file. One process works with it at a time."""

    def __init__(self, file: Path, source: str) -> None:
        """Open or begin the file of a pull from `source`. Raises RemoteError when another process has it."""
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # It holds what the laboratory holds, and nobody else is to read it.
        os.close(os.open(file, os.O_CREAT | os.O_RDWR, 0o600))
        self.file = file
        self._connection = sqlite3.connect(file, timeout=1, isolation_level=None)
        try:
            self._connection.execute("pragma locking_mode = exclusive")
            self._connection.execute("pragma synchronous = normal")
            self._connection.executescript(_TABLES)
            self.note("source", source)
        except sqlite3.OperationalError as error:
            self._connection.close()
            raise RemoteError(f"{file} is in use by another pull, or cannot be written: {error}.") from error

    def close(self) -> None:
        """Close the file; what is in it stays."""
        self._connection.close()

    def remove(self) -> None:
        """Close the file and delete it."""
        self.close()
        self.file.unlink(missing_ok=True)

    def empty(self) -> None:
        """Forget all that was pulled."""
        for table in ("notes", "objects", "files", "users", "misfits"):
            self._connection.execute(f"delete from {table}")  # noqa: S608 - names of our own

    # Notes

    def noted(self, name: str) -> str | None:
        """What was noted under a name."""
        row = self._connection.execute("select value from notes where name = ?", (name,)).fetchone()
        return None if row is None else str(row[0])

    def note(self, name: str, value: str) -> None:
        """Note a value under a name."""
        self._connection.execute("insert or replace into notes values (?, ?)", (name, value))

    # Objects

    def add(self, objects: Sequence[tuple[str, str, Mapping[str, Any]]], notes: Mapping[str, str]) -> int:
        """Keep objects by UID, type and what was answered, and notes, all or nothing; the number of new ones."""
        before = self.count()
        self._connection.execute("begin")
        self._connection.executemany(
            "insert or ignore into objects (uid, type, document) values (?, ?, ?)",
            [(uid, name, orjson.dumps(document, default=str)) for uid, name, document in objects],
        )
        for name, value in notes.items():
            self.note(name, value)
        self._connection.execute("commit")
        return self.count() - before

    def count(self) -> int:
        """Number of objects."""
        return int(self._connection.execute("select coalesce(max(number), 0) from objects").fetchone()[0])

    def counts(self) -> dict[str, int]:
        """Type, as the other laboratory calls it → number of its objects."""
        return dict(self._connection.execute("select type, count(*) from objects group by type order by type"))

    def documents(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """All objects by number, as they were answered."""
        with closing(self._connection.execute("select number, document from objects order by number")) as rows:
            while part := rows.fetchmany(_READ_AHEAD):
                for number, document in part:
                    yield number, orjson.loads(document)

    def document(self, number: int) -> dict[str, Any]:
        """One object as it was answered."""
        row = self._connection.execute("select document from objects where number = ?", (number,)).fetchone()
        found: dict[str, Any] = orjson.loads(row[0])
        return found

    # Files

    def has_file(self, uid: str, field: str) -> bool:
        """True once a file was fetched, or could not be."""
        found = self._connection.execute("select 1 from files where uid = ? and field = ?", (uid, field)).fetchone()
        return found is not None

    def add_file(self, uid: str, field: str, content: bytes | None, problem: str | None) -> None:
        """Keep the content of a file, or why there is none."""
        self._connection.execute("insert or replace into files values (?, ?, ?, ?)", (uid, field, content, problem))

    def content(self, uid: str, field: str) -> bytes | None:
        """The content of a file; None where it could not be fetched."""
        row = self._connection.execute("select content from files where uid = ? and field = ?", (uid, field)).fetchone()
        return None if row is None or row[0] is None else bytes(row[0])

    def file_sizes(self) -> dict[int, int]:
        """Number of an object → bytes of its files, of objects that have some."""
        statement = "select number, sum(length(content)) from files join objects using (uid) where content is not null"
        return dict(self._connection.execute(f"{statement} group by number"))

    # Users

    def add_users(self, users: Iterable[tuple[str, Mapping[str, Any]]]) -> None:
        """Keep users by log-in."""
        self._connection.executemany(
            "insert or replace into users values (?, ?)",
            [(login, orjson.dumps(document, default=str)) for login, document in users],
        )

    def users(self) -> list[tuple[str, dict[str, Any]]]:
        """All users by log-in."""
        rows = self._connection.execute("select login, document from users order by login")
        return [(login, orjson.loads(document)) for login, document in rows]

    # What did not fit

    def add_misfits(self, stage: str, misfits: Iterable[PullMisfit]) -> None:
        """Keep what did not fit, in a stage of the pull."""
        self._connection.executemany(
            "insert into misfits values (?, ?, ?, ?, ?, ?)",
            [(item.path, item.uid, item.portal_type, item.field, item.reason, stage) for item in misfits],
        )

    def forget_misfits(self, stage: str) -> None:
        """Forget what a stage has noted, which is about to be done anew."""
        self._connection.execute("delete from misfits where stage = ?", (stage,))

    def misfits(self) -> Iterator[PullMisfit]:
        """What did not fit, in the order of the stages."""
        rows = self._connection.execute("select path, type, reason, field, uid from misfits order by rowid")
        yield from (PullMisfit(*row) for row in rows)

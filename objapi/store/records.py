"""Stored forms: rows of `entities` as loaded for planning, without the answer; instants and row numbers.

Instants are microseconds since 1970 UTC in tables, ISO 8601 text in documents. A row number is given by the gateway,
the same whichever database stores it: 63 bits, milliseconds since 2020 in the upper 41, then a counter of 22 bits that
starts at random for each millisecond. Two processes can only meet within one millisecond; the primary key refuses the
second one and the request runs again.
"""

import hashlib
import secrets
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from itertools import islice
from typing import Any, Final, TypeVar

import orjson
from sqlalchemy import ColumnElement, Connection, FromClause, Select, and_, bindparam, func, or_, select

from catalog.dialect import PreparedSelect
from catalog.values import EPOCH, MICROSECOND
from objapi.store.schema import entities, refs

CHUNK = 500
"""Objects that one statement reads or writes, at most."""

_T = TypeVar("_T")


class StaleWrite(Exception):
    """Another request changed an object between our reading it and our writing: run the request again."""


def chunks(items: Iterable[_T], size: int = CHUNK) -> Iterator[list[_T]]:
    """The items in lists of at most `size`."""
    rest = iter(items)
    while chunk := list(islice(rest, size)):
        yield chunk


@dataclass(frozen=True, slots=True)
class StoredEntity:
    """One row; `states`, `settings`, `sides` and `data` are JSON documents."""

    rid: int
    uid: str
    parent: int | None
    id: str
    path: str
    portal_type: str
    version: int
    stamp: int
    creator: str
    created: int
    modified: int
    acl: int
    scope: int
    states: str
    settings: str
    sides: str
    data: str
    fresh_until: int | None = None
    """Instant from which the stored answer must be computed anew; None: something has to change before."""
    answer: str | None = None
    """The stored answer, where it was loaded as well."""
    meta: str | None = None
    """The stored metadata, loaded with the answer."""


_UNIQUE = frozenset({entities.c.rid, entities.c.uid, entities.c.path})
_ANSWERS = (entities.c.rid, entities.c.stamp, entities.c.answer, entities.c.meta)
_WITH_ANSWER = tuple(entities.c[name] for name in StoredEntity.__slots__)
COLUMNS = _WITH_ANSWER[:-2]


def load_where(
    connection: Connection,
    column: ColumnElement[object],
    keys: Iterable[object],
    *,
    lock: bool = False,
    **equal: object,
) -> list[StoredEntity]:
    """The rows whose column has one of the keys, in order of creation; `equal`: other columns, one value or a list.

    A single object that is locked, most likely to be written, comes with its answer.
    """
    found: list[StoredEntity] = []
    for chunk in chunks(keys):
        if len(chunk) == 1 and not equal and column in _UNIQUE:
            columns = _WITH_ANSWER if lock else COLUMNS
            found.extend(StoredEntity(*row) for row in rows_of_keys(connection, columns, column, chunk, lock=lock))
            continue
        statement = select(*COLUMNS).where(column.in_(chunk))
        for name, value in equal.items():
            other = entities.c[name]
            statement = statement.where(other.in_(value) if isinstance(value, list | tuple) else other == value)
        found.extend(_run(connection, statement, lock))
    return found


def load_referring(
    connection: Connection, targets: Sequence[int], portal_type: str, field: str, *, lock: bool = False
) -> list[StoredEntity]:
    """The objects of a type whose reference field names one of the targets (row numbers), in order of creation."""
    found: list[StoredEntity] = []
    source: FromClause = entities.join(refs, refs.c.source == entities.c.rid)
    for chunk in chunks(targets):
        statement = (
            select(*COLUMNS)
            .select_from(source)
            .where(refs.c.target.in_(chunk), refs.c.field == field, entities.c.portal_type == portal_type)
        )
        found.extend(_run(connection, statement, lock))
    return list({record.rid: record for record in found}.values())


def load_below(connection: Connection, paths: Iterable[str], *, lock: bool = False) -> list[StoredEntity]:
    """Everything below some paths, the objects at the paths left out, in order of path."""
    found: list[StoredEntity] = []
    for chunk in chunks(paths, 100):
        statement = select(*COLUMNS).where(or_(*map(_below, chunk))).order_by(entities.c.path)
        found.extend(StoredEntity(*row) for row in connection.execute(_locked(statement, lock)).all())
    return found


def count_below(connection: Connection, paths: Iterable[str]) -> int:
    """The number of objects below some paths, those below several of them counted once in a chunk."""
    return sum(
        connection.scalar(select(func.count()).select_from(entities).where(or_(*map(_below, chunk)))) or 0
        for chunk in chunks(paths, 100)
    )


def _below(path: str) -> ColumnElement[bool]:
    # "0" is the character after "/", so the range holds exactly what lies below.
    return and_(entities.c.path > f"{path}/", entities.c.path < f"{path}0")


def load_answers(connection: Connection, rids: Iterable[int], *, lock: bool) -> dict[int, tuple[int, str, str]]:
    """Row number → stamp, stored answer and metadata."""
    rows = rows_of_keys(connection, _ANSWERS, entities.c.rid, sorted(rids), lock=lock)
    return {rid: (stamp, answer, meta) for rid, stamp, answer, meta in rows}


def stamps_of(connection: Connection, rids: Iterable[int], *, shared: bool) -> dict[int, int]:
    """Row number → stamp, read from what is committed last and locked until the transaction ends.

    With a shared lock others may read and lock them in the same way, but not write them.
    """
    found: dict[int, int] = {}
    for chunk in chunks(sorted(rids)):
        statement = select(entities.c.rid, entities.c.stamp).where(entities.c.rid.in_(chunk))
        found.update((row.rid, row.stamp) for row in connection.execute(statement.with_for_update(read=shared)))
    return found


def ids_beginning(
    connection: Connection, wanted: Iterable[tuple[int, str]], at_once: int
) -> dict[tuple[int, str], list[str]]:
    """(Container by row number, beginning) → the ids in it that begin so; `at_once` pairs are asked for together."""
    found: dict[tuple[int, str], list[str]] = {pair: [] for pair in wanted}
    for chunk in chunks(found, at_once):
        # Ids are ASCII, so DEL comes after them all.
        ranges = [
            and_(entities.c.parent == parent, entities.c.id >= beginning, entities.c.id < f"{beginning}\x7f")
            for parent, beginning in chunk
        ]
        for parent, own_id in connection.execute(select(entities.c.parent, entities.c.id).where(or_(*ranges))):
            # A text may begin with several of those asked for: every beginning of an id is looked up.
            for end in range(len(own_id) + 1):
                if (parent, own_id[:end]) in found:
                    found[parent, own_id[:end]].append(own_id)
    return found


def rows_of_keys(
    connection: Connection,
    columns: tuple[ColumnElement[Any], ...],
    column: ColumnElement[Any],
    keys: Iterable[object],
    *,
    lock: bool = False,
) -> Iterator[Sequence[Any]]:
    """Columns of the rows whose `column` has one of the keys, in no order; locked if asked to."""
    for chunk in chunks(keys):
        if len(chunk) == 1:
            yield from _by_key(column, columns, lock).rows(connection, {"key": chunk[0]})
        else:
            # Taken together: a driver is asked for each row else.
            yield from connection.execute(_locked(select(*columns).where(column.in_(chunk)), lock)).all()


@lru_cache(maxsize=50)
def _by_key(column: ColumnElement[object], columns: tuple[ColumnElement[Any], ...], lock: bool) -> PreparedSelect:
    """The select of the one row, or the few, with a key: building it takes longer than executing it."""
    return PreparedSelect(_locked(select(*columns).where(column == bindparam("key", type_=column.type)), lock))


def _run(connection: Connection, statement: Select[Any], lock: bool) -> list[StoredEntity]:
    ordered = statement.order_by(entities.c.created, entities.c.rid)
    return [StoredEntity(*row) for row in connection.execute(_locked(ordered, lock)).all()]


def _locked(statement: Select[Any], lock: bool) -> Select[Any]:
    return statement.with_for_update() if lock else statement


def to_micros(instant: datetime) -> int:
    """Microseconds since 1970 UTC of an instant with zone."""
    return (instant - EPOCH) // MICROSECOND


def from_micros(micros: int) -> datetime:
    """The instant, in UTC."""
    return EPOCH + micros * MICROSECOND


def to_text(instant: datetime) -> str:
    """The stored form of a datetime field: ISO 8601 in UTC."""
    return instant.astimezone(UTC).isoformat()


DIGEST_FORMAT: Final = b"objapi request 1\n"
"""Domain and version before what is digested, so that no other document of the gateway has the same digest."""
_NOT_DIGESTED: Final = frozenset({"seq", "digest", "link"})
"""Columns of a request that are filled later, or from the digest itself."""
_LEFT_OUT_EMPTY: Final = ("acl", "scope", "former", "undoes", "signature")
"""Columns of entries that are digested where they are filled: entries of former versions had none."""


def request_digest(site_id: str, request: Mapping[str, object], entries: Iterable[Mapping[str, object]]) -> str:
    """SHA-256 in hexadecimal over a row of `requests` and its rows of `history_entries`, in order of their ids.

    The document is canonical JSON (RFC 8785) of strings, null, lists and objects alone: numbers are written as text,
    since readers differ in how they write them, and `changes` is the stored text. Entries are taken one by one.
    """
    digest = hashlib.sha256(DIGEST_FORMAT + b'{"entries":[')
    separator = b""
    for entry in entries:
        digest.update(separator + _canonical(entry))
        separator = b","
    own = {name: value for name, value in request.items() if name not in _NOT_DIGESTED}
    digest.update(b'],"request":' + _canonical(own) + b',"site":' + orjson.dumps(site_id) + b"}")
    return digest.hexdigest()


def _canonical(row: Mapping[str, object]) -> bytes:
    # A request may have ten thousand entries, so that a call for each value would be most of what it costs.
    texts = {
        name: value if value is None or type(value) is str else str(value)
        for name, value in row.items()
        if value is not None or name not in _LEFT_OUT_EMPTY
    }
    return orjson.dumps(texts, option=orjson.OPT_SORT_KEYS)


DOCUMENT_FORMAT: Final = b"objapi document 1\n"


def document_digest(site_id: str, uid: str, portal_type: str, values: Mapping[str, object]) -> str:
    """SHA-256 in hexadecimal over values of an object in their stored form, as it is signed.

    Canonical JSON (RFC 8785) of strings, booleans, lists and objects alone: numbers are written as text. A value of
    None is as good as none.
    """
    document = {"portal_type": portal_type, "site": site_id, "uid": uid, "values": values}
    return hashlib.sha256(DOCUMENT_FORMAT + orjson.dumps(_canonical_value(document))).hexdigest()


def _canonical_value(value: object) -> object:
    if isinstance(value, Mapping):
        # RFC 8785 orders names by their code units in UTF-16.
        names = sorted(value, key=lambda name: str(name).encode("utf-16-be"))
        return {name: _canonical_value(value[name]) for name in names if value[name] is not None}
    if isinstance(value, list | tuple):
        return [_canonical_value(item) for item in value]
    return value if value is None or isinstance(value, str | bool) else str(value)


_EPOCH_MS = 1_577_836_800_000
_COUNTER_BITS = 22
_COUNTER_MASK = (1 << _COUNTER_BITS) - 1


class RowIds:
    """Gives row numbers, each once in this process and always rising; safe between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last = 0

    def next(self) -> int:
        """A number greater than every one given before."""
        with self._lock:
            stamp = (time.time_ns() // 1_000_000 - _EPOCH_MS) << _COUNTER_BITS
            if stamp > self._last:
                self._last = stamp | secrets.randbelow(_COUNTER_MASK >> 1)
            else:
                self._last += 1
            return self._last


rowids = RowIds()
"""The numbers of this process."""

_VERSION_BITS = (0xF000 << 64) | (0xC000 << 48)
_VERSION_4 = (0x4000 << 64) | (0x8000 << 48)


def new_uid() -> str:
    """A random UUID (RFC 9562, version 4) as 32 hexadecimal digits; `uuid.uuid4` takes three times as long."""
    return f"{secrets.randbits(128) & ~_VERSION_BITS | _VERSION_4:032x}"


@dataclass(slots=True)
class RequestNumbers:
    """Numbers that a request keeps when it is done again: that of its row in the history, and some for ids."""

    reserved: dict[str, list[int]] = field(default_factory=dict)
    """Prefix of ids → numbers that are this request's alone."""
    drawn: Counter[str] = field(default_factory=Counter)
    """Prefix → how many numbers the last try has asked for."""
    _number: int | None = None
    _given: bool = False

    def begin(self) -> None:
        """Begin to do the request, for the first time or again."""
        self._given = False
        self.drawn.clear()

    def next(self) -> int:
        """The number of the request; for a further row of the same request a fresh one."""
        if self._given:
            return rowids.next()
        self._given = True
        if self._number is None:
            self._number = rowids.next()
        return self._number

    def draw(self, prefix: str, least: int) -> int | None:
        """The next reserved number for a prefix; None when there is none of at least that size."""
        place = self.drawn[prefix]
        self.drawn[prefix] += 1
        own = self.reserved.get(prefix, ())
        return own[place] if place < len(own) and own[place] >= least else None

    def lacking(self) -> dict[str, int]:
        """Prefix → how many numbers the last try has asked for, where more than were reserved."""
        return {name: count for name, count in self.drawn.items() if count > len(self.reserved.get(name, ()))}

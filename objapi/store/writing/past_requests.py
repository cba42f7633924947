"""What a request has done, as its history tells, and what has happened to its objects since."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import orjson
from sqlalchemy import ColumnElement, Connection, Row, Select, and_, or_, select

from objapi.errors import ApiError
from objapi.model.former_values import CREATE, OBJECT_EVENTS, REMOVE, TRANSITION, ObjectState, PastChange, states_in
from objapi.store.records import chunks
from objapi.store.requests import INHERIT, USERS, AccessEvent
from objapi.store.schema import history_entries, requests
from objapi.store.writing.draft import Draft

_COLUMNS: Final = (
    *(column for column in history_entries.columns if column.name not in ("acl", "scope", "comment", "undoes")),
    requests.c.request_id,
)


@dataclass(frozen=True, slots=True)
class PastEntry:
    """One entry of a request that is to be taken back."""

    id: int
    request: int
    rid: int
    uid: str
    path: str
    portal_type: str
    workflow: str | None
    transition: str | None
    is_signed: bool
    change: PastChange

    @property
    def is_of_object(self) -> bool:
        """True for a change of an object, which one of a user, of roles or of a token is not."""
        return self.change.event in OBJECT_EVENTS and USERS not in self.path


@dataclass(frozen=True, slots=True)
class PastRequest:
    """What is to be taken back: all that a request did, or a removal of it. `entries` newest first."""

    name: str
    """What entries name it by: the HTTP request id, or the UID of what was removed where there was none."""
    entries: tuple[PastEntry, ...]

    @property
    def by_uid(self) -> dict[str, list[PastEntry]]:
        """UID → the entries about that object, newest first; objects in the order in which the request met them."""
        found: dict[str, list[PastEntry]] = {entry.uid: [] for entry in reversed(self.entries)}
        for entry in self.entries:
            found[entry.uid].append(entry)
        return found

    def of_objects(self) -> "PastRequest":
        """What it did to objects."""
        return PastRequest(self.name, tuple(entry for entry in self.entries if entry.is_of_object))

    def of_access(self) -> tuple[PastEntry, ...]:
        """What it changed of who may do what; roles on an object that it made go with that."""
        made = {entry.uid for entry in self.entries if entry.is_of_object and entry.change.event == CREATE}
        return tuple(entry for entry in self.entries if not entry.is_of_object and entry.uid not in made)


class PastAccess(Protocol):
    """Takes back what a request changed of who may do what."""

    def refused(self) -> Mapping[str, Sequence[ApiError]]:
        """UID that entries name → why what the request did is not taken back. Changes nothing."""

    def take_back(self, *, dry_run: bool) -> Sequence[AccessEvent]:
        """Do it, or tell what would be done; to be called when nothing is refused."""


AccessOf = Callable[[Sequence[PastEntry]], PastAccess]
"""Who takes entries about users and roles back."""


@dataclass(slots=True)
class LaterChanges:
    """What has happened to an object since a request; a request that was undone, and what undid it, are left out."""

    requests: list["LaterRequest"]
    """Oldest first."""
    version: int | None = None
    """Highest version that the object got; None for a row of a table."""
    last: int | None = None
    """Number of the last request, which may be one that is left out."""


@dataclass(slots=True)
class LaterRequest:
    """A request that has changed an object."""

    request_id: str
    removed: bool
    """The object is gone by it."""


def past_change(row: Any) -> PastChange:
    """The change that an entry of the history tells."""
    former = None if row.former is None else orjson.loads(row.former)
    return PastChange(row.event, orjson.loads(row.changes), row.version, row.path, former or {})


def state_of(draft: Draft) -> ObjectState:
    """An object as it is stored."""
    record = draft.record
    if record is None:
        raise TypeError(f"{draft!r} is not stored")
    version = None if draft.type.table is not None else record.version
    states = states_in(orjson.loads(record.states))
    return ObjectState(orjson.loads(record.data), states, record.id, record.path, record.parent, version)


def load_request(connection: Connection, request_id: str) -> PastRequest | None:
    """What the request with an HTTP request id did; None when no such request changed anything."""
    # What an object inherits follows from its container, and follows it back.
    own = and_(requests.c.request_id == request_id, history_entries.c.event != INHERIT)
    entries = _entries(connection, _selected(own))
    return PastRequest(request_id, entries) if entries else None


def load_removal(connection: Connection, uid: str) -> PastRequest | None:
    """The removal of an object, with those of what it contained then; None unless a removal is the last of it."""
    columns = history_entries.c
    newest = _entries(connection, _selected(and_(columns.uid == uid, columns.event.in_(OBJECT_EVENTS)), limited=True))
    if not newest or newest[0].change.event != REMOVE:
        return None
    top = newest[0]
    # "0" is the character after "/", so the range holds exactly what lay below.
    below = and_(columns.path > f"{top.path}/", columns.path < f"{top.path}0")
    tree = and_(columns.request == top.request, columns.event == REMOVE, or_(columns.uid == uid, below))
    entries = _entries(connection, _selected(tree))
    request_id = connection.scalar(select(requests.c.request_id).where(requests.c.id == top.request))
    return PastRequest(request_id or uid, entries)


def later_changes(connection: Connection, past: PastRequest) -> dict[str, LaterChanges]:
    """UID → what has happened to an object of a request since, by whichever requests."""
    last = {uid: entries[0] for uid, entries in past.by_uid.items()}
    own = {entry.request for entry in past.entries}
    columns = history_entries.c
    oldest = min(entry.id for entry in last.values())
    found: dict[str, LaterChanges] = {}
    for chunk in chunks(last):
        statement = (
            select(
                columns.uid,
                columns.id,
                columns.request,
                columns.version,
                columns.event,
                columns.undoes,
                requests.c.request_id,
            )
            .join(requests, requests.c.id == columns.request)
            .where(columns.uid.in_(chunk), columns.event.in_(OBJECT_EVENTS), columns.request.not_in(own))
            # Numbers of entries rise with the clocks of servers, versions with the changes of the object itself.
            .where(or_(columns.id > oldest, columns.version > min(last[uid].change.version or 0 for uid in chunk)))
            .order_by(columns.id)
        )
        for row in connection.execute(statement):
            entry = last[row.uid]
            newer = row.id > entry.id
            if row.version is not None and entry.change.version is not None:
                newer = row.version > entry.change.version
            if newer:
                _add_later(found.setdefault(row.uid, LaterChanges([])), row)
    return found


def _add_later(later: LaterChanges, row: Any) -> None:
    """Note an entry. What undoes the last request that holds cancels it; what undoes an undo has it hold again."""
    if row.version is not None:
        later.version = max(row.version, later.version or 0)
    requests, is_same = later.requests, row.request == later.last
    later.last = row.request
    if is_same:
        if requests and requests[-1].request_id == row.request_id:
            requests[-1].removed |= row.event == REMOVE
        return
    top = requests[-1] if requests else None
    # A restored object is what undoes the request that removed it, whichever that was.
    if top is not None and row.undoes is not None and row.undoes in (top.request_id, row.uid if top.removed else None):
        requests.pop()
    else:
        requests.append(LaterRequest(row.request_id, row.event == REMOVE))


def earlier_actors(
    connection: Connection, past: PastRequest, uids: Collection[str]
) -> Mapping[tuple[str, str, str], str]:
    """(UID, workflow, transition) → who last took it before the request."""
    if not uids:
        return {}
    columns = history_entries.c
    own = {entry.request for entry in past.entries}
    first = {uid: entries[-1].id for uid, entries in past.by_uid.items()}
    found: dict[tuple[str, str, str], str] = {}
    for chunk in chunks(uids):
        statement = (
            select(columns.id, columns.uid, columns.workflow, columns.transition, requests.c.actor)
            .join(requests, requests.c.id == columns.request)
            .where(columns.uid.in_(chunk), columns.event == TRANSITION, columns.transition.is_not(None))
            .where(columns.request.not_in(own))
            .order_by(columns.id)
        )
        for row in connection.execute(statement):
            if row.id < first[row.uid]:
                found[row.uid, row.workflow, row.transition] = row.actor
    return found


def _selected(condition: ColumnElement[bool], *, limited: bool = False) -> Select[Any]:
    statement = (
        select(*_COLUMNS)
        .join(requests, requests.c.id == history_entries.c.request)
        .where(condition)
        .order_by(history_entries.c.id.desc())
    )
    return statement.limit(1) if limited else statement


def _entries(connection: Connection, statement: Select[Any]) -> tuple[PastEntry, ...]:
    rows: Iterable[Row[Any]] = connection.execute(statement)
    return tuple(
        PastEntry(
            row.id,
            row.request,
            row.rid,
            row.uid,
            row.path,
            row.portal_type,
            row.workflow,
            row.transition,
            row.signature is not None,
            past_change(row),
        )
        for row in rows
    )

"""The change feed: what has changed of objects since a cursor, in the order of the numbers, for whoever may see them.

A change is what one request has done to one object. It is told by the rights that the caller has now: as what it was
where the caller may see the object; as its removal where they could see it before that request and see it no more. Of
what they neither see nor could see nothing is told, but the cursor moves on.
"""

import base64
import binascii
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final

import orjson
import sqlalchemy as sa

from catalog.statements import visibility
from objapi.errors import BadRequest
from objapi.store.context import RequestContext
from objapi.store.permissions.acls import VIEW, Acl
from objapi.store.records import chunks, from_micros
from objapi.store.requests import INHERIT
from objapi.store.schema import entities, history_entries, requests
from objapi.store.trail.numbering import stored_head

BEGINNING: Final = "0"
NOW: Final = "now"
WINDOW: Final = 1_000
"""Requests that one page looks at, whatever it finds in them."""
_ENTRIES: Final = 2_000
"""Entries that one page looks at."""
_GRANTS: Final = frozenset({"grant", "revoke"})
_MOVES: Final = ("rename", INHERIT)
_KINDS: Final = {
    **{name: name for name in ("create", "update", "transition", "rename", "remove")},
    **dict.fromkeys(_GRANTS, "update"),
}
_PLACED: Final = "placed"
"""A state that an object was put into without a transition."""
_NOT_READ: Final = ("id", "request", "comment", "signature")
_MOST_CHARACTERS: Final = 200
_LAST: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Place:
    """A place in the feed: after what a request has done to an object, or after all that it has done."""

    seq: int = 0
    rid: int = _LAST
    uid: str = ""

    def cursor(self) -> str:
        """The place as opaque text."""
        keys = [self.seq] if self.rid == _LAST else [self.seq, self.rid, self.uid]
        return base64.urlsafe_b64encode(orjson.dumps(keys)).rstrip(b"=").decode()

    @classmethod
    def of_cursor(cls, text: str) -> "Place":
        """The place that a cursor names; the beginning for 0. Raises BadRequest."""
        if text == BEGINNING:
            return cls()
        try:
            if len(text) > _MOST_CHARACTERS:
                raise ValueError("too long")
            match orjson.loads(base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)):
                case [int(seq)] if 0 <= seq < _LAST:
                    return cls(seq)
                case [int(seq), int(rid), str(uid)] if 0 <= seq < _LAST and 0 <= rid < _LAST:
                    return cls(seq, rid, uid)
        except (ValueError, binascii.Error):
            pass
        raise BadRequest.of_parameter("since", "since: send a cursor as the last answer gave it, 0, or now.")


@dataclass(frozen=True, slots=True)
class ChangesWanted:
    """Part of the feed that is asked for."""

    since: str
    types: tuple[str, ...] = ()
    """Empty: all types."""
    path: str | None = None
    """The whole path of an object whose subtree is meant, itself included."""
    size: int = 100


@dataclass(frozen=True, slots=True)
class Changes:
    """Changes in their order, as JSON values, and the cursor after them."""

    changes: tuple[Mapping[str, object], ...]
    cursor: str
    more: bool
    """True when there may be further changes already."""


@dataclass(frozen=True, slots=True)
class _Sight:
    """Acl and scope of an object that the user sees, or saw when it was removed."""

    acl: Acl
    scope: int


@dataclass(frozen=True, slots=True)
class _Change:
    """The entries of one request about one object, in their order."""

    rows: Sequence[Mapping[Any, Any]]

    @property
    def first(self) -> Mapping[Any, Any]:
        """The first entry, which has what all of them have in common."""
        return self.rows[0]

    @property
    def place(self) -> Place:
        """The place after it."""
        return Place(self.first["seq"], self.first["rid"], self.first["uid"])

    @property
    def path(self) -> str:
        """The path of the object afterwards."""
        return str(self.rows[-1]["path"])

    @property
    def former_path(self) -> str:
        """The path of the object before."""
        moved = [values for row in self.rows if row["event"] in _MOVES and (values := _values(row).get("path"))]
        return str(moved[0][0]) if moved else str(self.first["path"])

    @property
    def kinds(self) -> tuple[str, ...]:
        """What has happened to it, as the feed has it; nothing for what is no change of an object."""
        found = tuple(dict.fromkeys(kind for row in self.rows if (kind := _kind(row)) is not None))
        # A new object enters its first states by no transition.
        return tuple(kind for kind in found if kind != _PLACED) if "create" in found else _placed_as_updates(found)

    def names(self, hidden: frozenset[str]) -> list[str]:
        """The fields and state variables that have another value, without hidden ones."""
        told = (row for row in self.rows if row["event"] not in _GRANTS and row["event"] != "remove")
        names = (name for row in told for name in _values(row))
        return [name for name in dict.fromkeys(names) if name not in hidden]

    def transition(self) -> str | None:
        """The last transition that was taken."""
        taken = [row["transition"] for row in self.rows if row["transition"] is not None]
        return taken[-1] if taken else None

    def grants_to(self, principals: frozenset[str]) -> bool:
        """True where local roles of one of these were given or taken."""
        for row in self.rows:
            if row["event"] in _GRANTS:
                old, new = _values(row).get("local_roles", ({}, {}))
                if not principals.isdisjoint((*_names(old), *_names(new))):
                    return True
        return False


def _inside(path: str) -> sa.ColumnElement[bool]:
    """The entries of objects in a place. What was moved may have left it; its former path is in the changes."""
    entry = history_entries.c
    below = sa.and_(entry.path > f"{path}/", entry.path < f"{path}0")
    return sa.or_(entry.path == path, below, entry.event.in_(_MOVES))


def _placed_as_updates(kinds: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys("update" if kind == _PLACED else kind for kind in kinds))


def _kind(row: Mapping[Any, Any]) -> str | None:
    if row["event"] == "transition" and row["transition"] is None:
        return _PLACED
    if row["event"] == INHERIT:
        return "rename" if "path" in _values(row) else "update"
    return _KINDS.get(row["event"])


def _values(row: Mapping[Any, Any]) -> dict[str, Any]:
    values: dict[str, Any] = orjson.loads(str(row["changes"]))
    return values


def _names(value: object) -> Iterable[str]:
    return value if isinstance(value, Mapping) else ()


class ChangeReader:
    """Reads the feed for one user."""

    def __init__(self, context: RequestContext) -> None:
        self._context = context
        self._connection = context.connection
        self._rights = context.rights
        principal = context.principal
        self._principals = frozenset({principal.user_id, *(f"group:{group}" for group in principal.groups)})

    def page(self, wanted: ChangesWanted) -> Changes:
        """One page of the feed. Raises BadRequest for a text that is no cursor.

        Requests that have no number yet are left out: number them first.
        """
        head = stored_head(self._connection)
        if wanted.since == NOW:
            return Changes((), Place(head.seq).cursor(), more=False)
        since = Place.of_cursor(wanted.since)
        # Of a site that was restored from a backup the trail may be shorter than a cursor says.
        end = max(since.seq, min(head.seq, since.seq + WINDOW))
        rows = self._rows(since, end, wanted.types, wanted.path)
        found = [_Change(tuple(own)) for _, own in groupby(rows, key=lambda row: (row["seq"], row["rid"], row["uid"]))]
        cut = len(rows) > _ENTRIES and len(found) > 1
        if cut:
            # The entries of the last one may go on.
            del found[-1]
        cut = cut or len(found) > wanted.size
        del found[wanted.size :]
        after = found[-1].place if cut else Place(end)
        return Changes(self._told(found, wanted.path), after.cursor(), more=cut or end < head.seq)

    def _rows(self, since: Place, end: int, types: Sequence[str], path: str | None) -> Sequence[Mapping[Any, Any]]:
        """Entries of objects after a place and up to a number, those of one request and object together."""
        entry, seq = history_entries.c, requests.c.seq
        after: sa.ColumnElement[bool] = seq > since.seq
        if since.rid != _LAST:
            further = sa.or_(entry.rid > since.rid, sa.and_(entry.rid == since.rid, entry.uid > since.uid))
            after = sa.or_(after, sa.and_(seq == since.seq, further))
        # Users are no objects.
        conditions = [seq.between(since.seq, end), after, entry.rid != 0]
        if types:
            conditions.append(entry.portal_type.in_(types))
        if path is not None:
            conditions.append(_inside(path))
        token = self._context.principal.token
        if token is not None and token.types is not None:
            conditions.append(entry.portal_type.in_(sorted(token.types)))
        if token is not None and token.path is not None:
            conditions.append(_inside(token.path))
        found: sa.FromClause = sa.join(requests, history_entries, entry.request == requests.c.id)
        if not self._rights.sees_all(VIEW):
            found = found.outerjoin(entities, entities.c.uid == entry.uid)
            conditions.append(self._may_be_told())
        columns = [column for column in history_entries.columns if column.name not in _NOT_READ]
        statement = (
            sa.select(*columns, seq, requests.c.at, requests.c.actor)
            .select_from(found)
            .where(*conditions)
            .order_by(seq, entry.rid, entry.uid, entry.id)
            .limit(_ENTRIES + 1)
        )
        return self._connection.execute(statement).mappings().all()

    def _may_be_told(self) -> sa.ColumnElement[bool]:
        """The entries that are looked at: of objects that the user sees now or saw before, and of those that are gone.

        What others change where the user sees nothing costs no more than what never was. Rows of tables are no
        `entities`, and own grants are told of objects that are hidden again.
        """
        everywhere, scoped = self._rights.acls_with(VIEW)
        seen = [visibility(table, sorted(everywhere), scoped) for table in (entities, history_entries)]
        return sa.or_(*seen, entities.c.uid.is_(None), history_entries.c.event.in_(sorted(_GRANTS)))

    def _told(self, found: Sequence[_Change], path: str | None) -> tuple[Mapping[str, object], ...]:
        """The changes as the user is told them, without those that they are not told."""
        types = self._context.registry.types
        found = [change for change in found if change.kinds and change.first["portal_type"] in types]
        stored: list[_Change] = []
        mapped: list[_Change] = []
        for change in found:
            is_row = types[change.first["portal_type"]].table is not None
            (mapped if is_row else stored).append(change)
        seen = self._seen_objects(stored) | self._seen_rows(mapped)
        told = (self._described(change, path, seen[change.first["uid"]]) for change in found)
        return tuple(change for change in told if change is not None)

    def _described(self, change: _Change, path: str | None, seen: _Sight | None) -> Mapping[str, object] | None:
        """A change as it is told; None: it is not."""
        portal_type, own = change.first["portal_type"], change.grants_to(self._principals)
        here, there = self._within(portal_type, change.path, path), self._within(portal_type, change.former_path, path)
        is_grant = all(row["event"] in _GRANTS for row in change.rows)
        if seen is not None and here and (own or not is_grant):
            hidden = self._context.site.access.hidden(portal_type, seen.acl, seen.scope, self._rights)
            kinds = tuple("update" if is_grant else kind for kind in change.kinds)
            return _answer(change, change.path, kinds, change.names(hidden), change.transition())
        lost = (own and is_grant and seen is None) or (not is_grant and (seen is not None or self._saw(change)))
        if lost and there:
            return _answer(change, change.former_path, ("remove",), [], None)
        return None

    def _within(self, portal_type: str, own: str, path: str | None) -> bool:
        """True for a path below the one that is asked for, and within the reach of the caller's API token."""
        token = self._context.principal.token
        inside = path is None or own == path or own.startswith(f"{path}/")
        return inside and (token is None or token.covers(portal_type, own))

    def _saw(self, change: _Change) -> bool:
        """True when the user would have seen the object before the request, by the rights of now."""
        acl, scope = change.first["acl"], change.first["scope"]
        return acl is not None and self._rights.may(VIEW, self._context.acls[acl], scope)

    def _seen_objects(self, found: Sequence[_Change]) -> dict[str, _Sight | None]:
        """UID → what the user sees of an object, or saw of one that is gone."""
        seen: dict[str, _Sight | None] = dict.fromkeys(change.first["uid"] for change in found)
        rights: dict[str, tuple[int | None, int | None]] = {}
        for part in chunks(seen):
            statement = sa.select(entities.c.uid, entities.c.acl, entities.c.scope).where(entities.c.uid.in_(part))
            rights.update((uid, (acl, scope)) for uid, acl, scope in self._connection.execute(statement))
        gone = [uid for uid in seen if uid not in rights]
        entry = history_entries.c
        for part in chunks(gone):
            removals = sa.select(entry.uid, entry.acl, entry.scope).where(entry.uid.in_(part), entry.event == "remove")
            rights.update((uid, (acl, scope)) for uid, acl, scope in self._connection.execute(removals))
        for uid, (acl, scope) in rights.items():
            if acl is None or scope is None:
                # Removed before acls were noted: told to who sees everything.
                seen[uid] = _Sight(Acl({}), 0) if self._rights.sees_all(VIEW) else None
            elif self._rights.may(VIEW, self._context.acls[acl], scope):
                seen[uid] = _Sight(self._context.acls[acl], scope)
        return seen

    def _seen_rows(self, found: Sequence[_Change]) -> dict[str, _Sight | None]:
        """UID → what the user sees of a row of a table; one that is gone is seen by who sees all rows of its type."""
        seen: dict[str, _Sight | None] = dict.fromkeys(change.first["uid"] for change in found)
        if not found:
            return seen
        rows = self._context.rows
        rids = {rows.names.rid(change.first["portal_type"], change.first["rid"]): change for change in found}
        there = {record.uid: record for record in rows.records(rids)}
        for change in found:
            uid, record = change.first["uid"], there.get(change.first["uid"])
            if record is None:
                sees_all = rows.visibility.visible(change.first["portal_type"]) is None
                seen[uid] = _Sight(Acl({}), 0) if sees_all else None
            elif self._rights.may(VIEW, self._context.acls[record.acl], record.scope):
                seen[uid] = _Sight(self._context.acls[record.acl], record.scope)
        return seen


def _answer(
    change: _Change, path: str, kinds: Sequence[str], fields: Sequence[str], transition: str | None
) -> Mapping[str, object]:
    first = change.first
    return {
        "cursor": change.place.cursor(),
        "UID": first["uid"],
        "path": path,
        "portal_type": first["portal_type"],
        "kinds": list(kinds),
        "fields": list(fields),
        "transition": transition,
        "time": from_micros(first["at"]).isoformat(),
        "actor": first["actor"],
        "version": first["version"],
    }

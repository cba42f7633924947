"""Search of the trail: every change that was made by way of the gateway, newest first.

It is for auditors, who hold a permission of its own on the site: they see old and new values of all objects, users and
grants, also where they may see none of these themselves.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson
import sqlalchemy as sa

from objapi.errors import NotFound
from objapi.store.context import RequestContext
from objapi.store.reading.cursors import Cursor, decode_cursor, encode_cursor
from objapi.store.records import from_micros
from objapi.store.requests import INHERIT
from objapi.store.schema import entities, history_entries, requests

VIEW_TRAIL: Final = "objapi: View audit trail"

KINDS: Final = (
    *("create", "update", "transition", "rename", "remove", INHERIT),
    *("grant", "revoke", "change", "enable", "disable", "link", "unlink", "permissions"),
    *("password", "password_link", "second_factor", "recovery_codes", "sign_on_link", "sign_on_unlink"),
    *("token_add", "token_revoke", "log_in_failed"),
    *("webhook_add", "webhook_remove", "webhook_replay", "webhook_stop"),
)
"""The kinds of entries: of objects, of what people may do, and of their log-ins."""

_NOT_SHOWN: Final = ("request", "rid", "acl", "scope", "former")
_OF_REQUEST: Final = ("seq", "at", "actor", "address", "api_key", "request_id")


@dataclass(frozen=True, slots=True)
class AuditSearch:
    """What is looked for; None: whatever it is."""

    uid: str | None = None
    path: str | None = None
    """The whole path of an object that is there."""
    actor: str | None = None
    begins: int | None = None
    """Microseconds since 1970 UTC, that instant included."""
    ends: int | None = None
    """That instant not included."""
    kinds: tuple[str, ...] = ()
    request_id: str | None = None

    def digest(self) -> str:
        """A text that differs for other searches."""
        return hashlib.blake2b(repr(self).encode("utf-8", "replace"), digest_size=9).hexdigest()


@dataclass(frozen=True, slots=True)
class AuditPage:
    """Entries of the trail, newest first, as JSON values."""

    entries: tuple[Mapping[str, object], ...]
    next: str | None = None
    """The cursor of the following page; None on the last one."""


def search_trail(context: RequestContext, search: AuditSearch, size: int, after: str | None) -> AuditPage:
    """One page of the numbered entries of the trail. Raises NotFound for a path without an object.

    Requests that have no number yet are left out: number them first.
    """
    uid = search.uid
    if uid is None and search.path is not None:
        uid = _uid_at(context, search.path)
    statement = _statement(search, uid, size, None if after is None else decode_cursor(after, search.digest(), 2))
    rows = context.connection.execute(statement).mappings().all()
    following = None
    if len(rows) > size:
        last = rows[size - 1]
        following = encode_cursor(Cursor((last["seq"], last["id"]), 0), search.digest())
    return AuditPage(tuple(_described(row) for row in rows[:size]), following)


def _uid_at(context: RequestContext, path: str) -> str:
    """The UID of the object or row at a path, whoever may see it. Raises NotFound."""
    names = context.site.rows.names
    found = context.connection.scalar(sa.select(entities.c.uid).where(entities.c.path == path))
    rid = names.of_path(path) if found is None else None
    if found is None and rid is None:
        raise NotFound(f"There is no object at {path!r}; the changes of one that is gone are found by its UID.")
    return names.uid(*names.of_rid(rid)) if rid is not None else str(found)


def _statement(search: AuditSearch, uid: str | None, size: int, after: Cursor | None) -> sa.Select[Any]:
    conditions: list[sa.ColumnElement[bool]] = [requests.c.seq.is_not(None), *_of_requests(search)]
    own: list[sa.ColumnElement[bool]] = [history_entries.c.event.in_(search.kinds)] if search.kinds else []
    chosen: sa.FromClause = requests
    if uid is not None:
        own.append(history_entries.c.uid == uid)
    if after is not None:
        seq, entry = after.keys
        conditions.append(requests.c.seq <= seq)
    if uid is None:
        # As many requests as there are entries on a page hold those that are wanted, and the key of their numbers leads
        # to them; to sort all entries that fit would take longer the longer the trail is.
        some = sa.exists().where(history_entries.c.request == requests.c.id, *own)
        found = sa.select(requests).where(*conditions, *([some] if own else ()))
        # Of the request with which the page before ended nothing may be left.
        chosen = found.order_by(requests.c.seq.desc()).limit(size + 2).subquery("chosen")
        conditions = []
    if after is not None:
        further = sa.or_(chosen.c.seq < seq, history_entries.c.id < entry)
        conditions.append(further)
    columns = [column for column in history_entries.columns if column.name not in _NOT_SHOWN]
    return (
        sa.select(*columns, *(chosen.c[name] for name in _OF_REQUEST))
        .select_from(sa.join(chosen, history_entries, history_entries.c.request == chosen.c.id))
        .where(*conditions, *own)
        .order_by(chosen.c.seq.desc(), history_entries.c.id.desc())
        .limit(size + 1)
    )


def _of_requests(search: AuditSearch) -> list[sa.ColumnElement[bool]]:
    columns = requests.c
    wanted = {columns.actor: search.actor, columns.request_id: search.request_id}
    conditions: list[sa.ColumnElement[bool]] = []
    conditions += [column == value for column, value in wanted.items() if value is not None]
    if search.begins is not None:
        conditions.append(columns.at >= search.begins)
    if search.ends is not None:
        conditions.append(columns.at < search.ends)
    return conditions


def _described(row: Mapping[Any, Any]) -> Mapping[str, object]:
    changes = orjson.loads(str(row["changes"]))
    described: dict[str, object] = {
        "seq": row["seq"],
        "time": from_micros(row["at"]).isoformat(),
        "actor": row["actor"],
        "address": row["address"],
        "token": row["api_key"],
        "request": row["request_id"],
        "kind": row["event"],
        "UID": row["uid"],
        "path": row["path"],
        "portal_type": row["portal_type"],
        "version": row["version"],
        "changes": {name: {"old": old, "new": new} for name, (old, new) in changes.items()},
    }
    if row["undoes"] is not None:
        described["undoes"] = row["undoes"]
    if row["event"] == "transition":
        described |= {"workflow": row["workflow"], "transition": row["transition"], "comment": row["comment"]}
    if row["signature"] is not None:
        described["signature"] = orjson.loads(row["signature"])
    return described

"""Reading the history of one object, with the rights that reading the object itself would need."""

from collections.abc import Mapping
from typing import Any

import orjson
from sqlalchemy import and_, exists, func, select

from objapi.errors import Forbidden
from objapi.store.context import RequestContext
from objapi.store.records import chunks, from_micros
from objapi.store.requests import INHERIT, HistoryPage
from objapi.store.schema import entities, history_entries, requests
from objapi.store.writing.draft import Draft


class HistoryReader:
    """Reads history rows for one user."""

    def __init__(self, context: RequestContext) -> None:
        self._connection = context.connection
        self._registry = context.registry
        self._access = context.site.access
        self._rights = context.rights
        self._token = context.principal.token

    def of_object(self, draft: Draft, offset: int, size: int) -> HistoryPage:
        """The history of an object that exists. Raises Forbidden."""
        permission = self._registry.roles.history_permission
        if not self._rights.may(permission, draft.acl, draft.scope):
            raise Forbidden(f"To read the history of {draft.path} needs the permission {permission}.")
        return self._page(
            draft.uid, self._access.hidden(draft.portal_type, draft.acl, draft.scope, self._rights), offset, size
        )

    def of_removed(self, uid: str, root: Draft, offset: int, size: int, *, removed: bool) -> HistoryPage | None:
        """The history of an object that is gone; None when there was none that the user may see and a token reaches.

        One that is there after all, and not for the user (not `removed`), is looked for all the same: it is refused by
        as many statements as what never was.
        """
        permission = self._registry.roles.history_permission
        if not self._rights.may(permission, root.acl, root.scope):
            return None
        last = self._connection.execute(
            select(history_entries.c.portal_type, history_entries.c.path)
            .where(history_entries.c.uid == uid, ~exists().where(entities.c.uid == uid))
            .order_by(history_entries.c.id.desc())
            .limit(1)
        ).first()
        if last is None or not removed:
            return None
        if self._token is not None and not self._token.covers(last.portal_type, last.path):
            return None
        portal_type = last.portal_type
        hidden = frozenset[str]()
        if portal_type in self._registry.types:
            hidden = self._access.hidden(portal_type, root.acl, root.scope, self._rights)
        return self._page(uid, hidden, offset, size)

    def values_at(self, versions: Mapping[str, tuple[Draft, int]]) -> dict[str, dict[str, object]]:
        """The fields that have changed since a version of each object, by its UID, with their stored values then.

        Objects whose history the user may not see are left out, and fields that the user may not read.
        """
        permission = self._registry.roles.history_permission
        told = {uid: item for uid, item in versions.items() if self._rights.may(permission, item[0].acl, item[0].scope)}
        found: dict[str, dict[str, object]] = {uid: {} for uid in told}
        columns = history_entries.c
        for chunk in chunks(told):
            statement = (
                select(columns.uid, columns.version, columns.changes)
                .where(columns.uid.in_(chunk), columns.event != INHERIT)
                .order_by(columns.id.desc())
            )
            for uid, version, changes in self._connection.execute(statement):
                draft, then = told[uid]
                hidden = self._access.hidden(draft.portal_type, draft.acl, draft.scope, self._rights)
                if version is not None and version > then:
                    # Newest first: the oldest change since then is what stays.
                    found[uid].update(
                        (name, old) for name, (old, _) in orjson.loads(changes).items() if name not in hidden
                    )
        return found

    def _page(self, uid: str, hidden: frozenset[str], offset: int, size: int) -> HistoryPage:
        of_object = and_(history_entries.c.uid == uid, history_entries.c.event != INHERIT)
        statement = (
            select(*history_entries.c, requests.c.at, requests.c.actor, requests.c.api_key)
            .join(requests, requests.c.id == history_entries.c.request)
            .where(of_object)
            .order_by(history_entries.c.id.desc())
            .offset(offset)
        )
        rows = self._connection.execute(statement.limit(size or 2**62)).mappings().all()
        count = select(func.count()).select_from(history_entries).where(of_object)
        total = self._connection.scalar(count) or 0
        return HistoryPage(total, tuple(_row(dict(row), hidden) for row in rows))


def _row(row: Mapping[Any, Any], hidden: frozenset[str]) -> Mapping[str, object]:
    changes = orjson.loads(str(row["changes"]))
    described: dict[str, object] = {
        "event": row["event"],
        "time": from_micros(int(str(row["at"]))).isoformat(),
        "actor": row["actor"],
        "path": row["path"],
        "UID": row["uid"],
        "portal_type": row["portal_type"],
        "changes": {name: {"old": old, "new": new} for name, (old, new) in changes.items() if name not in hidden},
    }
    if row["api_key"] is not None:
        described["token"] = row["api_key"]
    if row["undoes"] is not None:
        described["undoes"] = row["undoes"]
    if row["event"] == "transition":
        described.update(workflow=row["workflow"], transition=row["transition"], comment=row["comment"])
    if row["signature"] is not None:
        described["signature"] = orjson.loads(row["signature"])
    return described

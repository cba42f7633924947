"""Objects as they were at an instant: what is stored today, and the history since, taken back.

Whoever may see an object and its history today is told what it was, of its fields those that they may read today.
Values that are worked out from others are left out: what they would have been then nothing tells.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import orjson
from sqlalchemy import exists, or_, select

from objapi.errors import ApiError, Cause, Conflict, Forbidden, NotFound, combine
from objapi.model.former_values import (
    CREATE,
    OBJECT_EVENTS,
    REMOVE,
    RENAME,
    ObjectState,
    PastChange,
    changed_elsewhere,
    taken_back,
)
from objapi.model.signed_values import SIGNATURES
from objapi.model.types import EntityType
from objapi.store.context import RequestContext
from objapi.store.records import chunks, to_micros
from objapi.store.requests import Former
from objapi.store.schema import entities, history_entries, requests
from objapi.store.writing.draft import Draft
from objapi.store.writing.past_requests import past_change, state_of
from objapi.store.writing.planner import StorePlanner

_MOST_LEVELS: Final = 20
"""Containers around an object, at most."""
_COLUMNS: Final = tuple(
    history_entries.c[name] for name in ("uid", "event", "changes", "version", "path", "portal_type", "former", "rid")
)


@dataclass(frozen=True, slots=True)
class _Entry:
    """One entry of the history of an object, with its instant and the names that the object had."""

    at: int
    rid: int
    path: str
    portal_type: str
    change: PastChange


class FormerReader:
    """Answers objects as they were at one instant."""

    def __init__(self, context: RequestContext, planner: StorePlanner, root: Draft, instant: datetime) -> None:
        self._context = context
        self._registry = context.registry
        self._rights = context.rights
        self._planner = planner
        self._workspace = planner.workspace
        self._root = root
        self._at = to_micros(instant)
        self._permission = context.registry.roles.history_permission
        self._present: dict[str, Draft] = {}
        """UID → the object as it is today, where the user may see it."""
        self._entries: dict[str, list[_Entry]] = {}
        """UID → what the history says of the object since the instant, of rows ever, newest first."""

    def answer(self, found: Sequence[Draft | NotFound], uids: Sequence[str | None]) -> Former:
        """The objects as they were, in order; one that was not there then, or is not for the user, is left out.

        `found` are the objects that the user may see today; `uids` those by which they were asked for, None for a path.
        Raises Forbidden for a history that the user may not see, Conflict for a row that was changed from outside.
        """
        own = [item.uid if isinstance(item, Draft) else uid for item, uid in zip(found, uids, strict=True)]
        self._present = {item.uid: item for item in found if isinstance(item, Draft)}
        self._refuse_histories()
        named = [uid for uid in dict.fromkeys(own) if uid is not None]
        # What is there today and not for the user is asked for like what was removed, and left out afterwards.
        asked = [uid for uid in named if uid in self._present or self._sees_removed]
        rows = [uid for uid in asked if self._workspace.names.of_uid(uid) is not None]
        self._load_entries((uid for uid in asked if uid in self._present), whole=rows)
        self._load_entries((uid for uid in asked if uid not in self._present), whole=rows, removed=True)
        unseen = self._workspace.unseen_uids
        asked = [uid for uid in asked if uid in self._present or (uid not in unseen and self._may_see_removed(uid))]
        rows = [uid for uid in rows if uid in asked]
        self._refuse_changed_rows(rows)
        states = {uid: state for uid in asked if (state := self._state_then(uid)) is not None}
        paths = self._paths_then(states)
        drafts = {uid: self._former_draft(uid, state, paths[uid]) for uid, state in states.items()}
        left_out: dict[str, dict[str, None]] = {}
        for uid, draft in drafts.items():
            left_out.setdefault(draft.portal_type, {}).update(dict.fromkeys(self._left_out(draft.type, states[uid])))
        return Former(
            tuple(self._members(drafts[uid], states[uid]) for uid in dict.fromkeys(own) if uid in drafts),
            {portal_type: tuple(names) for portal_type, names in left_out.items() if names},
            tuple(self._row_warnings(drafts[uid].portal_type for uid in rows if uid in drafts)),
        )

    # Rights

    def _refuse_histories(self) -> None:
        """Raise Forbidden for objects whose history the user may not see: what they were is told by nothing else."""
        refused: list[ApiError] = [
            Forbidden(f"To read what {draft.path} was needs the permission {self._permission}.")
            for draft in self._present.values()
            if not self._rights.may(self._permission, draft.acl, draft.scope)
        ]
        if refused:
            raise combine(refused)

    @property
    def _sees_removed(self) -> bool:
        """As for the history of a removed object: the permission on the site decides."""
        return self._rights.may(self._permission, self._root.acl, self._root.scope)

    def _may_see_removed(self, uid: str) -> bool:
        """True for an object that was there, and that the caller's API token reached."""
        entries, token = self._entries.get(uid), self._rights.principal.token
        if not entries:
            return False
        last = entries[0]
        return last.portal_type in self._registry.types and (token is None or token.covers(last.portal_type, last.path))

    def _refuse_changed_rows(self, rows: Iterable[str]) -> None:
        """Raise Conflict for rows of tables that are not as the gateway has left them."""
        conflicts: list[ApiError] = []
        for uid in rows:
            draft, entries = self._present.get(uid), self._entries.get(uid, [])
            if changed_elsewhere(None if draft is None else state_of(draft), [entry.change for entry in entries]):
                path = entries[0].path if draft is None else draft.path
                message = (
                    f"{path} was changed from outside of the gateway, so that nobody knows what it was. "
                    "What the gateway itself has changed is in its history."
                )
                conflicts.append(Conflict(message, causes=[Cause("object", path, message, code="changed_outside")]))
        if conflicts:
            raise combine(conflicts)

    def _row_warnings(self, types: Iterable[str]) -> Iterator[str]:
        for name in dict.fromkeys(types):
            yield f"{name}: of rows of a table only those changes are taken back that were made by way of the gateway."

    # What was

    def _load_entries(
        self,
        uids: Iterable[str],
        *,
        whole: Collection[str] = (),
        events: Iterable[str] = (),
        removed: bool = False,
    ) -> None:
        """Have the entries about objects here: those since the instant, of `whole` ever.

        `removed`: of those alone that are not there any more.
        """
        columns, late = history_entries.c, requests.c.at > self._at
        for chunk in chunks(uids):
            rows = [uid for uid in chunk if uid in whole]
            statement = (
                select(*_COLUMNS, requests.c.at)
                .join(requests, requests.c.id == columns.request)
                .where(columns.uid.in_(chunk), columns.event.in_(tuple(events) or OBJECT_EVENTS))
                .where(or_(late, columns.uid.in_(rows)) if rows else late)
                .order_by(columns.id.desc())
            )
            if removed:
                statement = statement.where(~exists().where(entities.c.uid == columns.uid))
            for row in self._context.connection.execute(statement):
                entry = _Entry(row.at, row.rid, row.path, row.portal_type, past_change(row))
                self._entries.setdefault(row.uid, []).append(entry)

    def _state_then(self, uid: str) -> ObjectState | None:
        draft = self._present.get(uid)
        state = self._before_later_changes(uid, draft)
        if draft is not None and draft.type.table is None and draft.created > self._at:
            return None
        return state

    def _before_later_changes(self, uid: str, draft: Draft | None) -> ObjectState | None:
        later = [entry.change for entry in self._entries.get(uid, ()) if entry.at > self._at]
        # The order of versions is that of the changes, also where a clock was set back between them.
        if all(change.version is not None for change in later):
            later.sort(key=lambda change: change.version or 0, reverse=True)
        return taken_back(None if draft is None else state_of(draft), later)

    def _paths_then(self, states: Mapping[str, ObjectState]) -> dict[str, str]:
        """The paths of the objects then: what contains them may have been renamed or moved since, or they from it."""
        containers: dict[int, ObjectState | None] = {}
        waiting = {state.parent for state in states.values() if state.parent is not None}
        # Once for the containers of today with all that is around them; again only for those of former times.
        while waiting:
            found = self._containers_then(waiting)
            containers.update(found)
            above = {state.parent for state in found.values() if state is not None and state.parent is not None}
            waiting = above - containers.keys()
        return {uid: _path_then(state, containers, _MOST_LEVELS) for uid, state in states.items()}

    def _containers_then(self, rids: Iterable[int]) -> dict[int, ObjectState | None]:
        """Containers as they were, and what is around them today as it was; None for one that is gone."""
        workspace, wanted = self._workspace, list(rids)
        workspace.load_rids(wanted)
        drafts = {rid: workspace.by_rid[rid] for rid in wanted if rid in workspace.by_rid}
        workspace.load_paths(path for draft in drafts.values() for path in _paths_above(draft.path))
        for draft in list(drafts.values()):
            around = (workspace.by_path.get(path) for path in _paths_above(draft.path))
            drafts.update((item.rid, item) for item in around if item is not None)
        unknown = [draft.uid for draft in drafts.values() if draft.uid not in self._entries]
        self._load_entries(unknown, events=(CREATE, RENAME, REMOVE))
        known = {rid: self._before_later_changes(draft.uid, draft) for rid, draft in drafts.items()}
        return {**dict.fromkeys(wanted), **known}

    def _former_draft(self, uid: str, state: ObjectState, path: str) -> Draft:
        """The object with the values, states and names that it had."""
        present = self._present.get(uid)
        portal_type = self._entries[uid][0].portal_type if present is None else present.portal_type
        draft = Draft(self._workspace, self._registry.types[portal_type], None if present is None else present.record)
        draft.uid, draft.id, draft.path = uid, state.id, path
        draft.data = dict(state.values)
        draft.states = {
            workflow.id: {"status": {workflow.state_variable: state.variables[workflow.state_variable]}, "last": {}}
            for workflow in self._registry.chain(portal_type)
            if workflow.state_variable in state.variables
        }
        return draft

    # The answer

    def _members(self, draft: Draft, state: ObjectState) -> orjson.Fragment:
        """The members of an object that the user may read today."""
        allowed = self._present.get(draft.uid, self._root)
        hidden = self._context.site.access.hidden(draft.portal_type, allowed.acl, allowed.scope, self._rights)
        left_out = frozenset(self._left_out(draft.type, state))
        members = self._planner.renderer.stored_members(draft)
        if "title" not in left_out | hidden:
            members["title"] = self._planner.values.title(draft)
        if state.version is not None:
            members["version"] = state.version
        shown = {name: value for name, value in members.items() if name not in hidden and name not in left_out}
        return orjson.Fragment(orjson.dumps(shown, default=str))

    def _left_out(self, entity_type: EntityType, state: ObjectState) -> Iterator[str]:
        """The names of an answer about which the history says nothing."""
        fields = entity_type.fields
        for field in fields.values():
            stored = fields.get(field.alias_of or field.name, field)
            if not stored.is_stored:
                yield field.name
        yield from (name for name in state.values if name not in fields)
        yield from entity_type.embed
        if entity_type.portal_type in self._context.site.signed_types:
            yield SIGNATURES
        title = entity_type.title_path
        end = None if title is None or title.steps else fields.get(title.attribute or "")
        own = title is None or (end is not None and end.is_stored)
        if not own and "title" not in fields:
            yield "title"
        own_states = {workflow.state_variable for workflow in self._registry.chain(entity_type.portal_type)}
        for name in self._registry.state_variables(entity_type.portal_type):
            if name not in own_states or (name not in state.variables and not state.states_known):
                yield name
        if state.version is None:
            yield "version"


def _path_then(state: ObjectState, containers: Mapping[int, ObjectState | None], levels: int) -> str:
    container = None if state.parent is None else containers.get(state.parent)
    if container is None or levels == 0:
        # The site's root, or a container about which nothing is known any more.
        return state.path
    return f"{_path_then(container, containers, levels - 1)}/{state.id}"


def _paths_above(path: str) -> Iterator[str]:
    """The paths of all that contains what is at a path, from the inside."""
    while (path := path.rpartition("/")[0]) != "":
        yield path

"""Restoring removed objects from what their removal has stored: with their UID, id, path and states."""

from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from functools import partial

import orjson

from objapi.errors import Cause, Conflict, Forbidden
from objapi.model.types import EntityType
from objapi.store.records import rowids, to_micros
from objapi.store.writing.batch_attempt import BatchAttempt
from objapi.store.writing.draft import Draft
from objapi.store.writing.field_rules import not_addable
from objapi.store.writing.past_requests import PastEntry
from objapi.store.writing.plan_events import Created
from objapi.store.writing.planner import StorePlanner
from objapi.store.writing.row_naming import name_row


class Restoring:
    """The plan of restoring some objects; containers are restored before what they held."""

    def __init__(self, attempt: BatchAttempt, places: Mapping[str, int]) -> None:
        self._attempt = attempt
        self._planner: StorePlanner = attempt.planner
        self._workspace = attempt.planner.workspace
        self._places = places
        self._restored: dict[int, Draft] = {}
        """Row number that an object had → the object as it is restored."""
        self.fields: dict[str, Sequence[str]] = {}
        """UID of a restored object → its fields with a value."""

    def plan(self, removals: Iterable[PastEntry]) -> None:
        """Plan to restore what was removed; whatever keeps one from it is an error of its place."""
        ordered = sorted(removals, key=lambda entry: entry.path.count("/"))
        parents = [parent for entry in ordered if isinstance(parent := entry.change.former.get("parent"), int)]
        self._workspace.load_rids(parents)
        self._workspace.load_paths(_container_path(entry) for entry in ordered)
        for entry in ordered:
            place = self._places[entry.uid]
            self._attempt.guarded(place, partial(self._restore, entry))

    def container(self, rid: int | None) -> Draft | None:
        """The object that has, or had before it was removed, a row number."""
        return None if rid is None else self._restored.get(rid) or self._workspace.by_rid.get(rid)

    def _restore(self, entry: PastEntry) -> None:
        """Plan one object. Raises Conflict when it cannot be what it was."""
        entity_type = self._planner.registry.types.get(entry.portal_type)
        if entity_type is None:
            raise _conflict(entry, f"the type {entry.portal_type} is not declared any more")
        if entry.uid in self._workspace.by_uid:
            raise _conflict(entry, "an object with its UID is there already")
        if entity_type.workflows and "states" not in entry.change.former and entity_type.table is None:
            raise _conflict(entry, "it was removed before the history stored the states of what is removed")
        if entity_type.table is not None:
            self._restore_row(entity_type, entry)
            return
        container = self._container_of(entry)
        refused = not_addable(self._planner, entity_type, container, "UID")
        if refused:
            raise refused[0]
        draft = self._draft(entity_type, entry, container)
        self._workspace.missing_uids.discard(entry.uid)
        self._workspace.missing_paths.discard(draft.path)
        self._workspace.register(draft)
        self._note(entry, draft)

    def _container_of(self, entry: PastEntry) -> Draft:
        parent = entry.change.former.get("parent")
        found = self.container(parent if isinstance(parent, int) else None)
        # An object that is restored later gets another row number, so that only the path tells which it was.
        found = found or self._workspace.by_path.get(_container_path(entry))
        if found is None or found.removed:
            raise _conflict(entry, f"what contained it, {_container_path(entry)}, is not there")
        if found.stored_path != _container_path(entry) and found.path != _container_path(entry):
            raise _conflict(entry, f"what contained it is at {found.path} now")
        return found

    def _draft(self, entity_type: EntityType, entry: PastEntry, container: Draft) -> Draft:
        planner, former = self._planner, entry.change.former
        draft = Draft(self._workspace, entity_type, None)
        draft.rid, draft.uid, draft.id = rowids.next(), entry.uid, entry.path.rpartition("/")[2]
        now = to_micros(planner.now)
        created = former.get("created")
        draft.created, draft.modified = created if isinstance(created, int) else now, now
        draft.creator = str(former.get("creator") or planner.user_id)
        draft.parent_rid, draft.path = container.rid, f"{container.path}/{draft.id}"
        draft.scope = draft.rid if entity_type.scope else container.scope
        if entity_type.access_from is not None:
            draft.forget_scope()
        self._fill(draft, entry)
        # The version goes on where it ended, so that it names one state of the object for ever.
        draft.version_after = (entry.change.version or 1) + 1
        return draft

    def _fill(self, draft: Draft, entry: PastEntry) -> None:
        """Give an object the values, states and permission settings that it had."""
        former, fields = entry.change.former, draft.type.fields
        values = {name: pair[0] for name, pair in entry.change.changes.items()}
        draft.data = {
            name: value
            for name, value in values.items()
            if value is not None and name in fields and fields[name].is_stored
        }
        states, settings = former.get("states"), former.get("settings")
        draft.states = deepcopy(states) if isinstance(states, dict) else {}
        draft.settings = self._workspace.overrides_of(None if settings is None else orjson.dumps(settings).decode())

    def _restore_row(self, entity_type: EntityType, entry: PastEntry) -> None:
        """Plan a row of a table with the key that it had."""
        rows, permission = self._workspace.rows, entity_type.add_permission
        acl = rows.site.default_acl(entity_type.portal_type)
        if not self._planner.rights.may(permission, acl, rows.visibility.scope):
            raise Forbidden(f"To add a {entity_type.portal_type} needs the permission {permission}.")
        draft = self._planner.begin(entity_type, None)
        settings = draft.settings
        self._fill(draft, entry)
        name_row(self._workspace, draft, entry.path.rpartition("/")[2])
        if not draft.states:
            draft.settings = settings
            self._planner.place(draft, {})
        self._note(entry, draft)

    def _note(self, entry: PastEntry, draft: Draft) -> None:
        self._restored[entry.rid] = draft
        self.fields[draft.uid] = tuple(draft.data)
        self._attempt.drafts[self._places[entry.uid]] = draft
        # Of the first states of a new object there are entries; those of a restored one are in its removal.
        self._planner.events.append(Created(draft))


def _container_path(entry: PastEntry) -> str:
    return entry.path.rpartition("/")[0]


def _conflict(entry: PastEntry, reason: str) -> Conflict:
    message = f"{entry.path} cannot be restored: {reason}."
    return Conflict(message, causes=[Cause("object", entry.path, message, code="not_restored")])

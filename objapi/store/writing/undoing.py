"""Taking back what a request has done: a request of its own, with the inverse of every change.

Nothing follows from it but what is computed: what followed from the request is in its history and taken back as well.
Numbers that were given stay given. Rights on objects and fields are asked for as with any other change; a transition
is taken back by the right to undo alone, since no workflow knows its inverse.
"""

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Final

import orjson

from objapi.errors import ApiError, Cause, Conflict, NotFound, ValidationError
from objapi.model.former_values import (
    CREATE,
    REMOVE,
    RENAME,
    TRANSITION,
    UPDATE,
    ObjectState,
    same_value,
    taken_back,
)
from objapi.model.types import Kind
from objapi.store.permissions.acls import VIEW
from objapi.store.writing.batch_attempt import BatchAttempt
from objapi.store.writing.draft import Draft
from objapi.store.writing.field_rules import failed_checks, not_addable, not_removable, not_writable
from objapi.store.writing.past_requests import PastAccess, PastRequest, earlier_actors, later_changes, state_of
from objapi.store.writing.planner import StorePlanner
from objapi.store.writing.removing import in_use, referrers_of
from objapi.store.writing.restoring import Restoring
from objapi.store.writing.workspace import uids_in

UNDO: Final = "objapi: Undo requests"
"""The permission to take requests back, which counts on the site's root."""


def plan_undo(
    attempt: BatchAttempt, past: PastRequest, uids: Mapping[int, str], access: PastAccess | None = None
) -> None:
    """Plan the inverse of all that a request has done; `uids` are its objects, by their places.

    `access` takes back what it changed of who may do what; None: nobody does. Raises NotFound for a request about
    objects that the user may not see.
    """
    _Undoing(attempt, past, uids, access).plan()


class _Undoing:
    """The plan of one undo."""

    def __init__(
        self, attempt: BatchAttempt, past: PastRequest, uids: Mapping[int, str], access: PastAccess | None
    ) -> None:
        self.attempt = attempt
        self.planner: StorePlanner = attempt.planner
        self.workspace = attempt.planner.workspace
        self.past = past.of_objects()
        self.entries = self.past.by_uid
        self.access_entries = past.of_access()
        self.access = access
        self.places = {uid: place for place, uid in uids.items()}
        self.drafts: dict[str, Draft] = {}
        self.present: dict[str, ObjectState] = {}
        """What is there now."""
        self.former: dict[str, ObjectState] = {}
        """What was there before the request."""

    def plan(self) -> None:
        """Plan it; nothing of it when something stands in the way."""
        self._load()
        self._refuse_access()
        self._refuse_signed()
        self._refuse_final()
        self._refuse_changed()
        if self.attempt.errors:
            return
        staying = [uid for uid in self.former if uid in self.present]
        made = [self.drafts[uid] for uid in self.present if uid not in self.former]
        written = {uid: self._changed_fields(uid) for uid in staying}
        # What may be done is asked of the objects as they are, before anything of it is planned.
        refused = {uid: self._not_writable(uid, names) for uid, names in written.items()}
        self._refuse_removal(made)
        restoring = Restoring(self.attempt, self.places)
        restoring.plan([self.entries[uid][0] for uid in self.former if uid not in self.present])
        self._move_back(staying, restoring)
        self._put_states_back(staying)
        for uid, names in written.items():
            self._put_values_back(uid, names, refused[uid])
        if self.attempt.errors:
            return
        self._remove(made)
        self._check({**written, **restoring.fields})

    # What is there

    def _load(self) -> None:
        self.workspace.load_uids(self.places)
        for uid in self.places:
            entries = self.entries.get(uid)
            if entries is None:
                continue
            draft = self.workspace.by_uid.get(uid)
            if draft is not None:
                self.drafts[uid] = self.attempt.drafts[self.places[uid]] = draft
                self.present[uid] = state_of(draft)
            former = taken_back(self.present.get(uid), (entry.change for entry in entries))
            if former is not None:
                self.former[uid] = former
        concerned = [self.workspace.by_uid[uid] for uid in self.places if uid in self.workspace.by_uid]
        if not all(self.planner.can(draft, VIEW) for draft in concerned):
            raise unknown_request(self.past.name)
        for draft in concerned:
            self.attempt.drafts[self.places[draft.uid]] = draft

    # Refusals

    def _fail(self, uid: str, message: str, code: str) -> None:
        path = self.entries[uid][0].path
        self.attempt.fail(self.places[uid], Conflict(message, causes=[Cause("object", path, message, code=code)]))

    def _refuse_access(self) -> None:
        """Refuse what nobody takes back of users, their roles, passwords and tokens."""
        if self.access is not None:
            for uid, errors in self.access.refused().items():
                self.attempt.fail(self.places[uid], *errors)
            return
        for entry in self.access_entries:
            message = f"{entry.path}: the request changed who may do what ({entry.change.event}), which is not undone."
            self.attempt.fail(self.places[entry.uid], access_refusal(entry.path, message))

    def _refuse_signed(self) -> None:
        for uid, entries in self.entries.items():
            if any(entry.is_signed for entry in entries):
                message = f"{entries[0].path} was signed by the request, and nobody takes a signature back."
                self._fail(uid, message, "signed")

    def _refuse_final(self) -> None:
        for uid, draft in self.drafts.items():
            for variable, states in draft.type.final_states.items():
                state = self.planner.value(draft, variable)
                if state in states:
                    self._fail(uid, f"{draft.path} is in state {state}, in which nothing is undone.", "final")

    def _refuse_changed(self) -> None:
        """Refuse a request whose objects something has happened to since, naming the requests that did it."""
        if not self.entries:
            return
        changes = later_changes(self.planner.context.connection, self.past)
        for uid, entries in self.entries.items():
            path = self.drafts[uid].path if uid in self.drafts else entries[0].path
            later = changes.get(uid)
            if later is not None and later.requests:
                requests = ", ".join(dict.fromkeys(request.request_id or "a command" for request in later.requests))
                self._fail(uid, f"{path} was changed since, by {requests}; undo that first.", "changed")
            elif not self._is_as_left(uid, None if later is None else later.version):
                self._fail(uid, f"{path} was changed since, not by a request that the history has.", "changed")

    def _is_as_left(self, uid: str, version: int | None) -> bool:
        """True for an object that is as the request has left it, or again so, in a version that it got since."""
        entries, state = self.entries[uid], self.present.get(uid)
        last = entries[0].change
        if state is None or last.event == REMOVE:
            return state is None and last.event == REMOVE
        if last.version is not None:
            return state.version == (last.version if version is None else version)
        values: dict[str, object] = {}
        for entry in entries:
            if entry.change.event in (CREATE, UPDATE):
                for name, (_, new) in entry.change.changes.items():
                    values.setdefault(name, new)
        return all(same_value(state.values.get(name), value) for name, value in values.items())

    def _not_writable(self, uid: str, names: Iterable[str]) -> dict[str, list[ApiError]]:
        """Field → why the user may not write it; what the gateway alone writes, it writes back."""
        draft = self.drafts[uid]
        found = {
            name: not_writable(self.planner, draft, [name]) for name in names if not draft.type.fields[name].system
        }
        return {name: errors for name, errors in found.items() if errors}

    # Places and states

    def _move_back(self, uids: Iterable[str], restoring: Restoring) -> None:
        renamed = [(entry.id, uid) for uid in uids for entry in self.entries[uid] if entry.change.event == RENAME]
        moved = list(dict.fromkeys(uid for _, uid in sorted(renamed, reverse=True)))
        self.workspace.load_rids(former.parent for uid in moved if (former := self.former[uid]).parent is not None)
        self.workspace.load_tree([self.drafts[uid] for uid in moved])
        for uid in moved:
            draft, former, place = self.drafts[uid], self.former[uid], self.places[uid]
            container = restoring.container(former.parent)
            if container is None or container.removed:
                self._fail(uid, f"{draft.path}: what contained it, {former.path.rpartition('/')[0]}, is gone.", "gone")
                continue
            self.attempt.fail(
                place,
                *not_removable(self.planner, [draft, *self.workspace.load_tree([draft])], "move"),
                *not_addable(self.planner, draft.type, container, "request_id"),
            )
            if place not in self.attempt.errors:
                self.planner.relocate(draft, container, former.id)

    def _put_states_back(self, uids: Iterable[str]) -> None:
        stepped = [uid for uid in uids if any(entry.change.event == TRANSITION for entry in self.entries[uid])]
        actors = earlier_actors(self.planner.context.connection, self.past, stepped)
        for uid in stepped:
            self.attempt.guarded(self.places[uid], partial(self._place, uid, actors))
        for uid in uids:
            settings = [
                entry.change.former["settings"] for entry in self.entries[uid] if "settings" in entry.change.former
            ]
            if settings:
                document = orjson.dumps(settings[-1]).decode()
                self.drafts[uid].settings = self.workspace.overrides_of(document)

    def _place(self, uid: str, actors: Mapping[tuple[str, str, str], str]) -> None:
        """Put an object into its former states, as who last took each transition is who did before the request."""
        draft, present, former = self.drafts[uid], self.present[uid], self.former[uid]
        taken = {(entry.workflow or "", entry.transition) for entry in self.entries[uid] if entry.workflow is not None}
        for workflow in self.planner.registry.chain(draft.portal_type):
            variable = workflow.state_variable
            state = former.variables.get(variable)
            if state is None or workflow.id not in {name for name, _ in taken}:
                continue
            if state != present.variables.get(variable):
                comment = f"Undo of request {self.past.name}"
                self.planner.run.place(draft, str(state), workflow=workflow, comment=comment)
            for name, transition in taken:
                if name == workflow.id and transition is not None:
                    actor = actors.get((uid, name, transition))
                    if actor is None:
                        draft.states[name]["last"].pop(transition, None)
                    else:
                        draft.states[name]["last"][transition] = actor

    # Values

    def _changed_fields(self, uid: str) -> list[str]:
        """The fields whose former value is another one; those that are not declared any more are refused."""
        present, former, fields = self.present[uid].values, self.former[uid].values, self.drafts[uid].type.fields
        names = dict.fromkeys(
            name
            for entry in self.entries[uid]
            if entry.change.event == UPDATE
            for name in entry.change.changes
            if not same_value(present.get(name), former.get(name))
        )
        gone = [name for name in names if name not in fields or not fields[name].is_stored]
        if gone:
            self._fail(uid, f"{self.drafts[uid].path} has no field {', '.join(gone)} any more.", "declared")
        return [name for name in names if name not in gone]

    def _put_values_back(self, uid: str, names: Iterable[str], refused: Mapping[str, list[ApiError]]) -> None:
        """Write former values; what may be written neither in the present state nor in the former one is refused."""
        draft, place = self.drafts[uid], self.places[uid]
        for name in names:
            if name in refused and not_writable(self.planner, draft, [name]):
                self.attempt.fail(place, *refused[name])
        for name in names:
            self.planner.put(draft, draft.type.fields[name], self.former[uid].values.get(name))
        self.attempt.updated[place] = tuple(names)

    # Removals

    def _refuse_removal(self, made: list[Draft]) -> None:
        """Refuse to remove what the user may not, or what its state keeps."""
        for draft in made:
            self.attempt.fail(self.places[draft.uid], *not_removable(self.planner, [draft]))

    def _remove(self, made: list[Draft]) -> None:
        """Remove what the request made, unless something that stays lies in it or refers to it."""
        doomed = {draft.rid: draft for draft in made}
        self.workspace.load_tree(made)
        for draft in made:
            later = [item for item in self.workspace.load_tree([draft]) if item.rid not in doomed]
            if later:
                named = ", ".join(item.path for item in later[:5] if self.planner.can(item, VIEW)) or "other objects"
                self._fail(draft.uid, f"{draft.path} contains what came into it since: {named}.", "contains")
        blocking = [
            reference
            for reference in (referrers_of(self.planner, doomed) if doomed else ())
            if reference[0].rid not in doomed and reference[2] in uids_in(reference[0].data.get(reference[1]))
        ]
        for uid in dict.fromkeys(uid for _, _, uid in blocking):
            of_object = [reference for reference in blocking if reference[2] == uid]
            self.attempt.fail(self.places[uid], in_use(self.planner, of_object))
        if blocking:
            return
        for draft in sorted(made, key=lambda item: item.path.count("/"), reverse=True):
            self.planner.take_out(draft)

    # Afterwards

    def _check(self, written: Mapping[str, Iterable[str]]) -> None:
        """Check what is written: references lead to what is there, and the checks of fields pass."""
        drafts = {uid: self.workspace.by_uid[uid] for uid in written}
        references = [
            (uid, name, target)
            for uid, names in written.items()
            for name in names
            if drafts[uid].type.fields[name].kind is Kind.REFERENCE
            for target in uids_in(drafts[uid].data.get(name))
        ]
        there = self.planner.by_uid(target for _, _, target in references)
        for uid, name, target in references:
            if target not in there:
                self._fail(uid, f"{drafts[uid].path}: {name} led to an object that is gone ({target}).", "gone")
        for uid, names in written.items():
            draft, place = drafts[uid], self.places[uid]
            self.attempt.drafts[place] = draft
            causes = [] if draft.is_new else failed_checks(self.planner, draft, names)
            if causes:
                self.attempt.fail(place, ValidationError.from_causes(causes))
        self.attempt.refuse_taken({draft.rid: self.places[draft.uid] for draft in drafts.values()})


def access_refusal(path: str, message: str) -> Conflict:
    """The refusal to take a change back of who may do what."""
    return Conflict(message, causes=[Cause("object", path, message, code="access")])


def unknown_request(name: str) -> NotFound:
    """The refusal of a request that is not there; of one about objects that the user may not see it is the same."""
    message = f"There is no request {name[:60]!r} that changed anything, or you may not see what it changed."
    return NotFound(message, causes=[Cause("parameter", "request_id", message)])

"""Write set of a plan: the objects to create, change, derive or remove; and the rows of the history."""

from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from typing import Final, Required, TypedDict

import orjson

from objapi.model.dependents import MEMBERSHIP, PLACE, VARIABLES, Dependents, DerivedValue, RouteTree
from objapi.model.paths import Back, Parent, Step, Target
from objapi.model.types import Kind
from objapi.store.permissions.acls import VIEW
from objapi.store.records import to_micros
from objapi.store.requests import INHERIT, AccessEvent, FieldChange
from objapi.store.writing.draft import Draft
from objapi.store.writing.plan_events import Created, PlanEvent, Removed, Renamed, Stepped
from objapi.store.writing.planner import StorePlanner
from objapi.store.writing.withdrawn_roles import withdrawn_roles
from objapi.store.writing.workspace import Workspace, uids_in

_STATES: Final = frozenset({VARIABLES})
_PATH: Final = frozenset({"path"})


@dataclass(frozen=True, slots=True)
class WriteSet:
    """Objects of a request by how they are written."""

    created: tuple[Draft, ...]
    changed: tuple[Draft, ...]
    """Existing objects that the request itself changes: their version goes up."""
    derived: tuple[Draft, ...]
    """Existing objects whose answer, path, acl or index values follow from the changes."""
    removed: tuple[Draft, ...]
    withdrawn: tuple[AccessEvent, ...] = ()
    """Local roles that users lose with the objects that stand for them."""
    affected: Mapping[int, frozenset[DerivedValue]] = field(default_factory=dict)
    """Row number → derived values that may differ from the stored ones; of an object that is not in it, all of them."""

    @property
    def written(self) -> frozenset[int]:
        """The row numbers of the existing objects that will be written or deleted."""
        return frozenset(draft.rid for draft in (*self.changed, *self.derived, *self.removed))

    def part(self, *, mapped: bool) -> "WriteSet":
        """The part of it that are rows of mapped tables, or the rest."""

        def chosen(drafts: tuple[Draft, ...]) -> tuple[Draft, ...]:
            return tuple(draft for draft in drafts if (draft.type.table is not None) is mapped)

        return replace(
            self,
            created=chosen(self.created),
            changed=chosen(self.changed),
            derived=chosen(self.derived),
            removed=chosen(self.removed),
        )

    def rendered_whole(self) -> "WriteSet":
        """The same objects with everything derived of them, for catalogs that may not hold them yet."""
        return replace(self, affected={})

    @property
    def empty(self) -> bool:
        """True when nothing has to be written."""
        return not (self.created or self.changed or self.derived or self.removed)


def compute_write_set(planner: StorePlanner) -> WriteSet:
    """Compute what must be written: created, changed, derived, removed."""
    rescoped = _rescoped(planner)
    # A container is written before its contents, in whatever order effects made them.
    created = sorted(created_objects(planner), key=lambda draft: draft.path.count("/"))
    removed = removed_objects(planner)
    changed = changed_objects(planner)
    for draft in changed.values():
        draft.modified = max(draft.modified, to_micros(planner.now))
    with planner.workspace.without_locks():
        dependent = find_dependents(planner, planner.context.site.dependents, (*created, *removed), changed.values())
    inheriting = _inheriting(planner, changed.values())
    affected = _affected(planner, changed.values(), dependent, (*inheriting, *rescoped))
    derived = {
        draft.rid: draft
        for draft in (*dependent, *inheriting, *rescoped, *planner.repathed.values())
        if _lives(draft) and draft.rid not in changed
    }
    persons = [draft for draft in (*changed.values(), *removed) if draft.type.login is not None]
    withdrawn = withdrawn_roles(planner, persons) if persons else ()
    return WriteSet(
        tuple(created), tuple(changed.values()), tuple(derived.values()), tuple(removed), withdrawn, affected
    )


def _affected(
    planner: StorePlanner,
    changed: Iterable[Draft],
    dependent: Mapping[Draft, AbstractSet[DerivedValue]],
    inheriting: Iterable[Draft],
) -> dict[int, frozenset[DerivedValue]]:
    """Derived values that may differ, by row number; an object that got another path is left out: all may."""
    dependents = planner.context.site.dependents
    events = _events_of_stored(planner)
    repathed = {rid for rid, of_object in events.items() if any(isinstance(event, Renamed) for event in of_object)}
    repathed.update(planner.repathed)
    found: dict[int, frozenset[DerivedValue]] = {draft.rid: frozenset() for draft in inheriting}
    for draft in changed:
        attributes = _changed_attributes(draft, events.get(draft.rid, ()))
        own = dependents.own(draft.portal_type, attributes)
        found[draft.rid] = own | _STATES if draft.rid in events else own
    for draft, values in dependent.items():
        found[draft.rid] = found.get(draft.rid, frozenset()) | values
    return {rid: values for rid, values in found.items() if rid not in repathed}


def created_objects(planner: StorePlanner) -> list[Draft]:
    """The objects that the request makes."""
    return [event.draft for event in planner.events if isinstance(event, Created) and not event.draft.removed]


def removed_objects(planner: StorePlanner) -> list[Draft]:
    """The stored objects that the request removes."""
    return [event.draft for event in planner.events if isinstance(event, Removed) and not event.draft.is_new]


def changed_objects(planner: StorePlanner) -> dict[int, Draft]:
    """Stored objects that the request itself changes, by row number: moved ones first, in order of events."""
    workspace = planner.workspace
    found = {
        event.draft.rid: event.draft
        for event in planner.events
        if isinstance(event, Stepped | Renamed) and _lives(event.draft)
    }
    for draft in workspace.by_rid.values():
        if _lives(draft) and (draft.changed or draft.rid in workspace.rewritten):
            found.setdefault(draft.rid, draft)
    return found


def _lives(draft: Draft) -> bool:
    """True for a stored object that stays."""
    return not draft.is_new and not draft.removed


def find_dependents(
    planner: StorePlanner,
    dependents: Dependents,
    come_and_gone: Iterable[Draft],
    acted: Iterable[Draft],
) -> dict[Draft, set[DerivedValue]]:
    """The objects that read from the changed ones, along the routes of the declarations, and their values that do."""
    alike: dict[tuple[str, frozenset[str] | None], list[Draft]] = {}
    for draft in come_and_gone:
        alike.setdefault((draft.portal_type, None), []).append(draft)
    events = _events_of_stored(planner)
    for draft in acted:
        attributes = _changed_attributes(draft, events.get(draft.rid, ()))
        alike.setdefault((draft.portal_type, attributes), []).append(draft)
    for draft in planner.repathed.values():
        alike.setdefault((draft.portal_type, _PATH), []).append(draft)
    found: dict[Draft, set[DerivedValue]] = {}
    for (portal_type, changed), drafts in alike.items():
        for step, behind in dependents.tree(portal_type, changed).further.items():
            _along(planner.workspace, _first_step(planner, drafts, step), behind, found)
    return found


def _first_step(planner: StorePlanner, drafts: Iterable[Draft], step: Step) -> dict[Draft, None]:
    """The objects that a step leads to, and those that it led to before the request."""
    ends: dict[Draft, None] = {}
    one_step = planner.workspace.one_step
    for draft in drafts:
        if draft.record is not None:
            ends.update(dict.fromkeys(_formerly(planner, draft, step)))
        for end in one_step(draft, step):
            ends[end] = None
    return ends


def _along(
    workspace: Workspace, drafts: Iterable[Draft], tree: RouteTree, found: dict[Draft, set[DerivedValue]]
) -> None:
    """Add the objects at the ends of routes from objects that were reached together."""
    if tree.values:
        for draft in drafts:
            found.setdefault(draft, set()).update(tree.values)
    for step, behind in tree.further.items():
        ends = dict.fromkeys(end for draft in drafts for end in workspace.one_step(draft, step))
        _along(workspace, ends, behind, found)


def _formerly(planner: StorePlanner, draft: Draft, step: Step) -> Iterable[Draft]:
    """What a step led to before the request, where it leads to something else now: it depends on the change as well."""
    if isinstance(step, Target):
        field = draft.type.fields.get(step.field)
        if field is not None and field.kind is Kind.REFERENCE and field.name in draft.changed:
            return planner.by_uid(uids_in(draft.changed[field.name])).values()
    elif isinstance(step, Parent) and draft.record is not None and draft.record.parent != draft.parent_rid:
        planner.workspace.load_rids([draft.record.parent] if draft.record.parent is not None else ())
        former = planner.workspace.by_rid.get(draft.record.parent or 0)
        return () if former is None or former.removed else (former,)
    return ()


def _events_of_stored(planner: StorePlanner) -> dict[int, list[PlanEvent]]:
    """Row number of a stored object → its events."""
    events: dict[int, list[PlanEvent]] = {}
    for event in planner.events:
        if event.draft.record is not None:
            events.setdefault(event.draft.rid, []).append(event)
    return events


def _changed_attributes(draft: Draft, events: Iterable[PlanEvent]) -> frozenset[str]:
    names = {*draft.changed, "modified"}
    for event in events:
        if isinstance(event, Stepped):
            names.update((event.step.workflow.state_variable, *event.step.status))
        elif isinstance(event, Renamed):
            names.update(("id", "path", MEMBERSHIP, PLACE))
    return frozenset(names)


def _inheriting(planner: StorePlanner, acted: Iterable[Draft]) -> list[Draft]:
    """The objects below those whose acl has changed, as far down as theirs changes with it."""
    workspace = planner.workspace
    containing = frozenset(name for item in planner.registry.types.values() for name in item.containers)
    acls = planner.context.acls
    level = [
        draft
        for draft in acted
        if draft.rid in workspace.rewritten
        and draft.portal_type in containing
        and draft.acl != acls[_stored_acl(draft)]
    ]
    found: list[Draft] = []
    while level:
        # Whoever makes an object in one of them has it locked, so that none can come in with the former acl.
        workspace.lock_drafts(level)
        below = [child for child in workspace.load_children([draft.rid for draft in level]) if not child.removed]
        moved = [child for child in below if child.acl != acls[_stored_acl(child)]]
        found.extend(moved)
        level = [child for child in moved if child.portal_type in containing]
    return found


def _rescoped(planner: StorePlanner) -> list[Draft]:
    """The stored objects below those whose access follows another object, or a moved one; they get its scope."""
    workspace = planner.workspace
    followers = _followers(planner)
    moved = [
        draft
        for draft in workspace.by_rid.values()
        if draft.type.access_from is not None and draft.type.access_from in draft.changed and _lives(draft)
    ]
    if not moved and not followers:
        return []
    below = [*followers, *(draft for draft in workspace.load_tree([*moved, *followers]) if _lives(draft))]
    for draft in below:
        draft.forget_scope()
    workspace.referring_otherwise.update(draft.rid for draft in (*moved, *below))
    return below


def _followers(planner: StorePlanner) -> list[Draft]:
    """The stored objects whose access follows one that lies in another container than before."""
    workspace, types = planner.workspace, planner.registry.types.values()
    sources = [
        (item.portal_type, item.access_from, item.fields[item.access_from].targets)
        for item in (types if workspace.relocated else ())
        if item.access_from is not None
    ]
    relocated = [workspace.by_rid[rid] for rid in workspace.relocated]
    found = {
        follower
        for draft in relocated
        if draft.scope == draft.rid and _lives(draft)
        for portal_type, field, targets in sources
        if draft.portal_type in targets
        for follower in workspace.one_step(draft, Back(portal_type, field))
    }
    return [draft for draft in found if _lives(draft)]


def _stored_acl(draft: Draft) -> int:
    if draft.record is None:
        raise TypeError(f"{draft!r} is new and has no stored acl")
    return draft.record.acl


def place_changes(event: Renamed | None) -> tuple[FieldChange, ...]:
    """The id, when it is another, and the path of an object that was renamed or moved."""
    if event is None or event.draft.is_new:
        return ()
    pairs = {"id": (event.old_id, event.draft.id), "path": (event.old_path, event.draft.path)}
    return tuple(FieldChange(name, old, new) for name, (old, new) in pairs.items() if old != new)


def field_changes(draft: Draft) -> tuple[FieldChange, ...]:
    """The stored values of an object that differ from before; all values of a new one."""
    if draft.is_new:
        return tuple(FieldChange(name, None, value) for name, value in draft.data.items() if value is not None)
    if draft.removed:
        return ()
    return tuple(
        FieldChange(name, old, draft.data.get(name))
        for name, old in draft.changed.items()
        if draft.data.get(name) != old
    )


def history_rows(planner: StorePlanner, write_set: WriteSet) -> list[dict[str, object]]:
    """One row for each creation, change of fields, step, new id and removal, in order of happening.

    Then those of objects that lie elsewhere, or are seen by others, because of what happened to another one.
    """
    recorder, names = planner.context.recorder, planner.workspace.names
    rows = []
    for draft, event, details in _events(planner, write_set):
        rid, version = draft.rid, None
        if draft.type.table is not None:
            rid = names.of_rid(draft.rid)[1]
        else:
            record = draft.record
            version = draft.version_after or (1 if record is None else record.version + 1)
            if record is not None:
                details["acl"], details["scope"] = record.acl, record.scope
        rows.append(
            recorder.entry(rid, draft.uid, draft.path, draft.portal_type, event=event, version=version, **details)
        )
    for draft in write_set.derived:
        rows += _inherited(planner, draft)
    return rows


def _inherited(planner: StorePlanner, draft: Draft) -> list[dict[str, object]]:
    """The row of an object of which derived values are written; none where path and viewers stay the same."""
    record = draft.record
    if record is None or draft.type.table is not None:
        return []
    old, new = planner.context.acls[record.acl], draft.acl
    sees = (draft.scope, new.roles_with(VIEW), new.groups) == (record.scope, old.roles_with(VIEW), old.groups)
    if sees and draft.path == record.path:
        return []
    changes = {} if draft.path == record.path else {"path": [record.path, draft.path]}
    return [
        planner.context.recorder.entry(
            draft.rid,
            draft.uid,
            draft.path,
            draft.portal_type,
            event=INHERIT,
            version=draft.stored_version,
            changes=changes,
            acl=record.acl,
            scope=record.scope,
        )
    ]


class _Details(TypedDict, total=False):
    """Columns of a history row that not every event fills."""

    changes: Required[Mapping[str, object]]
    workflow: str
    transition: str | None
    comment: str
    acl: int
    scope: int
    former: object
    signature: object


def _events(planner: StorePlanner, write_set: WriteSet) -> Iterator[tuple[Draft, str, _Details]]:
    for event in planner.events:
        draft = event.draft
        # Made and removed within one request: nobody could ever see it, so it leaves no history.
        if draft.removed and draft.is_new:
            continue
        match event:
            case Created():
                yield draft, "create", {"changes": _fields(draft)}
            case Stepped(_, step):
                change = {step.workflow.state_variable: [step.old_state, step.new_state]}
                transition = step.transition.id if step.transition is not None else None
                comment = str(step.status.get("comments") or "")
                details: _Details = {
                    "workflow": step.workflow.id,
                    "transition": transition,
                    "comment": comment,
                    "changes": change,
                }
                if step.transition is not None and step.transition.signature is not None:
                    details["signature"] = planner.signing.document(draft, step.transition.signature)
                yield draft, "transition", details
            case Renamed():
                changes = {change.field: [change.old, change.new] for change in place_changes(event)}
                yield draft, "rename", {"changes": changes, "former": _former_container(draft)}
            case Removed():
                # Before the request, whatever its effects have done to it until it went.
                gone = {name: [draft.changed.get(name, value), None] for name, value in draft.data.items()}
                yield draft, "remove", {"changes": gone, "former": _former_state(draft)}
    stepped = {event.draft.rid for event in planner.events if isinstance(event, Stepped)}
    for draft in write_set.changed:
        changes, former = _fields(draft), None if draft.rid in stepped else _former_settings(draft)
        if changes or former:
            yield draft, "update", {"changes": changes, "former": former}


def _former_container(draft: Draft) -> dict[str, object] | None:
    """The row number of the container that a moved object was in; None for one that only got another id."""
    if draft.record is None or draft.record.parent == draft.parent_rid:
        return None
    return {"parent": draft.record.parent}


def _former_settings(draft: Draft) -> dict[str, object] | None:
    """The permission settings of an object whose settings a behaviour has changed; those of states follow from these.

    Rows of tables have theirs from their type and states.
    """
    record = draft.record
    if record is None or draft.type.table is not None or not draft.settings_written:
        return None
    former = orjson.loads(record.settings)
    return None if former == orjson.loads(draft.settings.document()) else {"settings": former}


def _former_state(draft: Draft) -> dict[str, object] | None:
    """All of a removed object that is in no change of it and needed to restore it as it was stored."""
    record = draft.record
    if record is None:
        return None
    return {
        "states": orjson.loads(record.states),
        "settings": orjson.loads(record.settings),
        "creator": record.creator,
        "created": record.created,
        "parent": record.parent,
        "version": record.version,
    }


def _fields(draft: Draft) -> dict[str, list[object]]:
    if draft.is_new:
        return {name: [None, value] for name, value in draft.data.items() if value is not None}
    return {change.field: [change.old, change.new] for change in field_changes(draft)}

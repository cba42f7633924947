"""Plan of a request as its user may see it: changes with their causes, references by name, and what is refused."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from objapi.errors import ApiError
from objapi.model.ids import form_paths
from objapi.model.types import Field, IdKind, Kind
from objapi.store.permissions.acls import VIEW
from objapi.store.requests import (
    Change,
    Entry,
    FieldChange,
    NamedObject,
    Plan,
    PlannedCause,
    RefusedItem,
    SentParameter,
    StateChange,
)
from objapi.store.writing.batch_attempt import BatchAttempt, ItemValues
from objapi.store.writing.draft import Draft
from objapi.store.writing.plan_events import Created, Removed, Renamed, Stepped
from objapi.store.writing.row_naming import NEW
from objapi.store.writing.withdrawn_roles import described
from objapi.store.writing.workspace import uids_in
from objapi.store.writing.write_set import WriteSet, field_changes, place_changes
from workflows import StepOrigin

_ALL_NAMES = ("UID", "id", "path")
_UNSENT = ItemValues({}, {})
_REQUEST = StepOrigin("request")


def shown_plan(attempt: BatchAttempt, write_set: WriteSet, refused: Iterable[RefusedItem] = (), *, named: bool) -> Plan:
    """The plan of an attempt, to be made before it is carried out; what references lead to if `named`.

    It has no objects that the user may not see or an API token not reach, and no unreadable fields. What the request
    makes, and what it hides from the user, belongs to the plan; of the latter the fields do not.
    """
    reader = _PlanReader(attempt)
    changes = [*reader.changes(), *reader.withdrawn(write_set)]
    if named:
        changes = reader.with_references(changes)
    return Plan(tuple(changes), sum(map(reader.saw, write_set.derived)), tuple(refused))


def refused_items(entries: Iterable[Entry], failed: Mapping[int, ApiError]) -> Iterator[RefusedItem]:
    """The items of a request that cannot be done."""
    for place, entry in enumerate(entries):
        if place in failed:
            yield RefusedItem(entry, failed[place], place)


class _PlanReader:
    """Describes the drafts of one attempt to its user."""

    def __init__(self, attempt: BatchAttempt) -> None:
        self._attempt = attempt
        self._planner = attempt.planner
        self._workspace = attempt.planner.workspace
        self._context = attempt.planner.context
        self._token = attempt.planner.context.principal.token
        self._places: dict[int, int] = {}
        for place, draft in attempt.drafts.items():
            self._places.setdefault(draft.rid, place)
        self._by_name = {
            uid
            for place, values in attempt.sent.items()
            if place in attempt.drafts
            for name, value in values.read.items()
            if _reference(attempt.drafts[place], name) is not None
            for uid in uids_in(value)
        }
        """UIDs of what the references that were sent have been found to mean."""

    # What may be seen

    def _sees(self, draft: Draft) -> bool:
        """True when the user sees the object as it will be."""
        return self._covers(draft) and self._planner.rights.may(VIEW, draft.acl, draft.scope)

    def saw(self, draft: Draft) -> bool:
        """True when the user sees the object as it is stored."""
        record = draft.record
        if record is None or not self._covers(draft):
            return False
        acl, rule = self._context.acls[record.acl], None if draft.type.table is None else draft.type.table.rows
        may = self._planner.rights.may
        # Which rows are the user's own is for their database to say, so only who sees all of them is told of others.
        return may(VIEW, acl, record.scope) and (rule is None or may(rule.all_with, acl, record.scope))

    def _covers(self, draft: Draft) -> bool:
        return self._token is None or self._token.covers(draft.portal_type, draft.stored_path)

    def _hidden_fields(self, draft: Draft) -> frozenset[str]:
        return self._context.site.access.hidden(draft.portal_type, draft.acl, draft.scope, self._planner.rights)

    def _tells_of(self, draft: Draft) -> bool:
        """True for an object that a plan may mention."""
        return self._covers(draft) and (draft.is_new or self._sees(draft) or self.saw(draft))

    # Changes

    def changes(self) -> Iterator[Change]:
        """One for each object created, changed or removed, in order of happening, each with its steps."""
        planner = self._planner
        origins = {id(step): origin for (_, step), origin in zip(planner.run.steps, planner.run.origins, strict=True)}
        reasons = dict(planner.origins)
        steps: dict[int, list[StateChange]] = {}
        order: dict[int, tuple[str, Draft]] = {}
        moves: dict[int, Renamed] = {}
        for event in planner.events:
            draft = event.draft
            match event:
                case Created():
                    order[draft.rid] = ("create", draft)
                case Removed():
                    order.pop(draft.rid, None)
                    if not draft.is_new:
                        order[draft.rid] = ("remove", draft)
                case Renamed():
                    order.setdefault(draft.rid, ("rename", draft))
                    moves.setdefault(draft.rid, event)
                case Stepped(_, step):
                    order.setdefault(draft.rid, ("transition", draft))
                    transition = step.transition.id if step.transition is not None else None
                    variable, origin = step.workflow.state_variable, origins[id(step)]
                    cause = self._cause(origin)
                    signature = None if step.transition is None else step.transition.signature
                    meaning = "" if signature is None else signature.meaning
                    old, new = step.old_state, step.new_state
                    taken = StateChange(step.workflow.id, variable, transition, old, new, cause, meaning)
                    steps.setdefault(draft.rid, []).append(taken)
                    # What moves an object may also change its fields, so only of one that just moves it is the cause.
                    reasons.setdefault(draft.rid, origin)
        for draft in self._workspace.by_rid.values():
            if draft.changed and not draft.is_new and not draft.removed:
                event_name, _ = order.get(draft.rid, ("update", draft))
                order[draft.rid] = (event_name, draft)
        for rid, (name, draft) in order.items():
            if self._tells_of(draft):
                change = self._change(name, draft, moves.get(rid), tuple(steps.get(rid, ())))
                # An object that the request names changes since it does.
                own = change.index is not None
                yield change if own else replace(change, cause=self._cause(reasons.get(rid, _REQUEST)))

    def _change(self, event: str, draft: Draft, move: Renamed | None, steps: tuple[StateChange, ...]) -> Change:
        fields: tuple[FieldChange, ...] = ()
        if self._sees(draft):
            hidden = self._hidden_fields(draft)
            fields = tuple(item for item in (*place_changes(move), *field_changes(draft)) if item.field not in hidden)
        return Change(
            event,
            draft.uid,
            draft.path,
            draft.portal_type,
            draft.id,
            fields,
            steps,
            index=self._places.get(draft.rid),
            provisional=self._provisional(draft) if draft.is_new else (),
        )

    def _cause(self, origin: StepOrigin) -> PlannedCause:
        subject = origin.subject
        if not isinstance(subject, Draft) or not self._tells_of(subject):
            return PlannedCause(origin.kind)
        field = origin.field
        if field and (not self._sees(subject) or field in self._hidden_fields(subject)):
            field = ""
        return PlannedCause(
            origin.kind, subject.uid, subject.path, subject.portal_type, origin.transition, origin.event, field
        )

    def withdrawn(self, write_set: WriteSet) -> Iterator[Change]:
        """Local roles that users lose with the objects that stand for them."""
        for change in map(described, write_set.withdrawn):
            draft = self._workspace.by_uid[change.uid]
            if self._tells_of(draft):
                yield change if self._sees(draft) else replace(change, fields=())

    # Names that the real request may give otherwise

    def _provisional(self, draft: Draft) -> tuple[str, ...]:
        if draft.type.table is not None:
            return _ALL_NAMES if draft.id == NEW else ()
        if self._has_provisional_id(draft):
            return _ALL_NAMES
        above = self._workspace.parent(draft)
        while above is not None and above.is_new:
            if self._has_provisional_id(above):
                return ("UID", "path")
            above = self._workspace.parent(above)
        return ("UID",)

    def _has_provisional_id(self, draft: Draft) -> bool:
        """True for an id that others may be given first, or that is made of such a one."""
        place, rule = self._places.get(draft.rid), draft.type.id_rule
        if place is not None and self._attempt.chosen_ids.get(place) == draft.id:
            return False
        if rule.kind in (IdKind.SEQUENCE, IdKind.FROM_TITLE):
            return True
        return rule.kind is IdKind.VALUE and any(
            end.is_new and end is not draft and self._has_provisional_id(end)
            for path in form_paths(rule.form)
            if path.steps
            for end in self._workspace.follow(draft, path.steps)
        )

    # References

    def with_references(self, changes: list[Change]) -> list[Change]:
        """The changes with what was sent for references, and with the objects that these name, loaded together."""
        workspace = self._workspace
        drafts = {change.uid: workspace.by_uid[change.uid] for change in changes}
        uids = [
            uid
            for change in changes
            for item in change.fields
            if _reference(drafts[change.uid], item.field) is not None
            for uid in uids_in(item.new) or uids_in(item.old)
        ]
        with workspace.without_locks():
            workspace.load_uids(uids)
            return [self._with_references(change, drafts[change.uid]) for change in changes]

    def _with_references(self, change: Change, draft: Draft) -> Change:
        values = _UNSENT if change.index is None else self._attempt.sent.get(change.index, _UNSENT)
        fields = tuple(self._with_reference(item, draft, values) for item in change.fields)
        if not draft.is_new or not self._sees(draft):
            return replace(change, fields=fields)
        parameters = tuple(
            SentParameter(name, values.sent[name], self._named(values.read.get(name)))
            for name in draft.type.create_parameters
            if name in values.sent and _reference(draft, name) is not None
        )
        return replace(change, fields=fields, parameters=parameters)

    def _with_reference(self, item: FieldChange, draft: Draft, values: ItemValues) -> FieldChange:
        field = _reference(draft, item.field)
        if field is None:
            return item
        names = [name for name in values.sent if name == field.name or _stored_as(draft, name) == field.name]
        sent = values.sent[names[0]] if names else None
        return replace(item, sent=sent, references=self._named(item.new) or self._named(item.old))

    def _named(self, value: object) -> tuple[NamedObject, ...]:
        """The objects that a value names, those that the user may see."""
        found = (self._workspace.by_uid.get(uid) for uid in uids_in(value))
        return tuple(
            NamedObject(draft.uid, draft.path, draft.portal_type, self._title(draft))
            for draft in found
            if draft is not None and self._may_name(draft)
        )

    def _may_name(self, draft: Draft) -> bool:
        if draft.uid in self._by_name or draft.is_new or draft.type.table is None:
            return self._sees(draft)
        return self.saw(draft)

    def _title(self, draft: Draft) -> str:
        return "" if "title" in self._hidden_fields(draft) else self._planner.values.title(draft)


def _stored_as(draft: Draft, name: str) -> str | None:
    field = draft.type.fields.get(name)
    return None if field is None else field.alias_of


def _reference(draft: Draft, name: str) -> Field | None:
    """The reference field or create parameter of a type with a name; None for others."""
    field = draft.type.fields.get(name) or draft.type.create_parameters.get(name)
    return field if field is not None and field.kind is Kind.REFERENCE else None

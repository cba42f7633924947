"""Rules of single fields that every write of a client meets, on the object itself or by way of another.

A field that is stored on another object is written there: the rules of both hold. A reference that is cleared because
its target is removed is written, too. What is out of use is refused as a new reference, with the reason; an existing
one stays. A type declares which states, and which date, mean that its objects are out of use.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from objapi.errors import ApiError, BadRequest, Cause, Conflict, Forbidden
from objapi.model.behaviors import Planner
from objapi.model.registry import Registry
from objapi.model.types import EntityType, Field, Kind
from objapi.store.permissions.acls import VIEW
from objapi.store.writing.draft import Draft, Values
from objapi.store.writing.workspace import uids_in

MODIFY = "Modify portal content"
DELETE = "Delete objects"
UNSEEN = "What follows from it changes objects that you may not see."


class RulesPlanner(Planner, Protocol):
    """The part of the planner that these rules ask."""

    registry: Registry
    values: Values

    def by_uid(self, uids: Iterable[str]) -> Mapping[str, Draft]:
        """The objects with these UIDs that are there and will stay."""

    def out_of_scope(self, draft: Draft) -> ApiError | None:
        """The refusal of an object that is there and that the caller's API token does not reach."""


@dataclass(frozen=True, slots=True)
class Filling:
    """The fields of a type that act when a new object is filled in."""

    defaults: Mapping[str, object]
    """Field → its value where none is given."""
    computed: Sequence[tuple[str, str]]
    """Fields whose default a behaviour gives, with its name."""
    acting: Sequence[Field]
    """Fields whose values have effects."""

    @classmethod
    def of(cls, entity_type: EntityType) -> "Filling":
        """Those of a type."""
        fields = entity_type.fields.values()
        return cls(
            {field.name: field.default for field in fields if field.default is not None and field.alias_of is None},
            [(field.name, field.default_from) for field in fields if field.default_from is not None],
            [field for field in fields if field.on_change],
        )


def not_writable(planner: RulesPlanner, draft: Draft, names: Iterable[str]) -> list[ApiError]:
    """One error that names all fields that the user may not write; another when the whole object is out of scope."""
    refused = planner.out_of_scope(draft)
    if refused is not None:
        return [refused]
    causes = []
    for name in names:
        for place, field in _places(planner, draft, name):
            if place is draft or not place.is_new:
                causes.extend(_forbidden(planner, place, field))
    return _refusal(causes)


def not_creatable(planner: RulesPlanner, draft: Draft, names: Iterable[str]) -> list[ApiError]:
    """One error that names all fields of a new object whose writing needs more than the right to add it.

    A value that the field has anyhow needs no right; one that changes another, older object needs that of a change.
    """
    causes = []
    for name in names:
        for place, field in _places(planner, draft, name):
            if place is draft:
                own = _own_permission(planner, draft, field) is not None
                written = own and draft.data.get(field.name) not in (field.default, None, "", [], {})
            else:
                written = field.name in place.changed
            if written:
                causes.extend(_forbidden(planner, place, field))
    return _refusal(causes)


def not_addable(
    planner: RulesPlanner, entity_type: EntityType, container: Draft, parameter: str = "obj_path"
) -> list[ApiError]:
    """The refusal of an object of a type in a container that cannot hold it, or to which the user may not add it.

    `parameter` is the one that names the container.
    """
    name = entity_type.portal_type
    if container.portal_type not in entity_type.containers:
        allowed = ", ".join(sorted(entity_type.containers)) or "nothing"
        message = f"{container.path} is a {container.portal_type} and cannot hold a {name}, which goes into: {allowed}."
        return [BadRequest(message, causes=[Cause("parameter", parameter, message)])]
    if not planner.can(container, entity_type.add_permission):
        return [Forbidden(f"To add a {name} in {container.path} needs the permission {entity_type.add_permission}.")]
    return []


def not_removable(
    planner: RulesPlanner, tree: Sequence[Draft], verb: Literal["remove", "move"] = "remove"
) -> list[ApiError]:
    """One error for each object of a tree that the user may not remove, or whose state keeps it.

    Objects that the user may not see are not named. `verb`: to move an object is to take it away from where it is.
    """
    done = f"{verb}d"
    errors: list[ApiError] = []
    for draft in tree:
        if not planner.can(draft, VIEW):
            if not planner.can(draft, DELETE) or _is_kept(planner, draft):
                errors.append(Forbidden(f"{tree[0].path} holds objects that you may neither see nor {verb}."))
            continue
        if not planner.can(draft, DELETE):
            errors.append(
                Forbidden(f"To {verb} {draft.path} needs the permission {DELETE}, which you do not have there.")
            )
        for variable, states in draft.type.keep_after.items():
            state = planner.value(draft, variable)
            if state is not None and state not in states:
                message = (
                    f"{draft.path} is in state {state} and stays: only in {', '.join(states)} can it be {done}."
                    f"{' Cancel it.' if verb == 'remove' else ''}"
                )
                errors.append(Conflict(message, causes=[Cause("object", draft.path, message, code="kept")]))
    return errors


def _is_kept(planner: RulesPlanner, draft: Draft) -> bool:
    return any(planner.value(draft, name) not in (None, *states) for name, states in draft.type.keep_after.items())


def failed_checks(planner: RulesPlanner, draft: Draft, names: Iterable[str]) -> list[Cause]:
    """Causes that declared checks give against values of fields; an object that the user may not see is not named."""
    checks = planner.registry.behaviors.checks
    causes: list[Cause] = []
    for name in names:
        for place, field in _places(planner, draft, name):
            for check in field.checks:
                message = checks[check](planner, place, field.name, planner.value(place, field.name))
                if message is not None and not planner.can(place, VIEW) and not place.is_new:
                    causes.append(Cause("field", name, UNSEEN, code=check))
                elif message is not None:
                    causes.append(Cause("field", name, message, object=place.path, code=check))
    return causes


def _places(planner: RulesPlanner, draft: Draft, name: str) -> Sequence[tuple[Draft, Field]]:
    """The object with its field, then the object that the field is stored on, with the field there."""
    field = draft.type.fields.get(name)
    if field is None:
        return ()
    if field.alias_of is not None:
        # Another name of a field opens no other way to it.
        field = draft.type.fields[field.alias_of]
    storing = None if field.stored_on is None else planner.values.storing_object(draft, field)
    return ((draft, field),) if storing is None else ((draft, field), (storing, storing.type.fields[field.name]))


def write_permissions(planner: RulesPlanner, draft: Draft, name: str) -> Iterator[tuple[Draft, str]]:
    """The permissions that writing a field needs, with the objects on which they are asked."""
    for place, field in _places(planner, draft, name):
        yield place, _needed(planner, place, field)


def _needed(planner: RulesPlanner, draft: Draft, field: Field) -> str:
    return _own_permission(planner, draft, field) or MODIFY


def _forbidden(planner: RulesPlanner, draft: Draft, field: Field) -> list[Cause]:
    permission = _needed(planner, draft, field)
    if planner.can(draft, permission):
        return []
    message = (
        f"{field.name} of {draft.path}{_state_of(planner, draft)} needs the permission {permission}, "
        "which you do not have there."
    )
    return [Cause("field", field.name, message, object=draft.path, code="forbidden")]


def _state_of(planner: RulesPlanner, draft: Draft) -> str:
    """The state of an object as part of a sentence, since permissions follow it; empty without workflows."""
    chain = planner.registry.chain(draft.portal_type)
    states = [str(planner.value(draft, workflow.state_variable)) for workflow in chain[:1]]
    return f", which is in state {states[0]}," if states else ""


def _own_permission(planner: RulesPlanner, draft: Draft, field: Field) -> str | None:
    """The permission that the field asks for in place of the right to modify its object; None: that right."""
    if field.write_permission_by is not None:
        name, by_value = field.write_permission_by
        special = by_value.get(str(planner.value(draft, name)))
        if special is not None:
            return special
    return field.write_permission


def _refusal(causes: list[Cause]) -> list[ApiError]:
    return [Forbidden(" ".join(cause.message for cause in causes), causes=causes)] if causes else []


def references_out_of_use(planner: RulesPlanner, draft: Draft, sent: Mapping[str, object]) -> list[Cause]:
    """One cause for each field or create parameter that was sent and newly refers to something out of use."""
    causes: list[Cause] = []
    for name, value in sent.items():
        parameter = draft.type.create_parameters.get(name)
        field = parameter or draft.type.fields.get(name)
        if field is None or field.kind is not Kind.REFERENCE or field.allow_out_of_use:
            continue
        former = () if parameter is not None else uids_in(_former_value(planner, draft, field))
        targets = planner.by_uid(uid for uid in uids_in(value) if uid not in former).values()
        reasons = [reason for target in targets if (reason := why_out_of_use(planner, target)) is not None]
        causes.extend(
            Cause("field", name, f"{name}: {reason}", object=draft.path, code="out_of_use") for reason in reasons
        )
    return [*causes, *(leans_on_out_of_use(planner, draft) if draft.is_new else ())]


def leans_on_out_of_use(planner: RulesPlanner, draft: Draft) -> list[Cause]:
    """The cause against an object in or of what is out of use; its own states and dates do not count."""
    own = draft.type
    indirect = [path for path in (*own.out_of_use, *([own.expires] if own.expires else ())) if path.steps]
    reason = why_out_of_use(planner, draft) if indirect else None
    return [] if reason is None else [Cause("object", draft.path, reason, code="out_of_use")]


def why_out_of_use(planner: RulesPlanner, draft: Draft) -> str | None:
    """The state or date for which an object is out of use, as a sentence; None for one in use."""
    for path, values in draft.type.out_of_use.items():
        value = planner.values.evaluate(draft, path)
        if value in values:
            return f"{_whose(draft, bool(path.steps))} is {value}"
    end = draft.type.expires
    date = None if end is None else planner.values.evaluate(draft, end)
    if end is not None and isinstance(date, str) and datetime.fromisoformat(date) <= planner.now:
        return f"{_whose(draft, bool(end.steps))} has expired on {date[:10]}"
    return None


def _whose(draft: Draft, indirect: bool) -> str:
    return f"what {draft.path} is made of" if indirect else draft.path


def _former_value(planner: RulesPlanner, draft: Draft, field: Field) -> object:
    """The value before the request, of the object on which the field is stored."""
    return planner.old_value(planner.values.storing_object(draft, field) or draft, field.name)

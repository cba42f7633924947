"""Plans of dry runs as JSON, and the errors of single objects, for every method that writes."""

from collections.abc import Sequence

from objapi.api.method import Json
from objapi.errors import FIRST_CAUSES, MANY_CAUSES, ApiError
from objapi.store.requests import (
    AccessEvent,
    ByCriteria,
    ByItem,
    ByPath,
    ByUid,
    Change,
    Entry,
    FieldChange,
    NamedObject,
    Plan,
    PlannedCause,
    RefusedItem,
    Selector,
)


def trial_of(plan: Plan) -> dict[str, object]:
    """The keys of a dry run: that it was one, and its plan."""
    return {"dry_run": True, "plan": described_plan(plan)}


def described_plan(plan: Plan) -> Json:
    """A plan as JSON."""
    return {
        "changes": [described_change(change) for change in plan.changes],
        "reindexed": plan.reindexed,
        **described_refusals(plan.refused),
    }


def described_refusals(refused: Sequence[RefusedItem]) -> dict[str, object]:
    """What cannot be done, under the key `refused`; of very many the first, as an answer lists errors."""
    few = refused if len(refused) <= MANY_CAUSES else refused[:FIRST_CAUSES]
    described: dict[str, object] = {"refused": [_described_refusal(item) for item in few]}
    if len(few) < len(refused):
        described["refused_count"] = len(refused)
    return described


def described_change(change: Change) -> Json:
    """One change of a plan as JSON; what there is nothing of is left out."""
    optional: dict[str, object] = {
        "row": change.row or None,
        "cause": None if change.cause is None else _described_cause(change.cause),
        "provisional": list(change.provisional) or None,
        "parameters": [
            {"parameter": item.name, "sent": item.sent, "references": _described_references(item.references)}
            for item in change.parameters
        ]
        or None,
    }
    return {
        "event": change.event,
        "UID": change.uid,
        "path": change.path,
        "portal_type": change.portal_type,
        "id": change.id,
        **({} if change.index is None else {"index": change.index}),
        **{name: value for name, value in optional.items() if value is not None},
        "fields": [_described_field(item) for item in change.fields],
        "states": [
            {
                "workflow": item.workflow,
                "variable": item.variable,
                "transition": item.transition,
                "old": item.old,
                "new": item.new,
                "cause": _described_cause(item.cause),
                **({"signature": {"meaning": item.meaning}} if item.meaning else {}),
            }
            for item in change.states
        ],
    }


def planned_event(event: AccessEvent) -> dict[str, object]:
    """A change of a user as the plan of a dry run shows it."""
    return {
        "event": event.event,
        "UID": event.uid,
        "path": event.path,
        "portal_type": event.portal_type,
        "fields": [{"field": name, "old": old, "new": new} for name, (old, new) in event.changes.items()],
        "states": [],
    }


def _described_field(item: FieldChange) -> Json:
    described: dict[str, object] = {"field": item.field, "old": item.old, "new": item.new}
    if item.sent is not None:
        described["sent"] = item.sent
    if item.references:
        described["references"] = _described_references(item.references)
    return described


def _described_references(objects: tuple[NamedObject, ...]) -> list[Json]:
    return [
        {"UID": item.uid, "path": item.path, "portal_type": item.portal_type, "title": item.title} for item in objects
    ]


def _described_cause(cause: PlannedCause) -> Json:
    names = {
        "UID": cause.uid,
        "path": cause.path,
        "portal_type": cause.portal_type,
        "transition": cause.transition,
        "event": cause.event,
        "field": cause.field,
    }
    return {"kind": cause.kind, **{name: value for name, value in names.items() if value}}


def _described_refusal(refused: RefusedItem) -> Json:
    place = {"row": refused.row} if refused.index is None else {"index": refused.index}
    return {**place, **path_and_uid(refused.entry), **described_error(refused.error)}


def described_error(error: ApiError) -> dict[str, object]:
    """The failure of one object of several, with the keys that a failed answer has."""
    described: dict[str, object] = {"message": error.message, "type": error.name, "status": error.status}
    if error.causes:
        described["errors"] = [cause.as_dict() for cause in error.causes]
    return described


def path_and_uid(entry: Entry) -> dict[str, object]:
    """Path and UID of an entry's object, or those it was asked for by when none was found."""
    return {"path": entry.path or _asked_path(entry.selector), "UID": entry.uid or _asked_uid(entry.selector)}


def _asked_path(selector: Selector | ByItem) -> str:
    match selector:
        case ByPath(path):
            return path
        case ByCriteria(portal_type, criteria):
            return f"{portal_type} with {', '.join(f'{name}={value}' for name, value in criteria.items())}"
        case ByUid() | ByItem():
            return ""


def _asked_uid(selector: Selector | ByItem) -> str:
    return selector.uid if isinstance(selector, ByUid) else ""

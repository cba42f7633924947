"""What became of a writing request, as JSON."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from objapi.api.call import Json
from objapi.errors import ApiError, combine
from objapi.store.requests import BatchFailed, ByCriteria, ByPath, ByUid, Change, Entry, Outcome, Plan, Selector


@dataclass(frozen=True, slots=True)
class PartlyDone:
    """An answer to `partial=1` in which something failed: it was carried out, and yet it is no success."""

    answer: Mapping[str, object]
    failed: int
    total: int

    @property
    def message(self) -> str:
        """The sentence that says so; published clients take its presence for failure."""
        return f"{self.failed} of {self.total} could not be done and were left as they were; the others were done."


def judged(answer: Json, outcome: Outcome) -> Json | PartlyDone:
    """An answer as a success, or as partly done when entries of the outcome failed."""
    failed = len(outcome.errors)
    return PartlyDone(answer, failed, len(outcome.entries)) if failed else answer


@contextmanager
def told_by_kind() -> Iterator[None]:
    """Raise what is wrong with the objects of a request in place of the fact that something is.

    All of them not found is a 404, all of them refused the transition a 409; a mixture is what covers it.
    """
    try:
        yield
    except BatchFailed as failed:
        raise combine(failed.outcome.errors) from failed


def plan_of(outcome: Outcome, *, dry_run: bool) -> dict[str, object]:
    """For a dry run: that it was one, and everything that would have happened. Else nothing."""
    return {"dry_run": True, "plan": described_plan(outcome.plan)} if dry_run else {}


def described_plan(plan: Plan) -> Json:
    """A plan as JSON."""
    return {"changes": [_described_change(change) for change in plan.changes], "reindexed": plan.reindexed}


def _described_change(change: Change) -> Json:
    return {
        "event": change.event,
        "UID": change.uid,
        "path": change.path,
        "portal_type": change.portal_type,
        "id": change.id,
        "fields": [{"field": item.field, "old": item.old, "new": item.new} for item in change.fields],
        "states": [
            {
                "workflow": item.workflow,
                "variable": item.variable,
                "transition": item.transition,
                "old": item.old,
                "new": item.new,
            }
            for item in change.states
        ],
    }


def described_error(error: ApiError) -> dict[str, object]:
    """Why one of several objects failed, with the keys that a failed answer has."""
    described: dict[str, object] = {"message": error.message, "type": error.name, "status": error.status}
    if error.causes:
        described["errors"] = [cause.as_dict() for cause in error.causes]
    return described


def named(entry: Entry) -> dict[str, object]:
    """Path and UID of an entry's object: as it is, or as it was asked for when none was found."""
    return {"path": entry.path or _asked_path(entry.selector), "UID": entry.uid or _asked_uid(entry.selector)}


def _asked_path(selector: Selector) -> str:
    match selector:
        case ByPath(path):
            return path
        case ByCriteria(portal_type, criteria):
            return f"{portal_type} with {', '.join(f'{name}={value}' for name, value in criteria.items())}"
        case ByUid():
            return ""


def _asked_uid(selector: Selector) -> str:
    return selector.uid if isinstance(selector, ByUid) else ""

"""References to what is out of use: refused when they are new, with the reason; existing ones stay.

A type declares which states, and which date, mean that its objects are out of use.
"""

from collections.abc import Mapping
from datetime import datetime

from objapi.errors import Cause
from objapi.model.types import Field, Kind
from objapi.store.writing.draft import Draft
from objapi.store.writing.planner import StorePlanner
from objapi.store.writing.workspace import uids_in


def references_out_of_use(planner: StorePlanner, draft: Draft, sent: Mapping[str, object]) -> list[Cause]:
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
    if draft.is_new and (reason := _leans_on(planner, draft)) is not None:
        causes.append(Cause("object", draft.path, reason, code="out_of_use"))
    return causes


def why_out_of_use(planner: StorePlanner, draft: Draft) -> str | None:
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


def _leans_on(planner: StorePlanner, draft: Draft) -> str | None:
    """Why a new object cannot be made in or of what is out of use; its own states and dates are its maker's affair."""
    own = draft.type
    indirect = [path for path in (*own.out_of_use, *([own.expires] if own.expires else ())) if path.steps]
    return why_out_of_use(planner, draft) if indirect else None


def _former_value(planner: StorePlanner, draft: Draft, field: Field) -> object:
    """The value before the request, of the object on which the field is stored."""
    return planner.old_value(planner.values.keeper(draft, field) or draft, field.name)

"""Outcomes of writing requests: the answer of an action, and failures that name the record that they are about."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from objapi.errors import ApiError, Cause, combine, joined_messages
from objapi.senaite.call import SenaiteCall
from objapi.senaite.incoming import their_error
from objapi.senaite.refusals import in_their_words
from objapi.store.requests import BatchFailed, Change, Outcome
from objapi.store.transaction import Transaction


@dataclass(frozen=True, slots=True)
class Options:
    """How a request is carried out."""

    partial: bool
    dry_run: bool

    @classmethod
    def of(cls, call: SenaiteCall) -> "Options":
        """The options of a call."""
        return cls(call.sent.flag("partial"), call.sent.flag("dry_run"))


def failed(call: SenaiteCall, errors: Mapping[int, ApiError], types: Mapping[int, str], count: int) -> ApiError:
    """All errors as one; each says which record it is about, where there are several."""
    told = []
    for place in sorted(errors):
        error = theirs(call, errors[place], types.get(place, ""))
        if count > 1:
            error = error.restated(f"record {place}: {error.message}", _placed(error, place))
        told.append(error)
    combined = combine(told)
    if "othing was" in combined.message:
        return combined
    return combined.restated(f"{joined_messages([combined.message])} Nothing was written.", combined.causes)


def _placed(error: ApiError, place: int) -> list[Cause]:
    causes = error.causes or (Cause("object", f"record {place}", error.message),)
    return [replace(cause, index=place) for cause in causes]


def answer_of(
    call: SenaiteCall,
    tx: Transaction,
    uids: Sequence[str],
    outcome: Outcome | None,
    errors: Mapping[int, ApiError],
    types: Mapping[int, str],
    count: int,
    names: Mapping[str, str],
) -> Mapping[str, Any]:
    """The answer of an action: the objects as they are stored now, and what could not be done of a partial request."""
    options = Options.of(call)
    answer: dict[str, Any] = {"count": len(uids), "items": [], "url": call.url}
    if options.dry_run:
        changes = [] if outcome is None else [_described(change) for change in outcome.plan.changes]
        answer |= {"dry_run": True, "plan": changes}
    else:
        tx.records.forget()
        found = tx.records.by_uid(uids)
        objects = [found[uid] for uid in uids if uid in found]
        wanted = replace(call.wanted(complete=True, single=True), names=names)
        answer["items"] = call.items(tx).made(objects, wanted)
        answer["count"] = len(answer["items"])
    if errors:
        told = [described_error(place, theirs(call, errors[place], types.get(place, ""))) for place in sorted(errors)]
        message = f"{len(errors)} of {count} could not be done and were left as they were; the others were done."
        answer |= {"success": False, "message": message, "errors": told}
    return answer


def theirs(call: SenaiteCall, error: ApiError, portal_type: str) -> ApiError:
    """An error with the names that clients know."""
    known = call.vocabulary.dialect.types.get(portal_type)
    return in_their_words(their_error(error, call.vocabulary, known), call.vocabulary)


def described_error(place: int, error: ApiError) -> dict[str, Any]:
    """The failure of one record of a partial request."""
    return {
        "record": place,
        "message": error.message,
        "type": error.name,
        "status": error.status,
        "errors": [cause.as_dict() for cause in error.causes],
    }


def _described(change: Change) -> dict[str, Any]:
    return {
        "event": change.event,
        "uid": change.uid,
        "path": change.path,
        "portal_type": change.portal_type,
        "fields": [{"field": item.field, "old": item.old, "new": item.new} for item in change.fields],
        "transitions": [item.transition for item in change.states if item.transition],
    }


def note_errors(errors: dict[int, ApiError], places: Sequence[int], outcome: Outcome) -> None:
    """Add the errors of an outcome under the places of their records."""
    errors.update(
        (place, entry.error) for place, entry in zip(places, outcome.entries, strict=True) if entry.error is not None
    )


def told(
    call: SenaiteCall, types: Mapping[int, str], places: Sequence[int], count: int, work: Callable[[], Outcome]
) -> Outcome:
    """What `work` gives; its errors say which record they are about."""
    try:
        return work()
    except BatchFailed as refusal:
        errors: dict[int, ApiError] = {}
        note_errors(errors, places, refusal.outcome)
        raise failed(call, errors, types, count) from refusal
    except ApiError as error:
        raise failed(call, {places[0]: error}, types, count) from error

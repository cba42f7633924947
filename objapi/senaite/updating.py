"""`update`: fields of one object or many, and transitions after them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from objapi.errors import ApiError, BadRequest, Cause, Conflict, TransitionNotAllowed, combine
from objapi.model.registry import Registry
from objapi.senaite.call import SenaiteCall
from objapi.senaite.incoming import IncomingReader, Record
from objapi.senaite.items import ItemShape
from objapi.senaite.outcomes import Options, answer_of, failed, told
from objapi.senaite.targets import IDENTIFYING, asked_names, records_of, require_open, require_type, targets_of
from objapi.senaite.versions import require_version, version_match
from objapi.store.reading.loaded_records import ObjectRecord
from objapi.store.requests import ByUid, Outcome, UpdateItem
from objapi.store.transaction import Transaction


@dataclass(slots=True)
class _Change:
    """What one record asks of a stored object."""

    target: ObjectRecord
    values: dict[str, Any] = field(default_factory=dict)
    transition: str | None = None
    comment: str = ""
    version: int | None = None


def update(call: SenaiteCall, tx: Transaction) -> Mapping[str, Any]:
    """Change fields of objects and take transitions of them, all or none; with `partial` of those that can."""
    records = records_of(call)
    targets, errors = targets_of(call, tx, records)
    types = {place: target.portal_type for place, target in targets.items()}
    for place, target in targets.items():
        try:
            require_open(call, target)
            require_type(call, target)
        except ApiError as error:
            errors[place] = error
    places = [place for place in targets if place not in errors]
    sent = [(types[place], _without_names(records[place], targets[place])) for place in places]
    read = IncomingReader(call.vocabulary, tx, call.site_id).read(sent, new=False)
    changes: dict[int, _Change] = {}
    stale = {place: made for place, made in zip(places, read, strict=True) if _needs_item(made, records[place])}
    items = _items_of(call, tx, {place: targets[place] for place in stale})
    for place, made in zip(places, read, strict=True):
        try:
            changes[place] = _change(call, tx, records[place], made, targets[place], items.get(place))
        except ApiError as error:
            errors[place] = error
    options = Options.of(call)
    if options.partial:
        _leave_out(tx, changes, errors)
    elif errors:
        raise failed(call, errors, types, len(records))
    outcome = _apply(call, tx, changes, types, options, len(records))
    uids = list(dict.fromkeys(change.target.uid for change in changes.values()))
    return answer_of(call, tx, uids, outcome, errors, types, len(records), asked_names(call))


def _without_names(record: Mapping[str, Any], target: ObjectRecord) -> dict[str, Any]:
    """The record without what names the object."""
    return {name: value for name, value in record.items() if name not in IDENTIFYING}


def _needs_item(made: Record, record: Mapping[str, Any]) -> bool:
    """True for a record with keys that are compared with what the object answers."""
    return bool(made.unknown) or "api_url" in record


def _items_of(call: SenaiteCall, tx: Transaction, targets: Mapping[int, ObjectRecord]) -> dict[int, dict[str, Any]]:
    """The complete items of objects, with which those that were sent back are compared."""
    made = call.items(tx).made(list(targets.values()), ItemShape(complete=True))
    return dict(zip(targets, made, strict=True))


def _change(
    call: SenaiteCall,
    tx: Transaction,
    record: Mapping[str, Any],
    made: Record,
    target: ObjectRecord,
    item: Mapping[str, Any] | None,
) -> _Change:
    """The change that a record asks for. Raises BadRequest for what cannot be written, and what values raise."""
    vocabulary = call.vocabulary
    same = frozenset() if item is None else _unchanged(call, record, target, item)
    other_id = record.get("id")
    if isinstance(other_id, str) and other_id not in ("", target.id) and not record.get("parent_path"):
        raise BadRequest.of_parameter("id", f"id: {target.path} keeps its id {target.id}; leave it out.")
    unknown = [name for name in made.unknown if name not in same]
    computed = [
        name
        for name in record
        if name not in same
        and name not in made.unknown
        and (own := vocabulary.own_field(target.portal_type, name)) is not None
        and own in made.values
        and _is_computed(vocabulary.registry, target.portal_type, own)
    ]
    wrong = [*unknown, *computed]
    if wrong:
        incoming = IncomingReader(vocabulary, tx, call.site_id)
        raise incoming.unknown_error(target.portal_type, wrong)
    kept = {vocabulary.own_field(target.portal_type, name) for name in same}
    errors = [error for error in made.errors if not {cause.name for cause in error.causes} <= same or not error.causes]
    if errors:
        raise combine(errors)
    values = {name: value for name, value in made.values.items() if name not in kept}
    for name, (_, written) in made.given.items():
        if written.adds and name in values:
            there = target.members.get(name) or []
            more = values[name] if isinstance(values[name], list) else [values[name]]
            values[name] = list(dict.fromkeys([*there, *more]))
    return _Change(
        target,
        values,
        _transition(call, record, target),
        str(record.get("comment") or ""),
        require_version(record.get("version")) if "version" in record else None,
    )


def _is_computed(registry: Registry, portal_type: str, name: str) -> bool:
    declared = registry.types[portal_type].fields.get(name)
    return declared is not None and (declared.system or declared.path is not None or declared.compute is not None)


def _unchanged(
    call: SenaiteCall, record: Mapping[str, Any], target: ObjectRecord, item: Mapping[str, Any]
) -> frozenset[str]:
    """The keys of a record that carry what the object answers."""
    same = {name for name, value in record.items() if name in item and item[name] == value}
    # The object may have been read below another name of the site, or under another name of its type.
    shown = call.vocabulary.dialect.types.get(target.portal_type)
    if shown is not None and record.get("portal_type") in shown.names:
        same.add("portal_type")
    return frozenset(same | {name for name in ("url", "api_url", "parent_url") if name in record})


def _transition(call: SenaiteCall, record: Mapping[str, Any], target: ObjectRecord) -> str | None:
    """The transition that a record asks for, by the gateway's name. Raises TransitionNotAllowed, BadRequest."""
    name = record.get("transition")
    if name in (None, ""):
        return None
    if not isinstance(name, str):
        raise BadRequest.of_parameter("transition", "transition: the name of a transition is expected.")
    dialect = call.vocabulary.dialect
    own = dialect.transitions.get(name, name)
    known = {item for workflow in call.vocabulary.registry.workflows.values() for item in workflow.transitions}
    if own not in known:
        if name in dialect.unknown_transitions:
            message = f"{name}: there is no such transition in this laboratory, so {target.path} cannot take it."
            raise TransitionNotAllowed(message, causes=[Cause("object", target.path, message)])
        raise BadRequest.of_parameter("transition", f"transition: no workflow has a transition {name[:60]!r}.")
    return own


def _leave_out(tx: Transaction, changes: dict[int, _Change], errors: dict[int, ApiError]) -> None:
    """Take out of a partial request what cannot be done: each record is tried by itself first."""
    for place, change in list(changes.items()):
        try:
            _try_change(tx, change)
        except ApiError as error:
            errors[place] = error
            del changes[place]


def _try_change(tx: Transaction, change: _Change) -> Outcome | None:
    selector = ByUid(change.target.uid)
    stale = _stale(change)
    if stale is not None:
        raise stale
    if change.transition is not None:
        return tx.transition([selector], change.transition, comment=change.comment, fields=change.values, dry_run=True)
    if change.values:
        return tx.update([UpdateItem(selector, change.values, change.version)], dry_run=True)
    return None


def _stale(change: _Change) -> Conflict | None:
    """The refusal of a change that was made for another version of the object."""
    if change.version in (None, change.target.version):
        return None
    path, version = change.target.path, change.target.version
    return Conflict(f"{path} has the version {version} by now, not {change.version}; read it again.")


def _apply(
    call: SenaiteCall,
    tx: Transaction,
    changes: Mapping[int, _Change],
    types: Mapping[int, str],
    options: Options,
    count: int,
) -> Outcome | None:
    """Write the fields of all, then take the transitions, those of one name together; raises errors by record."""
    outcome: Outcome | None = None
    match = version_match(call.if_match, changes[0].target.version if 0 in changes and count == 1 else None)
    stale = {place: error for place, change in changes.items() if (error := _stale(change)) is not None}
    if stale:
        raise failed(call, stale, types, count)
    if options.dry_run:
        outcomes = {}
        errors: dict[int, ApiError] = {}
        for place, change in changes.items():
            try:
                outcomes[place] = _try_change(tx, change)
            except ApiError as error:
                errors[place] = error
        if errors:
            raise failed(call, errors, types, count)
        made = [item for item in outcomes.values() if item is not None]
        return _joined(made)
    writing = {place: change for place, change in changes.items() if change.values}
    if writing:
        items = [UpdateItem(ByUid(change.target.uid), change.values, change.version) for change in writing.values()]
        outcome = told(
            call, types, list(writing), count, lambda: tx.update(items, as_batch=True, with_plan=False, match=match)
        )
        match = None
    steps: dict[tuple[str, str], list[int]] = {}
    for place, change in changes.items():
        if change.transition is not None:
            steps.setdefault((change.transition, change.comment), []).append(place)
    for (action, comment), places in steps.items():
        selectors = [ByUid(changes[place].target.uid) for place in places]
        take = partial(tx.transition, selectors, action, comment=comment, with_plan=False, match=match)
        outcome = told(call, types, places, count, take)
    return outcome


def _joined(outcomes: Sequence[Outcome]) -> Outcome | None:
    if not outcomes:
        return None
    changes = tuple(change for outcome in outcomes for change in outcome.plan.changes)
    return replace(outcomes[0], plan=replace(outcomes[0].plan, changes=changes))

"""`create`: one object or many, with what clients of SENAITE send for a sample."""

from collections.abc import Mapping, Sequence
from typing import Any

from objapi.errors import ApiError, BadRequest, Cause, Forbidden, NotFound, ValidationError, combine
from objapi.senaite.call import SenaiteCall, named
from objapi.senaite.incoming import IncomingReader, Record
from objapi.senaite.outcomes import Options, answer_of, failed, note_errors
from objapi.senaite.targets import asked_names, records_of, require_open
from objapi.store.reading.loaded_records import ObjectRecord
from objapi.store.requests import BatchFailed, ByUid, CreateItem, Outcome, Selector
from objapi.store.transaction import Transaction


def create(call: SenaiteCall, tx: Transaction) -> Mapping[str, Any]:
    """Create objects, all or none; with `partial` those that can be."""
    records = records_of(call)
    errors: dict[int, ApiError] = {}
    types: dict[int, str] = {}
    containers: dict[int, ObjectRecord | None] = {}
    for place, record in enumerate(records):
        try:
            types[place] = _type_of(call, record)
            containers[place] = _container(call, tx, record, types[place])
        except ApiError as error:
            errors[place] = error
    places = [place for place in range(len(records)) if place not in errors]
    incoming = IncomingReader(call.vocabulary, tx, call.site_id)
    read = dict(zip(places, incoming.read([(types[place], records[place]) for place in places], new=True), strict=True))
    items: dict[int, CreateItem] = {}
    for place, made in read.items():
        container = containers[place]
        _place_in(call, tx, made, container)
        if made.errors:
            errors[place] = combine(made.errors)
        else:
            items[place] = CreateItem(
                made.portal_type, None if container is None else ByUid(container.uid), made.values
            )
    return _carried_out(call, tx, records, errors, items, types)


def _type_of(call: SenaiteCall, record: Mapping[str, Any]) -> str:
    """The type of a new object: that of the URL, else the one that the record names. Raises BadRequest."""
    if call.resource is not None:
        return call.resource.portal_type
    name = record.get("portal_type") or record.get("obj_type")
    if not isinstance(name, str) or not name.strip():
        message = "portal_type: the type of the new object is expected, here or in the URL."
        raise BadRequest.of_parameter("portal_type", message)
    found = call.vocabulary.type_named(name)
    if found is None:
        message = f"portal_type: there is no type {name[:80]!r}; the route types lists all."
        raise BadRequest.of_parameter("portal_type", message)
    return found[0].portal_type


def _container(call: SenaiteCall, tx: Transaction, record: Mapping[str, Any], portal_type: str) -> ObjectRecord | None:
    """The container of a new object; None where a field of the record names it.

    Raises BadRequest without any, NotFound for one that is not there, Forbidden for one that cannot hold the object.
    """
    declared = call.vocabulary.entity_type(portal_type)
    uid, path = record.get("parent_uid"), record.get("parent_path")
    if call.key is not None:
        selector: Selector = call.by_uid(call.key)
    elif isinstance(uid, str) and uid.strip():
        selector = call.by_uid(uid.strip())
    elif isinstance(path, str) and path.strip():
        selector = call.selector({"path": path}) or ByUid("")
    elif declared.container_from is not None and record.get(declared.container_from):
        return None
    else:
        message = (
            "parent_path: the container of the new object is expected, as parent_uid or parent_path, or in the URL."
        )
        raise BadRequest(message, causes=[Cause("parameter", "parent_path", message)])
    found = call.found(tx, selector)
    if found is None:
        raise NotFound(f"There is no container {named(selector)}, or you may not see it.")
    require_open(call, found, creating=True)
    by_field = declared.container_from
    holding = declared.containers if by_field is None else frozenset(declared.fields[by_field].targets)
    if found.portal_type not in holding:
        shown = call.vocabulary.shown_type(portal_type, {})
        raise Forbidden(f"A {shown} is not created in {found.path}; it is in {', '.join(sorted(holding))}.")
    return found


def _place_in(call: SenaiteCall, tx: Transaction, made: Record, container: ObjectRecord | None) -> None:
    """Name the container in the field that stands for it; one that says otherwise is an error."""
    by_field = call.vocabulary.entity_type(made.portal_type).container_from
    if by_field is None or container is None:
        return
    sent = made.values.get(by_field)
    if isinstance(sent, str) and sent and sent.lower() != container.uid and sent != container.path:
        message = f"{by_field}: {sent[:80]!r} is not the container {container.path}; leave it out, or name the same."
        made.errors.append(ValidationError(message, causes=[Cause("field", by_field, message)]))
    made.values[by_field] = container.uid


def _carried_out(
    call: SenaiteCall,
    tx: Transaction,
    records: Sequence[Mapping[str, Any]],
    errors: dict[int, ApiError],
    items: Mapping[int, CreateItem],
    types: Mapping[int, str],
) -> Mapping[str, Any]:
    options = Options.of(call)
    if errors and not options.partial:
        # What the gateway would say of the others is told as well: a client mends all at once.
        _try(tx, items, errors)
        raise failed(call, errors, types, len(records))
    outcome: Outcome | None = None
    places = list(items)
    if items:
        try:
            outcome = tx.create(
                list(items.values()), as_batch=True, partial=options.partial, dry_run=options.dry_run, with_plan=False
            )
        except BatchFailed as refusal:
            note_errors(errors, places, refusal.outcome)
            raise failed(call, errors, types, len(records)) from refusal
        note_errors(errors, places, outcome)
    uids = [] if outcome is None else [entry.uid for entry in outcome.entries if entry.error is None]
    names = asked_names(call) or _asked(call, records)
    return answer_of(call, tx, uids, outcome, errors, types, len(records), names)


def _asked(call: SenaiteCall, records: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Type → the name by which records ask for it."""
    found = (call.vocabulary.type_named(str(record.get("portal_type") or "")) for record in records)
    return {item[0].portal_type: item[1] for item in found if item is not None}


def _try(tx: Transaction, items: Mapping[int, CreateItem], errors: dict[int, ApiError]) -> None:
    if not items:
        return
    try:
        tx.create(list(items.values()), as_batch=True, dry_run=True, with_plan=False)
    except BatchFailed as refusal:
        note_errors(errors, list(items), refusal.outcome)

"""`update`: fields of one object, or the same fields of every object that criteria find."""

from collections.abc import Mapping
from typing import Final

from objapi.api.answer_schemas import RECORD, RECORDS, TEXT_OR_NULL, TEXTS, WHOLE
from objapi.api.method import GET_AND_POST, Json, Method, MethodCall, PartlyDone, missing
from objapi.api.methods.batch import described_failures, described_updates
from objapi.api.methods.by_criteria import CRITERIA, find_of, record_of
from objapi.api.methods.reading import OBJECT, selected
from objapi.api.methods.writing import DRY_RUN, PARTIAL, date_warnings, plan_of, success_or_partial
from objapi.api.parameters import Control
from objapi.errors import BadRequest
from objapi.http.access import API
from objapi.security.needs import Need
from objapi.store.requests import ByCriteria, Selector, UpdateItem
from objapi.store.transaction import Transaction

_BY_CRITERIA: Final[tuple[str, ...]] = ("criteria", "fields")
_NAMING: Final = frozenset({"obj_path", "obj_uid", "obj_type", "id"})


def update(call: MethodCall, tx: Transaction) -> Json | PartlyDone:
    """Set the fields that are sent; an empty value clears one that is not required.

    Without an object, `fields` are set in every object that `criteria` find.
    """
    if not _NAMING.isdisjoint(call.controls.sent):
        return _update_one(call, tx)
    if "criteria" not in call.controls.sent:
        raise BadRequest.of_parameter(
            "obj_path",
            "Required field not found in request: obj_path. Name one object, or send criteria and fields to change all "
            "that they find.",
        )
    return _update_found(call, tx)


def _update_one(call: MethodCall, tx: Transaction) -> Json:
    target = _selected_for_update(call, tx)
    if call.controls.flag("partial"):
        raise BadRequest.of_parameter("partial", "partial: it goes with criteria; one object is changed or is not.")
    values = {**call.controls.rest, **_fields_of_that_name(call, tx, target)}
    if not values:
        raise BadRequest("No field was given: send at least one field of the object with its new value.")
    dry_run = call.controls.flag("dry_run")
    item = UpdateItem(target, values, _expected_version(call))
    outcome = tx.update([item], dry_run=dry_run, with_plan=False, match=call.version_match())
    entry = outcome.entries[0]
    return {
        "obj_id": entry.id,
        "obj_uid": entry.uid,
        "path": entry.path,
        "updated": list(entry.updated),
        "version": entry.version,
        **plan_of(outcome, dry_run=dry_run),
        **date_warnings(tx, [(entry.portal_type, item.values)]),
    }


def _selected_for_update(call: MethodCall, tx: Transaction) -> Selector:
    """As `selected`; without path and UID, `obj_type` and `id` name the one object of that type with that id."""
    controls = call.controls
    given_id, portal_type = controls.text("id"), controls.text("obj_type")
    if controls.text("obj_path") is None and controls.text("obj_uid") is None and portal_type is not None:
        if given_id is None:
            raise missing("id")
        return ByCriteria(portal_type, {"id": given_id})
    if given_id is not None:
        raise BadRequest.of_parameter(
            "id",
            "id: an object keeps its id, unless rename gives it another. To select an object by its id send "
            "obj_type as well, and no obj_path.",
        )
    target = selected(call, tx)
    if portal_type is not None:
        _require_type(tx, target, portal_type)
    return target


def _require_type(tx: Transaction, target: Selector, portal_type: str) -> None:
    """Raise BadRequest when the object is not of the type that was sent with its path or UID."""
    found = tx.entity(target)
    if found.portal_type != portal_type:
        raise BadRequest.of_parameter(
            "obj_type", f"obj_type: {found.path} is of the type {found.portal_type}, not {portal_type[:80]!r}."
        )


def _expected_version(call: MethodCall) -> int | None:
    """The version that the object must have by the parameter `version`. Raises BadRequest for what is not a number."""
    sent = call.controls.text("version")
    if sent is None:
        return None
    if not (sent.isascii() and sent.isdigit() and len(sent) < 10):
        raise BadRequest.of_parameter("version", f"version: a whole number is expected, not {sent[:40]!r}.")
    return int(sent)


def _fields_of_that_name(call: MethodCall, tx: Transaction, target: Selector) -> Mapping[str, object]:
    """Values of fields that are named like the parameters of an update by criteria.

    Raises BadRequest when the object has no such field: it cannot be named beside criteria.
    """
    sent = {name: call.controls.values[name] for name in _BY_CRITERIA if name in call.controls.sent}
    if sent:
        entity_type = tx.registry.types[tx.entity(target).portal_type]
        for name in sent:
            if name not in entity_type.fields:
                raise BadRequest.of_parameter(
                    name,
                    f"{name}: an object is named as well. Send its fields beside its name, or criteria and fields "
                    "without the name of an object.",
                )
    return sent


def _update_found(call: MethodCall, tx: Transaction) -> Json | PartlyDone:
    """Set `fields` in all that `criteria` find, or in one page of it when they name a page."""
    call.refuse_unused()
    if call.controls.text("version") is not None:
        raise BadRequest.of_parameter("version", "version: it is that of one object; send it without criteria.")
    if "fields" not in call.controls.sent:
        raise missing("fields")
    values = record_of("fields", call.controls.values["fields"])
    if not values:
        raise BadRequest.of_parameter("fields", "fields: at least one field with its new value is expected.")
    dry_run = call.controls.flag("dry_run")
    outcome = tx.update_found(
        find_of(call),
        values,
        partial=call.controls.flag("partial"),
        dry_run=dry_run,
        with_plan=False,
        match=call.version_match(),
    )
    answer = {
        "updates": described_updates(outcome, call.exchange.url),
        **plan_of(outcome, dry_run=dry_run),
        **date_warnings(tx, [(entry.portal_type, values) for entry in outcome.entries]),
    }
    return success_or_partial(answer, outcome)


UPDATING: Final = (
    Method(
        name="update",
        access=API,
        needs=(Need.CHANGE,),
        controls=(
            *OBJECT,
            Control("obj_type", "text", about="With id: the type of the object."),
            Control("id", "text", about="With obj_type: the id of the object."),
            Control("version", "text", about="The version that the object must have."),
            CRITERIA,
            Control("fields", "any", about="With criteria: a record of fields and their new values.", shape=RECORD),
            PARTIAL,
            DRY_RUN,
        ),
        others="fields",
        answer={
            "obj_id?": TEXT_OR_NULL,
            "obj_uid?": TEXT_OR_NULL,
            "path?": TEXT_OR_NULL,
            "updated?": TEXTS,
            "version?": WHOLE,
            "updates?": RECORDS,
        },
        writing_verbs=GET_AND_POST,
        honours_if_match=True,
        run=update,
        more_on_failure=described_failures,
    ),
)

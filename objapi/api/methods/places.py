"""Methods that copy objects and give them other places or names: `copy`, `move`, `rename`."""

from collections.abc import Mapping
from typing import Final

from objapi.api.answer_schemas import RECORD, RECORDS
from objapi.api.method import GET_AND_POST, Json, Method, MethodCall, PartlyDone, missing
from objapi.api.methods.reading import OBJECT, selected
from objapi.api.methods.trials import described_error, path_and_uid
from objapi.api.methods.writing import (
    DRY_RUN,
    PARTIAL,
    date_warnings,
    named_objects,
    plan_of,
    success_or_partial,
    unwrap_batch_errors,
)
from objapi.api.parameters import Control
from objapi.errors import BadRequest
from objapi.http.access import API
from objapi.security.needs import Need
from objapi.store.requests import ByPath, ByUid, CopyItem, Entry, MoveItem, Outcome, Selector
from objapi.store.transaction import Transaction

_OBJECTS: Final = (
    Control("obj_paths", "texts", (), aliases=("obj_path", "f"), about="The paths of the objects."),
    Control("uids", "texts", (), aliases=("UID", "obj_uid"), about="The UIDs of the objects."),
)
_TARGET: Final = (
    Control("target_path", "text", about="The path of the container that takes them."),
    Control("target_uid", "text", about="The UID of the container that takes them."),
)
_PLACED: Final = {"objects": RECORDS}


def copy(call: MethodCall, tx: Transaction) -> Json | PartlyDone:
    """Copy objects into the container that `target_path` or `target_uid` names, by default that of each.

    `fields` are values of the copies; `deep=0` leaves out what the objects contain.
    """
    call.refuse_unused()
    # Twice the same name may be meant as two copies, so the store refuses it.
    selectors, wanted = named_objects(call, repeated=True), _id_for_one(call)
    container, values, deep = _target(call, tx), _fields(call), call.controls.flag("deep")
    items = [CopyItem(selector, container, values, wanted, deep) for selector in selectors]
    dry_run = call.controls.flag("dry_run")
    with unwrap_batch_errors():
        outcome = tx.copy(items, partial=call.controls.flag("partial"), dry_run=dry_run, with_plan=False)
    answer = _answer(outcome, dry_run=dry_run)
    written = [(entry.portal_type, values) for entry in outcome.entries]
    return success_or_partial({**answer, **date_warnings(tx, written)}, outcome)


def move(call: MethodCall, tx: Transaction) -> Json | PartlyDone:
    """Move objects, with all they contain, into the container that `target_path` or `target_uid` names."""
    call.refuse_unused()
    selectors, wanted, container = named_objects(call), _id_for_one(call), _target(call, tx)
    if container is None:
        raise missing("target_path")
    items = [MoveItem(selector, container, wanted) for selector in selectors]
    dry_run = call.controls.flag("dry_run")
    with unwrap_batch_errors():
        outcome = tx.move(
            items,
            partial=call.controls.flag("partial"),
            dry_run=dry_run,
            with_plan=False,
            match=call.version_match(),
        )
    return success_or_partial(_answer(outcome, dry_run=dry_run), outcome)


def rename(call: MethodCall, tx: Transaction) -> Json:
    """Give an object the id `obj_id` in its container; what it contains moves along."""
    call.refuse_unused()
    item = MoveItem(selected(call, tx), None, call.require_text("obj_id"))
    dry_run = call.controls.flag("dry_run")
    outcome = tx.move([item], dry_run=dry_run, with_plan=False, match=call.version_match())
    return _answer(outcome, dry_run=dry_run)


def _id_for_one(call: MethodCall) -> str | None:
    """The id asked for. Raises BadRequest when several objects would get it."""
    wanted = call.controls.text("obj_id")
    if wanted is not None and len(named_objects(call)) > 1:
        raise BadRequest.of_parameter("obj_id", "obj_id: several objects are named and cannot all have one id.")
    return wanted


def _target(call: MethodCall, tx: Transaction) -> Selector | None:
    """The container asked for; None when neither parameter was sent."""
    path, uid = call.controls.text("target_path"), call.controls.text("target_uid")
    if uid is None:
        return None if path is None else ByPath(path)
    if path is not None and tx.entity(ByPath(path)).uid != tx.entity(ByUid(uid)).uid:
        raise BadRequest.of_parameter("target_uid", "target_path and target_uid name different objects; send one.")
    return ByUid(uid)


def _fields(call: MethodCall) -> Mapping[str, object]:
    fields = call.controls.structure("fields")
    if fields is None:
        return {}
    if not isinstance(fields, dict):
        raise BadRequest.of_parameter("fields", "fields: an object of fields and their values is expected.")
    return fields


def _answer(outcome: Outcome, *, dry_run: bool) -> Json:
    return {"objects": [_described(entry) for entry in outcome.entries], **plan_of(outcome, dry_run=dry_run)}


def _described(entry: Entry) -> Json:
    """An object at its new place, or the error for which it was left as it was."""
    if entry.error is not None:
        return {"success": False, "error": True, **path_and_uid(entry), **described_error(entry.error)}
    described: dict[str, object] = {
        "obj_id": entry.id,
        "obj_uid": entry.uid,
        "path": entry.path,
        "portal_type": entry.portal_type,
        "version": entry.version,
        **entry.extra_ids,
    }
    if entry.source_uid:
        described["source_uid"] = entry.source_uid
        described["copies"] = entry.copies
        described["left_out"] = [
            {"path": item.path, "field": item.field or None, "message": item.message} for item in entry.left_out
        ]
    return described


PLACES: Final = (
    Method(
        name="copy",
        access=API,
        needs=(Need.VIEW, Need.ADD),
        controls=(
            *_OBJECTS,
            *_TARGET,
            Control("obj_id", "text", about="The id of the copy, if it is one."),
            Control("fields", "structure", about="A record of fields and values of the copies.", shape=RECORD),
            Control("deep", "boolean", True, about="Copy what the objects contain, too."),
            PARTIAL,
            DRY_RUN,
        ),
        answer=_PLACED,
        writing_verbs=GET_AND_POST,
        run=copy,
    ),
    Method(
        name="move",
        access=API,
        needs=(Need.REMOVE, Need.ADD),
        controls=(
            *_OBJECTS,
            *_TARGET,
            Control("obj_id", "text", about="The id at the new place, if it is one object."),
            PARTIAL,
            DRY_RUN,
        ),
        answer=_PLACED,
        writing_verbs=GET_AND_POST,
        honours_if_match=True,
        run=move,
    ),
    Method(
        name="rename",
        access=API,
        needs=(Need.REMOVE, Need.ADD),
        controls=(*OBJECT, Control("obj_id", "text", about="The new id.", required=True), DRY_RUN),
        answer=_PLACED,
        writing_verbs=GET_AND_POST,
        honours_if_match=True,
        run=rename,
    ),
)

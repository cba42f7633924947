"""Methods that take back what was done: `undo` a request, `restore` what was removed."""

from functools import partial
from typing import Final

from objapi.api.answer_schemas import RECORDS, TEXT
from objapi.api.method import GET_AND_POST, Json, Method, MethodCall
from objapi.api.methods.trials import described_change, described_plan, path_and_uid, planned_event
from objapi.api.methods.writing import DRY_RUN, unwrap_batch_errors
from objapi.api.parameters import Control
from objapi.http.access import API
from objapi.security.needs import Need
from objapi.security.undoing_access import AccessUndoing
from objapi.store.requests import Entry, Outcome
from objapi.store.transaction import Transaction


def undo(call: MethodCall, tx: Transaction) -> Json:
    """Take back all that the request `request_id` has done, as long as nothing has happened to its objects since."""
    call.refuse_unused()
    request_id, dry_run = call.require_text("request_id"), call.controls.flag("dry_run")
    with unwrap_batch_errors():
        outcome = tx.undo(request_id, access_of=partial(AccessUndoing, tx, request_id), dry_run=dry_run)
    return {"undone": request_id, **_described(outcome, dry_run=dry_run)}


def restore(call: MethodCall, tx: Transaction) -> Json:
    """Restore the removed object `UID`, with what it contained, under its UID, id and path."""
    call.refuse_unused()
    uid, dry_run = call.require_text("UID"), call.controls.flag("dry_run")
    with unwrap_batch_errors():
        outcome = tx.restore(uid, dry_run=dry_run)
    return {"restored": uid, **_described(outcome, dry_run=dry_run)}


def _described(outcome: Outcome, *, dry_run: bool) -> Json:
    # Users, who are no objects, are in the changes of access alone.
    answer = {"objects": [_described_entry(entry) for entry in outcome.entries if entry.uid]}
    access = [planned_event(event) for event in outcome.access]
    if not dry_run:
        return {**answer, **({"access": access} if access else {})}
    # Roles that go with a log-in are a change of the plan already.
    told = {(change.event, change.uid) for change in outcome.plan.changes}
    changes = [described_change(change) for change in outcome.plan.changes]
    changes += [change for change in access if (change["event"], change["UID"]) not in told]
    return {**answer, "dry_run": True, "plan": {**described_plan(outcome.plan), "changes": changes}}


def _described_entry(entry: Entry) -> Json:
    return {**entry.states, **path_and_uid(entry), "portal_type": entry.portal_type, "version": entry.version}


UNDOING: Final = (
    Method(
        name="undo",
        access=API,
        needs=(Need.UNDO, Need.ADD, Need.CHANGE, Need.REMOVE),
        controls=(Control("request_id", "text", about="The id of the request, X-Request-Id of its answer."), DRY_RUN),
        answer={"undone": TEXT, "objects": RECORDS, "access?": RECORDS},
        writing_verbs=GET_AND_POST,
        run=undo,
    ),
    Method(
        name="restore",
        access=API,
        needs=(Need.UNDO, Need.ADD),
        controls=(Control("UID", "text", aliases=("obj_uid",), about="The UID that the object had."), DRY_RUN),
        answer={"restored": TEXT, "objects": RECORDS},
        writing_verbs=GET_AND_POST,
        run=restore,
    ),
)

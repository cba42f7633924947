"""`remove`: objects with all they contain, named by UID or found by criteria."""

from typing import Final

from objapi.api.answer_schemas import RECORDS, TEXT, TEXTS
from objapi.api.method import GET_AND_POST, Json, Method, MethodCall, PartlyDone
from objapi.api.methods.by_criteria import CRITERIA, find_of
from objapi.api.methods.trials import described_error, path_and_uid
from objapi.api.methods.writing import DRY_RUN, PARTIAL, plan_of, success_or_partial, unwrap_batch_errors
from objapi.api.parameters import Control
from objapi.errors import BadRequest
from objapi.http.access import API
from objapi.security.needs import Need
from objapi.store.requests import Outcome
from objapi.store.transaction import Transaction


def remove(call: MethodCall, tx: Transaction) -> Json | PartlyDone:
    """Remove the objects that `UID` names, or `criteria` find, with all they contain.

    By criteria in two calls: a dry run gives the `plan_hash` without which nothing is removed.
    """
    call.refuse_unused()
    controls = call.controls
    uids, by_criteria = tuple(dict.fromkeys(controls.names("UID"))), "criteria" in controls.sent
    if by_criteria and uids:
        raise BadRequest.of_parameter("criteria", "criteria: UID names objects as well; send one of them.")
    if not by_criteria and not uids:
        raise BadRequest.of_parameter(
            "UID", "Required field not found in request: UID. Name objects by it, or send criteria."
        )
    plan_hash, dry_run = controls.text("plan_hash"), controls.flag("dry_run")
    if by_criteria and plan_hash is None and not dry_run:
        raise BadRequest.of_parameter(
            "plan_hash",
            "plan_hash: to remove what criteria find, send the call with dry_run=1 first, look at its plan, and then "
            "send the call with the plan_hash of that answer. Nothing was removed.",
        )
    with unwrap_batch_errors():
        outcome = _removed(call, tx, uids, plan_hash)
    answer = {
        "removed": [entry.uid for entry in outcome.entries if entry.error is None],
        **_failures(outcome),
        **plan_of(outcome, dry_run=dry_run),
        **({"plan_hash": outcome.plan_hash} if dry_run else {}),
    }
    return success_or_partial(answer, outcome)


def _removed(call: MethodCall, tx: Transaction, uids: tuple[str, ...], plan_hash: str | None) -> Outcome:
    flag, match = call.controls.flag, call.version_match()
    if uids:
        return tx.remove(
            uids,
            break_references=flag("break_references"),
            partial=flag("partial"),
            dry_run=flag("dry_run"),
            with_plan=False,
            match=match,
            plan_hash=plan_hash,
        )
    return tx.remove_found(
        find_of(call),
        break_references=flag("break_references"),
        partial=flag("partial"),
        dry_run=flag("dry_run"),
        with_plan=False,
        match=match,
        plan_hash=plan_hash,
    )


def _failures(outcome: Outcome) -> Json:
    """The key `objects` with each object that stays, and why; empty when none does."""
    failed = [
        {**path_and_uid(entry), "success": False, "error": True, **described_error(entry.error)}
        for entry in outcome.entries
        if entry.error is not None
    ]
    return {"objects": failed} if failed else {}


REMOVING: Final = (
    Method(
        name="remove",
        access=API,
        needs=(Need.REMOVE,),
        controls=(
            Control("UID", "texts", (), about="The UIDs of the objects."),
            CRITERIA,
            Control("plan_hash", "text", about="With criteria: the plan_hash that the dry run has answered."),
            Control("break_references", "boolean", False, about="Clear references to the objects that may be empty."),
            PARTIAL,
            DRY_RUN,
        ),
        answer={"removed": TEXTS, "objects?": RECORDS, "plan_hash?": TEXT},
        writing_verbs=GET_AND_POST,
        honours_if_match=True,
        run=remove,
    ),
)

"""`remove`: objects with all they contain."""

from objapi.api.call import Call, Json, missing
from objapi.api.outcomes import plan_of, told_by_kind
from objapi.store.transaction import Transaction


def remove(call: Call, tx: Transaction) -> Json:
    """Remove the objects that `UID` names, all or none of them."""
    call.refuse_unused()
    uids = tuple(dict.fromkeys(call.controls.names("UID")))
    if not uids:
        raise missing("UID")
    dry_run = call.controls.flag("dry_run")
    with told_by_kind():
        outcome = tx.remove(uids, break_references=call.controls.flag("break_references"), dry_run=dry_run)
    return {"removed": [entry.uid for entry in outcome.entries], **plan_of(outcome, dry_run=dry_run)}

"""`update`: fields of one object."""

from objapi.api.call import Call, Json
from objapi.api.outcomes import plan_of
from objapi.api.selectors import expected_version, selected_for_update
from objapi.errors import BadRequest
from objapi.store.requests import UpdateItem
from objapi.store.transaction import Transaction


def update(call: Call, tx: Transaction) -> Json:
    """Set the fields that are sent; an empty value clears one that is not required."""
    target = selected_for_update(call, tx)
    if not call.controls.rest:
        raise BadRequest("No field was given: send at least one field of the object with its new value.")
    dry_run = call.controls.flag("dry_run")
    outcome = tx.update([UpdateItem(target, call.controls.rest, expected_version(call))], dry_run=dry_run)
    entry = outcome.entries[0]
    return {
        "obj_id": entry.id,
        "obj_uid": entry.uid,
        "path": entry.path,
        "updated": list(entry.updated),
        "version": entry.version,
        **plan_of(outcome, dry_run=dry_run),
    }

"""`create`: one new object."""

from objapi.api.call import Call, Json, missing
from objapi.api.outcomes import plan_of
from objapi.store.requests import ByPath, CreateItem
from objapi.store.transaction import Transaction


def create(call: Call, tx: Transaction) -> Json:
    """Create an object of `obj_type` in `obj_path`; all other parameters are its fields.

    A type that names its own container (a request goes to its client) needs no `obj_path`, and ignores it.
    Rows of a table are in no container, and need none either.
    """
    portal_type = call.require_text("obj_type")
    path = call.controls.text("obj_path")
    declared = tx.registry.types.get(portal_type)
    if path is None and (declared is None or (declared.container_from is None and declared.table is None)):
        raise missing("obj_path")
    container = None if path is None else ByPath(path)
    dry_run = call.controls.flag("dry_run")
    item = CreateItem(portal_type, container, call.controls.rest, call.controls.text("obj_id"))
    outcome = tx.create([item], dry_run=dry_run)
    entry = outcome.entries[0]
    return {
        "obj_id": entry.id,
        "obj_uid": entry.uid,
        "path": entry.path,
        **entry.extra_ids,
        **plan_of(outcome, dry_run=dry_run),
    }

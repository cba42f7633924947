"""Runs of imports of requests: the file is kept with what was read of it, and its requests are made, all or none."""

from dataclasses import dataclass, replace
from typing import Final

from objapi.errors import Conflict, Forbidden
from objapi.model.values import NewFile
from objapi.profiles.lims.request_imports import BATCH, RequestPlan, RequestReader
from objapi.profiles.lims.request_sheets import read_requests
from objapi.sheets.cells import SheetProblems
from objapi.sheets.lookup import known_objects
from objapi.sheets.making import NewObject, make_objects, reference_to, refuse_problems
from objapi.sheets.reading import read_sheet
from objapi.store.requests import ByPath, ByUid, CreateItem, Entry, Outcome, Plan, Selector, UpdateItem
from objapi.store.transaction import Transaction

_IMPORT: Final = "ARImport"
_MANAGE: Final = "BIKA: Manage ARImport"
_STEPS: Final = ("validate", "import")


@dataclass(frozen=True, slots=True)
class ImportedRequests:
    """The result of a run: the requests by the row that they come from, in order, and what else was made."""

    requests: tuple[tuple[int, Entry], ...]
    batch: Entry | None
    record: Entry
    plan: Plan
    warnings: tuple[str, ...]


def import_requests(
    tx: Transaction, file: NewFile, client: Selector | None, *, most_rows: int, dry_run: bool
) -> ImportedRequests:
    """Make the requests of a file, and an import that keeps it.

    Raises ValidationError with every problem by row and column, Forbidden, and Conflict for an order number or a
    reference that an earlier import of the client has.
    """
    plan = _plan(tx, file, client, most_rows)
    record: dict[str, object] = {**plan.header, "title": file.filename, "OriginalFile": file, "Filename": file.filename}
    if plan.batch is not None:
        record["Batch"] = reference_to(BATCH)
    elif plan.batch_uid is not None:
        record["Batch"] = plan.batch_uid
    first = NewObject(CreateItem(_IMPORT, ByPath(plan.client.path), record, name="import"))
    outcome = make_objects(tx, _objects(plan, first), dry_run=dry_run)
    made = _imported(plan, outcome, outcome.entries[-len(plan.requests) - 1], 1)
    if dry_run:
        return made
    return replace(made, record=_take_steps(tx, made.record.uid))


def run_import(tx: Transaction, stored: Selector, *, most_rows: int, dry_run: bool) -> ImportedRequests:
    """Make the requests of the file that an import keeps. Raises as `import_requests`, Conflict when it has run."""
    there = tx.entity(stored)
    if there.portal_type != _IMPORT:
        raise Conflict(f"{there.path} is a {there.portal_type}; requests are made of a file or of an {_IMPORT}.")
    (known,) = known_objects(tx, _IMPORT, ("id",), ("review_state",), {"UID": there.uid})
    if known.values.get("review_state") == "imported":
        raise Conflict(f"{there.path} has been imported already.")
    sent = tx.file(ByUid(there.uid), "OriginalFile")
    file = NewFile(sent.filename, sent.content_type, b"".join(sent.chunks))
    plan = _plan(tx, file, ByPath(there.path.rpartition("/")[0]), most_rows, own_uid=there.uid)
    outcome = make_objects(tx, _objects(plan), dry_run=dry_run)
    record: dict[str, object] = {**plan.header, "Filename": file.filename}
    batch = plan.batch_uid or (outcome.entries[0].uid if plan.batch is not None and not dry_run else None)
    if batch is not None:
        record["Batch"] = batch
    updated = tx.update([UpdateItem(ByUid(there.uid), record)], dry_run=dry_run)
    made = _imported(plan, outcome, updated.entries[0], 0)
    changes = (*updated.plan.changes, *made.plan.changes)
    made = replace(made, plan=Plan(changes, updated.plan.reindexed + made.plan.reindexed))
    if dry_run:
        tx.transition([ByUid(there.uid)], _STEPS[0], dry_run=True)
        return made
    return replace(made, record=_take_steps(tx, there.uid))


def _plan(tx: Transaction, file: NewFile, client: Selector | None, most_rows: int, own_uid: str = "") -> RequestPlan:
    problems = SheetProblems()
    sheet = read_requests(read_sheet(file.content, most_rows), problems)
    plan = RequestReader(tx, problems).plan(sheet, client)
    refuse_problems(tx, _objects(plan), problems)
    if not tx.may(ByPath(plan.client.path), _MANAGE):
        raise Forbidden(f"To import requests of {plan.client.path} needs the permission {_MANAGE}.")
    _refuse_repetition(tx, plan, own_uid)
    return plan


def _refuse_repetition(tx: Transaction, plan: RequestPlan, own_uid: str) -> None:
    """Raise Conflict for an order number or a reference of an earlier import: the file was probably sent before."""
    names = ("ClientOrderNumber", "ClientReference")
    within = {"path": plan.client.path}
    for earlier in known_objects(tx, _IMPORT, ("id",), (*names, "review_state", "cancellation_state"), within):
        if earlier.uid == own_uid or earlier.values.get("review_state") == "invalid":
            continue
        same = [name for name in names if plan.header.get(name) and plan.header[name] == earlier.values.get(name)]
        if same and earlier.values.get("cancellation_state") != "cancelled":
            raise Conflict(f"{earlier.path} has the same {' and '.join(same)}: it was imported already.")


def _objects(plan: RequestPlan, *more: NewObject) -> list[NewObject]:
    """The batch, if one is to be made, then `more`, then the requests."""
    return [*([] if plan.batch is None else [plan.batch]), *more, *plan.requests]


def _imported(plan: RequestPlan, outcome: Outcome, record: Entry, more: int) -> ImportedRequests:
    made = outcome.entries[len(outcome.entries) - len(plan.requests) :]
    return ImportedRequests(
        tuple((new.row, entry) for new, entry in zip(plan.requests, made, strict=True)),
        outcome.entries[0] if len(outcome.entries) > len(made) + more else None,
        record,
        outcome.plan,
        plan.warnings,
    )


def _take_steps(tx: Transaction, uid: str) -> Entry:
    """Take the import through its workflow; the entry of its last step."""
    for step in _STEPS:
        outcome = tx.transition([ByUid(uid)], step)
    return outcome.entries[0]

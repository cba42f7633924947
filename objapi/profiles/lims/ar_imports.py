"""Runs of imports of requests: the file is kept with what was read of it, and its requests are made, all or none."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from objapi.errors import BadRequest, Conflict, Forbidden
from objapi.model.values import NewFile
from objapi.profiles.lims.request_imports import BATCH, RequestPlan, RequestReader
from objapi.profiles.lims.request_sheets import read_requests
from objapi.sheets.cells import SheetProblems
from objapi.sheets.lookup import known_objects
from objapi.sheets.making import NewObject, make_objects, reference_to, refuse_problems
from objapi.sheets.reading import read_sheet
from objapi.store.requests import (
    ByPath,
    ByUid,
    CreateItem,
    Entry,
    Outcome,
    Plan,
    Selector,
    UpdateItem,
    VersionMatch,
)
from objapi.store.transaction import EntityRecord, Transaction

_IMPORT: Final = "ARImport"
_MANAGE: Final = "BIKA: Manage ARImport"
IMPORT: Final = "import"
"""The step of an import that makes its requests."""
_READY: Final = "valid"
_STEPS: Final = {"invalid": ("validate", IMPORT), _READY: (IMPORT,)}
"""State of an import → the steps to its end."""
_DONE: Final = "imported"
"""The state at its end."""


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
    plan = _plan(tx, file, client, most_rows, dry_run=dry_run)
    record: dict[str, object] = {**plan.header, "title": file.filename, "OriginalFile": file, "Filename": file.filename}
    if plan.batch is not None:
        record["Batch"] = reference_to(BATCH)
    elif plan.batch_uid is not None:
        record["Batch"] = plan.batch_uid
    first = NewObject(CreateItem(_IMPORT, ByPath(plan.client.path), record, name="import"))
    outcome = make_objects(tx, _objects(plan, first), dry_run=dry_run)
    made = _imported(plan, outcome, outcome.entries[-len(plan.requests) - 1], 1)
    if dry_run:
        return replace(made, record=_at_its_end(made.record))
    return replace(made, record=_take_steps(tx, made.record.uid, _STEPS["invalid"]))


def imports_among(tx: Transaction, selectors: Sequence[Selector]) -> list[EntityRecord]:
    """The objects, when all are imports that wait for their step `import`; none when that moves no import.

    Raises BadRequest for imports among other objects, which no single request moves, and NotFound.
    """
    if _IMPORT not in tx.registry.types:
        return []
    found = [tx.entity(selector) for selector in selectors]
    imports = [one for one in found if one.portal_type == _IMPORT]
    if imports and len(imports) < len(found):
        raise BadRequest(f"{imports[0].path} is an {_IMPORT}, and other objects are not: take the step for each alone.")
    return [one for one in imports if _state(tx, one.uid) == _READY]


def _state(tx: Transaction, uid: str) -> str:
    """The state of an import; empty for one that is cancelled."""
    (known,) = known_objects(tx, _IMPORT, ("id",), ("review_state", "cancellation_state"), {"UID": uid})
    cancelled = known.values.get("cancellation_state") == "cancelled"
    return "" if cancelled else str(known.values.get("review_state"))


def run_import(
    tx: Transaction,
    stored: Selector,
    *,
    most_rows: int,
    dry_run: bool,
    comment: str = "",
    match: VersionMatch | None = None,
) -> ImportedRequests:
    """Make the requests of the file that an import keeps, and take it to its last state.

    `match` is about the import. Raises as `import_requests`, and Conflict when it has run or is cancelled.
    """
    there = tx.entity(stored)
    if there.portal_type != _IMPORT:
        raise Conflict(f"{there.path} is a {there.portal_type}; requests are made of a file or of an {_IMPORT}.")
    steps = _STEPS.get(state := _state(tx, there.uid))
    if steps is None:
        raise Conflict(f"{there.path} has been imported already." if state else f"{there.path} is cancelled.")
    sent = tx.file(ByUid(there.uid), "OriginalFile")
    file = NewFile(sent.filename, sent.content_type, b"".join(sent.chunks))
    plan = _plan(tx, file, ByPath(there.path.rpartition("/")[0]), most_rows, own_uid=there.uid, dry_run=dry_run)
    outcome = make_objects(tx, _objects(plan), dry_run=dry_run)
    record: dict[str, object] = {**plan.header, "Filename": file.filename}
    batch = plan.batch_uid or (outcome.entries[0].uid if plan.batch is not None and not dry_run else None)
    if batch is not None:
        record["Batch"] = batch
    updated = tx.update([UpdateItem(ByUid(there.uid), record)], dry_run=dry_run, match=match)
    made = _imported(plan, outcome, updated.entries[0], 0)
    made = replace(made, plan=_without_places(updated.plan) + made.plan)
    if dry_run:
        tx.transition([ByUid(there.uid)], steps[0], dry_run=True)
        return replace(made, record=_at_its_end(made.record))
    return replace(made, record=_take_steps(tx, there.uid, steps, comment))


def _without_places(plan: Plan) -> Plan:
    """A plan whose items nobody has sent in this order."""
    return replace(plan, changes=tuple(replace(change, index=None) for change in plan.changes))


def _plan(
    tx: Transaction, file: NewFile, client: Selector | None, most_rows: int, own_uid: str = "", *, dry_run: bool
) -> RequestPlan:
    problems = SheetProblems()
    sheet = read_requests(read_sheet(file.content, most_rows), problems)
    plan = RequestReader(tx, problems).plan(sheet, client)
    refuse_problems(tx, _objects(plan), problems, dry_run=dry_run)
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


def _take_steps(tx: Transaction, uid: str, steps: Sequence[str], comment: str = "") -> Entry:
    """Take the import through its workflow; the entry of its last step."""
    for step in steps:
        outcome = tx.transition([ByUid(uid)], step, comment=comment)
    return outcome.entries[0]


def _at_its_end(record: Entry) -> Entry:
    """The entry of an import as its last step would leave it: a dry run cannot take a step that follows on another."""
    return replace(record, states={**record.states, "review_state": _DONE})

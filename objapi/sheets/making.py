"""Objects made from the rows of a sheet, all or none; mistakes are named by row and column."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from objapi.errors import ApiError, Cause, combine, joined_messages
from objapi.model.references import ITEM_KEY
from objapi.sheets.cells import SheetProblems, sheet_cause
from objapi.store.requests import BatchFailed, CreateItem, Outcome, Plan
from objapi.store.transaction import Transaction


@dataclass(frozen=True, slots=True)
class NewObject:
    """An object that rows of a sheet ask for."""

    item: CreateItem
    row: int = 0
    """The number of the row that it comes from; 0: from the file as a whole."""
    columns: Mapping[str, str] = field(default_factory=dict)
    """Field → the heading of its column."""


def reference_to(name: str) -> dict[str, str]:
    """The value of a reference field to another object of the same sheet, by the name of its item."""
    return {ITEM_KEY: name}


def make_objects(tx: Transaction, objects: Sequence[NewObject], *, dry_run: bool) -> Outcome:
    """Make objects, which may refer to each other. Raises what the store raises, with row and column in each cause."""
    try:
        outcome = tx.create([new.item for new in objects], dry_run=dry_run, with_plan=False, as_batch=True)
    except BatchFailed as failed:
        errors = zip(objects, failed.outcome.entries, strict=True)
        placed = [_placed(entry.error, new) for new, entry in errors if entry.error is not None]
        own = [error for error in placed if any(cause.code != "depends" for cause in error.causes)]
        error = combine(own or placed)
        error.trial = _by_row(failed.trial, objects) if isinstance(failed.trial, Plan) else None
        raise error from failed
    return replace(outcome, plan=_by_row(outcome.plan, objects))


def refuse_problems(tx: Transaction, objects: Sequence[NewObject], problems: SheetProblems) -> None:
    """Raise ValidationError for the problems of a sheet, with those that the store finds in the rest of it."""
    if problems:
        try:
            make_objects(tx, objects, dry_run=True)
        except ApiError as error:
            # Their plan would not be that of the file, parts of which could not be read.
            problems.add(error.causes)
        problems.raise_if_any()


def _by_row(plan: Plan, objects: Sequence[NewObject]) -> Plan:
    """A plan that names items by the rows that they come from."""
    changes = (
        change if change.index is None else replace(change, index=None, row=objects[change.index].row)
        for change in plan.changes
    )
    refused = (
        item if item.index is None else replace(item, index=None, row=objects[item.index].row) for item in plan.refused
    )
    return Plan(tuple(changes), plan.reindexed, tuple(refused))


def _placed(error: ApiError, new: NewObject) -> ApiError:
    causes = [_placed_cause(cause, new) for cause in error.causes] or [sheet_cause(new.row, "", error.message)]
    return error.restated(joined_messages(cause.message for cause in causes), causes)


def _placed_cause(cause: Cause, new: NewObject) -> Cause:
    placed = sheet_cause(new.row, new.columns.get(cause.name, ""), cause.message, cause.code)
    return replace(placed, kind=cause.kind, name=placed.column or cause.name)

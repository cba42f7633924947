"""Objects made from the rows of a sheet, all or none; mistakes are named by row and column."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from objapi.errors import ApiError, Cause, ValidationError, combine, joined_messages
from objapi.model.references import ITEM_KEY
from objapi.sheets.cells import SheetProblems, sheet_cause
from objapi.store.requests import BatchFailed, ByItem, CreateItem, Entry, Outcome, Plan, RefusedItem, UpdateItem
from objapi.store.transaction import Transaction


@dataclass(frozen=True, slots=True)
class NewObject:
    """An object that rows of a sheet ask for."""

    item: CreateItem
    row: int = 0
    """The number of the row that it comes from; 0: from the file as a whole."""
    columns: Mapping[str, str] = field(default_factory=dict)
    """Field → the heading of its column."""


@dataclass(frozen=True, slots=True)
class RowItem:
    """What a row of a sheet asks for, of an object that is there or of a new one."""

    item: CreateItem | UpdateItem
    row: int
    columns: Mapping[str, str]


def reference_to(name: str) -> dict[str, str]:
    """The value of a reference field to another object of the same sheet, by the name of its item."""
    return {ITEM_KEY: name}


def make_objects(tx: Transaction, objects: Sequence[NewObject], *, dry_run: bool) -> Outcome:
    """Make objects, which may refer to each other. Raises what the store raises, with row and column in each cause."""
    try:
        outcome = tx.create([new.item for new in objects], dry_run=dry_run, with_plan=False, as_batch=True)
    except BatchFailed as failed:
        raise _by_cell(failed, objects) from failed
    return replace(outcome, plan=_by_row(outcome.plan, objects))


def write_items(
    tx: Transaction, items: Sequence[RowItem], *, dry_run: bool, action: str = "", is_partial: bool = False
) -> Outcome:
    """Change objects and make others, all of them or none; the entries are in the order of the items.

    `action` is a transition that those take which were changed. Raises what the store raises about either, with row and
    column in each cause; with `is_partial` those have it in their entries that cannot be done, and the others are done.
    """
    changed = [item for item in items if isinstance(item.item, UpdateItem)]
    made = [item for item in items if isinstance(item.item, CreateItem)]
    updates = [item.item for item in changed if isinstance(item.item, UpdateItem)]
    creations = [item.item for item in made if isinstance(item.item, CreateItem)]
    errors: list[ApiError] = []
    entries: dict[int, Entry] = {}
    change = partial(tx.update_and_move, action=action) if action else partial(tx.update, as_batch=True)
    plan, applied = Plan(), False
    create = partial(tx.create, creations, as_batch=True)
    for part, write in ((changed, partial(change, updates)), (made, create)):
        if not part:
            continue
        try:
            # What follows on a failure is only tried, for its mistakes to be told along.
            outcome = write(dry_run=dry_run or bool(errors), with_plan=False, partial=is_partial)
        except BatchFailed as failed:
            errors.append(_by_cell(failed, part))
        else:
            pairs = zip(part, outcome.entries, strict=True)
            entries.update((id(item), _placed_entry(entry, item)) for item, entry in pairs)
            plan += _by_row(outcome.plan, part)
            applied |= outcome.applied
    if errors:
        error = combine(errors)
        trials = [item.trial for item in errors if isinstance(item.trial, Plan)]
        error.trial = sum(trials, plan) if dry_run else None
        raise error
    return Outcome(tuple(entries[id(item)] for item in items), plan, applied)


def refused_items(items: Sequence[RowItem], entries: Sequence[Entry]) -> list[RefusedItem]:
    """Those items that could not be done, each with its row."""
    pairs = zip(items, entries, strict=True)
    return [RefusedItem(entry, entry.error, None, item.row) for item, entry in pairs if entry.error is not None]


def _placed_entry(entry: Entry, item: RowItem) -> Entry:
    return entry if entry.error is None else replace(entry, error=_placed(entry.error, item))


def _by_cell(failed: BatchFailed, objects: Sequence[NewObject | RowItem]) -> ApiError:
    """The error of a batch whose items are rows, with row and column in each cause."""
    errors = zip(objects, failed.outcome.entries, strict=True)
    placed = [_placed(entry.error, new) for new, entry in errors if entry.error is not None]
    own = [error for error in placed if any(cause.code != "depends" for cause in error.causes)]
    error = combine(own or placed)
    error.trial = _by_row(failed.trial, objects) if isinstance(failed.trial, Plan) else None
    return error


def refuse_problems(tx: Transaction, objects: Sequence[NewObject], problems: SheetProblems, *, dry_run: bool) -> None:
    """Raise ValidationError for the problems of a sheet, with those that the store finds in the rest of it.

    A dry run has the plan of the rows that could be read.
    """
    if not problems:
        return
    unread = list(problems.causes)
    try:
        make_objects(tx, objects, dry_run=True)
    except ApiError as error:
        problems.add(error.causes)
    try:
        problems.raise_if_any()
    except ValidationError as refusal:
        refusal.trial = _plan_of_the_rest(tx, objects, unread) if dry_run else None
        raise


def refused_rows(causes: Iterable[Cause]) -> list[RefusedItem]:
    """The rows that causes are about, each with its error, as a plan lists them; row 0 is the whole file."""
    by_row: dict[int, list[Cause]] = {}
    for cause in causes:
        by_row.setdefault(cause.row or 0, []).append(cause)
    return [
        RefusedItem(Entry(ByItem("")), ValidationError.from_causes(found), None, row)
        for row, found in sorted(by_row.items())
    ]


def _plan_of_the_rest(tx: Transaction, objects: Sequence[NewObject], unread: Sequence[Cause]) -> Plan:
    refused = refused_rows(unread)
    rows = {item.row for item in refused}
    rest = [] if 0 in rows else [new for new in objects if new.row not in rows]
    plan = Plan()
    if rest:
        try:
            plan = make_objects(tx, rest, dry_run=True).plan
        except ApiError as error:
            plan = error.trial if isinstance(error.trial, Plan) else plan
    in_order = sorted((*refused, *plan.refused), key=lambda item: item.row)
    return replace(plan, refused=tuple(in_order))


def _by_row(plan: Plan, objects: Sequence[NewObject | RowItem]) -> Plan:
    """A plan that names items by the rows that they come from."""
    changes = (
        change if change.index is None else replace(change, index=None, row=objects[change.index].row)
        for change in plan.changes
    )
    refused = (
        item if item.index is None else replace(item, index=None, row=objects[item.index].row) for item in plan.refused
    )
    return Plan(tuple(changes), plan.reindexed, tuple(refused))


def _placed(error: ApiError, new: NewObject | RowItem) -> ApiError:
    causes = [_placed_cause(cause, new) for cause in error.causes] or [sheet_cause(new.row, "", error.message)]
    return error.restated(joined_messages(cause.message for cause in causes), causes)


def _placed_cause(cause: Cause, new: NewObject | RowItem) -> Cause:
    placed = sheet_cause(new.row, new.columns.get(cause.name, ""), cause.message, cause.code)
    return replace(placed, kind=cause.kind, name=placed.column or cause.name)

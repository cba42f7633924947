"""`apply_sheet`: a file that `read` has written and somebody has edited, written back: all of it unless `partial=1`."""

from collections.abc import Mapping
from typing import Final

from objapi.api.answer_schemas import RECORDS, TEXT, WHOLE, list_of, record
from objapi.api.method import Json, Method, MethodCall, PartlyDone, missing
from objapi.api.methods.trials import described_refusals, trial_of
from objapi.api.methods.writing import DRY_RUN, PARTIAL
from objapi.api.parameters import Control
from objapi.errors import ApiError, BadRequest, Cause, joined_messages
from objapi.http.access import API
from objapi.model.values import NewFile
from objapi.security.needs import Need
from objapi.sheets.returned_files import read_returned
from objapi.sheets.returning import Decision, RowEdit, SheetConflict, SheetOutcome, SheetRequest, take_back
from objapi.store.requests import Entry
from objapi.store.transaction import Transaction

_DECISION_KEYS: Final = frozenset({"row", "field", "theirs", "take"})


def apply_sheet(call: MethodCall, tx: Transaction) -> Json | PartlyDone:
    """Write what was edited in a sheet that `read` has made as CSV, XLSX or NDJSON; rows without a UID become objects.

    With `dry_run` the answer is the difference, row by row.
    """
    call.refuse_unused()
    if not call.may_act:
        raise BadRequest("Send the file by POST; a GET only reads.")
    file: NewFile | None = call.controls.file("file")
    if file is None:
        raise missing("file")
    dry_run = call.controls.flag("dry_run")
    request = SheetRequest(
        call.settings.timezone,
        call.controls.text("obj_type") or "",
        call.controls.text("obj_path") or "",
        dry_run=dry_run,
        is_partial=call.controls.flag("partial"),
        decisions=decisions_of(call.controls.structure("decisions")),
    )
    sheet, problems = read_returned(file.content, call.settings.max_update_entries)
    done = take_back(tx, sheet, problems, request)
    warnings = {"warnings": list(done.warnings)} if done.warnings else {}
    answer = {**described(done), **warnings, **(trial_of(done.plan) if dry_run else {})}
    if not done.refused:
        return answer
    conflicts = {"conflicts": [conflict.as_dict() for conflict in done.conflicts]} if done.conflicts else {}
    answer = {**answer, **described_refusals(done.refused), **conflicts}
    return PartlyDone(answer, len(done.refused), len(done.refused) + len(done.edits))


def decisions_of(values: object) -> Mapping[tuple[int, str], Decision]:
    """Row and field → what was decided about a conflict. Raises BadRequest that names every wrong entry."""
    if values is None:
        return {}
    if not isinstance(values, list):
        raise BadRequest.of_parameter("decisions", "decisions: a list of records is expected.")
    found: dict[tuple[int, str], Decision] = {}
    problems: list[Cause] = []
    for number, entry in enumerate(values):
        match entry:
            case {"row": int(row), "field": str(name), "theirs": str(theirs), "take": "mine" | "theirs" as take} if (
                entry.keys() == _DECISION_KEYS
            ):
                found[row, name] = Decision(theirs, take == "mine")
            case _:
                text = (
                    f"decisions, entry {number}: row, field and theirs of a conflict are expected, and take, which is "
                    "mine or theirs."
                )
                problems.append(Cause("parameter", "decisions", text, index=number))
    if problems:
        raise BadRequest(joined_messages(problem.message for problem in problems), causes=problems)
    return found


def described(done: SheetOutcome) -> Json:
    """What a sheet changes, or would change, as JSON."""
    events = [edit.event for edit in done.edits]
    return {
        "updated": events.count("update"),
        "created": events.count("create"),
        "unchanged": done.unchanged,
        "rows": [_described_row(edit, entry) for edit, entry in zip(done.edits, done.entries, strict=True)],
    }


def _described_row(edit: RowEdit, entry: Entry) -> Json:
    return {
        "row": edit.row,
        "event": edit.event,
        "path": entry.path or edit.path,
        "UID": entry.uid or edit.uid,
        "fields": [{"field": cell.field, "old": cell.old, "new": cell.new} for cell in edit.cells],
    }


def described_conflicts(error: ApiError, url: str) -> Json:
    """The conflicts of a sheet that was refused, cell by cell."""
    if not isinstance(error, SheetConflict):
        return {}
    return {"conflicts": [conflict.as_dict() for conflict in error.conflicts]}


_ROW: Final = record(row=WHOLE, event=TEXT, path=TEXT, UID=TEXT, fields=RECORDS)

RETURNED_SHEETS: Final = (
    Method(
        name="apply_sheet",
        access=API,
        needs=(Need.ADD, Need.CHANGE),
        controls=(
            Control("file", "file", about="The edited file: CSV, XLSX or NDJSON.", required=True),
            Control("obj_type", "text", about="The type of new objects, where the row names none."),
            Control("obj_path", "text", about="The container of new objects, where the row has no path."),
            Control(
                "decisions",
                "structure",
                about="What was decided about conflicts: the row, field and theirs of each, and take, which is mine or "
                "theirs.",
                shape=RECORDS,
            ),
            PARTIAL,
            DRY_RUN,
        ),
        answer={
            "updated": WHOLE,
            "created": WHOLE,
            "unchanged": WHOLE,
            "rows": list_of(_ROW),
            "refused?": RECORDS,
            "conflicts?": RECORDS,
        },
        writing_verbs=("POST",),
        run=apply_sheet,
        more_on_failure=described_conflicts,
    ),
)

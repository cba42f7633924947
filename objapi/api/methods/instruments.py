"""`import_results`: a file of results as an instrument writes it, entered and submitted, all of it or nothing."""

from typing import Final

from objapi.api.answer_schemas import RECORDS, TEXT, WHOLE, list_of, record
from objapi.api.method import Json, Method, MethodCall, missing
from objapi.api.methods.trials import trial_of
from objapi.api.methods.writing import DRY_RUN
from objapi.api.parameters import Control
from objapi.api.signers import PROOF, refuse_idle_proof
from objapi.errors import BadRequest
from objapi.http.access import API
from objapi.model.values import NewFile
from objapi.security.needs import Need
from objapi.sheets.instrument_import import ImportedResults, import_results, shape_of
from objapi.sheets.instrument_results import FileResult
from objapi.store.transaction import Transaction


def import_results_method(call: MethodCall, tx: Transaction) -> Json:
    """Enter the results of `file`, which the instrument `instrument` has written, and submit them."""
    call.refuse_unused()
    refuse_idle_proof(call, tx)
    if not call.may_act:
        raise BadRequest("Send the file by POST; a GET only reads.")
    file: NewFile | None = call.controls.file("file")
    if file is None:
        raise missing("file")
    shape, dry_run = shape_of(tx, call.require_text("instrument")), call.controls.flag("dry_run")
    most = call.settings.max_update_entries
    done = import_results(tx, file.content, shape, most_rows=most, dry_run=dry_run)
    return {**_described(done), **(trial_of(done.plan) if dry_run else {})}


def _described(done: ImportedResults) -> Json:
    return {
        "results": [
            {
                **_of_line(item.measured),
                "path": item.entry.path,
                "UID": item.entry.uid,
                "result": item.value,
                **item.entry.states,
            }
            for item in done.results
        ],
        "left_out": [{**_of_line(item), "result": item.value} for item in done.left_out],
    }


def _of_line(item: FileResult) -> dict[str, object]:
    return {"row": item.row, "sample": item.sample, "keyword": item.keyword}


INSTRUMENTS: Final = (
    Method(
        name="import_results",
        access=API,
        needs=(Need.CHANGE, Need.TRANSITION),
        controls=(
            Control("file", "file", about="The file of results: CSV or XLSX.", required=True),
            Control("instrument", "text", about="The name of the shape of the file.", required=True),
            DRY_RUN,
            *PROOF,
        ),
        answer={
            "results": list_of(record(row=WHOLE, sample=TEXT, keyword=TEXT, path=TEXT, UID=TEXT, result=TEXT)),
            "left_out": RECORDS,
        },
        writing_verbs=("POST",),
        run=import_results_method,
    ),
)

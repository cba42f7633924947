"""`import_results`: a file of results as an instrument writes it, entered and submitted; `result_files`: its shapes.

All of a file is done or nothing, unless `partial=1`.
"""

from typing import Final

from objapi.api.answer_schemas import RECORDS, TEXT, TEXTS, WHOLE, list_of, record
from objapi.api.method import Json, Method, MethodCall, PartlyDone, missing
from objapi.api.methods.trials import described_refusals, trial_of
from objapi.api.methods.writing import DRY_RUN, PARTIAL
from objapi.api.parameters import LANGUAGE, Control
from objapi.api.signers import PROOF, refuse_idle_proof
from objapi.errors import BadRequest
from objapi.http.access import API
from objapi.model.values import NewFile
from objapi.security.needs import Need
from objapi.sheets.instrument_import import ImportedResults, import_results, shape_of
from objapi.sheets.instrument_results import FileResult
from objapi.store.transaction import Transaction


def result_files(call: MethodCall, tx: Transaction) -> Json:
    """The shapes of files of results that the profile declares, one of which `import_results` names as `instrument`."""
    shapes = sorted(tx.registry.instrument_files.values(), key=lambda shape: shape.title)
    titles = tx.registry.labels(call.controls.text("language")).result_files
    listed = [
        {"name": shape.name, "title": titles.get(shape.name) or shape.title, "columns": list(shape.needed)}
        for shape in shapes
    ]
    return call.with_warnings({"result_files": listed})


def import_results_method(call: MethodCall, tx: Transaction) -> Json | PartlyDone:
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
    done = import_results(
        tx, file.content, shape, most_rows=most, dry_run=dry_run, is_partial=call.controls.flag("partial")
    )
    answer = {**_described(done), **(trial_of(done.plan) if dry_run else {})}
    if not done.refused:
        return answer
    return PartlyDone(
        {**answer, **described_refusals(done.refused)}, len(done.refused), len(done.refused) + len(done.results)
    )


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
        name="result_files",
        access=API,
        needs=(Need.VIEW,),
        controls=(LANGUAGE,),
        answer={"result_files": list_of(record(name=TEXT, title=TEXT, columns=TEXTS))},
        run=result_files,
    ),
    Method(
        name="import_results",
        access=API,
        needs=(Need.CHANGE, Need.TRANSITION),
        controls=(
            Control("file", "file", about="The file of results: CSV or XLSX.", required=True),
            Control("instrument", "text", about="The name of the shape of the file.", required=True),
            PARTIAL,
            DRY_RUN,
            *PROOF,
        ),
        answer={
            "results": list_of(record(row=WHOLE, sample=TEXT, keyword=TEXT, path=TEXT, UID=TEXT, result=TEXT)),
            "left_out": RECORDS,
            "refused?": RECORDS,
        },
        writing_verbs=("POST",),
        run=import_results_method,
    ),
)

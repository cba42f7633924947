"""Methods that make objects of a spreadsheet: `import_requests`, `ship`. All of its rows are done, or none."""

from typing import Final

from objapi.api.answer_schemas import RECORD, RECORDS, TEXT, list_of, record
from objapi.api.method import Json, Method, MethodCall, missing
from objapi.api.methods.reading import OBJECT, selected
from objapi.api.methods.trials import trial_of
from objapi.api.methods.writing import DRY_RUN, plan_of
from objapi.api.parameters import Control
from objapi.errors import BadRequest
from objapi.http.access import API
from objapi.profiles.ispyb.shipment_sheets import ship as ship_ispyb
from objapi.profiles.lims.ar_imports import ImportedRequests, import_requests, run_import
from objapi.profiles.mxlive.shipment_sheets import ship as ship_mxlive
from objapi.security.needs import Need
from objapi.store.transaction import Transaction

_POST: Final = ("POST",)


def import_requests_method(call: MethodCall, tx: Transaction) -> Json:
    """Make the requests of `file`, for the client that it names or `obj_path`; or of an import that keeps its file."""
    _require_type(tx, "ARImport", "import_requests")
    call.refuse_unused()
    _require_post(call)
    controls, dry_run = call.controls, call.controls.flag("dry_run")
    file = controls.file("file")
    named = controls.text("obj_path") is not None or controls.text("obj_uid") is not None
    place = selected(call, tx) if named else None
    most = call.settings.max_update_entries
    if file is not None:
        done = import_requests(tx, file, place, most_rows=most, dry_run=dry_run)
    elif place is not None:
        done = run_import(tx, place, most_rows=most, dry_run=dry_run)
    else:
        raise missing("file")
    return _imported(done, dry_run=dry_run)


def _imported(done: ImportedRequests, *, dry_run: bool) -> Json:
    answer: dict[str, object] = {
        "obj_path": done.record.path,
        "obj_uid": done.record.uid,
        "review_state": done.record.states.get("review_state", ""),
        "requests": [
            {"row": row, "obj_id": entry.id, "obj_uid": entry.uid, "path": entry.path, **entry.extra_ids}
            for row, entry in done.requests
        ],
    }
    if done.batch is not None:
        answer["batch"] = {"path": done.batch.path, "UID": done.batch.uid}
    if done.warnings:
        answer["warnings"] = list(done.warnings)
    if dry_run:
        answer |= trial_of(done.plan)
    return answer


def ship(call: MethodCall, tx: Transaction) -> Json:
    """Make the shipment `name` of `file`, which has a sample a row: of an MxLIVE project or an ISPyB proposal."""
    call.refuse_unused()
    _require_post(call)
    controls, dry_run = call.controls, call.controls.flag("dry_run")
    project, proposal = controls.text("project"), controls.text("proposal")
    if (project is None) == (proposal is None):
        raise BadRequest.of_parameter("project", "Name either the project (MxLIVE) or the proposal (ISPyB), once.")
    file, name = controls.file("file"), call.require_text("name")
    if file is None:
        raise missing("file")
    most = call.settings.max_update_entries
    if project is not None:
        _require_type(tx, "MxShipment", "ship")
        outcome = ship_mxlive(tx, file, project, name, most_rows=most, dry_run=dry_run)
    else:
        _require_type(tx, "Shipping", "ship")
        outcome = ship_ispyb(tx, file, str(proposal), name, most_rows=most, dry_run=dry_run)
    shipment = outcome.entries[0]
    objects = [{"portal_type": entry.portal_type, "path": entry.path, "UID": entry.uid} for entry in outcome.entries]
    answer = {"path": shipment.path, "obj_uid": shipment.uid, "objects": objects}
    return {**answer, **plan_of(outcome, dry_run=dry_run)}


def _require_type(tx: Transaction, portal_type: str, method: str) -> None:
    """Raise BadRequest on a site without the profile that a method belongs to."""
    if portal_type not in tx.registry.types:
        raise BadRequest(f"{method}: this site has no type {portal_type}, so there is nothing to make of a file.")


def _require_post(call: MethodCall) -> None:
    if not call.may_act:
        raise BadRequest("Send the file by POST; a GET only reads.")


SHEETS: Final = (
    Method(
        name="import_requests",
        access=API,
        needs=(Need.ADD,),
        controls=(
            Control("file", "file", about="The import template, filled in: CSV or XLSX."),
            *OBJECT,
            DRY_RUN,
        ),
        answer={"obj_path": TEXT, "obj_uid": TEXT, "review_state": TEXT, "requests": RECORDS, "batch?": RECORD},
        writing_verbs=_POST,
        run=import_requests_method,
    ),
    Method(
        name="ship",
        access=API,
        needs=(Need.ADD,),
        controls=(
            Control("file", "file", about="A spreadsheet with a sample a row: CSV or XLSX.", required=True),
            Control("name", "text", about="The name of the shipment.", required=True),
            Control("project", "text", about="The MxLIVE project that ships."),
            Control("proposal", "text", about="The ISPyB proposal that ships."),
            DRY_RUN,
        ),
        answer={"path": TEXT, "obj_uid": TEXT, "objects": list_of(record(portal_type=TEXT, path=TEXT, UID=TEXT))},
        writing_verbs=_POST,
        run=ship,
    ),
)

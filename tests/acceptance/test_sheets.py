"""Requests and shipments from files over HTTP: all rows or none, refused by row and column."""

import base64
import json
import re
from collections.abc import Iterator
from itertools import count

import pytest
import requests

from tests.acceptance.client import Client, failed, succeeded
from tests.acceptance.conftest import WITH_BEAMLINES, Serve
from tests.conftest import DATABASES
from tests.objapi.sheets.workbooks import of_texts, workbook
from tests.waiting import ENOUGH

NUMBERS = count(1)
CLIENT_1 = "/Plone/clients/client-1"
REQUESTS = """\
Header,File name,Client name,Client ID,Contact,CC Names - Report,CC Emails - Report,CC Names - Invoice,No of Samples,\
Client Order Number,Client Reference,,
Header Data,orchard.csv,Green Valley Orchards,GVO,Rita Mohale,Sarel Seemonster,lab@client-1.example,,3,{order},,,
Batch Header,id,title,description,ClientBatchID,ClientBatchComment,BatchLabels,ReturnSampleToClient,,,
Batch Data,,{batch},Optional,CC 201506,Just a batch,,,
Samples,ClientSampleID,SamplingDate,SamplePoint,SampleType,ReportDryMatter,Total number of Analyses or Profiles,\
Price excl Tax,Ca,Mg,pHlab,Trace metals
Analysis price,,,,,,,,1,1,1,
"Total Analyses or Profiles",,,,,,6,,,,,
Total price excl Tax,,,,,,,,,,,

"Sample 1",GVO-1,2014-09-03,,Apple Pulp,0,1,0,0,0,0,1
"Sample 2",GVO-2,2014-09-04,,AP,0,2,0,1,1,0,0
"Sample 3",GVO-3,2014-09-05,,Water,1,3,0,1,0,1,1
"""
MX = """\
Container;Container type;Location;Sample;Barcode;Group;Priority;Comments
UP-{n};uni-puck;1;lyso-{n}-a;HA{n};Lyso;1;first
UP-{n};Uni-Puck;2;lyso-{n}-b;;Lyso;;
UQ-{n};Uni-Puck;16;ins-{n};;;;
"""
ISPYB = """\
Parcel,Container,Container type,Position,Protein,Sample,Barcode,Comments,Cell a
D-{n},P-{n},SPINEpuck,1,LYSO,s-{n}-a,B1,hello,78.1
D-{n},P-{n},,2,lyso,s-{n}-b,,,
D-{n},Q-{n},,1,INS,s-{n}-a,,,
"""


@pytest.fixture(scope="module", params=DATABASES)
def laboratory(request: pytest.FixtureRequest, shared: Serve) -> str:
    """The URL of a laboratory that is a beamline, too."""
    return shared(request.param, **WITH_BEAMLINES)


def as_user(laboratory: str, user: str) -> Iterator[Client]:
    client = Client(laboratory, user)
    with client.http:
        yield client


@pytest.fixture
def admin(laboratory: str) -> Iterator[Client]:
    yield from as_user(laboratory, "admin")


@pytest.fixture
def clerk(laboratory: str) -> Iterator[Client]:
    yield from as_user(laboratory, "clerk1")


def send(
    client: Client, method: str, content: str | bytes, filename: str = "file.csv", **form: str
) -> requests.Response:
    data = content.encode() if isinstance(content, str) else content
    return client.post(method, form, files={"file": (filename, data)})


def places(response: requests.Response, status: int = 422) -> set[tuple[int, str]]:
    """The rows and columns that a refusal names; each cause names them in its message, too."""
    causes = failed(response, status)["errors"]
    for cause in causes:
        assert f"row {cause['row']}" in cause["message"]
        assert cause.get("column", "") in cause["message"]
    return {(cause["row"], cause.get("column", "")) for cause in causes}


def sheet(**changes: str) -> str:
    number = next(NUMBERS)
    return REQUESTS.format(**{"order": f"PO-{number}", "batch": f"Batch {number}"} | changes)


def requests_of(client: Client) -> int:
    found: int = client.read(portal_type="AnalysisRequest", page_size="1")["total_objects"]
    return found


def test_a_sheet_makes_a_batch_of_requests(admin: Client, clerk: Client) -> None:
    text = sheet()
    before = requests_of(admin)
    trial = succeeded(send(clerk, "import_requests", text, dry_run="1"))
    rows = {change["row"] for change in trial["plan"]["changes"] if change["portal_type"] == "AnalysisRequest"}
    assert rows == {item["row"] for item in trial["requests"]}
    assert requests_of(admin) == before
    assert [item["row"] for item in trial["requests"]] == [10, 11, 12]
    assert trial["review_state"] == "imported"
    assert {change["event"] for change in trial["plan"]["changes"]} == {"create"}
    done = succeeded(send(clerk, "import_requests", text))
    assert requests_of(admin) == before + 3
    assert (done["review_state"], "plan" in done, "warnings" in done) == ("imported", False, False)
    first, second, third = (admin.at(item["path"]) for item in done["requests"])
    assert [item["ClientSampleID"] for item in (first, second, third)] == ["GVO-1", "GVO-2", "GVO-3"]
    assert {analysis["id"] for analysis in second["Analyses"]} == {"Ca", "Mg"}
    assert {"Ca", "pHlab"} < {analysis["id"] for analysis in third["Analyses"]}
    assert (first["ReportDryMatter"], third["ReportDryMatter"]) == (False, True)
    assert first["Batch"] == second["Batch"] == done["batch"]["UID"]
    assert first["Contact"] == admin.uid(f"{CLIENT_1}/contact-1")
    assert first["CCContact"] == [admin.uid(f"{CLIENT_1}/contact-2")]
    assert first["Profiles"] == third["Profiles"] != []
    kept = admin.at(done["obj_path"])
    assert (kept["NrSamples"], kept["Filename"], kept["ClientID"]) == ("3", "file.csv", "GVO")
    assert kept["OriginalFile"]["size"] == len(text.encode())
    batch = admin.at(done["batch"]["path"])
    assert (batch["ClientBatchID"], batch["Remarks"]) == ("CC 201506", "Just a batch")


def test_a_workbook_makes_the_same(clerk: Client) -> None:
    rows = [line.replace('"', "").split(",") for line in sheet().splitlines()]
    done = succeeded(send(clerk, "import_requests", of_texts(rows), "orchard.xlsx"))
    assert [item["row"] for item in done["requests"]] == [10, 11, 12]


def test_a_file_comes_in_json_too(clerk: Client) -> None:
    content = base64.b64encode(sheet().replace("GVO-1,2014-09-03", "GVO-1,3/9/2014").encode()).decode()
    body = {"file": {"filename": "orchard.csv", "base64": content}, "dry_run": True}
    done = succeeded(clerk.json("import_requests", body))
    assert len(done["requests"]) == 3
    assert "2014-03-09, month first" in done["warnings"][0]
    assert "row 10, column SamplingDate" in done["warnings"][0]


def test_an_import_that_keeps_its_file_is_run(admin: Client, clerk: Client) -> None:
    title = f"Sent {next(NUMBERS)}"
    form = {"obj_path": CLIENT_1, "obj_type": "ARImport", "title": title}
    made = succeeded(admin.post("create", form, files={"OriginalFile": ("sent.csv", sheet().encode())}))
    trial = clerk.call("import_requests", {"obj_path": made["path"], "dry_run": "1"})
    assert (admin.at(made["path"])["review_state"], trial["review_state"]) == ("invalid", "imported")
    done = clerk.call("import_requests", {"obj_path": made["path"]})
    assert len(trial["requests"]) == len(done["requests"]) == 3
    kept = admin.at(made["path"])
    assert (kept["review_state"], kept["NrSamples"], kept["Batch"]) == ("imported", "3", done["batch"]["UID"])
    before = requests_of(admin)
    again = failed(clerk.post("import_requests", {"obj_path": made["path"]}), 409)
    assert again["type"] in ("Conflict", "TransitionNotAllowed")
    assert requests_of(admin) == before
    failed(clerk.post("import_requests", {"obj_path": f"{CLIENT_1}/contact-1"}), 409)
    failed(clerk.post("import_requests", {}), 400, "BadRequest")


def test_the_step_of_its_workflow_runs_an_import(admin: Client, clerk: Client) -> None:
    form = {"obj_path": CLIENT_1, "obj_type": "ARImport", "title": f"Sent {next(NUMBERS)}"}
    made = succeeded(admin.post("create", form, files={"OriginalFile": ("sent.csv", sheet().encode())}))
    step = {"obj_paths": json.dumps([made["path"]]), "action": "import"}
    before = requests_of(admin)
    failed(clerk.post("doActionFor_many", step), 409, "TransitionNotAllowed")
    clerk.call("doActionFor_many", step | {"action": "validate"})
    failed(clerk.post("doActionFor_many", step | {"partial": "1"}), 400, "BadRequest")
    trial = clerk.call("doActionFor_many", step | {"dry_run": "1"})
    assert {"AnalysisRequest", "ARImport"} <= {change["portal_type"] for change in trial["plan"]["changes"]}
    assert requests_of(admin) == before
    found = {"portal_type": "ARImport", "id": made["obj_id"], "action": "import", "comment": "by hand"}
    (done,) = clerk.call("doActionFor", found)["objects"]
    assert (done["review_state"], [item["row"] for item in done["requests"]]) == ("imported", [10, 11, 12])
    assert requests_of(admin) == before + 3
    failed(clerk.post("doActionFor_many", step), 409, "TransitionNotAllowed")


def test_an_import_with_mistakes_stays_in_its_state(admin: Client, clerk: Client) -> None:
    form = {"obj_path": CLIENT_1, "obj_type": "ARImport", "title": f"Sent {next(NUMBERS)}"}
    file = sheet().replace("GVO-1,2014-09-03", "GVO-1,soon").encode()
    made = succeeded(admin.post("create", form, files={"OriginalFile": ("sent.csv", file)}))
    clerk.call("doActionFor_many", {"uids": made["obj_uid"], "action": "validate"})
    response = clerk.post("doActionFor_many", {"uids": made["obj_uid"], "action": "import"})
    assert (10, "SamplingDate") in places(response)
    good = succeeded(admin.post("create", form, files={"OriginalFile": ("sent.csv", sheet().encode())}))
    clerk.call("doActionFor_many", {"uids": good["obj_uid"], "action": "validate"})
    both = {"uids": json.dumps([good["obj_uid"], made["obj_uid"]]), "action": "import"}
    errors = failed(clerk.post("doActionFor_many", both), 422)["errors"]
    assert {error["object"] for error in errors} == {made["path"]}
    assert [admin.at(one["path"])["review_state"] for one in (good, made)] == ["valid", "valid"]
    admin.call("doActionFor_many", {"uids": good["obj_uid"], "action": "cancel"})
    clerk.refused("import_requests", {"obj_uid": good["obj_uid"]}, status=409)
    clerk.refused("doActionFor_many", {"uids": good["obj_uid"], "action": "import"}, status=403)
    assert admin.at(good["path"])["review_state"] == "valid"


def test_the_same_order_is_not_imported_twice(admin: Client, clerk: Client) -> None:
    text = sheet()
    succeeded(send(clerk, "import_requests", text))
    before = requests_of(admin)
    assert "imported already" in failed(send(clerk, "import_requests", text), 409)["message"]
    assert requests_of(admin) == before


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ([("Apple Pulp,0,1", "Aple Pulp,0,1")], {(10, "SampleType")}),
        ([("2014-09-04", "soon"), (",1,0,1,1\n", ",1,0,maybe,1\n")], {(11, "SamplingDate"), (12, "pHlab"), (12, "T")}),
        ([(",Ca,Mg,", ",Ca,Xx,")], {(11, "Xx"), (11, "T")}),
        ([("Rita Mohale", "Rita Moole")], {(2, "Contact")}),
        ([(",Green Valley Orchards,", ",Stonebridge Mills,")], {(2, "Client ID")}),
        ([("GVO-1,2014-09-03", "GVO-1,")], {(10, "")}),
        ([("Header,File name,", "Header,Fil name,")], {(1, "Fil name")}),
        ([(",0,0,0,1\n", ",0,0,0,0\n")], {(10, ""), (10, "T")}),
        ([("AP,0,2", "AP,0,7")], {(11, "T")}),
    ],
)
def test_what_is_wrong_is_told_by_row_and_column_and_nothing_is_made(
    admin: Client, clerk: Client, changes: list[tuple[str, str]], expected: set[tuple[int, str]]
) -> None:
    text, before = sheet(), requests_of(admin)
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    found = {
        (row, column.replace("Total number of Analyses or Profiles", "T"))
        for row, column in places(send(clerk, "import_requests", text))
    }
    assert found == expected
    assert requests_of(admin) == before


@pytest.mark.parametrize("content", [b"", b"no sheet at all", b"PK\x03\x04junk", b"a\0b", b"Samples,x\n"])
def test_what_is_no_such_sheet_is_refused(clerk: Client, content: bytes) -> None:
    failed(send(clerk, "import_requests", content), 422, "ValidationError")


def test_a_workbook_that_unfolds_too_far_is_refused(clerk: Client) -> None:
    bomb = workbook('<row r="1"><c r="A1"/></row><row r="1048576"><c r="XFD1048576"/></row>')
    assert send(clerk, "import_requests", bomb).status_code == 413


def test_imports_are_for_those_who_manage_them(laboratory: str, admin: Client) -> None:
    before = requests_of(admin)
    for user, status in (("rita", 403), ("pavel", 422), ("analyst1", 403)):
        for client in as_user(laboratory, user):
            failed(send(client, "import_requests", sheet()), status)
    assert requests_of(admin) == before


def test_an_mxlive_shipment_is_made_with_all_that_is_in_it(laboratory: str) -> None:
    number = str(next(NUMBERS))
    for client in as_user(laboratory, "mxuser"):
        form = {"project": "mxuser", "name": f"Dewar {number}"}
        trial = succeeded(send(client, "ship", MX.format(n=number), **form, dry_run="1"))
        assert len(trial["plan"]["changes"]) == 7
        done = succeeded(send(client, "ship", MX.format(n=number), **form))
        types = [item["portal_type"] for item in done["objects"]]
        assert types == ["MxShipment", "MxContainer", "MxContainer", "MxGroup", "MxSample", "MxSample", "MxSample"]
        sample = client.only(portal_type="MxSample", name=f"lyso-{number}-a", catalog_name="mx_catalog")
        assert (sample["container_name"], sample["location_name"]) == (f"UP-{number}", "1")
        assert (sample["group_name"], sample["barcode"], sample["priority"]) == ("Lyso", f"HA{number}", 1)
        failed(send(client, "ship", MX.format(n=number), **form), 409, "Conflict")
    for stranger in as_user(laboratory, "rita"):
        failed(send(stranger, "ship", MX.format(n=number), project="mxuser", name="Mine"), 404, "NotFound")


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("lyso-{n}-b", "a/b", {(3, "Sample")}),
        (";16;", ";17;", {(4, "Location")}),
        (";2;lyso", ";1;lyso", {(3, "Location")}),
        ("uni-puck", "cassette", {(3, "Container type"), (2, "Location")}),
        (";1;first", ";high;first", {(2, "Priority")}),
        ("UQ-{n}", "U/Q", {(4, "Container")}),
        ("Sample;", "Smple;", {(1, "Smple"), (1, "Sample")}),
    ],
)
def test_a_faulty_mxlive_sheet_makes_nothing(
    laboratory: str, old: str, new: str, expected: set[tuple[int, str]]
) -> None:
    number = str(next(NUMBERS))
    text = MX.replace(old, new).format(n=number)
    for client in as_user(laboratory, "mxuser"):
        found = places(send(client, "ship", text, project="mxuser", name=f"Bad {number}"))
        assert expected <= found
        assert client.read(portal_type="MxShipment", name=f"Bad {number}", catalog_name="mx_catalog")["objects"] == []


def test_an_ispyb_shipment_is_made_with_all_that_is_in_it(admin: Client) -> None:
    number = str(next(NUMBERS))
    form = {"proposal": "MX1001", "name": f"Parcels {number}"}
    trial = succeeded(send(admin, "ship", ISPYB.format(n=number), **form, dry_run="1"))
    assert len(trial["plan"]["changes"]) == 10
    done = succeeded(send(admin, "ship", ISPYB.format(n=number), **form))
    samples = [item["path"] for item in done["objects"] if item["portal_type"] == "BLSample"]
    first = admin.only(portal_type="BLSample", id=samples[0].rpartition("/")[2])
    assert (first["name"], first["code"], first["location"]) == (f"s-{number}-a", "B1", "1")
    shipment = admin.only(portal_type="Shipping", shippingName=f"Parcels {number}")
    assert (shipment["path"], shipment["shippingStatus"]) == (done["path"], "opened")
    containers = admin.read(portal_type="ISPyBContainer", code=f"P-{number}")
    assert containers["total_objects"] == 1
    failed(send(admin, "ship", ISPYB.format(n=number), **form), 409, "Conflict")
    events = admin.call("history", {"UID": done["obj_uid"]})["history"]
    assert [(row["event"], row["actor"]) for row in events] == [("create", "admin")]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("s-{n}-b", "..", {(3, "Sample")}),
        ("LYSO", "LYSX", {(2, "Protein")}),
        (",2,lyso", ",1,lyso", {(3, "Position")}),
        (",2,lyso", ",B2,lyso", {(3, "Position")}),
        ("78.1", "wide", {(2, "Cell a")}),
        ("Q-{n},,1", ",,1", {(4, "Container")}),
    ],
)
def test_a_faulty_ispyb_sheet_makes_nothing(admin: Client, old: str, new: str, expected: set[tuple[int, str]]) -> None:
    number = str(next(NUMBERS))
    text = ISPYB.replace(old, new, 1).format(n=number)
    assert expected <= places(send(admin, "ship", text, proposal="MX1001", name=f"Bad {number}"))
    assert admin.read(portal_type="Shipping", shippingName=f"Bad {number}")["total_objects"] == 0


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({"name": "x"}, 400),
        ({"name": "x", "project": "mxuser", "proposal": "MX1001"}, 400),
        ({"project": "mxuser"}, 400),
        ({"name": "x", "project": "nobody"}, 404),
        ({"name": "x", "proposal": "MX9999"}, 404),
        ({"name": "x", "proposal": "nonsense"}, 422),
        ({"name": "x", "proposal": "MX1001", "colour": "red"}, 400),
    ],
)
def test_a_shipment_says_whose_it_is(admin: Client, form: dict[str, str], status: int) -> None:
    failed(send(admin, "ship", MX.format(n="9"), **form), status)


@pytest.mark.parametrize("name", ["a/b", "..", "a b", "a\tb", "é", "a%b"])
def test_names_of_samples_are_safe_however_they_are_written(admin: Client, laboratory: str, name: str) -> None:
    number = next(NUMBERS)
    for client in as_user(laboratory, "mxuser"):
        form = {
            "obj_type": "MxSample",
            "project": "/mxlive/projects/mxuser",
            "location": "/mxlive/containertypes/uni-puck/1",
        }
        refused = failed(client.post("create", form | {"name": name}), 422)
        assert "'_' and '-'" in refused["message"]
        path = client.call("create", form | {"name": f"ok-{number}"})["path"]
        failed(client.post("update", {"obj_path": path, "name": name}), 422)
    sample = admin.read(portal_type="BLSample", page_size="1")["objects"][0]["path"]
    assert re.search("'_' and '-'", failed(admin.post("update", {"obj_path": sample, "name": name}), 422)["message"])
    failed(admin.post("create", {"obj_type": "BLSample", "name": name, "Container": "/ispyb/ISPyBContainer/1"}), 422)


def test_files_are_not_taken_by_get(admin: Client) -> None:
    response = requests.get(admin.url("ship"), auth=("admin", "secret"), params={"name": "x"}, timeout=ENOUGH)
    failed(response, 400)


def test_a_trial_with_unreadable_cells_has_the_plan_of_the_other_rows(admin: Client, laboratory: str) -> None:
    requests_sheet = sheet().replace("2014-09-04", "one day")
    told = failed(send(admin, "import_requests", requests_sheet, dry_run="1"), 422)
    assert {item["row"] for item in told["plan"]["refused"]} == {11}
    asked = {change["row"] for change in told["plan"]["changes"] if change.get("row")}
    assert {10, 12} <= asked
    assert 11 not in asked
    shipment = MX.format(n=f"{next(NUMBERS)}-t").replace("Uni-Puck;16", "Uni-Puck;99")
    user = Client(laboratory, "mxuser")
    with user.http:
        form = {"project": "mxuser", "name": f"Trial {next(NUMBERS)}", "dry_run": "1"}
        told = failed(send(user, "ship", shipment, **form), 422)
    assert {item["row"] for item in told["plan"]["refused"]} == {4}
    assert told["plan"]["changes"]

"""Files of instruments over HTTP: results are entered and submitted, all of them or none."""

import requests

from tests.acceptance.client import Client, failed, succeeded
from tests.acceptance.conftest import AsUser
from tests.acceptance.making import analyses_of, make_client, make_request

HEAD = "Sample ID,Test,Results,Units\n"


def received(admin: Client, services: list[str]) -> str:
    """The path of a request whose sample has been received."""
    path: str = make_request(admin, make_client(admin), services)["path"]
    admin.call("doActionFor_many", {"obj_paths": [path], "action": "receive"})
    return path


def sent(client: Client, text: str, instrument: str = "aq2", **more: str) -> requests.Response:
    files = {"file": ("run.csv", text.encode("cp1252"))}
    return client.post("import_results", {"instrument": instrument, **more}, files=files)


def test_results_are_tried_entered_and_submitted(admin: Client, as_user: AsUser) -> None:
    analyst = as_user("analyst1")
    path = received(admin, ["Calcium", "Magnesium"])
    name = path.rpartition("/")[2]
    text = f"{HEAD}Blank,Ca,0,mg/kg\n{name.lower()},Calcium AQ,12.50,mg/kg\n{name},Mg,<400,ug/kg\n{name},Zn,1,mg/kg\n"
    trial = succeeded(sent(analyst, text, dry_run="1"))
    moved = {change["row"]: change for change in trial["plan"]["changes"] if "row" in change}
    assert {field["new"] for field in moved[3]["fields"] if field["field"] == "Result"} == {"12.50"}
    assert [state["new"] for state in moved[3]["states"]] == ["to_be_verified"]
    assert {item["review_state"] for item in analyses_of(admin, path).values()} == {"sample_received"}
    done = succeeded(sent(analyst, text))
    assert [(item["row"], item["keyword"], item["result"]) for item in done["results"]] == [
        (3, "Ca", "12.50"),
        (4, "Mg", "<0.4"),
    ]
    assert [(item["row"], item["keyword"]) for item in done["left_out"]] == [(5, "Zn")]
    entered = analyses_of(admin, path)
    assert {(item["Result"], item["review_state"]) for item in entered.values()} == {
        ("12.50", "to_be_verified"),
        ("<0.4", "to_be_verified"),
    }
    again = failed(sent(analyst, text), 422)
    assert {(item["row"], item["column"]) for item in again["errors"]} == {(3, "Results"), (4, "Results")}


def test_one_wrong_line_leaves_everything_as_it_was(admin: Client, as_user: AsUser) -> None:
    analyst = as_user("analyst1")
    path = received(admin, ["Calcium", "Magnesium"])
    name = path.rpartition("/")[2]
    rows = ["Ca,12,mg/kg", "Ca,13,mg/kg", "Ca,much,mg/kg", "Mg,3,mg/kg"]
    text = HEAD + "".join(f"{name},{row}\n" for row in rows) + "XX-9,Ca,1,mg/kg\n"
    told = failed(sent(analyst, text, dry_run="1"), 422)
    places = {(item["row"], item["column"]) for item in told["errors"]}
    # Of two results of one test nobody knows which is right.
    assert places == {(2, "Results"), (3, "Results"), (4, "Results"), (6, "Sample ID")}
    assert [change["row"] for change in told["plan"]["changes"] if "row" in change] == [5]
    failed(sent(analyst, text), 422)
    failed(sent(analyst, f"{HEAD}{name},Ca,12,ppm\n"), 422)
    assert {item["review_state"] for item in analyses_of(admin, path).values()} == {"sample_received"}
    part = failed(sent(analyst, text, partial="1"), 200, "PartlyDone")
    assert [(item["row"], item["review_state"]) for item in part["results"]] == [(5, "to_be_verified")]
    assert [item["row"] for item in part["refused"]] == [2, 3, 4, 6]
    entered = {keyword: item["review_state"] for keyword, item in analyses_of(admin, path).items()}
    assert entered == {"Ca": "sample_received", "Mg": "to_be_verified"}
    assert "aq2, foss, genexpert" in failed(sent(analyst, text, "aq3"), 400)["message"]
    clerk = sent(as_user("clerk1"), f"{HEAD}{name},Ca,12,mg/kg\n")
    assert "BIKA: Edit Results" in failed(clerk, 403)["message"]


def test_a_file_with_a_column_for_each_test_and_decimal_commas(admin: Client, as_user: AsUser) -> None:
    listed = {shape["name"]: shape for shape in succeeded(admin.get("result_files"))["result_files"]}
    assert listed["aq2"]["columns"] == ["Sample ID", "Test", "Results", "Units"]
    path = received(admin, ["Crude Fat", "Moisture"])
    name = path.rpartition("/")[2]
    head = "Sample Id;Sample Type;Fat %;Protein %;Moisture %\n"
    done = succeeded(sent(as_user("analyst1"), f"{head}{name};Milk;3,85;3,2;-\nZero;zero;0;0;0\n", "foss"))
    assert [(item["keyword"], item["result"]) for item in done["results"]] == [("Fat", "3.85")]
    assert [item["keyword"] for item in done["left_out"]] == ["Prot"]

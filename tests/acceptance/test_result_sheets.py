"""Sheets of results over HTTP: which rows the sheet of an object has, and that their queries are those of `read`."""

from tests.acceptance.client import Client, failed, succeeded
from tests.acceptance.conftest import AsUser
from tests.acceptance.making import analyses_of, make_client, make_request


def test_the_sheet_of_a_request_and_that_of_a_worksheet_find_their_analyses(admin: Client, as_user: AsUser) -> None:
    request = make_request(admin, make_client(admin), ["Calcium", "Copper"])
    found = analyses_of(admin, request["path"])
    worksheet = admin.call("create", {"obj_path": "/worksheets", "obj_type": "Worksheet"})
    admin.call("update", {"obj_path": worksheet["path"], "Analyses:list": [found["Ca"]["UID"]]})
    control = admin.call(
        "create", {"obj_path": worksheet["path"], "obj_type": "DuplicateAnalysis", "Analysis": found["Ca"]["UID"]}
    )
    analyst = as_user("analyst1")
    for path, ids in ((request["path"], {"Ca", "Cu"}), (worksheet["path"], {"Ca", control["obj_id"]})):
        sheet = succeeded(analyst.get("result_sheet", {"obj_path": path}))["sheet"]
        rows = succeeded(analyst.json("read", {**sheet["query"], "strict": True}))["objects"]
        assert {row["id"] for row in rows} == ids
        assert all(row["version"] and sheet["result"]["name"] in row for row in rows)
    assert succeeded(admin.get("types/Worksheet"))["type"]["result_sheet"]["titles"] == {"de": "Ergebnisse"}
    answer = analyst.get("result_sheet", {"obj_path": "/batches/B-001"}, headers={"Prefer": "http-status"})
    assert "no sheet of results for Batch" in failed(answer, 404, "NotFound")["message"]

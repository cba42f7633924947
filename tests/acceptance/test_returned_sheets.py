"""Sheets that were exported, edited and sent back, over HTTP: the difference, conflicts, new rows, all or nothing."""

import csv
import io
import json
from typing import Any

import requests

from objapi.sheets.xlsx import read_xlsx
from tests.acceptance.client import Client, failed, succeeded
from tests.acceptance.making import make_batch, unique
from tests.objapi.sheets.workbooks import of_texts

COLUMNS = "title,Remarks,BatchDate,BatchLabels,review_state"


def exported(admin: Client, uids: list[str], kind: str = "csv", **more: str) -> list[list[str]]:
    asked = {
        "UID": uids,
        "portal_type": "Batch",
        "format": kind,
        "include_fields": COLUMNS,
        "sort_on": "created",
        **more,
    }
    content = admin.get("read", asked).content
    if kind == "xlsx":
        return read_xlsx(content)
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))


def sent(admin: Client, rows: list[list[str]], kind: str = "csv", **more: str) -> requests.Response:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    content = of_texts(rows) if kind == "xlsx" else text.getvalue().encode()
    return admin.post("apply_sheet", more, files={"file": (f"batches.{kind}", content)})


def made(admin: Client, number: int, **fields: Any) -> list[str]:
    return [make_batch(admin, **fields)["obj_uid"] for _ in range(number)]


def test_a_sheet_goes_round_in_each_format(admin: Client) -> None:
    uids = made(admin, 3, Remarks="=1+1", BatchDate="2026-03-01", **{"BatchLabels:list": ["a", "b"]})
    for kind in ("csv", "xlsx"):
        rows = exported(admin, uids, kind)
        assert succeeded(sent(admin, rows, kind))["unchanged"] == 3
        rows[1][4], rows[2][6], word = f"rain {kind}", f"a\nc {kind}", unique("New")
        rows.append(["", "", "", word, "fresh", "2026-05-01", "", ""])
        asked = {"obj_type": "Batch", "obj_path": "/batches"}
        plan = succeeded(sent(admin, rows, kind, dry_run="1", **asked))
        assert plan["dry_run"] is True
        assert {change["row"] for change in plan["plan"]["changes"]} == {2, 3, 5}
        assert admin.read(UID=uids[0])["objects"][0]["Remarks"] != f"rain {kind}"
        done = succeeded(sent(admin, rows, kind, **asked))
        assert (done["updated"], done["created"], done["unchanged"]) == (2, 1, 1)
        changed = [(row["row"], row["event"], [item["field"] for item in row["fields"]]) for row in done["rows"]]
        assert changed[:2] == [(2, "update", ["Remarks"]), (3, "update", ["BatchLabels"])]
        assert done["rows"][2]["path"].startswith("/Plone/batches/")
        assert admin.read(UID=uids[1])["objects"][0]["BatchLabels"] == ["a", f"c {kind}"]
        assert admin.only(portal_type="Batch", title=word)["BatchDate"].startswith("2026-05-01")


def test_what_was_changed_meanwhile_is_merged_or_told(admin: Client) -> None:
    uids = made(admin, 2, Remarks="base")
    rows = exported(admin, uids)
    admin.call("update", {"UID": uids[0], "Remarks": "theirs", "BatchDate": "2026-01-02"})
    # The other cell is the sheet's alone: both changes hold.
    rows[1][6] = "mine"
    done = succeeded(sent(admin, rows))
    assert [[item["field"] for item in row["fields"]] for row in done["rows"]] == [["BatchLabels"]]
    now = admin.read(UID=uids[0])["objects"][0]
    assert (now["Remarks"], now["BatchLabels"]) == ("theirs", ["mine"])
    rows[1][4], rows[2][4] = "mine", "also"
    for dry_run in ("", "1"):
        response = sent(admin, rows, dry_run=dry_run)
        told = failed(response, 409, "Conflict")
        conflict = {
            "row": 2,
            "path": now["path"],
            "field": "Remarks",
            "base": "base",
            "theirs": "theirs",
            "mine": "mine",
        }
        assert told["conflicts"] == [conflict]
        assert (told["errors"][0]["row"], told["errors"][0]["column"]) == (2, "Remarks")
    assert [change["row"] for change in told["plan"]["changes"]] == [3]
    assert [item["row"] for item in told["plan"]["refused"]] == [2]
    assert admin.read(UID=uids[1])["objects"][0]["Remarks"] == "base"


def test_all_mistakes_are_told_by_row_and_column_and_nothing_is_done(admin: Client) -> None:
    uids = made(admin, 5)
    rows = exported(admin, uids)
    rows[0].append("Colour")
    rows[1][5] = "next week"
    rows[2][7] = "closed"
    rows[3].append("red")
    rows[4][4] = "right"
    rows[5][rows[0].index("version")] = "99"
    rows.append(["c" * 32, "", "", "", "", "", "", ""])
    rows.append(["", "", "", "lost", "", "", "", ""])
    told = failed(sent(admin, rows, dry_run="1"), 422)
    places = {(item["row"], item["column"]) for item in told["errors"]}
    assert places == {
        (2, "BatchDate"),
        (3, "review_state"),
        (4, "Colour"),
        (6, "version"),
        (7, "UID"),
        (8, "portal_type"),
    }
    assert {item["row"] for item in told["plan"]["refused"]} == {2, 3, 4, 6, 7, 8}
    assert [change["row"] for change in told["plan"]["changes"]] == [5]
    failed(sent(admin, rows), 422)
    assert {batch["version"] for batch in admin.read(UID=uids)["objects"]} == {1}


def test_rows_that_are_right_are_done_when_that_is_asked_for(admin: Client) -> None:
    uids = made(admin, 5, Remarks="base")
    rows = exported(admin, uids)
    admin.call("update", {"UID": uids[1], "Remarks": "theirs"})
    taken = unique("Taken")
    rows[1][4] = "right"
    rows[2][4] = "mine"
    rows[3][5] = "next week"
    rows.append([*rows[4]])
    rows.append(["", "", "", unique("New"), "fresh", "", "", ""])
    rows.append(["", "", "", taken, "fresh", "next year", "", ""])
    asked = {"obj_type": "Batch", "obj_path": "/batches", "partial": "1"}
    for more in ({"dry_run": "1"}, {}):
        told = failed(sent(admin, rows, **asked, **more), 200, "PartlyDone")
        assert told["message"].startswith("5 of 7 could not be done")
        assert [(item["row"], item["event"]) for item in told["rows"]] == [(2, "update"), (8, "create")]
        assert (told["updated"], told["created"], told["unchanged"]) == (1, 1, 1)
        assert [(item["row"], item["errors"][0]["column"]) for item in told["refused"]] == [
            (3, "Remarks"),
            (4, "BatchDate"),
            (5, "UID"),
            (7, "UID"),
            (9, "BatchDate"),
        ]
        assert [(item["row"], item["theirs"]) for item in told["conflicts"]] == [(3, "theirs")]
    assert [item["Remarks"] for item in admin.read(UID=uids, sort_on="created")["objects"]] == [
        "right",
        "theirs",
        *["base"] * 3,
    ]
    assert admin.read(portal_type="Batch", title=taken)["objects"] == []
    # What is wrong with the heading concerns every row.
    rows[0][5] = rows[0][4]
    failed(sent(admin, rows, **asked), 409)


def test_a_conflict_is_decided_for_the_value_that_was_seen(admin: Client) -> None:
    uids = made(admin, 2, Remarks="base", BatchDate="2026-03-01")
    rows = exported(admin, uids)
    for uid in uids:
        admin.call("update", {"UID": uid, "Remarks": "theirs"})
    for row in rows[1:]:
        row[4] = "mine"
    decisions = [
        {"row": row, "field": "Remarks", "theirs": "theirs", "take": take} for row, take in ((2, "mine"), (3, "theirs"))
    ]
    admin.call("update", {"UID": uids[0], "Remarks": "theirs again"})
    told = failed(sent(admin, rows, decisions=json.dumps(decisions)), 409)
    assert [(item["row"], item["theirs"]) for item in told["conflicts"]] == [(2, "theirs again")]
    decisions[0]["theirs"] = "theirs again"
    done = succeeded(sent(admin, rows, decisions=json.dumps(decisions)))
    assert (done["updated"], done["unchanged"]) == (1, 1)
    assert [admin.read(UID=uid)["objects"][0]["Remarks"] for uid in uids] == ["mine", "theirs"]
    assert "entry 0" in failed(sent(admin, rows, decisions='[{"row": 2}]'), 400)["message"]


def test_a_sheet_is_written_once_and_by_whom_it_may(admin: Client, root: str) -> None:
    (uid,) = made(admin, 1)
    rows = exported(admin, [uid])
    rows[1][4] = "rain"
    rita = Client(root, "rita")
    with rita.http:
        assert "there is no object" in failed(sent(rita, rows), 422)["message"]
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    key = {"Idempotency-Key": unique("sheet")}
    answers = [admin.post("apply_sheet", {}, files={"file": ("a.csv", text.getvalue())}, headers=key) for _ in range(2)]
    assert answers[0].content == answers[1].content
    assert succeeded(answers[1])["updated"] == 1


def test_an_outdated_version_has_a_plan_of_what_is_refused(admin: Client) -> None:
    (uid,) = made(admin, 1)
    response = admin.json("update", {"UID": uid, "Remarks": "x", "dry_run": True}, headers={"If-Match": "7"})
    told = failed(response, 409, "Conflict")
    assert told["plan"]["changes"] == []
    assert [(item["index"], item["UID"], item["status"]) for item in told["plan"]["refused"]] == [(0, uid, 409)]

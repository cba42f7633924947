"""Requests are taken back and objects restored, over HTTP."""

from typing import Any
from uuid import uuid4

import pytest

from tests.acceptance.client import Client, failed, succeeded
from tests.acceptance.conftest import AsUser

pytestmark = pytest.mark.both_databases

STRICT = {"Prefer": "http-status"}


@pytest.fixture
def batch(admin: Client) -> dict[str, Any]:
    return admin.call("create", {"obj_path": "/batches", "obj_type": "Batch", "title": f"Undone {uuid4().hex}"})


def test_a_request_is_taken_back_by_its_id(admin: Client, as_user: AsUser, batch: dict[str, Any]) -> None:
    uid = batch["obj_uid"]
    update = admin.post("update", {"obj_uid": uid, "Remarks": "wrong"})
    succeeded(update)
    request_id = update.headers["X-Request-Id"]
    failed(as_user("clerk1").post("undo", {"request_id": request_id}, headers=STRICT), 403, "Forbidden")
    plan = admin.call("undo", {"request_id": request_id, "dry_run": "1"})["plan"]
    assert [(change["event"], change["UID"]) for change in plan["changes"]] == [("update", uid)]
    undone = admin.call("undo", {"request_id": request_id})
    assert (undone["undone"], undone["objects"][0]["version"]) == (request_id, 3)
    assert admin.only(UID=uid, catalog_name="uid_catalog")["Remarks"] == ""
    entry = admin.get("history", {"UID": uid}).json()["history"][0]
    assert entry["undoes"] == request_id
    assert admin.get("audit", {"UID": uid}).json()["entries"][0]["undoes"] == request_id
    again = failed(admin.post("undo", {"request_id": request_id}, headers=STRICT), 409, "Conflict")
    assert again["errors"][0]["object"] == batch["path"]
    failed(admin.post("undo", {"request_id": "nowhere"}, headers=STRICT), 404, "NotFound")


def test_requests_are_taken_back_one_after_the_other_the_last_one_first(admin: Client, batch: dict[str, Any]) -> None:
    uid = batch["obj_uid"]
    done = [admin.post("update", {"obj_uid": uid, "Remarks": word}) for word in ("first", "second")]
    done.append(admin.post("doActionFor_many", {"action": "close", "uids": uid}))
    first, second, third = (answer.headers["X-Request-Id"] for answer in done)

    def undo(request_id: str) -> str:
        answer = admin.post("undo", {"request_id": request_id}, headers=STRICT)
        succeeded(answer)
        return answer.headers["X-Request-Id"]

    def is_refused(request_id: str, *because_of: str) -> None:
        told = failed(admin.post("undo", {"request_id": request_id}, headers=STRICT), 409, "Conflict")
        assert f"by {', '.join(because_of)}; undo that first" in told["message"]

    is_refused(first, second, third)
    undo(third)
    is_refused(first, second)
    undone = undo(second)
    # To take back what took back has it hold again.
    again = undo(undone)
    is_refused(first, again)
    undo(again)
    undo(first)
    found = admin.only(UID=uid, catalog_name="uid_catalog")
    assert (found["Remarks"], found["review_state"]) == ("", "open")


def test_a_removal_that_was_restored_does_not_stand_in_the_way(admin: Client, batch: dict[str, Any]) -> None:
    uid = batch["obj_uid"]
    update = admin.post("update", {"obj_uid": uid, "Remarks": "wrong"})
    admin.call("remove", {"UID": uid})
    admin.call("restore", {"UID": uid})
    admin.call("undo", {"request_id": update.headers["X-Request-Id"]})
    assert admin.only(UID=uid, catalog_name="uid_catalog")["Remarks"] == ""


def test_a_transition_of_the_laboratory_is_taken_back(admin: Client, batch: dict[str, Any]) -> None:
    close = admin.post("doActionFor_many", {"action": "close", "uids": batch["obj_uid"]})
    succeeded(close)
    admin.call("undo", {"request_id": close.headers["X-Request-Id"]})
    found = admin.only(UID=batch["obj_uid"], catalog_name="uid_catalog", review_state="open")
    assert found["review_state"] == "open"


def test_what_was_removed_is_restored(admin: Client, batch: dict[str, Any]) -> None:
    uid = batch["obj_uid"]
    before = admin.only(UID=uid, catalog_name="uid_catalog")
    admin.call("remove", {"UID": uid})
    restored = admin.call("restore", {"UID": uid})
    assert (restored["restored"], restored["objects"][0]["path"]) == (uid, batch["path"])
    after = admin.only(UID=uid, catalog_name="uid_catalog")
    unlike = {name for name in before if before[name] != after[name]}
    assert unlike <= {"version", "modified", "modification_date"}
    failed(admin.post("restore", {"UID": uid}, headers=STRICT), 404, "NotFound")

"""Objects as they were, over HTTP."""

from typing import Any
from uuid import uuid4

import pytest

from tests.acceptance.client import Client, failed, succeeded
from tests.acceptance.conftest import AsUser

pytestmark = pytest.mark.both_databases

STRICT = {"Prefer": "http-status"}


@pytest.fixture
def batch(admin: Client) -> dict[str, Any]:
    """A batch that was changed and closed; `then` is before that."""
    made = admin.call("create", {"obj_path": "/batches", "obj_type": "Batch", "title": f"Former {uuid4().hex}"})
    uid = made["obj_uid"]
    then = admin.get("history", {"UID": uid}).json()["history"][0]["time"]
    admin.call("update", {"obj_uid": uid, "Remarks": "later"})
    admin.call("doActionFor_many", {"action": "close", "uids": uid})
    return {**made, "then": then}


def test_objects_are_read_as_they_were(admin: Client, as_user: AsUser, batch: dict[str, Any]) -> None:
    for named in ({"UID": batch["obj_uid"]}, {"path": batch["path"]}):
        found = succeeded(admin.post("read", {**named, "as_of": batch["then"]}))
        (item,) = found["objects"]
        assert (item["Remarks"], item["review_state"], item["version"]) == ("", "open", 1)
        assert item["path"] == batch["path"]
        assert found["total_objects"] == 1
    early = {"UID": batch["obj_uid"], "as_of": "2020-01-01"}
    assert succeeded(admin.post("read", early))["objects"] == []
    now = {"UID": batch["obj_uid"], "as_of": batch["then"], "include_fields": "Remarks", "page_size": "0"}
    assert succeeded(admin.post("read", now))["objects"] == [{"path": batch["path"], "Remarks": ""}]
    failed(as_user("clerk1").post("read", {**early}, headers=STRICT), 403, "Forbidden")


@pytest.mark.parametrize(
    ("sent", "named"),
    [
        ({"portal_type": "Batch"}, "portal_type"),
        ({"sort_on": "id"}, "sort_on"),
        ({"as_of": "2999-01-01"}, "as_of"),
        ({"as_of": "noon"}, "as_of"),
        ({"UID": ""}, "as_of"),
    ],
)
def test_what_says_nothing_about_former_objects_is_refused(
    admin: Client, batch: dict[str, Any], sent: dict[str, str], named: str
) -> None:
    answer = admin.post("read", {"UID": batch["obj_uid"], "as_of": batch["then"], **sent}, headers=STRICT)
    assert [cause["parameter"] for cause in failed(answer, 400, "BadRequest")["errors"]] == [named]

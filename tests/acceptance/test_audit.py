"""Auditors find every change by object, actor, time, kind and request; nobody else finds any."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from tests.acceptance.client import Client, failed, succeeded
from tests.acceptance.conftest import AsUser
from tests.acceptance.test_tokens import bearer


@pytest.fixture
def batch(admin: Client) -> dict[str, Any]:
    """A batch of its own, changed and taken through a transition; with the request that changed it."""
    began = datetime.now(UTC).isoformat()
    title = f"Audited {uuid4().hex}"
    made = admin.call("create", {"obj_path": "/batches", "obj_type": "Batch", "title": title})
    update = admin.post("update", {"obj_uid": made["obj_uid"], "Remarks": "seen"})
    succeeded(update)
    criteria = {"UID": made["obj_uid"], "catalog_name": "uid_catalog"}
    admin.call("doActionFor", {"action": "close", "comment": "done", **criteria})
    return {**made, "began": began, "request": update.headers["X-Request-Id"]}


def entries(client: Client, **search: Any) -> list[dict[str, Any]]:
    """The entries that a search finds, without the states in which an object begins."""
    found = succeeded(client.get("audit", search))["entries"]
    return [entry for entry in found if entry.get("transition", "none") is not None]


def test_an_object_is_followed_from_its_creation_to_its_removal(
    admin: Client, as_user: AsUser, batch: dict[str, Any]
) -> None:
    inspector = as_user("inspector1")
    admin.call("remove", {"UID": batch["obj_uid"]})
    found = entries(inspector, UID=batch["obj_uid"])
    assert [entry["kind"] for entry in found] == ["remove", "transition", "update", "create"]
    assert {entry["actor"] for entry in found} == {"admin"}
    assert {entry["address"] for entry in found} == {"127.0.0.1"}
    gone, step, update, made = found
    assert made["changes"]["title"]["old"] is None
    assert (update["changes"]["Remarks"]["new"], update["request"]) == ("seen", batch["request"])
    assert (step["transition"], step["comment"]) == ("close", "done")
    assert gone["changes"]["Remarks"] == {"old": "seen", "new": None}
    seqs = [entry["seq"] for entry in found]
    assert seqs == sorted(seqs, reverse=True)


def test_searches_meet_and_pages_go_on(admin: Client, batch: dict[str, Any]) -> None:
    uid = batch["obj_uid"]
    searches: list[tuple[dict[str, str], list[str]]] = [
        ({"obj_path": batch["path"], "kind": "create,update"}, ["update", "create"]),
        ({"UID": uid, "actor": "nobody"}, []),
        ({"UID": uid, "from": batch["began"]}, ["transition", "update", "create"]),
        ({"UID": uid, "to": batch["began"]}, []),
        ({"request": batch["request"]}, ["update"]),
    ]
    for search, kinds in searches:
        assert [entry["kind"] for entry in entries(admin, **search)] == kinds, search
    for search in ({"UID": uid}, {"actor": "admin", "from": batch["began"]}):
        whole = entries(admin, **search)
        paged: list[dict[str, Any]] = []
        following: dict[str, str] = {}
        while True:
            answer = succeeded(admin.get("audit", {**search, **following, "page_size": "1"}))
            paged += [entry for entry in answer["entries"] if entry.get("transition", "none") is not None]
            if "next" not in answer:
                break
            following = {"next": answer["next"]}
        # Others go on changing things, which are newer than the first page.
        assert [entry for entry in paged if entry in whole] == whole


def test_only_auditors_read_it_and_misspelt_searches_are_refused(
    root: str, admin: Client, as_user: AsUser, batch: dict[str, Any]
) -> None:
    for user in ("labmanager1", "rita"):
        answer = as_user(user).get("audit", {"UID": batch["obj_uid"]}, headers={"Prefer": "http-status"})
        failed(answer, 403, "Forbidden")
    made = admin.call("tokens", {"action": "add", "types": "Batch"})
    with bearer(root, made["token"]).http as http:
        failed(http.get(admin.url("audit"), params={"UID": batch["obj_uid"]}), 403)
    admin.call("tokens", {"action": "revoke", "prefix": made["prefix"]})
    strict = {"Prefer": "http-status"}
    for search in ({"kind": "updat"}, {"from": "yesterdayish"}, {"next": "x"}):
        failed(admin.get("audit", search, headers=strict), 400, "BadRequest")
    failed(admin.get("audit", {"obj_path": "/nowhere"}, headers=strict), 404, "NotFound")

"""What of a request is read at all: bodies, versions, and values that mean nothing."""

import json
from typing import Any

import pytest

from tests.acceptance.client import Client, failed, succeeded
from tests.acceptance.making import make_batch, make_client, unique
from tests.waiting import ENOUGH

FORM = "application/x-www-form-urlencoded"
AS_JSON = ("text/plain", "text/plain;charset=UTF-8", "text/json", "application/vnd.api+json", None)


def sent(client: Client, method: str, body: str, content_type: str | None, **options: Any) -> Any:
    """A POST with exactly this content type, or none."""
    headers = {"Content-Type": content_type} if content_type else {}
    return client.http.post(client.url(method), data=body.encode(), headers=headers, timeout=ENOUGH, **options)


@pytest.mark.parametrize("content_type", AS_JSON)
def test_a_json_filter_under_another_name_narrows(admin: Client, content_type: str | None) -> None:
    mark = unique("filter")
    mine, other = make_batch(admin, title=mark), make_batch(admin, title=unique("other"))
    body = json.dumps({"title": mark, "action": "close", "catalog_name": "bika_catalog"})
    answer = succeeded(sent(admin, "doActionFor", body, content_type, params={"portal_type": "Batch"}))
    assert [item["path"] for item in answer["objects"]] == [mine["path"]]
    assert admin.at(other["path"])["review_state"] == "open"
    response = sent(admin, "update", json.dumps({"obj_path": mine["path"], "Nosuch": 1}), content_type)
    assert response.status_code == 400


@pytest.mark.parametrize(
    ("verb", "content_type", "body", "status"),
    [
        ("POST", "application/xml", "<title>{mark}</title>", 415),
        ("POST", "text/plain", "title={mark}", 415),
        ("POST", "text/csv", "title,{mark}", 415),
        ("POST", "application/octet-stream", '{{"title": "{mark}"}}', 415),
        ("POST", FORM, '{{"title": "{mark}"}}', 400),
        ("GET", "application/json", '{{"title": "{mark}"}}', 415),
    ],
)
@pytest.mark.parametrize("method", ["doActionFor", "update", "create", "remove", "update_many", "doActionFor_many"])
def test_a_method_that_acts_refuses_a_body_it_does_not_read(
    admin: Client, method: str, verb: str, content_type: str, body: str, status: int
) -> None:
    batch = make_batch(admin)
    query = {
        "doActionFor": {"portal_type": "Batch", "catalog_name": "bika_catalog", "action": "close"},
        "update": {"obj_uid": batch["obj_uid"], "Remarks": "x"},
        "create": {"obj_path": "/batches", "obj_type": "Batch", "title": "x"},
        "remove": {"UID": batch["obj_uid"]},
        "update_many": {"input_values": json.dumps({batch["path"]: {"Remarks": "x"}})},
        "doActionFor_many": {"obj_paths": batch["path"], "action": "close"},
    }[method]
    before = admin.read(portal_type="Batch", page_size="0")
    response = admin.http.request(
        verb,
        admin.url(method),
        params=query,
        data=body.format(mark="nosuch"),
        headers={"Content-Type": content_type},
        timeout=ENOUGH,
    )
    refused = failed(response, status)
    assert "application/json" in refused["message"]
    assert response.status_code == (415 if status == 415 else 200)
    assert admin.read(portal_type="Batch", page_size="0")["objects"] == before["objects"]


@pytest.mark.parametrize(
    ("content_type", "body", "said"),
    [("application/xml", "<a/>", "not read"), (FORM, '{"portal_type": "Client"}', "looks like JSON")],
)
def test_a_read_warns_of_a_body_it_does_not_read(admin: Client, content_type: str, body: str, said: str) -> None:
    answer = succeeded(sent(admin, "read", body, content_type, params={"page_size": "1"}))
    assert any(said in warning for warning in answer["warnings"])
    failed(sent(admin, "read", body, content_type, params={"page_size": "1", "strict": "1"}), 400)


def test_a_page_of_another_site_sends_no_json_as_text(admin: Client) -> None:
    batch = make_batch(admin)
    body = json.dumps({"obj_path": batch["path"], "Remarks": "x"})
    headers = {"Content-Type": "text/plain", "Origin": "https://evil.example"}
    response = admin.http.post(admin.url("update"), data=body, headers=headers, timeout=ENOUGH)
    assert (response.status_code, response.json()["type"]) == (403, "CrossSite")


def _writes(batch: dict[str, Any]) -> dict[str, dict[str, Any]]:
    path, uid = batch["path"], batch["obj_uid"]
    return {
        "update": {"obj_path": path, "Remarks": unique("x")},
        "update_many": {"input_values": [{"obj_uid": uid, "fields": {"Remarks": unique("x")}}]},
        "doActionFor": {"portal_type": "Batch", "catalog_name": "bika_catalog", "UID": uid, "action": "close"},
        "doActionFor_many": {"uids": [uid], "action": "close"},
        "remove": {"UID": uid},
    }


@pytest.mark.parametrize("method", ["update", "update_many", "doActionFor", "doActionFor_many", "remove"])
@pytest.mark.parametrize("dry_run", ["1", ""])
def test_if_match_is_honoured_by_every_method_that_writes(admin: Client, method: str, dry_run: str) -> None:
    batch = make_batch(admin)
    body = {**_writes(batch)[method], "dry_run": dry_run}
    old = admin.at(batch["path"])["version"]
    for tag in (f'"{old + 1}"', f'"{old + 1}", "{old + 7}"', f'W/"{old}"', "nonsense", '"x"'):
        refused = failed(admin.json(method, body, headers={"If-Match": tag}), 409, "Conflict")
        assert ("names no version" in refused["message"]) == (not tag.startswith(f'"{old + 1}"'))
        assert admin.at(batch["path"])["version"] == old
    for tag in (f'"{old + 1}", "{old}"',) if dry_run else ("*",):
        succeeded(admin.json(method, body, headers={"If-Match": tag}))


@pytest.mark.parametrize("method", ["update_many", "doActionFor", "doActionFor_many", "remove"])
@pytest.mark.parametrize("tag", ['"1"', "*"])
def test_if_match_is_about_one_object(admin: Client, method: str, tag: str) -> None:
    mark = unique("several")
    batches = [make_batch(admin, title=mark) for _ in range(2)]
    uids = [batch["obj_uid"] for batch in batches]
    body: dict[str, Any] = {
        "update_many": {"input_values": [{"obj_uid": uid, "fields": {"Remarks": "x"}} for uid in uids]},
        "doActionFor": {"portal_type": "Batch", "catalog_name": "bika_catalog", "title": mark, "action": "close"},
        "doActionFor_many": {"uids": uids, "action": "close"},
        "remove": {"UID": uids},
    }[method]
    refused = failed(admin.json(method, body, headers={"If-Match": tag}), 400, "BadRequest")
    assert "update_many" in refused["message"]
    assert {admin.at(batch["path"])["version"] for batch in batches} == {1}


def test_create_refuses_if_match(admin: Client) -> None:
    body = {"obj_path": "/batches", "obj_type": "Batch", "title": unique("new")}
    refused = failed(admin.json("create", body, headers={"If-Match": "*"}), 400, "BadRequest")
    assert "If-Match" in refused["message"]
    users = {"userid": "rita", "action": "disable"}
    failed(admin.json("users", users, headers={"If-Match": "*"}), 400, "BadRequest")
    make_client(admin)

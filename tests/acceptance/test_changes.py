"""The feed of changes over HTTP: by cursor, by rights, and for who waits."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest

from tests.acceptance.client import Client, failed, succeeded
from tests.acceptance.conftest import AsUser
from tests.acceptance.test_tokens import bearer

pytestmark = pytest.mark.both_databases


@pytest.fixture
def batch(admin: Client) -> dict[str, Any]:
    return admin.call("create", {"obj_path": "/batches", "obj_type": "Batch", "title": f"Fed {uuid4().hex}"})


def now(client: Client) -> str:
    """The cursor after all that has happened."""
    return str(succeeded(client.get("changes", {"since": "now"}))["cursor"])


def changes(client: Client, since: str, **wanted: Any) -> list[dict[str, Any]]:
    """What has changed since a cursor; all pages."""
    found: list[dict[str, Any]] = []
    while True:
        answer = succeeded(client.get("changes", {"since": since, **wanted}))
        found += answer["changes"]
        since = answer["cursor"]
        if not answer["more"]:
            return found


def test_what_has_changed_since_a_cursor_is_told_by_rights(
    root: str, admin: Client, as_user: AsUser, batch: dict[str, Any]
) -> None:
    rita = as_user("rita")
    since, of_rita = now(admin), now(rita)
    admin.call("update", {"obj_uid": batch["obj_uid"], "Remarks": "new"})
    admin.call("update", {"obj_path": "/clients/client-1", "Fax": uuid4().hex})
    (change,) = changes(admin, since, path=batch["path"])
    assert (change["UID"], change["kinds"], change["fields"]) == (batch["obj_uid"], ["update"], ["Remarks"])
    assert (change["actor"], change["version"], change["portal_type"]) == ("admin", 2, "Batch")
    told = {item["path"] for item in changes(rita, of_rita, page_size="2")}
    assert "/Plone/clients/client-1" in told
    assert batch["path"] not in told
    assert {item["portal_type"] for item in changes(admin, "0", portal_type="Batch", path="/batches")} == {"Batch"}
    made = admin.call("tokens", {"action": "add", "types": "Client", "methods": "changes"})
    with bearer(root, made["token"]).http as http:
        found = succeeded(http.get(admin.url("changes"), params={"since": since}))["changes"]
    admin.call("tokens", {"action": "revoke", "prefix": made["prefix"]})
    assert {item["portal_type"] for item in found} == {"Client"}


def test_who_waits_is_told_as_soon_as_there_is_something_and_keeps_nobody_from_writing(
    admin: Client, as_user: AsUser, batch: dict[str, Any]
) -> None:
    waiting = [as_user("admin") for _ in range(3)]
    since = now(admin)

    def wait(client: Client) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        cursor = since
        # Other tests may change something else meanwhile: whoever waits for a place is told of that alone.
        while not found:
            wanted = {"since": cursor, "wait": "30", "path": batch["path"]}
            answer = succeeded(client.get("changes", wanted))
            found, cursor = answer["changes"], answer["cursor"]
        return found

    with ThreadPoolExecutor(len(waiting)) as pool:
        told = [pool.submit(wait, client) for client in waiting]
        # What they are not told does not wake them for good.
        admin.call("create", {"obj_path": "/batches", "obj_type": "Batch", "title": f"Other {uuid4().hex}"})
        admin.call("update", {"obj_uid": batch["obj_uid"], "Remarks": "awaited"})
        results = [future.result() for future in told]
    assert [[change["fields"] for change in found] for found in results] == [[["Remarks"]]] * len(waiting)


def test_a_wait_without_a_change_ends_with_an_empty_answer(admin: Client, batch: dict[str, Any]) -> None:
    since = now(admin)
    answer = succeeded(admin.get("changes", {"since": since, "wait": "1", "path": batch["path"]}))
    assert (answer["changes"], answer["more"]) == ([], False)
    assert succeeded(admin.get("changes", {"since": answer["cursor"], "path": batch["path"]}))["changes"] == []


@pytest.mark.parametrize(
    "search",
    [{}, {"since": "yesterday"}, {"since": "0", "wait": "31"}, {"since": "0", "portal_type": "Btch"}],
    ids=lambda search: "&".join(search) or "nothing",
)
def test_what_cannot_be_meant_is_refused(admin: Client, search: dict[str, str]) -> None:
    failed(admin.get("changes", search, headers={"Prefer": "http-status"}), 400, "BadRequest")


def test_a_revoked_token_waits_no_longer(root: str, admin: Client, batch: dict[str, Any]) -> None:
    made = admin.call("tokens", {"action": "add", "methods": "changes"})
    client = bearer(root, made["token"])
    since = now(admin)

    def wait() -> int:
        wanted = {"since": since, "wait": "30", "path": batch["path"]}
        return client.get("changes", wanted, headers={"Prefer": "http-status"}).status_code

    with ThreadPoolExecutor(1) as pool, client.http:
        status = pool.submit(wait)
        admin.call("tokens", {"action": "revoke", "prefix": made["prefix"]})
        # Whatever happens next is a reason to look again, and the look finds no token.
        admin.call("update", {"obj_path": "/clients/client-1", "Fax": uuid4().hex})
        assert status.result() == 401

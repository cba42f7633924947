"""The method `can`: what somebody may do to an object, by which rule and which roles."""

import json

import pytest

from tests.acceptance.client import Client
from tests.acceptance.conftest import AsUser
from tests.acceptance.making import make_batch, make_client, make_contact


def asked(client: Client, **form: object) -> tuple[dict[str, dict[str, object]], dict[str, object]]:
    """The answers by name about one object, and that object's entry."""
    (entry,) = client.call("can", form)["objects"]
    return {item["asked"]: item for item in entry["can"]}, entry


def test_an_answer_has_the_rule_the_roles_and_where_they_come_from(admin: Client, as_user: AsUser) -> None:
    batch = make_batch(admin)
    form = {"obj_path": batch["path"], "can": ["update", "View", "cancel", "create", "users"]}
    mine, entry = asked(as_user("analyst1"), **form)
    assert (entry["UID"], entry["portal_type"]) == (batch["obj_uid"], "Batch")
    assert {item["role"]: item["from"] for item in entry["roles"]}["Authenticated"] == "login"
    assert [mine[name]["kind"] for name in form["can"]] == ["method", "permission", "transition", "method", "method"]
    assert (mine["update"]["allowed"], mine["View"]["allowed"], mine["users"]["allowed"]) == (False, True, False)
    (modify,) = (item for item in mine["update"]["permissions"] if item["permission"] == "Modify portal content")
    assert (modify["held"], modify["by"]) == (False, [])
    assert "title" in modify["for"]
    theirs, _ = asked(admin, **form)
    assert all(item["allowed"] for name, item in theirs.items() if name != "create")
    assert theirs["users"]["permissions"][0]["by"] == ["Manager"]
    for client, allowed in ((as_user("analyst1"), False), (admin, True)):
        on_site, _ = asked(client, can=["audit", "undo", "restore", "webhooks"])
        assert {item["allowed"] for item in on_site.values()} == {allowed}


def test_others_are_asked_about_by_who_manages_users(admin: Client, as_user: AsUser) -> None:
    batch = make_batch(admin)
    form = {"obj_path": batch["path"], "can": "update"}
    own, _ = asked(as_user("analyst1"), **form)
    told, entry = asked(admin, **form, userid="analyst1")
    assert told["update"]["permissions"] == own["update"]["permissions"]
    assert "Analyst" in {item["role"] for item in entry["roles"]}
    as_user("analyst1").refused("can", {**form, "userid": "admin"}, status=403)
    admin.refused("can", {**form, "userid": "nobody-of-that-name"}, status=404)
    unseen, _ = asked(admin, **form, userid="rita")
    assert not unseen["update"]["allowed"]


def test_a_local_role_names_the_object_on_which_it_was_granted(admin: Client) -> None:
    owner = make_client(admin)
    contact = make_contact(admin, owner)
    admin.call("grants", {"action": "give", "userid": "analyst1", "local_role": "Owner", "obj_path": owner})
    _, entry = asked(admin, obj_path=contact, can="View", userid="analyst1")
    local = [item for item in entry["roles"] if item["from"] == "local"]
    assert [(item["role"], item["path"]) for item in local] == [("Owner", owner)]


def test_a_token_takes_away(admin: Client, root: str) -> None:
    batch = make_batch(admin)
    made = admin.call("tokens", {"action": "add", "name": "reader", "read_only": "1"})
    reader = Client(root)
    with reader.http as http:
        http.headers["Authorization"] = f"Bearer {made['token']}"
        body = reader.call("can", {"obj_path": batch["path"], "can": "update"})
    admin.call("tokens", {"action": "revoke", "prefix": made["prefix"]})
    (answer,) = body["objects"][0]["can"]
    assert body["token"]["prefix"] == made["prefix"]
    assert answer["allowed"] is False
    assert made["prefix"] in answer["reasons"][0]
    assert answer["permissions"][0]["held"] is True


def test_what_is_hidden_is_answered_as_what_is_not_there(admin: Client, as_user: AsUser) -> None:
    batch, rita = make_batch(admin), as_user("rita")
    messages = [
        rita.refused("can", {"uids": json.dumps([uid]), "can": "View"}, status=404)["message"].replace(uid, "")
        for uid in (batch["obj_uid"], "0" * 32)
    ]
    assert messages[0] == messages[1]


@pytest.mark.parametrize(
    ("form", "told"),
    [
        ({}, "can"),
        ({"can": "updat"}, "update"),
        ({"can": "transition:update"}, "no method, permission or transition"),
        ({"can": "ship"}, "needs no right on one object"),
        ({"can": "create", "obj_type": "Btach"}, "Batch"),
        ({"can": "View", "colour": "red"}, "colour"),
    ],
)
def test_names_that_mean_nothing_are_refused(admin: Client, form: dict[str, str], told: str) -> None:
    assert told in admin.refused("can", {"obj_path": "/batches", **form}, status=400)["message"]

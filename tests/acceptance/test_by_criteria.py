"""update and remove of all that criteria find: forms and JSON, and what is refused before anything is done."""

from typing import Any

import pytest

from tests.acceptance.client import Client, failed, succeeded
from tests.acceptance.conftest import AsUser
from tests.acceptance.making import analyses_of, make_batch, make_client, make_contact, make_request


def contacts(client: Client, number: int) -> tuple[str, dict[str, Any]]:
    """A new customer with contacts, and the criteria that find these."""
    owner = make_client(client)
    for _ in range(number):
        make_contact(client, owner)
    return owner, {"portal_type": "Contact", "path": owner}


def values_of(client: Client, criteria: dict[str, Any], field: str) -> list[Any]:
    return [item[field] for item in client.read(**criteria)["objects"]]


def test_one_value_is_set_in_all_that_is_found(admin: Client) -> None:
    _, criteria = contacts(admin, 3)
    answer = succeeded(admin.json("update", {"criteria": criteria, "fields": {"JobTitle": "Agronomist"}}))
    assert [entry["updated"] for entry in answer["updates"]] == [["JobTitle"]] * 3
    assert values_of(admin, criteria, "JobTitle") == ["Agronomist"] * 3


def test_a_form_sends_records(admin: Client) -> None:
    owner, criteria = contacts(admin, 2)
    form = {"criteria.portal_type:record": "Contact", "criteria.path:record": owner, "fields.JobTitle:record": "Cook"}
    assert len(admin.call("update", form)["updates"]) == 2
    assert values_of(admin, criteria, "JobTitle") == ["Cook"] * 2
    answer = admin.call("remove", {**{k: v for k, v in form.items() if k.startswith("criteria")}, "dry_run": "1"})
    assert len(answer["removed"]) == 2


def test_a_dry_run_gives_the_plan_and_one_page_can_be_meant(admin: Client) -> None:
    _, criteria = contacts(admin, 3)
    asked = {"criteria": {**criteria, "page_size": 2, "sort_on": "id"}, "fields": {"JobTitle": "Cook"}}
    answer = succeeded(admin.json("update", {**asked, "dry_run": 1}))
    assert [change["event"] for change in answer["plan"]["changes"]] == ["update", "update"]
    assert values_of(admin, criteria, "JobTitle") == [""] * 3


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({}, "criteria"),
        ({"fields": {"JobTitle": "x"}}, "criteria"),
        ({"criteria": {}, "fields": {"JobTitle": "x"}}, "No criterion"),
        ({"criteria": {"path": "/Plone"}, "fields": {"JobTitle": "x"}}, "No criterion"),
        ({"criteria": {"path": {"query": ["/x", "/"], "depth": -1}}, "fields": {"JobTitle": "x"}}, "No criterion"),
        ({"criteria": {"portal_type": "Contact"}}, "fields"),
        ({"criteria": {"portal_type": "Contact"}, "fields": {}}, "fields"),
        ({"criteria": {"portal_type": "Contact"}, "fields": [1]}, "fields"),
        ({"criteria": ["Contact"], "fields": {"JobTitle": "x"}}, "criteria"),
        ({"criteria": "portal_type=Contact", "fields": {"JobTitle": "x"}}, "criteria"),
        ({"criteria": {"portal_type": "Contact", "colour": "red"}, "fields": {"JobTitle": "x"}}, "colour"),
        ({"criteria": {"portal_type": "Contact", "sort_order": "desc"}, "fields": {"JobTitle": "x"}}, "sort_order"),
        ({"criteria": {"portal_type": "Contact"}, "fields": {"JobTitle": "x"}, "JobTitle": "y"}, "JobTitle"),
        ({"criteria": {"portal_type": "Contact"}, "fields": {"JobTitle": "x"}, "version": 1}, "version"),
        ({"obj_path": "/batches/B-001", "criteria": {"portal_type": "Contact"}, "fields": {"title": "x"}}, "criteria"),
        ({"obj_path": "/batches/B-001", "fields": {"title": "x"}}, "fields"),
        ({"obj_path": "/batches/B-001", "title": "x", "partial": 1}, "partial"),
    ],
)
def test_what_cannot_be_meant_is_a_400_that_names_it(admin: Client, body: dict[str, Any], named: str) -> None:
    assert named in failed(admin.json("update", body), 400, "BadRequest")["message"]


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({}, "UID"),
        ({"criteria": {"portal_type": "Contact"}}, "dry_run=1"),
        ({"criteria": {}, "dry_run": 1}, "No criterion"),
        ({"criteria": {"portal_type": "Contact", "colour": "red"}, "dry_run": 1}, "colour"),
        ({"criteria": {"portal_type": "Contact"}, "UID": "0" * 32, "dry_run": 1}, "criteria"),
        ({"criteria": {"portal_type": "Contact"}, "dry_run": 1, "colour": "red"}, "colour"),
    ],
)
def test_a_removal_that_cannot_be_meant_is_a_400_that_names_it(admin: Client, body: dict[str, Any], named: str) -> None:
    assert named in failed(admin.json("remove", body), 400, "BadRequest")["message"]


def test_a_removal_takes_two_calls(admin: Client) -> None:
    _, criteria = contacts(admin, 2)
    plan = succeeded(admin.json("remove", {"criteria": criteria, "dry_run": 1}))
    assert {change["event"] for change in plan["plan"]["changes"]} == {"remove"}
    failed(admin.json("remove", {"criteria": criteria, "plan_hash": "ä"}), 409, "Conflict")
    answer = succeeded(admin.json("remove", {"criteria": criteria, "plan_hash": plan["plan_hash"]}))
    assert answer["removed"] == plan["removed"] and "plan_hash" not in answer
    assert admin.read(**criteria)["total_objects"] == 0


def test_a_plan_that_is_out_of_date_or_anothers_removes_nothing(admin: Client, as_user: AsUser) -> None:
    owner, criteria = contacts(admin, 2)
    plan = succeeded(as_user("labmanager1").json("remove", {"criteria": criteria, "dry_run": 1}))
    failed(admin.json("remove", {"criteria": criteria, "plan_hash": plan["plan_hash"]}), 409, "Conflict")
    plan = succeeded(admin.json("remove", {"criteria": criteria, "dry_run": 1}))
    make_contact(admin, owner)
    failed(admin.json("remove", {"criteria": criteria, "plan_hash": plan["plan_hash"]}), 409, "Conflict")
    assert admin.read(**criteria)["total_objects"] == 3


def test_what_is_received_is_never_removed_and_partial_says_so(admin: Client) -> None:
    owner = make_client(admin)
    received, due = (make_request(admin, owner, ["Calcium"]) for _ in range(2))
    admin.call("doActionFor_many", {"obj_paths": f'["{received["path"]}"]', "action": "receive"})
    criteria = {"portal_type": "AnalysisRequest", "getClientUID": admin.uid(owner)}
    failed(admin.json("remove", {"criteria": criteria, "dry_run": 1}), 409)
    asked = {"criteria": criteria, "partial": 1}
    plan = admin.json("remove", {**asked, "dry_run": 1}).json()
    answer = admin.json("remove", {**asked, "plan_hash": plan["plan_hash"]}).json()
    assert answer["removed"] == [due["obj_uid"]]
    assert [(item["path"], item["status"]) for item in answer["objects"]] == [(received["path"], 409)]
    assert "Cancel it" in answer["objects"][0]["message"]
    assert analyses_of(admin, received["path"])


def test_a_uid_list_may_carry_the_hash_of_its_plan(admin: Client) -> None:
    uids = [make_batch(admin)["obj_uid"] for _ in range(2)]
    plan = succeeded(admin.json("remove", {"UID": uids, "dry_run": 1}))
    admin.call("update", {"obj_uid": uids[0], "Remarks": "changed"})
    failed(admin.json("remove", {"UID": uids, "plan_hash": plan["plan_hash"]}), 409, "Conflict")
    assert succeeded(admin.json("remove", {"UID": uids}))["removed"] == uids


def test_a_clients_contact_changes_its_own_alone(admin: Client, as_user: AsUser) -> None:
    _, foreign = contacts(admin, 1)
    rita = as_user("rita")
    for method, more in (("update", {"fields": {"JobTitle": "Spy"}}), ("remove", {"dry_run": 1})):
        failed(rita.json(method, {"criteria": foreign, **more}), 404, "NotFound")

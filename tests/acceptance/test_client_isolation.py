"""Customers see what is theirs and nothing else, in every answer and count."""

from typing import Any

import pytest

from tests.acceptance.client import Client
from tests.acceptance.conftest import AsUser
from tests.acceptance.making import unique


@pytest.mark.parametrize(
    ("user", "criteria", "count"),
    [
        ("rita", {"portal_type": "Client"}, 1),
        ("pavel", {"portal_type": "Client"}, 1),
        ("pavel", {"portal_type": "Sample", "review_state": "sample_received"}, 4),
        ("pavel", {"portal_type": "AnalysisRequest", "path": "/clients/client-1"}, 0),
        ("pavel", {"portal_type": "Analysis", "catalog_name": "bika_analysis_catalog", "path": "/clients/client-3"}, 0),
        ("pavel", {"path": "/clients/client-1"}, 0),
    ],
)
def test_only_what_the_caller_may_see_is_counted(
    as_user: AsUser, user: str, criteria: dict[str, Any], count: int
) -> None:
    answer = as_user(user).read(**criteria)
    assert (answer["total_objects"], len(answer["objects"])) == (count, count)


@pytest.mark.parametrize(
    ("method", "request_form"),
    [
        ("update", {"obj_path": "/clients/client-1", "Phone": "1"}),
        ("update", {"obj_type": "Client", "id": "client-1", "Phone": "1"}),
        ("create", {"obj_path": "/clients/client-1", "obj_type": "Contact", "Firstname": "A", "Surname": "B"}),
        ("history", {"obj_path": "/clients/client-1"}),
        ("doActionFor", {"action": "deactivate", "portal_type": "Client", "id": "client-1"}),
    ],
)
def test_what_is_not_visible_is_not_there(as_user: AsUser, method: str, request_form: dict[str, str]) -> None:
    answer = as_user("pavel").refused(method, request_form, status=404, type="NotFound")
    there = as_user("pavel").refused(method, _elsewhere(request_form), status=404, type="NotFound")
    assert answer["message"] == there["message"].replace("client-999", "client-1")


def _elsewhere(form: dict[str, str]) -> dict[str, str]:
    return {name: value.replace("client-1", "client-999") for name, value in form.items()}


def test_uids_of_others_are_not_there_either(admin: Client, as_user: AsUser) -> None:
    uid = admin.uid("/clients/client-1")
    pavel = as_user("pavel")
    for method, request in (
        ("remove", {"UID": uid}),
        ("allowedTransitionsFor", {"uid": uid}),
        ("update", {"obj_uid": uid, "Phone": "1"}),
    ):
        pavel.refused(method, request, status=404, type="NotFound")


def test_a_reference_to_what_is_not_visible_is_worded_as_not_found(admin: Client, as_user: AsUser) -> None:
    contact = admin.uid("/clients/client-1/contact-1")
    request = {"obj_path": "/clients/client-2/H2O-0003-R01", "CCContact:list": [contact], "dry_run": "1"}
    hidden = as_user("pavel").refused("update", request, status=422, type="UnresolvedReference")
    missing = as_user("pavel").refused("update", request | {"CCContact:list": ["f" * 32]}, status=422)
    assert hidden["message"].replace(contact, "X") == missing["message"].replace("f" * 32, "X")


@pytest.mark.parametrize("container", ["/batches", "/clients/client-1"])
def test_a_batch_that_names_a_client_is_seen_by_its_contacts_alone(
    admin: Client, as_user: AsUser, container: str
) -> None:
    rita, pavel = as_user("rita"), as_user("pavel")
    client, other = admin.uid("/clients/client-1"), admin.uid("/clients/client-2")
    criteria = {"portal_type": "Batch", "catalog_name": "bika_catalog"}
    before = {user: user.read(**criteria)["total_objects"] for user in (rita, pavel)}
    new = {"obj_path": container, "obj_type": "Batch", "title": unique("Shared batch"), "Client": client}
    uid = admin.call("create", new)["obj_uid"]

    def seen_by(user: Client) -> bool:
        found = user.read(UID=uid, catalog_name="bika_catalog")
        assert (found["total_objects"], len(found["objects"])) in ((0, 0), (1, 1))
        page = user.read(**criteria, page_size="1000")
        assert page["total_objects"] == len(page["objects"]) == before[user] + found["total_objects"]
        return bool(found["objects"])

    assert (seen_by(rita), seen_by(pavel)) == (True, False)
    pavel.refused("update", {"obj_uid": uid, "Remarks": "ours"}, status=404)
    if container == "/batches":
        rita.refused("update", {"obj_uid": uid, "Remarks": "ours"}, status=403)
        rita.refused("remove", {"UID": uid}, status=403)
        admin.call("update", {"obj_uid": uid, "Client": other})
        assert (seen_by(rita), seen_by(pavel)) == (False, True)
        admin.call("update", {"obj_uid": uid, "Client": ""})
        assert (seen_by(rita), seen_by(pavel)) == (False, False)
        admin.call("update", {"obj_uid": uid, "Client": client})
    admin.call("doActionFor", {"UID": uid, "action": "close", "catalog_name": "bika_catalog"})
    assert (seen_by(rita), seen_by(pavel)) == (True, False)


def test_getusers_is_for_staff(as_user: AsUser) -> None:
    assert as_user("analyst1").call("getusers", {"roles:list": ["Analyst"]})["users"]
    as_user("rita").refused("getusers", {"roles": "Analyst"}, status=403, type="Forbidden")


def test_history_needs_its_permission(as_user: AsUser, admin: Client) -> None:
    as_user("rita").refused("history", {"obj_path": "/clients/client-1"}, status=403, type="Forbidden")
    assert admin.call("history", {"obj_path": "/clients/client-1"})["history"]

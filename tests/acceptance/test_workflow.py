"""Transitions over HTTP: from reception to publication, and what is refused on the way."""

import json

import pytest

from tests.acceptance.client import Client
from tests.acceptance.conftest import AsUser
from tests.acceptance.making import analyses_of, make_batch, make_client, make_request, state_of, unique


def test_a_request_goes_from_reception_to_publication(admin: Client, as_user: AsUser) -> None:
    owner = make_client(admin)
    made = make_request(admin, owner, ["Zinc", "Copper"])
    path, name = made["path"], made["ar_id"]
    receive = {"portal_type": "AnalysisRequest", "id": name, "action": "receive"}
    received = as_user("clerk1").call("doActionFor", receive)
    assert [(item["path"], item["review_state"]) for item in received["objects"]] == [(path, "sample_received")]
    assert state_of(admin, f"{owner}/{made['sample_id']}") == "sample_received"
    results = {f"{path}/Zn": {"Result": 1.5}, f"{path}/Cu": {"Result": "<2"}}
    analyst, verifier = as_user("analyst1"), as_user("verifier1")
    analyst.call("update_many", {"input_values": json.dumps(results)})
    submit = {"portal_type": "Analysis", "catalog_name": "bika_analysis_catalog", "path": path, "action": "submit"}
    assert len(analyst.call("doActionFor", submit)["objects"]) == 2
    assert state_of(admin, path) == "to_be_verified"
    verifier.call("doActionFor_many", {"obj_paths": json.dumps(list(results)), "action": "verify"})
    assert state_of(admin, path) == "verified"
    published = as_user("publisher1").call("doActionFor_many", {"f": json.dumps([path]), "action": "publish"})
    assert published["objects"][0]["review_state"] == "published"
    assert {item["review_state"] for item in analyses_of(admin, path).values()} == {"published"}


def test_who_submits_does_not_verify(admin: Client, as_user: AsUser) -> None:
    made = make_request(admin, make_client(admin), ["Zinc"])
    manager = as_user("labmanager1")
    manager.call("doActionFor_many", {"obj_paths": json.dumps([made["path"]]), "action": "receive"})
    analysis = json.dumps([f"{made['path']}/Zn"])
    manager.call("update", {"obj_path": f"{made['path']}/Zn", "Result": "1"})
    manager.call("doActionFor_many", {"obj_paths": analysis, "action": "submit"})
    body = manager.refused(
        "doActionFor_many", {"obj_paths": analysis, "action": "verify"}, status=403, type="TransitionNotAllowed"
    )
    assert "Zn" in body["message"]
    offered = manager.call("allowedTransitionsFor", {"uid": admin.uid(f"{made['path']}/Zn")})["transitions"][0]
    assert "verify" not in [item["id"] for item in offered["transitions"]]


def test_a_transition_that_the_state_does_not_offer_names_what_it_does(admin: Client) -> None:
    made = make_batch(admin)
    request = {"portal_type": "Batch", "id": made["obj_id"], "action": "reinstate"}
    body = admin.refused("doActionFor", request, status=409, type="TransitionNotAllowed")
    assert made["path"] in json.dumps(body)
    assert "cancel" in body["message"]


@pytest.mark.parametrize(
    ("criteria", "status"),
    [
        pytest.param({}, 400, id="no criterion"),
        pytest.param({"sort_on": "id"}, 400, id="only an order"),
        pytest.param({"portal_typ": "Batch"}, 400, id="misspelt criterion"),
        pytest.param({"portal_type": "Batch", "review_stat": "open"}, 400, id="one misspelt criterion of two"),
        pytest.param({"portal_type": "Batch", "review_state": "{{x}}"}, 400, id="a template"),
        pytest.param({"portal_type": "Batch", "id": "nosuch"}, 404, id="none found"),
    ],
)
def test_a_filter_that_says_nothing_acts_on_nothing(admin: Client, criteria: dict[str, str], status: int) -> None:
    admin.refused("doActionFor", criteria | {"action": "cancel"}, status=status)
    admin.refused("doActionFor", {"portal_type": "Batch", "id": "B-001"}, status=400)


def test_the_action_applies_to_all_pages_unless_a_page_is_named(admin: Client) -> None:
    title = unique("all pages")
    made = [make_batch(admin, title=title) for _ in range(12)]
    criteria = {"portal_type": "Batch", "title": title}
    one = admin.call("doActionFor", criteria | {"action": "cancel", "page_size": "2", "page_nr": "1"})
    assert [item["path"] for item in one["objects"]] == [item["path"] for item in made[2:4]]
    rest = criteria | {"cancellation_state": "active"}
    assert len(admin.call("doActionFor", rest | {"action": "cancel"})["objects"]) == 10
    assert len(admin.call("doActionFor", criteria | {"action": "reinstate"})["objects"]) == 12


def test_one_refusal_undoes_all_unless_partial(admin: Client) -> None:
    first, second = make_batch(admin), make_batch(admin)
    cancel = {"action": "cancel", "uids": json.dumps([first["obj_uid"]])}
    admin.call("doActionFor_many", cancel)
    both = {"action": "cancel", "obj_paths": json.dumps([second["path"], first["path"]])}
    admin.refused("doActionFor_many", both, status=409, type="TransitionNotAllowed")
    assert admin.only(portal_type="Batch", id=second["obj_id"])["cancellation_state"] == "active"
    body = admin.post("doActionFor_many", both | {"partial": "1"}).json()
    assert body["success"] is False
    assert body["message"]
    assert admin.only(portal_type="Batch", id=second["obj_id"])["cancellation_state"] == "cancelled"
    states = {item["path"]: item.get("cancellation_state") for item in body["objects"]}
    assert states[second["path"]] == "cancelled"


@pytest.mark.parametrize(
    ("request_form", "status"),
    [({}, 400), ({"obj_paths": "[]"}, 400), ({"obj_paths": '["/nosuch"]'}, 404), ({"f": "x", "nosuch": "1"}, 400)],
)
def test_do_action_for_many_needs_objects(admin: Client, request_form: dict[str, str], status: int) -> None:
    admin.refused("doActionFor_many", request_form | {"action": "cancel"}, status=status)


def test_objects_are_named_by_uid_and_another_name_is_told(admin: Client) -> None:
    for path in ("", "/batches"):
        message = admin.refused("allowedTransitionsFor", {"obj_path": path}, status=400)["message"]
        assert "uid" in message
        assert "obj_path" in message


@pytest.mark.parametrize("method", ["allowedTransitionsFor", "allowedTransitionsFor_many"])
def test_allowed_transitions_are_those_of_the_caller(admin: Client, as_user: AsUser, method: str) -> None:
    made = [make_batch(admin)["obj_uid"] for _ in range(2)]
    for uid in (made[0], json.dumps(made)):
        answer = admin.call(method, {"uid": uid})["transitions"]
        assert [item["uid"] for item in answer] == (made if uid.startswith("[") else [uid])
        assert {"id": "cancel", "title": "Cancel"} in answer[0]["transitions"]
    analyst = as_user("analyst1").call(method, {"uid": made[0]})["transitions"][0]
    assert "cancel" not in [item["id"] for item in analyst["transitions"]]
    admin.refused(method, {}, status=400)
    if method == "allowedTransitionsFor":
        admin.refused(method, {"uid": "f" * 32}, status=404)
    else:
        assert admin.call(method, {"uid": "f" * 32})["transitions"] == []


def test_a_comment_and_who_gave_it_stand_in_the_history(admin: Client) -> None:
    made = make_batch(admin)
    request = {"portal_type": "Batch", "id": made["obj_id"], "action": "cancel", "comment": "no longer needed"}
    admin.call("doActionFor", request)
    newest = admin.call("history", {"UID": made["obj_uid"]})["history"][0]
    text = json.dumps(newest)
    assert "no longer needed" in text
    assert "cancel" in text
    assert "admin" in text


def test_retracting_leaves_the_old_result_and_starts_anew(admin: Client, as_user: AsUser) -> None:
    made = make_request(admin, make_client(admin), ["Zinc"])
    path = made["path"]
    admin.call("doActionFor_many", {"obj_paths": json.dumps([path]), "action": "receive"})
    admin.call("update", {"obj_path": f"{path}/Zn", "Result": "7"})
    for action in ("submit", "retract"):
        admin.call("doActionFor_many", {"obj_paths": json.dumps([f"{path}/Zn"]), "action": action})
    found = analyses_of(admin, path)
    assert {name: item["review_state"] for name, item in found.items()} == {
        "Zn": "sample_received",
        "Zn-1": "retracted",
    }
    assert found["Zn-1"]["Result"] == "7"
    assert state_of(admin, path) == "sample_received"


def test_a_verified_result_is_not_overwritten(admin: Client) -> None:
    path = "/clients/client-4/MK-0002-R01/Fat"
    admin.refused("update", {"obj_path": path, "Result": "9"}, status=403, type="Forbidden")


def test_getusers_lists_who_has_a_role(admin: Client) -> None:
    users = admin.call("getusers", {"roles:list": ["Analyst", "Verifier"]})["users"]
    assert {"userid": "analyst1", "fullname": "Tomas Okafor"} in users
    assert "verifier1" in [item["userid"] for item in users]
    admin.refused("getusers", {}, status=400)

"""copy, move, rename over HTTP: many at once, by any verb, what is refused, and what the old path answers."""

import pytest

from tests.acceptance.client import Client, failed, succeeded
from tests.acceptance.conftest import AsUser
from tests.acceptance.making import analyses_of, make_batch, make_client, make_contact, make_request, unique


def test_what_is_renamed_is_found_at_its_new_path_alone(admin: Client) -> None:
    made = make_batch(admin)
    wanted = unique("renamed").replace(" ", "-")
    (renamed,) = succeeded(admin.get("rename", {"obj_path": made["path"], "obj_id": wanted}))["objects"]
    assert (renamed["obj_uid"], renamed["path"]) == (made["obj_uid"], f"/Plone/batches/{wanted}")
    assert admin.only(UID=made["obj_uid"])["path"] == renamed["path"]
    assert admin.read(path=made["path"])["total_objects"] == 0
    admin.refused("update", {"obj_path": made["path"], "Remarks": "x"}, status=404, type="NotFound")
    assert admin.call("update", {"obj_path": renamed["path"], "Remarks": "x"})["updated"] == ["Remarks"]


def test_contacts_move_together_or_not_at_all(admin: Client) -> None:
    here, there = make_client(admin), make_client(admin)
    paths = [make_contact(admin, here) for _ in range(2)]
    bound = make_request(admin, here, ["Calcium"])
    contact = admin.only(UID=bound["obj_uid"], catalog_name="bika_catalog")["Contact_uid"]
    body = {"obj_paths": paths, "uids": [contact], "target_path": there}
    refused = failed(admin.http.post(admin.url("move"), json=body), status=422, type="ValidationError")
    assert "is not of" in refused["message"]
    assert admin.read(path=there, portal_type="Contact")["total_objects"] == 0
    partial = admin.http.post(admin.url("move"), json={**body, "partial": True}).json()
    assert partial["success"] is False
    assert [item.get("success", True) for item in partial["objects"]] == [True, True, False]
    assert partial["objects"][2]["type"] == "ValidationError"
    assert admin.read(path=there, portal_type="Contact")["total_objects"] == 2


def test_a_client_duplicates_a_request_and_is_told_what_was_left_out(as_user: AsUser, admin: Client) -> None:
    made = make_request(admin, "/clients/client-1", ["Calcium", "Copper"], InvoiceExclude="1")
    (copy,) = succeeded(as_user("rita").post("copy", {"UID": made["obj_uid"]}))["objects"]
    assert copy["sample_id"] != made["sample_id"]
    assert set(analyses_of(admin, copy["path"])) == {"Ca", "Cu"}
    assert "InvoiceExclude" in {item["field"] for item in copy["left_out"]}
    as_user("pavel").refused("copy", {"UID": made["obj_uid"]}, status=404, type="NotFound")


def test_a_copy_of_what_refers_to_something_out_of_use_says_what_to_send(admin: Client) -> None:
    owner, batch = make_client(admin), make_batch(admin)["path"]
    made = make_request(admin, owner, ["Calcium"], Batch=batch)
    admin.call("doActionFor_many", {"obj_paths": batch, "action": "close"})
    asked = {"UID": made["obj_uid"], "fields": "{}"}
    message = admin.refused("copy", asked, status=422)["message"]
    assert "closed" in message
    assert "send another Batch, or an empty one, in fields" in message
    admin.call("copy", {**asked, "fields": '{"Batch": ""}'})


@pytest.mark.parametrize(
    ("method", "sent", "status", "named"),
    [
        ("copy", {}, 400, "obj_paths"),
        ("move", {"obj_path": "{batch}"}, 400, "target_path"),
        ("rename", {"obj_path": "{batch}"}, 400, "obj_id"),
        ("move", {"obj_path": "{batch}", "target_path": "/clients/none"}, 404, "/clients/none"),
        ("copy", {"obj_path": "{batch}", "title": "x"}, 400, "title"),
        ("copy", {"obj_path": "{batch}", "fields": "text"}, 400, "fields"),
        ("copy", {"obj_path": "{batch}", "fields": '{"Nonsense": 1}'}, 400, "Nonsense"),
        ("move", {"obj_path": "{batch}", "target_path": "/samples"}, 400, "target_path"),
        ("rename", {"obj_path": "{batch}", "obj_id": "a b"}, 422, "obj_id"),
        ("rename", {"obj_path": "/clients", "obj_id": "customers"}, 422, "/Plone/clients"),
        ("copy", {"obj_paths": ["{batch}", "/batches/none"], "obj_id": "x"}, 400, "obj_id"),
        ("copy", {"obj_paths": ["{batch}", "{batch}"]}, 400, "repeated"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(
    admin: Client, method: str, sent: dict[str, object], status: int, named: str
) -> None:
    batch = make_batch(admin)["path"]
    body = {
        name: [item.format(batch=batch) for item in value]
        if isinstance(value, list)
        else str(value).replace("{batch}", batch)
        for name, value in sent.items()
    }
    answer = failed(admin.http.post(admin.url(method), json=body), status=status)
    assert named in {str(value) for cause in answer["errors"] for value in cause.values()}, answer


def test_versions_are_honoured_or_refused(admin: Client) -> None:
    made = make_batch(admin)
    sent = {"obj_path": made["path"], "obj_id": unique("r").replace(" ", "-")}
    stale = admin.post("rename", sent, headers={"If-Match": '"7"'})
    assert failed(stale, status=409, type="Conflict")["message"].startswith(made["path"])
    assert succeeded(admin.post("rename", sent, headers={"If-Match": '"1"'}))["objects"][0]["version"] == 2
    copying = admin.post("copy", {"UID": made["obj_uid"], "obj_id": "x"}, headers={"If-Match": "1"})
    assert "If-Match" in failed(copying, status=400)["message"]


def test_types_say_what_may_be_copied_and_moved(admin: Client) -> None:
    described = {name: admin.get(f"types/{name}").json()["type"] for name in ("Batch", "Invoice", "ClientFolder")}
    assert {name: (item["copyable"], item["movable"]) for name, item in described.items()} == {
        "Batch": (True, True),
        "Invoice": (False, False),
        "ClientFolder": (False, False),
    }
    fields = {item["name"]: item.get("copied") for item in admin.get("types/AnalysisRequest").json()["type"]["fields"]}
    assert (fields["DateReceived"], fields["Sample"], fields["Contact"]) == ("no", "inside", None)

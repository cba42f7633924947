"""Spellings of published clients, and refusals that tell what to do."""

import base64
import json
from typing import Any

import pytest

from tests.acceptance.client import Client, failed, succeeded
from tests.acceptance.conftest import AsUser, Serve
from tests.acceptance.making import analyses_of, make_batch, make_client, make_contact, make_request, unique
from tests.conftest import DATABASES

# References


@pytest.mark.parametrize("alias", ["uid", "UID", "Uid"])
def test_uids_in_a_query_stand_in_any_place(admin: Client, alias: str) -> None:
    owner = make_client(admin)
    contacts = [make_contact(admin, owner) for _ in range(2)]
    first, second = (admin.uid(path) for path in contacts)
    made = make_request(admin, owner, ["Calcium"])
    for reference in (
        f"{alias}:{first}|{alias}:{second}",
        f"portal_type:Contact|{alias}:{first.upper()}|{alias}:{second}",
        f"{alias}:{first}|portal_type:Contact|{alias}:{second}",
    ):
        admin.call("update", {"obj_path": made["path"], "CCContact": reference})
        assert sorted(admin.at(made["path"])["CCContact"]) == sorted([first, second])
        admin.call("update", {"obj_path": made["path"], "CCContact": ""})
    body = admin.refused(
        "update", {"obj_path": made["path"], "Contact": f"{alias}:{first}|{alias}:{second}"}, status=422
    )
    assert body["type"] == "AmbiguousReference"


def test_a_query_may_name_its_catalog(admin: Client) -> None:
    batch = make_batch(admin)
    made = make_request(admin, make_client(admin), ["Calcium"])
    asked = f"catalog_name:bika_catalog|id:{batch['obj_id']}"
    admin.call("update", {"obj_path": made["path"], "Batch": asked})
    assert admin.at(made["path"])["Batch"] == batch["obj_uid"]
    for wrong, said in (
        (f"catalog_name:bika_analysis_catalog|id:{batch['obj_id']}", "matches"),
        (f"catalog_name:bika_catalogue|id:{batch['obj_id']}", "bika_catalogue"),
        ("catalog_name:bika_catalog", "no index"),
    ):
        body = admin.refused("update", {"obj_path": made["path"], "Batch": wrong}, status=422)
        assert said in body["message"]


@pytest.mark.parametrize(
    ("wrong", "key"), [("portal_type:Batch|titel:x", "titel"), ("Portal_type:Batch|id:x", "Portal_type")]
)
def test_a_misspelt_key_of_a_query_is_named(admin: Client, wrong: str, key: str) -> None:
    made = make_request(admin, make_client(admin), ["Calcium"])
    body = admin.refused("update", {"obj_path": made["path"], "Batch": wrong}, status=422, type="UnresolvedReference")
    assert f"{key!r} is not an index" in body["message"]


# Forms and files


@pytest.mark.parametrize("token", ["", "  "])
def test_an_empty_token_is_as_if_not_sent(admin: Client, token: str) -> None:
    batch = make_batch(admin)
    admin.call("update", {"obj_path": batch["path"], "Remarks": "x", "_authenticator": token})
    admin.read(portal_type="Client", _authenticator=token)


def test_the_container_may_be_named_by_its_uid(admin: Client) -> None:
    uid = admin.uid("/batches")
    request = {"obj_type": "Batch", "title": unique("inside")}
    made = admin.call("create", {"obj_uid": uid, **request})
    assert made["path"].startswith("/Plone/batches/")
    admin.refused("create", {"obj_uid": uid, "obj_path": "/clients", **request}, status=400)
    admin.refused("create", {"obj_uid": "0" * 32, **request}, status=404)


def test_records_may_be_sent_with_brackets(admin: Client) -> None:
    owner = make_client(admin, **{"PhysicalAddress[city]": "Ghent", "PhysicalAddress[zip]": "9000"})
    address = admin.at(owner)["PhysicalAddress"]
    assert (address["city"], address["zip"]) == ("Ghent", "9000")
    body = admin.refused(
        "update", {"obj_path": owner, "PhysicalAddress[city]": "x", "PhysicalAddress[street[]": "y"}, status=400
    )
    assert "PhysicalAddress" in body["message"]
    service = admin.only(catalog_name="bika_setup_catalog", portal_type="AnalysisService", title="Calcium")
    rows = {"ResultOptions[0][ResultValue]": "1", "ResultOptions[0][ResultText]": "a"}
    rows |= {"ResultOptions[1][ResultValue]": "2", "ResultOptions[1][ResultText]": "b"}
    plan = admin.call("update", {"obj_path": service["path"], "dry_run": "1", **rows})["plan"]
    (change,) = plan["changes"]
    (field,) = [item for item in change["fields"] if item["field"] == "ResultOptions"]
    assert [row["ResultText"] for row in field["new"]] == ["a", "b"]


CONTENT = bytes(range(256)) * 2


@pytest.mark.parametrize("encode", [base64.encodebytes, base64.b64encode], ids=["wrapped", "whole"])
@pytest.mark.parametrize("key", ["base64", "data"])
def test_base64_may_be_broken_into_lines(admin: Client, encode: Any, key: str) -> None:
    made = make_request(admin, make_client(admin), ["Calcium"])
    file = {"filename": "a.bin", key: encode(CONTENT).decode()}
    request = {"obj_path": made["path"].rpartition("/")[0], "obj_type": "Attachment", "AttachmentFile": file}
    path = succeeded(admin.json("create", request))["path"]
    assert admin.http.get(f"{admin.root}{path}/at_download/AttachmentFile").content == CONTENT


def test_every_missing_field_is_named(admin: Client, as_user: AsUser) -> None:
    body = admin.refused("create", {"obj_type": "AnalysisRequest"}, status=422, type="ValidationError")
    named = {cause["field"] for cause in body["errors"]}
    assert {"Client", "Contact", "Services", "SamplingDate"} <= named
    assert "Contact" in body["message"]
    # What has a default of its own is not missing.
    body = admin.refused("create", {"obj_type": "SupplyOrder", "obj_path": "/clients/client-1"}, status=422)
    assert "OrderDate" not in body["message"]
    body = as_user("rita").refused("create", {"obj_type": "AnalysisRequest", "Client": "/clients/client-1"}, status=422)
    assert "Contact" not in {cause["field"] for cause in body["errors"]}


# Answers


def test_a_download_that_fails_has_its_real_status(admin: Client, as_user: AsUser) -> None:
    for path in ("/Plone/batches/B-001/at_download/Nosuch", "/Plone/nosuch/@@API/file?field=X"):
        response = admin.http.get(f"{admin.root}{path}")
        assert (response.status_code, response.json()["success"]) == (404, False)
    response = admin.http.get(f"{admin.root}/Plone/batches/B-001/@@API/file")
    assert response.status_code == 400


def test_transitions_of_many_leave_out_what_is_not_there(admin: Client) -> None:
    uid = make_batch(admin)["obj_uid"]
    gone = "0" * 32
    answer = admin.call("allowedTransitionsFor_many", {"uid:list": [gone, uid]})
    assert [item["uid"] for item in answer["transitions"]] == [uid]
    assert [gone in warning for warning in answer["warnings"]] == [True]
    assert admin.call("allowedTransitionsFor_many", {"uid": gone})["transitions"] == []
    admin.refused("allowedTransitionsFor", {"uid:list": [gone, uid]}, status=404)


def test_a_uid_in_the_wrong_catalog_hints_at_the_right_one(admin: Client, as_user: AsUser) -> None:
    made = make_request(admin, make_client(admin), ["Calcium"])
    uid = analyses_of(admin, made["path"])["Ca"]["UID"]
    answer = admin.read(UID=uid)
    assert answer["total_objects"] == 0
    assert "bika_analysis_catalog" in answer["warnings"][0]
    # Whoever may not see the object learns nothing of it.
    assert "warnings" not in as_user("rita").read(UID=uid)
    assert "warnings" not in admin.read(UID="0" * 32)


@pytest.mark.parametrize("method", ["doActionFor", "doActionFor_many"])
def test_an_action_that_no_workflow_has_is_named_once(admin: Client, method: str) -> None:
    batches = [make_batch(admin) for _ in range(3)]
    objects: dict[str, Any] = {
        "portal_type": "Batch",
        "catalog_name": "bika_catalog",
        "UID": [b["obj_uid"] for b in batches],
    }
    if method == "doActionFor_many":
        objects = {"uids": [batch["obj_uid"] for batch in batches]}
    body = failed(admin.json(method, {**objects, "action": "clsoe"}), 400, "BadRequest")
    assert body["message"].count("clsoe") == 1
    assert "did you mean 'close'" in body["message"]
    assert [cause["parameter"] for cause in body["errors"]] == ["action"]


def test_a_refusal_of_a_field_tells_the_state(admin: Client) -> None:
    found = admin.read(catalog_name="bika_analysis_catalog", review_state="verified", portal_type="Analysis")
    path = found["objects"][0]["path"]
    body = admin.refused("update", {"obj_path": path, "Result": "1"}, status=403)
    assert "verified" in body["message"]


def test_the_message_of_a_batch_names_its_bad_rows(admin: Client) -> None:
    batches = [make_batch(admin) for _ in range(3)]
    rows = [{"obj_uid": batch["obj_uid"], "fields": {"BatchDate": "soon"}} for batch in batches[:2]]
    rows.append({"obj_uid": batches[2]["obj_uid"], "fields": {"Remarks": "x"}})
    body = failed(admin.json("update_many", {"input_values": rows}), 422)
    assert body["message"].startswith("2 of 3 ")
    assert [batch["path"] in body["message"] for batch in batches] == [True, True, False]


def test_a_limit_is_named_with_its_setting(serve: Serve) -> None:
    root = serve("sqlite", OBJAPI_MAX_BODY_SIZE="20000", OBJAPI_MAX_VALUE_LENGTH="10000", OBJAPI_MAX_UPDATE_ENTRIES="2")
    client = Client(root, "admin")
    batch = make_batch(client)
    long = {"obj_path": batch["path"], "Remarks": "x" * 30_000}
    for body, limit, setting in (
        (long, "20000", "OBJAPI_MAX_BODY_SIZE"),
        (long | {"Remarks": "x" * 15_000}, "10000", "OBJAPI_MAX_VALUE_LENGTH"),
    ):
        message = failed(client.json("update", body), 413, "TooLarge")["message"]
        assert limit in message
        assert setting in message
    rows = {f"/batches/B-00{number}": {"Remarks": "x"} for number in range(3)}
    message = failed(client.json("update_many", {"input_values": json.dumps(rows)}), 413)["message"]
    assert "OBJAPI_MAX_UPDATE_ENTRIES" in message


@pytest.mark.parametrize("database", DATABASES)
def test_transitions_in_every_read_reach_the_analyses_and_respect_include_fields(serve: Serve, database: str) -> None:
    client = Client(serve(database, OBJAPI_TRANSITIONS_IN_READ="1"), "admin")
    asked = {"portal_type": "AnalysisRequest", "id": "SO-0001-R01"}
    whole = client.only(**asked)
    assert whole["transitions"]
    offered = {item["id"]: item["transitions"] for item in whole["Analyses"]}
    assert offered == {
        item["id"]: item["transitions"] for item in analyses_of(client, "/Plone/clients/client-1/SO-0001-R01").values()
    }
    narrow = client.only(include_fields="id,Analyses", **asked)
    assert "transitions" not in narrow
    assert all("transitions" not in item for item in narrow["Analyses"])
    both = client.only(include_fields="transitions,Analyses", **asked)
    assert both["transitions"] == whole["transitions"]
    assert {item["id"]: item["transitions"] for item in both["Analyses"]} == offered


def test_a_derived_title_may_be_sent_back(admin: Client) -> None:
    owner = make_client(admin)
    path = make_contact(admin, owner)
    contact = admin.at(path)
    body = {"obj_path": path, "title": contact["title"], "Department": "x"}
    assert succeeded(admin.json("update", body))["updated"] == ["Department"]
    renamed = {"obj_path": path, "Firstname": "Eva", "title": contact["title"].replace("Ada", "Eva")}
    succeeded(admin.json("update", renamed))
    for more in ({}, {"dry_run": "1"}):
        wrong = failed(admin.json("update", {"obj_path": path, "title": "Someone", **more}), 422, "ValidationError")
        assert wrong["errors"][0]["field"] == "title"
    request = {"obj_path": owner, "obj_type": "Contact", "Firstname": "Ida", "Surname": "Lund"}
    succeeded(admin.json("create", {**request, "title": "Ida Lund"}))
    failed(admin.json("create", {**request, "title": "Ida Berg"}), 422, "ValidationError")

"""create_many: objects of several types in one call, linked by names, all of them or, with `partial`, what can be."""

from typing import Any

import pytest

from tests.acceptance.client import Client, failed, succeeded
from tests.acceptance.conftest import AsUser
from tests.acceptance.making import make_client, unique

pytestmark = pytest.mark.both_databases

PULP = "portal_type:SampleType|title:Apple Pulp"
CALCIUM, ZINC = (f"portal_type:AnalysisService|title:{title}" for title in ("Calcium", "Zinc"))


def customer(name: str, ref: str | None = None) -> dict[str, Any]:
    entry = {"obj_type": "Client", "obj_path": "/clients", "Name": name, "ClientID": name.replace(" ", "-")}
    return entry if ref is None else {**entry, "ref": ref}


def test_a_client_with_its_contact_batch_and_requests_is_made_in_one_call(admin: Client) -> None:
    name = unique("Grower")
    request = {"obj_type": "AnalysisRequest", "Client": {"ref": "grower"}, "Contact": {"ref": "ada"}}
    request |= {"SampleType": PULP, "SamplingDate": "2024-05-06", "Batch": {"ref": "batch"}}
    entries = [
        {**request, "Services": [CALCIUM, ZINC]},
        {**request, "Services": [ZINC], "fields": {"CCContact": [{"ref": "ada"}]}},
        {"ref": "ada", "obj_type": "Contact", "obj_path": {"ref": "grower"}, "Firstname": "Ada", "Surname": name},
        {"ref": "batch", "obj_type": "Batch", "obj_path": "/batches", "title": name, "Client": {"ref": "grower"}},
        customer(name, "grower"),
    ]
    answer = succeeded(admin.json("create_many", {"input_values": entries}))
    first, second, ada, batch, grower = answer["objects"]
    assert [made.get("ref") for made in answer["objects"]] == [None, None, "ada", "batch", "grower"]
    assert first["path"] == f"{grower['path']}/{first['ar_id']}"
    assert (ada["path"].rpartition("/")[0], first["obj_id"]) == (grower["path"], f"{first['sample_id']}-R01")
    found = admin.read(catalog_name="bika_catalog", portal_type="AnalysisRequest", getClientUID=grower["obj_uid"])
    assert {item["UID"]: [a["id"] for a in item["Analyses"]] for item in found["objects"]} == {
        first["obj_uid"]: ["Ca", "Zn"],
        second["obj_uid"]: ["Zn"],
    }
    assert {item["Batch"] for item in found["objects"]} == {batch["obj_uid"]}
    assert admin.at(second["path"])["CCContact"] == [ada["obj_uid"]]


def test_one_bad_entry_creates_nothing_and_is_named(admin: Client) -> None:
    name = unique("Grower")
    entries = [customer(name), {**customer(f"{name} two"), "Colour": "red"}, {"obj_type": "Batch", "title": "x"}]
    answer = failed(admin.json("create_many", {"input_values": entries}), 422, "ValidationError")
    assert "entry 1: The following request fields were not used: Colour" in answer["message"]
    assert "entry 2: Required field not found in request: obj_path" in answer["message"]
    assert [entry["success"] for entry in answer["objects"]] == [False, False, False]
    assert [entry.get("status") for entry in answer["objects"]] == [None, 400, 400]
    assert admin.read(portal_type="Client", title=name)["total_objects"] == 0


def test_partial_creates_what_does_not_depend_on_a_bad_entry(admin: Client) -> None:
    name = unique("Grower")
    contact = {"obj_type": "Contact", "Firstname": "Ada"}
    entries = [
        {**contact, "obj_path": {"ref": "bad"}, "Surname": "Without"},
        {**customer(f"{name} bad", "bad"), "ClientID": ""},
        customer(name, "good"),
        {**contact, "obj_path": {"ref": "good"}, "Surname": name},
    ]
    answer = admin.json("create_many", {"input_values": entries, "partial": True}).json()
    assert answer["success"] is False and answer["message"].startswith("2 of 4")
    assert [entry["success"] for entry in answer["objects"]] == [False, False, True, True]
    assert "entry 1" in answer["objects"][0]["message"] and "ClientID" in answer["objects"][0]["message"]
    assert admin.at(answer["objects"][3]["path"])["Surname"] == name


@pytest.mark.parametrize(
    ("entries", "named"),
    [
        ([], "no object is named"),
        ({"/clients": {"Name": "x"}}, "list"),
        ([7], "entry 0"),
        ([{"obj_path": "/batches", "title": "x"}], "obj_type"),
        ([{"obj_type": "Batch", "obj_path": 7}], "obj_path"),
        ([{"obj_type": "Batch", "obj_path": {"ref": ""}}], "obj_path"),
        ([{"obj_type": "Batch", "obj_path": "/batches", "ref": 7}], "ref"),
        ([{"obj_type": "Batch", "obj_path": "/batches", "title": "x", "fields": {"title": "y"}}], "title"),
        (["x", 7], "entry 0"),
        ([{"obj_type": "Batch", "obj_path": "/batches", "Client": {"ref": "none"}}], "'none'"),
        ([{"obj_type": "Batch", "obj_path": "/batches", "Client": {"ref": "none"}}, customer("x")], "'none'"),
        ([customer("x", "one"), customer("y", "one")], "already"),
        (
            [{**customer("x", "a"), "obj_path": {"ref": "b"}}, {**customer("y", "b"), "obj_path": {"ref": "a"}}],
            "circle",
        ),
    ],
)
@pytest.mark.parametrize("partial", [False, True])
def test_what_cannot_be_meant_is_a_400_that_names_it(admin: Client, entries: object, named: str, partial: bool) -> None:
    answer = failed(admin.json("create_many", {"input_values": entries, "partial": partial}), 400, "BadRequest")
    assert named in answer["message"]


def test_a_form_carries_the_list_as_text(admin: Client) -> None:
    name = unique("Series")
    answer = admin.call(
        "create_many", {"input_values": f'[{{"obj_type": "Batch", "obj_path": "/batches", "title": "{name}"}}]'}
    )
    assert admin.at(answer["objects"][0]["path"])["title"] == name


def test_a_dry_run_gives_the_plan(admin: Client) -> None:
    name = unique("Grower")
    contact = {"obj_type": "Contact", "obj_path": {"ref": "g"}, "Firstname": "Ada", "Surname": name}
    answer = succeeded(admin.json("create_many", {"input_values": [contact, customer(name, "g")], "dry_run": 1}))
    assert [change["portal_type"] for change in answer["plan"]["changes"]] == ["Client", "Contact"]
    assert answer["objects"][0]["path"].startswith(answer["objects"][1]["path"])
    assert admin.read(portal_type="Client", title=name)["total_objects"] == 0


def test_permissions_hold_for_each_entry(admin: Client, as_user: AsUser) -> None:
    rita, foreign = as_user("rita"), make_client(admin)
    contact = {"obj_type": "Contact", "Firstname": "Ada", "Surname": unique("Berg")}
    entries = [{**contact, "obj_path": "/clients/client-1"}, {**contact, "obj_path": foreign}, customer(unique("Own"))]
    answer = rita.json("create_many", {"input_values": entries}).json()
    assert [entry.get("status") for entry in answer["objects"]][1:] == [404, 403]
    assert answer["success"] is False


def test_if_match_is_refused(admin: Client) -> None:
    entries = [customer(unique("Grower"))]
    answer = admin.json("create_many", {"input_values": entries}, headers={"If-Match": '"1"'})
    assert "without If-Match" in failed(answer, 400, "BadRequest")["message"]

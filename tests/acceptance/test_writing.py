"""create, update, update_many, remove: what is written, what is refused, and that nothing is half done."""

import json
from typing import Any

import pytest
from werkzeug.http import parse_options_header

from tests.acceptance.client import Client, failed, succeeded
from tests.acceptance.conftest import AsUser
from tests.acceptance.making import analyses_of, make_batch, make_client, make_contact, make_request, unique

pytestmark = pytest.mark.both_databases


def test_create_answers_id_uid_and_path(admin: Client) -> None:
    made = make_batch(admin)
    found = admin.only(portal_type="Batch", id=made["obj_id"])
    assert (found["UID"], found["path"]) == (made["obj_uid"], made["path"])


@pytest.mark.parametrize("name", ["obj_id", "id"])
def test_an_id_can_be_asked_for_once(admin: Client, name: str) -> None:
    wanted = unique("b").replace(" ", "-")
    assert make_batch(admin, **{name: wanted})["obj_id"] == wanted
    request = {"obj_path": "/batches", "obj_type": "Batch", "title": unique("other"), name: wanted}
    assert wanted in admin.refused("create", request, status=409, type="Conflict")["message"]


@pytest.mark.parametrize("wanted", ["with blank", "a/b", ".hidden", "..", "-x", "ä"])
def test_an_id_has_a_form(admin: Client, wanted: str) -> None:
    request = {"obj_path": "/batches", "obj_type": "Batch", "title": unique("b"), "obj_id": wanted}
    admin.refused("create", request, status=422, type="ValidationError")


@pytest.mark.parametrize("path", ["/batches", "batches", "/Plone/batches", "Plone/batches", "/batches/", "/batches?x"])
def test_a_path_may_be_written_in_every_usual_way(admin: Client, path: str) -> None:
    assert make_batch(admin, obj_path=path)["path"].startswith("/Plone/batches/")


@pytest.mark.parametrize("path", ["/clients/../batches", "/batches//x", "/batches/\0", "/" + "x/" * 600])
def test_a_path_that_cannot_be_meant_is_refused(admin: Client, path: str) -> None:
    request = {"obj_path": path, "obj_type": "Batch", "title": "x"}
    admin.refused("create", request, status=400, type="BadRequest")


def test_every_missing_field_is_named_at_once(admin: Client) -> None:
    body = admin.refused("create", {"obj_path": "/clients", "obj_type": "Client"}, status=422, type="ValidationError")
    assert {cause["field"] for cause in body["errors"]} == {"Name", "ClientID"}
    assert "Name" in body["message"]
    assert "ClientID" in body["message"]


@pytest.mark.parametrize("missing", ["obj_type", "obj_path"])
def test_what_create_needs_is_named(admin: Client, missing: str) -> None:
    request = {"obj_path": "/batches", "obj_type": "Batch"}
    del request[missing]
    body = admin.refused("create", request, status=400, type="BadRequest")
    assert f"Required field not found in request: {missing}" in body["message"]


def test_a_parameter_that_is_no_field_refuses_all(admin: Client) -> None:
    title = unique("batch")
    request = {"obj_path": "/batches", "obj_type": "Batch", "title": title, "Titel": "x", "Remark": "y"}
    body = admin.refused("create", request, status=400, type="BadRequest")
    assert "The following request fields were not used: Titel, Remark" in body["message"]
    assert admin.read(portal_type="Batch", title=title)["total_objects"] == 0


def test_known_leavings_of_forms_are_no_fields(admin: Client) -> None:
    leavings = {"form.submitted": "1", "__ac_name": "x", "__ac_password": "y", "submit": "1", "debug_mode": "1"}
    assert make_batch(admin, **leavings)["obj_id"]


@pytest.mark.parametrize(
    ("request_form", "status"),
    [
        ({"obj_path": "/nosuch", "obj_type": "Batch"}, 404),
        ({"obj_path": "/batches", "obj_type": "Nosuch"}, 400),
        ({"obj_path": "/batches", "obj_type": "Client", "Name": "a", "ClientID": "b"}, 400),
    ],
)
def test_the_container_must_be_there_and_allow_the_type(
    admin: Client, request_form: dict[str, str], status: int
) -> None:
    admin.refused("create", request_form, status=status)


def test_a_title_that_a_sibling_has_is_refused(admin: Client) -> None:
    owner = make_client(admin)
    name = admin.only(portal_type="Client", path=owner)["Name"]
    request = {"obj_path": "/clients", "obj_type": "Client", "Name": name, "ClientID": "other-id"}
    admin.refused("create", request, status=422, type="ValidationError")


def test_update_sets_and_clears_fields(admin: Client) -> None:
    owner = make_client(admin, Phone="1")
    answer = admin.call("update", {"obj_path": owner, "Phone": "", "Fax": "22"})
    assert sorted(answer["updated"]) == ["Fax", "Phone"]
    assert answer["path"] == owner
    found = admin.only(portal_type="Client", path=owner)
    assert (found["Phone"] or "", found["Fax"]) == ("", "22")
    assert answer["obj_uid"] == found["UID"]
    admin.refused("update", {"obj_path": owner, "Name": ""}, status=422, type="ValidationError")


@pytest.mark.parametrize("name", ["obj_uid", "UID"])
def test_a_uid_names_an_object_too(admin: Client, name: str) -> None:
    made = make_batch(admin)
    assert admin.call("update", {name: made["obj_uid"], "Remarks": "by uid"})["path"] == made["path"]
    both = {name: made["obj_uid"], "obj_path": "/batches/B-001", "Remarks": "x"}
    admin.refused("update", both, status=400, type="BadRequest")


def test_type_and_id_must_match_exactly_one_object(admin: Client) -> None:
    made = make_batch(admin)
    found = {"obj_type": "Batch", "id": made["obj_id"], "Remarks": "by id"}
    assert admin.call("update", found)["obj_uid"] == made["obj_uid"]
    admin.refused("update", found | {"id": "nosuch"}, status=404, type="NotFound")
    admin.refused("update", {"obj_path": made["path"], "id": "other"}, status=400, type="BadRequest")


@pytest.mark.parametrize(
    ("request_form", "status"),
    [
        ({"obj_path": "/batches/nosuch", "title": "x"}, 404),
        ({"obj_path": "/batches/B-002"}, 400),
        ({"title": "x"}, 400),
        ({"obj_path": "/batches/B-002", "Nosuch": "x"}, 400),
        ({"obj_path": "/batches/B-002", "title": "x", "Nosuch": "x"}, 400),
    ],
)
def test_update_refuses_what_it_cannot_do(admin: Client, request_form: dict[str, str], status: int) -> None:
    before = admin.only(portal_type="Batch", id="B-002")
    admin.refused("update", request_form, status=status)
    assert admin.only(portal_type="Batch", id="B-002") == before


@pytest.mark.parametrize("name", ["obj_path", "obj_uid"])
def test_a_type_beside_a_path_must_be_that_of_the_object(admin: Client, name: str) -> None:
    made = make_batch(admin)
    target = {name: made["path" if name == "obj_path" else name], "Remarks": "checked"}
    for wrong in ("Client", "batch", "Bottle"):
        body = admin.refused("update", target | {"obj_type": wrong}, status=400, type="BadRequest")
        assert body["errors"][0]["parameter"] == "obj_type"
        assert "Batch" in body["message"]
    assert admin.at(made["path"])["Remarks"] == ""
    admin.call("update", target | {"obj_type": "Batch"})


def test_a_version_that_is_out_of_date_is_a_conflict(admin: Client) -> None:
    made = make_batch(admin)
    first = admin.call("update", {"obj_path": made["path"], "Remarks": "one"})["version"]
    second = admin.call("update", {"obj_path": made["path"], "Remarks": "two", "version": first})["version"]
    assert second > first
    for options in ({"headers": {"If-Match": f'"{first}"'}}, {"headers": {"If-Match": "nonsense"}}):
        request = {"obj_path": made["path"], "Remarks": "three"}
        failed(admin.post("update", request, **options), 409, "Conflict")
    admin.refused("update", {"obj_path": made["path"], "Remarks": "three", "version": first}, status=409)
    assert admin.only(portal_type="Batch", id=made["obj_id"])["Remarks"] == "two"
    response = admin.post("update", {"obj_path": made["path"], "Remarks": "x"}, headers={"If-Match": f'"{second}"'})
    assert succeeded(response)["version"] > second


def test_numbers_in_json_are_kept_as_they_were_written(admin: Client) -> None:
    made = make_request(admin, make_client(admin), ["Zinc"])
    admin.call("doActionFor_many", {"obj_paths": json.dumps([made["path"]]), "action": "receive"})
    body = json.dumps({"obj_path": f"{made['path']}/Zn", "Result": 0}).replace("0}", "57.10}")
    succeeded(admin.post("update", body, headers={"Content-Type": "application/json"}))
    assert analyses_of(admin, made["path"])["Zn"]["Result"] == "57.10"


@pytest.mark.parametrize(
    "text",
    [
        '{"address": "1 Wendy Way", "city": "Ceres"}',
        "{'address': '1 Wendy Way', 'city': u'Ceres'}",
    ],
)
def test_records_are_json_or_the_look_alike_of_old_clients(admin: Client, text: str) -> None:
    owner = make_client(admin, PhysicalAddress=text)
    address = admin.only(portal_type="Client", path=owner)["PhysicalAddress"]
    assert (address["address"], address["city"]) == ("1 Wendy Way", "Ceres")


def test_a_record_can_be_sent_as_zope_forms_send_it(admin: Client) -> None:
    owner = make_client(admin, **{"PhysicalAddress.city:record": "Ceres", "PhysicalAddress.zip:record": "6835"})
    address = admin.only(portal_type="Client", path=owner)["PhysicalAddress"]
    assert (address["city"], address["zip"]) == ("Ceres", "6835")


@pytest.mark.parametrize(
    "text", ["__import__('os').system('true')", "{'city': open('/etc/passwd').read()}", "{'city': 1+1}", "{", "!!x"]
)
def test_nothing_that_a_client_sends_is_evaluated(admin: Client, text: str) -> None:
    request = {"obj_path": "/clients/client-5", "PhysicalAddress": text}
    admin.refused("update", request, status=422, type="ValidationError")


# References


CONTACT = "portal_type:Contact|getFullname:Sarel Seemonster"


@pytest.mark.parametrize(
    "value",
    [
        pytest.param("{uid}", id="UID"),
        pytest.param("/clients/client-1/contact-2", id="path"),
        pytest.param("/Plone/clients/client-1/contact-2", id="path with site"),
        pytest.param(CONTACT, id="pipe query"),
        pytest.param("portal_type:Contact,getFullname:Sarel Seemonster", id="comma query"),
        pytest.param("portal_type:Contact|id:contact-2|id:contact-x", id="the same index twice means or"),
        pytest.param("contact-2", id="bare id"),
    ],
)
def test_a_reference_may_be_named_in_many_ways(admin: Client, value: str) -> None:
    uid = admin.uid("/clients/client-1/contact-2")
    made = make_request(admin, "/clients/client-1", ["Zinc"])
    admin.call("update", {"obj_path": made["path"], "Contact": value.format(uid=uid)})
    assert admin.only(portal_type="AnalysisRequest", id=made["ar_id"])["Contact_uid"] == uid


def test_targets_keep_their_order_and_lose_duplicates(admin: Client) -> None:
    owner = make_client(admin)
    uids = [admin.uid(make_contact(admin, owner)) for _ in range(3)]
    made = make_request(admin, owner, ["Zinc"])
    for sent in ({"CCContact:list": [*uids, uids[0]]}, {"CCContact[]": uids}):
        admin.call("update", {"obj_path": made["path"], "CCContact": ""})
        admin.call("update", {"obj_path": made["path"]} | sent)
        assert admin.only(portal_type="AnalysisRequest", id=made["ar_id"])["CCContact_uid"] == uids
    succeeded(admin.json("update", {"obj_path": made["path"], "CCContact": uids[::-1]}))
    assert admin.only(portal_type="AnalysisRequest", id=made["ar_id"])["CCContact_uid"] == uids[::-1]


def test_nothing_found_names_field_and_query(admin: Client) -> None:
    request = {"obj_path": "/clients/client-2/H2O-0004-R01", "Contact": "portal_type:Contact|getFullname:No Body"}
    body = admin.refused("update", request, status=422, type="UnresolvedReference")
    assert "Contact" in body["message"]
    assert "No Body" in body["message"]


def test_more_than_one_is_no_answer_for_a_single_value(admin: Client) -> None:
    owner = make_client(admin)
    surname = unique("Twin")
    uids = [admin.uid(make_contact(admin, owner, Surname=surname)) for _ in range(2)]
    made = make_request(admin, owner, ["Zinc"])
    request = {"obj_path": made["path"], "Contact": f"portal_type:Contact|getFullname:Ada {surname}"}
    body = admin.refused("update", request, status=422, type="AmbiguousReference")
    assert all(uid in json.dumps(body) or "contact-" in body["message"] for uid in uids)


def test_a_target_of_another_type_is_worded_as_not_found(admin: Client) -> None:
    request = {"obj_path": "/clients/client-2/H2O-0004-R01", "Contact": "/batches/B-001"}
    admin.refused("update", request, status=422, type="UnresolvedReference")


# update_many


def _two_batches(admin: Client) -> tuple[str, str]:
    return make_batch(admin)["path"], make_batch(admin)["path"]


def test_update_many_answers_each_entry_in_order(admin: Client) -> None:
    first, second = _two_batches(admin)
    values = {second: {"Remarks": "b"}, first: {"Remarks": "a"}}
    answer = admin.call("update_many", {"input_values": json.dumps(values)})
    assert [item["obj_path"] for item in answer["updates"]] == [second, first]
    for item in answer["updates"]:
        assert (item["success"], item["error"], item["updated"]) == (True, False, ["Remarks"])
        assert item["url"] == admin.url("update_many")
        assert len(item["obj_uid"]) == 32


def test_update_many_takes_a_list_of_entries(admin: Client) -> None:
    first, second = _two_batches(admin)
    uid = admin.uid(second)
    entries = [{"obj_path": first, "fields": {"Remarks": "a"}}, {"obj_uid": uid, "fields": {"Remarks": "b"}}]
    for answer in (
        admin.call("update_many", {"input_values": json.dumps(entries)}),
        succeeded(admin.json("update_many", {"input_values": entries})),
    ):
        assert [item["obj_path"] for item in answer["updates"]] == [first, second]


def test_one_bad_entry_and_nothing_changes(admin: Client) -> None:
    first, second = _two_batches(admin)
    values: dict[str, dict[str, Any]] = {
        first: {"Remarks": "changed"},
        second: {"Nosuch": "x"},
        "/batches/nosuch": {"Remarks": "x"},
    }
    body = admin.refused("update_many", {"input_values": json.dumps(values)}, status=422)
    assert [item["success"] for item in body["updates"]] == [False, False, False]
    assert "Nosuch" in body["updates"][1]["message"]
    assert body["updates"][2]["obj_path"] == "/batches/nosuch"
    assert not admin.only(portal_type="Batch", path=first)["Remarks"]


def test_partial_applies_the_good_ones_and_is_no_success(admin: Client) -> None:
    first, second = _two_batches(admin)
    values = {first: {"Remarks": "changed"}, second: {"Nosuch": "x"}}
    response = admin.post("update_many", {"input_values": json.dumps(values), "partial": "1"})
    body = response.json()
    assert (response.status_code, body["success"], body["error"]) == (200, False, True)
    assert body["message"]
    assert [item["success"] for item in body["updates"]] == [True, False]
    assert admin.only(portal_type="Batch", path=first)["Remarks"] == "changed"


def test_the_same_object_twice_is_refused(admin: Client) -> None:
    first, _ = _two_batches(admin)
    for other in (first.removeprefix("/Plone"), first.removeprefix("/"), first + "/"):
        values = {first: {"Remarks": "a"}, other: {"Remarks": "b"}}
        admin.refused("update_many", {"input_values": json.dumps(values)}, status=400, type="BadRequest")


@pytest.mark.parametrize("values", ["", "{}", "[]", "[1]", '{"/a": 1}', '{"/a": {}}', '{"a": {"b": 1}, "a": {}}', "x"])
def test_input_values_of_another_shape_are_refused(admin: Client, values: str) -> None:
    admin.refused("update_many", {"input_values": values}, status=400, type="BadRequest")


# dry_run


def test_a_dry_run_answers_with_the_plan_and_changes_nothing(admin: Client) -> None:
    made = make_batch(admin, Remarks="before")
    answer = admin.call("update", {"obj_path": made["path"], "Remarks": "after", "dry_run": "1"})
    (change,) = answer["plan"]["changes"]
    assert answer["dry_run"] is True
    assert (change["event"], change["path"], change["UID"]) == ("update", made["path"], made["obj_uid"])
    assert {"field": "Remarks", "old": "before", "new": "after"} in change["fields"]
    assert admin.only(portal_type="Batch", id=made["obj_id"])["Remarks"] == "before"


def test_the_plan_of_a_creation_has_everything_that_would_come_to_be(admin: Client) -> None:
    owner = make_client(admin)
    before = admin.read(catalog_name="portal_catalog", path=owner)["total_objects"]
    answer = make_request(admin, owner, ["Zinc", "Copper"], dry_run="1")
    created = [change["portal_type"] for change in answer["plan"]["changes"] if change["event"] == "create"]
    assert sorted(created) == ["Analysis", "Analysis", "AnalysisRequest", "Sample", "SamplePartition"]
    (asked,) = (change for change in answer["plan"]["changes"] if change.get("index") == 0)
    fields = {item["field"]: item for item in asked["fields"]}
    assert fields["Client"]["references"][0]["path"] == owner
    (services,) = (item for item in asked["parameters"] if item["parameter"] == "Services")
    assert [named["title"] for named in services["references"]] == ["Zinc", "Copper"]
    provisional = {change["portal_type"]: change["provisional"] for change in answer["plan"]["changes"][1:]}
    assert (provisional["AnalysisRequest"], provisional["Analysis"]) == (["UID", "id", "path"], ["UID", "path"])
    after = admin.read(catalog_name="portal_catalog", path=owner)["total_objects"]
    assert after - before == 1, "the contact, which was made for the call, and nothing else"


@pytest.mark.parametrize(
    ("method", "request_form", "event"),
    [
        ("remove", {"UID": "{uid}"}, "remove"),
        ("doActionFor", {"portal_type": "Batch", "id": "{id}", "action": "cancel"}, "transition"),
        ("doActionFor_many", {"obj_paths": '["{path}"]', "action": "cancel"}, "transition"),
        ("update_many", {"input_values": '{{"{path}": {{"Remarks": "x"}}}}'}, "update"),
    ],
)
def test_every_writing_method_can_be_run_dry(
    admin: Client, method: str, request_form: dict[str, str], event: str
) -> None:
    made = make_batch(admin)
    names = {"uid": made["obj_uid"], "id": made["obj_id"], "path": made["path"]}
    before = admin.only(portal_type="Batch", id=made["obj_id"])
    answer = admin.call(method, {key: value.format(**names) for key, value in request_form.items()} | {"dry_run": "1"})
    assert event in {change["event"] for change in answer["plan"]["changes"]}
    assert admin.only(portal_type="Batch", id=made["obj_id"]) == before


def test_a_dry_run_is_refused_as_the_call_would_be(admin: Client) -> None:
    asked = {"obj_path": "/clients", "obj_type": "Client"}
    body = admin.refused("create", {**asked, "dry_run": "1"}, status=422)
    assert (body["dry_run"], body["plan"]["changes"]) == (True, [])
    (refused,) = body["plan"]["refused"]
    assert (refused["index"], refused["message"], refused["status"]) == (0, body["message"], 422)
    assert "plan" not in admin.refused("create", asked, status=422)


# remove


def test_remove_takes_what_is_inside_along(admin: Client) -> None:
    owner = make_client(admin)
    contact = make_contact(admin, owner)
    uid = admin.uid(owner)
    assert admin.call("remove", {"UID": uid})["removed"] == [uid]
    for path in (owner, contact):
        assert admin.read(catalog_name="portal_catalog", path=path)["total_objects"] == 0


@pytest.mark.parametrize("name", ["UID", "UID:list", "UID[]"])
def test_remove_is_all_or_nothing(admin: Client, name: str) -> None:
    made = make_batch(admin)
    body = admin.refused("remove", {name: [made["obj_uid"], "f" * 32]}, status=404, type="NotFound")
    assert "f" * 32 in body["message"]
    assert admin.only(portal_type="Batch", id=made["obj_id"])
    assert admin.call("remove", {name: [made["obj_uid"]]})["removed"] == [made["obj_uid"]]
    admin.refused("remove", {"UID": ""}, status=400, type="BadRequest")


def test_what_is_referred_to_is_kept_unless_references_may_be_broken(admin: Client) -> None:
    owner = make_client(admin)
    contact = admin.uid(make_contact(admin, owner))
    made = make_request(admin, owner, ["Zinc"])
    admin.call("update", {"obj_path": made["path"], "CCContact:list": [contact]})
    body = admin.refused("remove", {"UID": contact}, status=409, type="ReferenceInUse")
    assert made["ar_id"] in json.dumps(body["errors"])
    admin.call("remove", {"UID": contact, "break_references": "1"})
    assert admin.only(portal_type="AnalysisRequest", id=made["ar_id"])["CCContact_uid"] == []


def test_a_sample_past_its_first_states_is_never_removed(admin: Client) -> None:
    uid = admin.uid("/clients/client-3/CN-0004")
    admin.refused("remove", {"UID": uid}, status=409, type="Conflict")


@pytest.mark.parametrize("user", ["analyst1", "sampler1"])
def test_removing_needs_the_permission(as_user: AsUser, admin: Client, user: str) -> None:
    uid = admin.uid("/clients/client-1/contact-1")
    as_user(user).refused("remove", {"UID": uid}, status=403, type="Forbidden")


# Requests


@pytest.mark.parametrize("missing", ["Client", "Contact", "SampleType", "SamplingDate", "Services"])
def test_a_request_without_something_it_needs_makes_nothing(admin: Client, missing: str) -> None:
    owner = make_client(admin)
    request = {
        "obj_type": "AnalysisRequest",
        "Client": owner,
        "Contact": make_contact(admin, owner),
        "SampleType": "portal_type:SampleType|title:Apple Pulp",
        "SamplingDate": "2024-05-06",
        "Services": "portal_type:AnalysisService|title:Zinc",
    }
    before = admin.read(catalog_name="portal_catalog", path=owner)["total_objects"]
    del request[missing]
    body = admin.refused("create", request, status=422)
    assert missing in body["message"]
    assert admin.read(catalog_name="portal_catalog", path=owner)["total_objects"] == before


def test_a_service_that_is_not_there_is_not_skipped(admin: Client) -> None:
    owner = make_client(admin)
    with pytest.raises(AssertionError, match="Services"):
        make_request(admin, owner, ["Zinc", "No Such Service"])


def test_a_second_request_on_a_sample_takes_the_next_number(admin: Client) -> None:
    owner = make_client(admin)
    first = make_request(admin, owner, ["Zinc"])
    second = make_request(admin, owner, ["Copper"], Sample=first["sample_id"])
    assert (second["sample_id"], second["ar_id"]) == (first["sample_id"], f"{first['sample_id']}-R02")
    again = {"obj_path": first["path"], "obj_type": "Analysis", "Service": "portal_type:AnalysisService|title:Zinc"}
    admin.refused("create", again, status=409, type="Conflict")


# Files


def test_a_file_comes_back_as_it_was_sent_and_only_to_be_saved(admin: Client, as_user: AsUser) -> None:
    owner = make_client(admin)
    content = bytes(range(256)) * 5000
    form = {"obj_path": owner, "obj_type": "Attachment"}
    upload = {"AttachmentFile": ("räport <1>.html", content, "text/html")}
    made = succeeded(admin.post("create", form, files=upload))
    described = admin.only(portal_type="Attachment", path=made["path"])["AttachmentFile"]
    assert (described["filename"], described["size"]) == ("räport <1>.html", len(content))
    for url in (
        f"{admin.root}{made['path']}/@@API/file?field=AttachmentFile",
        f"{admin.root}{made['path']}/at_download/AttachmentFile",
    ):
        response = admin.http.get(url)
        assert response.status_code == 200
        assert response.content == content
        disposition, options = parse_options_header(response.headers["Content-Disposition"])
        assert (disposition, options["filename"]) == ("attachment", "räport <1>.html")
        assert response.headers["Content-Disposition"].isascii()
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert "sandbox" in response.headers["Content-Security-Policy"]
        assert as_user(None).http.get(url).status_code == 401
        failed(as_user("pavel").http.get(url), 404, "NotFound")
    missing = admin.http.get(f"{admin.root}{made['path']}/at_download/Nosuch")
    failed(missing, 404, "NotFound")


def test_a_file_can_be_sent_in_json(admin: Client) -> None:
    owner = make_client(admin)
    body = {
        "obj_path": owner,
        "obj_type": "Attachment",
        "AttachmentFile": {"filename": "a.txt", "content_type": "text/plain", "base64": "aGVsbG8="},
    }
    made = succeeded(admin.json("create", body))
    assert admin.http.get(f"{admin.root}{made['path']}/at_download/AttachmentFile").content == b"hello"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("LowerDetectionLimit", "0.000000001"),
        ("UpperDetectionLimit", "1e-9"),
        ("Price", "1.999"),
        ("VAT", "14.001"),
        ("DuplicateVariation", "-0.001"),
    ],
)
def test_digits_beyond_the_precision_are_refused_and_nothing_is_dropped(admin: Client, field: str, value: str) -> None:
    service = admin.only(catalog_name="bika_setup_catalog", portal_type="AnalysisService", title="Calcium")
    request = {"obj_path": service["path"], field: value}
    for more in ({"dry_run": "1"}, {}):
        body = admin.refused("update", request | more, status=422, type="ValidationError")
        assert body["errors"][0]["field"] == field
        assert "digits after the point" in body["message"]
    failed(admin.json("update", {"obj_path": service["path"], field: float(value)}), 422)
    assert admin.at(service["path"])[field] == service[field]

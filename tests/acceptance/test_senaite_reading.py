"""Reading by the SENAITE face: envelopes, items, values, single records."""

import re
from datetime import datetime
from typing import Any

import pytest

from objapi.senaite.field_values import BASE_KEYS
from tests.acceptance.client import Client
from tests.acceptance.conftest import AsUser
from tests.acceptance.senaite import Senaite, checked
from tests.waiting import ENOUGH

SAMPLES = {"portal_type": "AnalysisRequest"}


@pytest.fixture
def senaite(admin: Client) -> Senaite:
    return Senaite(admin)


# Where it lives


@pytest.mark.parametrize(
    "beginning",
    [
        "senaite/@@API",
        "Plone/@@API",
        "API",
        "senaite/%40%40API",
        "/senaite//@@API",
        "Plone/clients/@@API",
        "elsewhere/@@API",
    ],
)
def test_urls_in_answers_begin_as_the_one_that_was_called(senaite: Senaite, beginning: str) -> None:
    root = senaite.client.root
    answer = senaite.client.http.get(f"{root}/{beginning}/senaite/v1/client/?limit=1", timeout=ENOUGH).json()
    shown = "senaite" if "senaite/" in beginning else "Plone"
    (item,) = answer["items"]
    assert answer["next"].startswith(f"{root}/{shown}/@@API/senaite/v1/client")
    assert item["url"] == f"{root}/{shown}/clients/{item['id']}"
    assert item["api_url"] == f"{root}/{shown}/@@API/senaite/v1/client/{item['uid']}"
    assert item["path"] == f"/Plone/clients/{item['id']}"


@pytest.mark.parametrize("route", ["", "version"])
def test_the_version_is_for_everybody(as_user: AsUser, route: str) -> None:
    answer = Senaite(as_user(None)).get(route)
    assert answer["url"].endswith("/version")
    assert (answer["version"], "success" in answer) == ("1.0.0", False)


@pytest.mark.parametrize(
    ("verb", "route", "status"),
    [
        ("GET", "nonsense", 404),
        ("GET", "clients", 404),
        ("GET", "client/nonsense", 404),
        ("GET", f"{'0' * 32}", 404),
        ("GET", f"client/{'0' * 32}", 404),
        ("GET", "create", 405),
        ("POST", "search", 405),
        ("GET", "workflow", 404),
        ("POST", "version", 405),
        ("GET", "search?catalog=nonsense", 400),
        ("GET", "catalogs/nonsense", 404),
    ],
)
def test_what_is_not_served_is_refused_with_a_real_status(senaite: Senaite, verb: str, route: str, status: int) -> None:
    answer = senaite.send(verb, route)
    checked(answer, status)
    assert ("Allow" in answer.headers) == (status == 405)


@pytest.mark.parametrize("route", ["client", "search", "users", "auth", "catalogs", "0", "types"])
def test_strangers_are_asked_to_log_in(as_user: AsUser, route: str) -> None:
    answer = Senaite(as_user(None)).send("GET", route)
    checked(answer, 401)
    assert answer.headers["WWW-Authenticate"].startswith("Basic")


# Envelopes


@pytest.mark.parametrize(
    ("params", "start", "size"),
    [
        ({}, 0, 25),
        ({"limit": "3"}, 0, 3),
        ({"limit": "0"}, 0, 25),
        ({"limit": "-5"}, 0, 25),
        ({"limit": "many"}, 0, 25),
        ({"limit": "10000"}, 0, 10000),
        ({"limit": "2", "b_start": "2"}, 2, 2),
        ({"limit": "2", "b_start": "-10"}, 0, 2),
        ({"limit": "2", "b_start": "x"}, 0, 2),
    ],
)
def test_batches_are_cut_as_asked(senaite: Senaite, params: dict[str, str], start: int, size: int) -> None:
    whole = senaite.get("analysisservice", limit=1000)
    answer = senaite.get("analysisservice", **params)
    assert [item["uid"] for item in answer["items"]] == [item["uid"] for item in whole["items"][start : start + size]]
    assert answer["count"] == whole["count"] == len(whole["items"])
    assert (answer["pagesize"], answer["page"]) == (size, start // size + 1)
    assert answer["pages"] == max(-(-answer["count"] // size), 1)
    assert (answer["next"] is None) == (start + size >= answer["count"])
    assert (answer["previous"] is None) == (start == 0)


def test_next_keeps_every_parameter_and_leads_to_the_end(senaite: Senaite) -> None:
    url: str | None = senaite.url("search?portal_type=SampleType&portal_type=Client&limit=4&title=&x=a%20b")
    seen: list[str] = []
    while url is not None:
        answer = senaite.client.http.get(url, timeout=ENOUGH).json()
        seen += [item["uid"] for item in answer["items"]]
        url = answer["next"]
        assert url is None or "portal_type=SampleType&portal_type=Client&limit=4&title=&x=a%20b&b_start=" in url
    assert len(seen) == len(set(seen)) == answer["count"]


def test_behind_the_end_there_are_no_items(senaite: Senaite) -> None:
    answer = senaite.get("client", b_start=100000)
    assert (answer["items"], answer["next"]) == ([], None)
    assert answer["count"] > 0


def test_answers_are_json_in_which_a_blank_follows_each_colon(senaite: Senaite) -> None:
    answer = senaite.send("GET", "client", params={"limit": 2})
    assert answer.headers["Content-Type"] == "application/json"
    assert len(re.findall(r'"uid": "([0-9a-z]{32})', answer.text)) == 2


# Items


def test_every_item_has_the_keys_of_every_object(senaite: Senaite) -> None:
    for item in senaite.items("search", limit=200):
        assert set(BASE_KEYS) <= set(item)
        assert "allowedRolesAndUsers" not in item
        assert "UID" not in item
        datetime.strptime(item["created"], "%Y-%m-%dT%H:%M:%S%z")


def test_parents_are_named_by_their_api_url(senaite: Senaite) -> None:
    client = senaite.only("client", getClientID="HBF")
    parent = senaite.client.http.get(client["parent_url"], timeout=ENOUGH).json()
    folder = parent["items"][0]
    assert (folder["uid"], folder["path"], folder["id"]) == (
        client["parent_uid"],
        client["parent_path"],
        client["parent_id"],
    )
    assert (folder["parent_uid"], folder["parent_url"]) == ("0", senaite.url("plonesite/0"))


def test_lists_answer_columns_and_complete_lists_all_fields(senaite: Senaite) -> None:
    brief = senaite.only("client", getClientID="HBF")
    whole = senaite.only("client", getClientID="HBF", complete="yes")
    single = senaite.get(whole["uid"])
    assert (brief["getClientID"], brief["getName"]) == ("HBF", "Harbour Foods")
    assert "ClientID" not in brief
    assert (whole["ClientID"], whole["Name"], whole["version"]) == ("HBF", "Harbour Foods", 1)
    assert {**single, "_runtime": 0} == {**whole, "_runtime": 0}
    assert senaite.get(f"Client/{whole['uid']}")["items"] == [whole]
    assert "ClientID" not in senaite.get(whole["uid"], complete="no")


@pytest.mark.parametrize("switch", ["y", "YES", "1", "True", "on"])
def test_switches_are_on_for_several_words(senaite: Senaite, switch: str) -> None:
    assert "ClientID" in senaite.only("client", getClientID="HBF", complete=switch)


@pytest.mark.parametrize("switch", ["n", "0", "false", "off", "nonsense", ""])
def test_switches_are_off_for_any_other(senaite: Senaite, switch: str) -> None:
    assert "ClientID" not in senaite.only("client", getClientID="HBF", complete=switch)


def test_fields_chooses_keys_in_lists_and_records(senaite: Senaite) -> None:
    item = senaite.only("client", getClientID="HBF", fields="uid,title")
    assert set(item) == {"uid", "title"}
    assert set(senaite.get(item["uid"], fields="title")) == {"title", "_runtime"}


def test_values_have_one_shape_for_each_kind(senaite: Senaite) -> None:
    sample = senaite.items("AnalysisRequest", complete=True, limit=1)[0]
    assert sample["Contact"]["api_url"] == senaite.url(f"contact/{sample['Contact']['uid']}")
    assert (sample["Template"], sample["Profiles"], sample["CCEmails"], sample["DatePublished"]) == ({}, [], "", None)
    assert (sample["Composite"], sample["MemberDiscount"], sample["Priority"]) == (False, "20.00", "3")
    assert sample["SampleTypeUID"] == sample["SampleType"]["uid"]
    analysis = senaite.client.http.get(sample["Analyses"][0]["api_url"], timeout=ENOUGH).json()["items"][0]
    assert analysis["uid"] == sample["Analyses"][0]["uid"]
    assert analysis["AnalysisService"]["uid"] == analysis["Service"]["uid"]
    assert isinstance(analysis["InterimFields"], list)
    datetime.fromisoformat(sample["DateReceived"])


def test_new_names_of_fields_stand_beside_the_old_ones(senaite: Senaite) -> None:
    kind = senaite.items("SampleType", complete=True, limit=1)[0]
    assert (kind["min_volume"], kind["prefix"]) == (kind["MinimumVolume"], kind["Prefix"])


@pytest.mark.parametrize(
    ("asked", "shown"),
    [("ARTemplate", "ARTemplate"), ("sampletemplate", "SampleTemplate"), ("SampleContainer", "SampleContainer")],
)
def test_a_type_is_answered_by_the_name_it_was_asked_for(senaite: Senaite, asked: str, shown: str) -> None:
    items = senaite.items(asked)
    assert items
    assert {item["portal_type"] for item in items} == {shown}


def test_one_state_is_answered_for_all_workflows(senaite: Senaite) -> None:
    received = senaite.items("analysis", review_state="unassigned", limit=5)
    assert {item["review_state"] for item in received} == {"unassigned"}
    everything = senaite.items("analysis", limit=1000)
    assert not {"sample_received", "sample_due"} & {item["review_state"] for item in everything}
    assert {item["review_state"] for item in senaite.items("client")} <= {"active", "inactive"}


def test_a_record_of_another_type_is_not_found(senaite: Senaite) -> None:
    uid = senaite.only("client", getClientID="HBF")["uid"]
    senaite.get(f"sampletype/{uid}", status=404)


@pytest.mark.parametrize("route", ["0", "plonesite/0"])
def test_the_site_is_answered_with_its_folders(senaite: Senaite, route: str) -> None:
    answer = senaite.get(route, children="yes")
    site = answer["items"][0] if "items" in answer else answer
    assert (site["uid"], site["path"], site["parent_uid"]) == ("0", "/Plone", None)
    assert {"clients", "bika_setup"} <= {child["id"] for child in site["children"]}
    assert site["children_count"] == len(site["children"])


def test_children_are_answered_of_what_holds_something(senaite: Senaite) -> None:
    client = senaite.only("client", getClientID="HBF", complete=1, children=1)
    assert {child["parent_uid"] for child in client["children"]} == {client["uid"]}
    kind = senaite.items("SampleType", complete=1, children=1, limit=1)[0]
    assert "children" not in kind


def test_workflows_are_answered_with_what_may_be_done_and_was_done(senaite: Senaite) -> None:
    sample = senaite.items("AnalysisRequest", limit=1)[0]
    workflows = senaite.get(sample["uid"], workflow="yes")["workflow_info"]
    main = next(item for item in workflows if item["workflow"] == "bika_ar_workflow")
    assert main["review_state"] == sample["review_state"]
    assert main["status"] == sample["state_title"]
    assert all(set(item) == {"title", "value", "display", "url"} for item in main["transitions"])
    for step in main["review_history"]:
        assert set(step) == {"action", "actor", "comments", "review_state", "time"}
        assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", step["time"])


def test_files_are_answered_with_a_url_that_works(senaite: Senaite) -> None:
    content, encoded = "data of an instrument\n", "ZGF0YSBvZiBhbiBpbnN0cnVtZW50Cg=="
    folder = senaite.only("search", catalog="uid_catalog", path="/setup/departments", depth=0)
    point = senaite.post(
        "SamplePoint/create",
        {
            "parent_path": "/setup/samplepoints",
            "title": f"Well of {folder['uid'][:6]}",
            "AttachmentFile": {
                "filename": "well.txt",
                "content_type": "text/plain",
                "data": "ZGF0YSBvZiBhbiBpbnN0cnVtZW50Cg==",
            },
        },
    )["items"][0]
    described = point["AttachmentFile"]
    assert (described["filename"], described["content_type"], described["size"]) == (
        "well.txt",
        "text/plain",
        len(content),
    )
    assert described["download"] == f"{point['url']}/at_download/AttachmentFile"
    assert senaite.client.http.get(described["download"], timeout=ENOUGH).text == content
    whole = senaite.get(point["uid"], filedata=1)["AttachmentFile"]
    assert whole["data"] == encoded


def test_what_a_caller_may_not_read_is_absent(as_user: AsUser) -> None:
    clerk, client = Senaite(as_user("clerk1")), Senaite(as_user("pavel"))
    analysis: dict[str, Any] = clerk.items("Analysis", limit=1)[0]
    assert "getResult" in analysis
    client.get(analysis["uid"], status=404)

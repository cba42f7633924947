"""`read`: criteria, sorting, paging, what an object carries, warnings, streaming."""

import json
from typing import Any

import pytest

from tests.acceptance.client import Client, failed, succeeded
from tests.acceptance.conftest import AsUser
from tests.acceptance.making import analyses_of, make_batch, make_client, make_contact, unique

pytestmark = pytest.mark.both_databases


def ids(answer: dict[str, Any]) -> list[str]:
    return [item["id"] for item in answer["objects"]]


@pytest.fixture(scope="module")
def batches(root: str) -> tuple[Client, str, list[str]]:
    """Twenty-five batches that share a title, by which they are found; the client, that title, their ids."""
    client = Client(root, "admin")
    mark = unique("series")
    made = [make_batch(client, title=mark)["obj_id"] for _ in range(25)]
    return client, mark, made


@pytest.mark.parametrize(
    ("criteria", "found"),
    [
        ({"id": "client-1"}, ["client-1"]),
        ({"id:list": ["client-1", "client-3"]}, ["client-1", "client-3"]),
        ({"id[]": ["client-1", "client-3"]}, ["client-1", "client-3"]),
        ({"id[]": "client-1"}, ["client-1"]),
        ({"id": ["client-1", "client-3"]}, ["client-1", "client-3"]),
        ({"id.query:record:list": ["client-2", "client-1"]}, ["client-1", "client-2"]),
        ({"id.query:record": "client-4", "id.range:record": "min", "sort_limit": "1"}, ["client-4"]),
        ({"id": "client-4", "id_range": "min", "limit": "1"}, ["client-4"]),
        ({"id.not:record:list": ["client-1", "client-2"], "id_x": "", "path": "/clients/client-3"}, ["client-3"]),
        ({"path": "/Plone/clients/client-2"}, ["client-2"]),
        ({"path": "/clients/client-2"}, ["client-2"]),
        ({"path": "clients/client-2/"}, ["client-2"]),
        ({"path": "Plone/clients/client-2"}, ["client-2"]),
        ({"getClientID": "nosuch", "id": "nosuch"}, []),
        ({"id": ""}, []),
    ],
)
def test_criteria_mean_what_they_mean_in_the_catalog(admin: Client, criteria: dict[str, Any], found: list[str]) -> None:
    assert ids(admin.read(portal_type="Client", **criteria)) == found


def test_no_criterion_finds_everything_the_caller_may_see(admin: Client, as_user: AsUser) -> None:
    everything = admin.read(page_size="1")["total_objects"]
    assert everything > as_user("pavel").read(page_size="1")["total_objects"] > 0


@pytest.mark.parametrize("method", ["get", "post"])
def test_pages_follow_each_other_without_gap_or_repetition(batches: tuple[Client, str, list[str]], method: str) -> None:
    client, mark, made = batches
    seen: list[str] = []
    for number in range(10):
        request = {"portal_type": "Batch", "title": mark, "page_nr": number, "sort_on": "review_state"}
        answer = succeeded(getattr(client, method)("read", request))
        assert answer["total_objects"] == 25
        assert answer["first_object_nr"] == number * 10
        assert answer["last_object_nr"] == number * 10 + len(answer["objects"])
        if not answer["objects"]:
            break
        seen += ids(answer)
    assert seen == made


def test_a_puller_stops_where_the_result_ends(batches: tuple[Client, str, list[str]]) -> None:
    """The loop of published pullers: until `last_object_nr` reaches `total_objects`."""
    client, mark, made = batches
    page, seen = 0, []
    while True:
        answer = client.read(portal_type="Batch", title=mark, page_nr=page, page_size=7)
        seen += ids(answer)
        if answer["last_object_nr"] >= answer["total_objects"]:
            break
        page += 1
    assert (page, seen) == (3, made)


def test_a_page_past_the_end_is_empty(batches: tuple[Client, str, list[str]]) -> None:
    client, mark, _ = batches
    answer = client.read(portal_type="Batch", title=mark, page_nr="99")
    assert (answer["objects"], answer["total_objects"]) == ([], 25)


def test_limit_truncates_before_paging(batches: tuple[Client, str, list[str]]) -> None:
    client, mark, made = batches
    answer = client.read(portal_type="Batch", title=mark, limit="12", page_nr="1")
    assert (answer["total_objects"], ids(answer)) == (12, made[10:12])
    for unlimited in ("0", ""):
        assert client.read(portal_type="Batch", title=mark, limit=unlimited)["total_objects"] == 25


@pytest.mark.parametrize(
    ("order", "first"), [("ascending", 0), ("descending", -1), ("reverse", -1), ("REVERSE", -1), ("", 0)]
)
def test_the_order_can_be_turned_round(batches: tuple[Client, str, list[str]], order: str, first: int) -> None:
    client, mark, made = batches
    answer = client.read(portal_type="Batch", title=mark, sort_on="created", sort_order=order)
    assert ids(answer)[0] == made[first]


def test_page_size_0_gives_all_at_once(batches: tuple[Client, str, list[str]]) -> None:
    client, mark, made = batches
    response = client.get("read", {"portal_type": "Batch", "title": mark, "page_size": "0"}, stream=True)
    assert "Content-Length" not in response.headers
    answer = succeeded(response)
    assert ids(answer) == made
    numbers = (answer["total_objects"], answer["first_object_nr"], answer["last_object_nr"])
    assert numbers == (25, 0, 25)
    nothing = client.read(portal_type="Batch", title=unique("none"), page_size="0")
    assert (nothing["objects"], nothing["total_objects"]) == ([], 0)


def test_a_streamed_read_is_the_paged_read(admin: Client) -> None:
    streamed = admin.read(catalog_name="bika_setup_catalog", page_size="0", sort_on="path")
    assert streamed["total_objects"] == len(streamed["objects"])
    paged = admin.read(catalog_name="bika_setup_catalog", page_size="1000", sort_on="path")
    assert streamed["objects"] == paged["objects"]


def test_a_streamed_read_is_refused_like_any_other(admin: Client, as_user: AsUser) -> None:
    failed(admin.get("read", {"page_size": "0", "sort_on": "nosuch"}), 400, "BadRequest")
    response = as_user(None).get("read", {"page_size": "0"})
    assert response.status_code == 401
    assert response.json()["objects"] == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("page_nr", "x"),
        ("page_nr", "-1"),
        ("page_size", "1.5"),
        ("limit", "-1"),
        ("limit", "99999999999999999999"),
        ("sort_on", "nosuchindex"),
        ("sort_on", "Title"),
        ("catalog_name", "nosuch_catalog"),
        ("references", "both"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_name(admin: Client, name: str, value: str) -> None:
    body = admin.refused("read", {name: value}, status=400, type="BadRequest")
    assert name in body["message"]


def test_an_unknown_parameter_is_named_in_warnings_and_refused_when_strict(admin: Client) -> None:
    answer = admin.read(portal_type="Client", nosuch="1")
    assert answer["total_objects"] >= 5
    assert any("nosuch" in warning for warning in answer["warnings"])
    body = admin.refused("read", {"portal_type": "Client", "nosuch": "1", "strict": "1"}, status=400)
    assert "nosuch" in body["message"]


def test_a_type_that_the_catalog_does_not_hold_is_named_with_the_catalog_that_does(admin: Client) -> None:
    answer = admin.read(portal_type="Analysis")
    assert answer["total_objects"] == 0
    assert any("bika_analysis_catalog" in warning for warning in answer["warnings"])


def test_a_state_that_is_a_template_is_ignored(admin: Client) -> None:
    answer = admin.read(portal_type="Client", review_state="{{state}}")
    assert answer["total_objects"] >= 5
    assert any("review_state" in warning for warning in answer["warnings"])


def test_objects_without_the_sort_index_are_left_out_and_counted_on_demand(admin: Client) -> None:
    answer = admin.read(portal_type="Client", sort_on="effective", warnings="1")
    assert answer["total_objects"] == 0
    assert any("effective" in warning for warning in answer["warnings"])


@pytest.mark.parametrize("alias", ["bika_catalog_analysisrequest_listing", "senaite_catalog_sample"])
def test_the_historic_names_of_catalogs_work(admin: Client, alias: str) -> None:
    everything = admin.read(catalog_name="bika_catalog", portal_type="AnalysisRequest")["total_objects"]
    assert admin.read(catalog_name=alias)["total_objects"] == everything > 0


def test_include_fields_narrows_to_the_names_and_the_path(admin: Client) -> None:
    for name in ("include_fields", "include_fields:list", "include_fields[]"):
        found = admin.only(portal_type="Client", id="client-1", **{name: ["Name", "UID"]})
        assert set(found) == {"Name", "UID", "path"}
    assert set(admin.only(portal_type="Client", id="client-1", include_fields="Name, UID")) == {"Name", "UID", "path"}
    assert admin.only(portal_type="Client", id="client-1", include_fields="getPhysicalPath") == {
        "path": "/Plone/clients/client-1"
    }


def test_an_object_has_fields_states_and_names(admin: Client) -> None:
    found = admin.only(portal_type="Sample", id="AP-0001")
    assert found["portal_type"] == "Sample"
    assert found["path"] == "/Plone/clients/client-3/AP-0001"
    assert len(found["UID"]) == 32
    assert found["review_state"] == "sample_received"
    assert found["cancellation_state"] == found["cancelled_state"] == "active"
    assert found["SamplingDate"].startswith("2013-09-10T00:00:00")
    assert found["SamplingDate"][-6:] == "+00:00"
    assert found["SampleType"] == found["SampleType_uid"]
    assert "allowedRolesAndUsers" not in found
    assert "transitions" not in found


def test_references_can_be_named(admin: Client) -> None:
    found = admin.only(portal_type="Sample", id="AP-0001", expand="SampleType")
    assert (found["SampleType_title"], found["SampleType_path"]) == (
        "Apple Pulp",
        "/Plone/bika_setup/bika_sampletypes/" + found["SampleType_path"].rpartition("/")[2],
    )
    historic = admin.only(portal_type="Sample", id="AP-0001", references="title")
    assert historic["SampleType"] == "Apple Pulp"
    assert historic["SampleType_uid"] == found["SampleType"]


def test_transitions_come_when_they_are_asked_for(admin: Client) -> None:
    found = admin.only(portal_type="Client", id="client-1", include_fields="transitions,id")
    assert {"id": "deactivate", "title": "Deactivate"} in found["transitions"]


def test_a_request_carries_its_analyses(admin: Client) -> None:
    request = "/Plone/clients/client-1/SO-0001-R01"
    found = admin.only(portal_type="AnalysisRequest", id="SO-0001-R01")
    states = {item["id"]: item["review_state"] for item in found["Analyses"]}
    assert states == {"Ca": "sample_received", "Ca-1": "retracted", "Mg": "to_be_verified"}
    retest = next(item for item in found["Analyses"] if item["id"] == "Ca")
    assert [previous["Result"] for previous in retest["Previous Results"]] == ["410"]
    assert retest["Unit"]
    direct = analyses_of(admin, request)["Mg"]
    inside = next(item for item in found["Analyses"] if item["id"] == "Mg")
    assert inside["Result"] == direct["Result"] == "88"
    narrowed = admin.only(portal_type="AnalysisRequest", id="SO-0001-R01", include_fields="Analyses")
    assert [item["id"] for item in narrowed["Analyses"]] == ["Ca", "Ca-1", "Mg"]
    assert "Analyses" not in admin.only(portal_type="AnalysisRequest", id="SO-0001-R01", include_fields="id")


def test_include_methods_gives_computed_fields_only(admin: Client) -> None:
    found = admin.only(
        portal_type="Sample", id="AP-0001", include_fields="id", include_methods="SampleTypeTitle,__class__"
    )
    assert "__class__" not in found
    assert set(found) <= {"id", "path", "SampleTypeTitle"}


def test_b_start_and_b_size_cut_a_slice(batches: tuple[Client, str, list[str]]) -> None:
    client, mark, made = batches
    answer = client.read(portal_type="Batch", title=mark, b_start="3", b_size="4")
    assert ids(answer) == made[3:7]


def test_safe_booleans_are_read_as_people_mean_them(admin: Client) -> None:
    owner = make_client(admin)
    make_contact(admin, owner, PublicationPreference="email")
    for word in ("0", "false", "No", "OFF"):
        found = admin.read(portal_type="Contact", path=owner, **{"is_folderish:boolean": word})
        assert "warnings" not in found or "is_folderish" not in json.dumps(found["warnings"])


def test_dates_are_compared_as_instants(batches: tuple[Client, str, list[str]]) -> None:
    client, mark, made = batches
    ahead = {"created.query:record:date": "2013/01/01", "created.range:record": "min"}
    behind = {"created.query:record:date": "2013/01/01", "created.range:record": "max"}
    assert client.read(portal_type="Batch", title=mark, **ahead)["total_objects"] == len(made)
    assert client.read(portal_type="Batch", title=mark, **behind)["total_objects"] == 0


def test_words_are_found_in_titles(admin: Client) -> None:
    found = admin.read(portal_type="Client", Title="Orchard*", page_size="100")
    assert found["total_objects"] >= 0
    assert "warnings" not in found

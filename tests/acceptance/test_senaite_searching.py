"""Searching by the SENAITE face: catalogs, criteria, words, paths, times, order, and warnings."""

from typing import Any

import pytest

from tests.acceptance.client import Client, succeeded
from tests.acceptance.conftest import AsUser
from tests.acceptance.senaite import Senaite


@pytest.fixture
def senaite(admin: Client) -> Senaite:
    return Senaite(admin)


def parameters(answer: dict[str, Any]) -> list[str]:
    return [warning["parameter"] for warning in answer.get("warnings", [])]


@pytest.mark.parametrize(
    ("route", "params", "titles"),
    [
        ("client", {"getClientID": "HBF"}, ["Harbour Foods"]),
        ("client", {"getClientID": ["HBF", "BHD"]}, ["Harbour Foods", "Blue Hills Dairy"]),
        ("client", {"title": "Harbour Foods"}, ["Harbour Foods"]),
        ("client", {"title": "harbour foods"}, []),
        ("client", {"Title": "harbour"}, ["Harbour Foods"]),
        ("client", {"getName": "Harbour Foods"}, ["Harbour Foods"]),
        ("client", {"q": "harb fo"}, ["Harbour Foods"]),
        ("client", {"q": "and harbour*-foods or"}, ["Harbour Foods"]),
        ("client", {"q": "HBF"}, ["Harbour Foods"]),
        ("client", {"getClientID": "HBF", "review_state": "inactive"}, []),
        ("client", {"getClientID": "HBF", "is_active": "True"}, ["Harbour Foods"]),
        ("client", {"getClientID": "HBF", "is_active": "False"}, []),
        ("client", {"getClientID": ["HBF", "None"]}, ["Harbour Foods"]),
        ("search", {"portal_type": "client", "getClientID": "HBF"}, ["Harbour Foods"]),
        ("search", {"portal_type": "['Client', 'Contact']", "title": "Harbour Foods"}, ["Harbour Foods"]),
        ("search", {"portal_type": "Client,Batch", "title": "Harbour Foods"}, ["Harbour Foods"]),
        ("search", {"title": "Harbour Foods", "portal_type": "Client"}, ["Harbour Foods"]),
        ("search", {"catalog": "uid_catalog", "title": "Calcium", "portal_type": "AnalysisService"}, ["Calcium"]),
        ("AnalysisService", {"getKeyword": "Ca"}, ["Calcium"]),
        ("analysisservice", {"getKeyword": "Ca", "catalog": "bika_setup_catalog"}, ["Calcium"]),
        ("analysisservice", {"getKeyword": "Ca", "catalog": "senaite_catalog_setup"}, ["Calcium"]),
        ("SampleType", {"title": "Canola Seed"}, ["Canola Seed"]),
        ("contact", {"getFullname": "Amina Diallo"}, ["Amina Diallo"]),
        ("contact", {"getUsername": "pavel"}, ["Pavel Novak"]),
        ("search", {"portal_type": "Analysis", "getKeyword": "nonsense"}, []),
    ],
)
def test_criteria_find_what_they_say(senaite: Senaite, route: str, params: dict[str, Any], titles: list[str]) -> None:
    answer = senaite.get(route, **params)
    assert [item["title"] for item in answer["items"]] == titles
    assert "warnings" not in answer


@pytest.mark.parametrize(
    ("route", "params", "parameter"),
    [
        ("client", {"getClientId": "HBF"}, "getClientId"),
        ("client", {"sort_on": "nonsense"}, "sort_on"),
        ("search", {"portal_type": "Cleint"}, "portal_type"),
        ("search", {"portal_type": ["Client", "Cleint"]}, "portal_type"),
        ("client", {"depth": "1"}, "depth"),
        ("client", {"catalog": "senaite_catalog_sample"}, "portal_type"),
        ("client", {"q": "***"}, "q"),
    ],
)
def test_what_means_nothing_is_a_warning_and_with_strict_a_refusal(
    senaite: Senaite, route: str, params: dict[str, Any], parameter: str
) -> None:
    assert parameters(senaite.get(route, **params)) == [parameter]
    refused = senaite.get(route, status=400, strict=1, **params)
    assert refused["errors"][0]["parameter"] == parameter


@pytest.mark.parametrize(
    "params",
    [{"_": "1"}, {"b_size": "5"}, {"__ac_name": "x", "__ac_password": "y"}, {"getClientID": ""}, {"sort_limit": "1"}],
)
def test_habits_of_clients_are_no_mistakes(senaite: Senaite, params: dict[str, str]) -> None:
    answer = senaite.get("client", strict=1, **params)
    assert answer["count"] == senaite.get("client")["count"]


@pytest.mark.parametrize(
    ("params", "parameter"),
    [
        ({"recent_created": "last-week"}, "recent_created"),
        ({"sort_order": "sideways"}, "sort_order"),
        ({"created_since": "soon"}, "created_since"),
        ({"catalog": "nonsense"}, "catalog"),
        ({"path": "/clients/../x"}, "path"),
    ],
)
def test_words_that_no_parameter_knows_are_refused(senaite: Senaite, params: dict[str, str], parameter: str) -> None:
    assert senaite.get("client", status=400, **params)["errors"][0]["parameter"] == parameter


@pytest.mark.parametrize("path", ["/Plone/clients", "Plone/clients", "/clients", "clients/", "/senaite/clients"])
def test_paths_are_taken_in_every_form_and_mean_what_is_below(senaite: Senaite, path: str) -> None:
    below = senaite.get("search", path=path, limit=1000)
    assert {item["path"].startswith("/Plone/clients") for item in below["items"]} == {True}
    inside = senaite.items("search", path=path, depth=1, limit=1000)
    assert {item["parent_path"] for item in inside} == {"/Plone/clients"}
    (itself,) = senaite.items("search", path=path, depth=0)
    assert itself["path"] == "/Plone/clients"


def test_folders_of_the_newer_setup_are_those_of_the_older_one(senaite: Senaite) -> None:
    newer = senaite.get("SampleType", path="/senaite/setup/sampletypes")
    older = senaite.get("SampleType", path="/bika_setup/bika_sampletypes")
    assert newer["count"] == older["count"] > 0


@pytest.mark.parametrize("word", ["today", "yesterday", "this-week", "this-month", "this-year"])
def test_recent_objects_are_found_by_words(senaite: Senaite, word: str) -> None:
    assert senaite.get("client", recent_created=word)["count"] == senaite.get("client")["count"]


@pytest.mark.parametrize(("since", "some"), [("2w", True), ("2000-01-01", True), ("2999-01-01", False)])
def test_what_is_newer_than_a_date_or_an_age_is_found(senaite: Senaite, since: str, some: bool) -> None:
    assert bool(senaite.get("client", created_since=since)["count"]) is some
    assert bool(senaite.get("client", modified_since=since)["count"]) is some


@pytest.mark.parametrize(
    ("order", "descending"),
    [
        ("asc", False),
        ("A", False),
        ("up", False),
        ("high", False),
        ("desc", True),
        ("D", True),
        ("down", True),
        ("LOW", True),
    ],
)
def test_order_follows_an_index_and_is_turned_round_by_words(senaite: Senaite, order: str, descending: bool) -> None:
    found = [item["title"] for item in senaite.items("SampleType", sort_on="title", sort_order=order)]
    assert found == sorted(found, reverse=descending)


def test_several_indexes_sort_one_after_the_other_each_in_its_direction(senaite: Senaite) -> None:
    found = senaite.items("AnalysisRequest", sort_on="getClientTitle,id", sort_order="asc,desc", limit=200)
    keys = [(item["getClientTitle"], item["id"]) for item in found]
    assert keys == sorted(sorted(keys, key=lambda key: key[1], reverse=True), key=lambda key: key[0])
    assert len({client for client, _ in keys}) > 1


def test_without_an_order_the_oldest_comes_first(senaite: Senaite) -> None:
    created = [item["created"] for item in senaite.items("search", limit=200)]
    assert created == sorted(created)


def test_uids_choose_objects_and_leave_unknown_ones_out(senaite: Senaite) -> None:
    two = [item["uid"] for item in senaite.items("client", limit=2)]
    assert {item["uid"] for item in senaite.items("client", uids=",".join([*two, "0" * 32]))} == set(two)
    assert [item["uid"] for item in senaite.items("search", UID=two[0])] == two[:1]
    assert [item["uid"] for item in senaite.items("search", uid=two[1].upper())] == two[1:]


def test_a_search_for_words_without_a_type_says_where_it_looked(senaite: Senaite) -> None:
    answer = senaite.get("search", q="harbour foods")
    assert "Harbour Foods" in [item["title"] for item in answer["items"]]
    assert parameters(answer) == ["catalog"]


def test_a_state_is_one_comparison(senaite: Senaite) -> None:
    waiting = senaite.get("Analysis", review_state="unassigned", limit=1000)
    counted = [item for item in senaite.items("Analysis", limit=1000) if item["review_state"] == "unassigned"]
    assert waiting["count"] == len(counted) > 0
    sample = senaite.items("AnalysisRequest", limit=1)[0]
    inside = senaite.items("Analysis", getAncestorsUIDs=sample["uid"], sort_on="review_state")
    assert {item["parent_uid"] for item in inside} == {sample["uid"]}
    assert [item["id"] for item in senaite.items("Analysis", getRequestID=sample["id"], getKeyword="Ca")] == ["Ca"]


def test_only_what_a_caller_may_view_is_found_and_counted(as_user: AsUser) -> None:
    clerk, client = Senaite(as_user("clerk1")), Senaite(as_user("pavel"))
    all_clients, own = clerk.get("client"), client.get("client")
    assert own["count"] == len(own["items"]) == 1 < all_clients["count"]


def test_catalogs_are_described_by_their_senaite_names(senaite: Senaite) -> None:
    answer = senaite.get("catalogs")
    assert answer["url"] == senaite.url("catalogs")
    assert "uid_catalog" not in {item["id"] for item in answer["items"]}
    for item in answer["items"]:
        assert set(item) == {"id", "indexes", "schema", "portal_types"}
        assert item["indexes"] == sorted(item["indexes"])
        assert "allowedRolesAndUsers" not in {*item["indexes"], *item["schema"]}
    one = senaite.get("catalogs/uid_catalog")
    assert {"path", "created", "modified", "review_state", "title"} <= set(one["indexes"])


def test_the_catalog_of_all_objects_is_asked_by_place_and_state(senaite: Senaite) -> None:
    """What the face needs on every object is there for `@@API`, too."""
    admin = senaite.client
    found = admin.read(catalog_name="uid_catalog", path="/clients", folded_state="active", portal_type="Client")
    assert found["total_objects"] == senaite.get("client", review_state="active")["count"]
    waiting = succeeded(admin.get("read", {"catalog_name": "uid_catalog", "folded_state": "unassigned", "strict": "1"}))
    assert waiting["total_objects"] == senaite.get("search", review_state="unassigned")["count"]

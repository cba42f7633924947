"""Operators of indexes, codes and counts over HTTP, in every spelling and wherever criteria choose objects."""

from collections.abc import Sequence
from typing import Any

import pytest

from tests.acceptance.client import Client, failed, succeeded
from tests.acceptance.conftest import AsUser
from tests.acceptance.making import make_batch, make_client, unique


@pytest.fixture(scope="module")
def batches(root: str) -> tuple[Client, str, list[str]]:
    """Four batches of a title of their own, two of them with a date; the client, the title, their ids."""
    client = Client(root, "admin")
    mark = unique("Harvest")
    dates = ("2013-09-29", "2013-10-01", "", "")
    made = [make_batch(client, title=f"{mark} {number}", BatchDate=date)["obj_id"] for number, date in enumerate(dates)]
    return client, mark, made


def places(answer: dict[str, Any], made: Sequence[str]) -> list[int]:
    return sorted(made.index(item["id"]) for item in answer["objects"])


@pytest.mark.parametrize(
    ("criteria", "found"),
    [
        ({"BatchDate_empty": "1"}, [2, 3]),
        ({"BatchDate.empty": "0"}, [0, 1]),
        ({"BatchDate.empty:record:int": "1"}, [2, 3]),
        ({"BatchDate[empty]": "true"}, [2, 3]),
        ({"BatchDate.gt": "2013-09-29"}, [1]),
        ({"BatchDate_ge": "2013-09-29", "BatchDate.lt": "2013-10-01"}, [0]),
        ({"BatchDate.le:date": "2013-09-29"}, [0]),
        ({"BatchDate_since": "2013-09-30"}, [1]),
        ({"recent_BatchDate": "this-year"}, []),
        ({"created_since": "1d6h"}, [0, 1, 2, 3]),
        ({"recent_created": "yesterday"}, [0, 1, 2, 3]),
        ({"created.lt": "2013-10-01"}, []),
    ],
)
def test_operators_are_read_in_every_spelling(
    batches: tuple[Client, str, list[str]], criteria: dict[str, str], found: list[int]
) -> None:
    client, mark, made = batches
    answer = client.read(catalog_name="bika_catalog", portal_type="Batch", title_startswith=mark, **criteria)
    assert places(answer, made) == found
    assert "warnings" not in answer


def test_operators_are_keys_of_records_in_json(batches: tuple[Client, str, list[str]]) -> None:
    client, mark, made = batches
    body = {
        "catalog_name": "bika_catalog",
        "title": {"contains": mark},
        "BatchDate": {"ge": "2013-09-29", "lt": "2014-01-01"},
        "facets": ["portal_type", "BatchDate"],
    }
    answer = succeeded(client.json("read", body))
    assert places(answer, made) == [0, 1]
    assert answer["facets"]["portal_type"] == {"values": [{"value": "Batch", "count": 2}], "more": False}
    assert {item["value"][:10] for item in answer["facets"]["BatchDate"]["values"]} == {"2013-09-29", "2013-10-01"}


def test_operators_choose_what_is_acted_on(batches: tuple[Client, str, list[str]]) -> None:
    client, mark, _ = batches
    criteria = {"title_startswith": mark, "BatchDate_empty": "1"}
    acted = client.call("doActionFor", {"portal_type": "Batch", "action": "close", "dry_run": "1", **criteria})
    assert len(acted["objects"]) == 2
    body = {"criteria": {"portal_type": "Batch", **criteria}, "fields": {"Remarks": "undated"}, "dry_run": True}
    changed = succeeded(client.json("update", body))
    assert len(changed["plan"]["changes"]) == 2
    body = {"criteria": {"portal_type": "Batch", "BatchDate_empy": "1"}, "fields": {"Remarks": "undated"}}
    refused = failed(client.json("update", body), 400)
    assert "BatchDate_empy" in refused["message"]


def test_a_reference_may_be_named_by_a_scanned_code(batches: tuple[Client, str, list[str]]) -> None:
    client, _, made = batches
    query = f"portal_type:Batch|scan:{made[0].lower()}"
    request = client.read(portal_type="AnalysisRequest", page_size="1")["objects"][0]["UID"]
    changed = client.call("update", {"obj_uid": request, "Batch": query, "dry_run": "1"})
    assert changed["plan"]["changes"]


@pytest.mark.parametrize("sent", ["{id}", " {lower}\r\n", "{upper}\n", "{lower}\t"])
def test_a_code_is_found_as_a_scanner_sends_it(batches: tuple[Client, str, list[str]], sent: str) -> None:
    client, _, made = batches
    code = sent.format(id=made[1], lower=made[1].lower(), upper=made[1].upper())
    assert [item["id"] for item in client.read(portal_type="Batch", scan=code)["objects"]] == [made[1]]


def test_declared_codes_are_found_like_ids(admin: Client) -> None:
    path = make_client(admin)
    code = unique("Tube-").upper()
    sample = admin.call(
        "create", {"obj_path": path, "obj_type": "Sample", "SampleType": "title:Apple Pulp", "ClientSampleID": code}
    )
    assert admin.only(scan=f"{code.lower()}\r\n", portal_type="Sample")["UID"] == sample["obj_uid"]
    assert admin.read(scan=f"{code}X", portal_type="Sample")["total_objects"] == 0


@pytest.mark.parametrize(
    ("criteria", "words"),
    [
        ({"created": "2013-01-01", "created.gt": "2013-01-01"}, "created is asked for beside it"),
        ({"created.gt": "2013-01-01", "created_since": "1h"}, "lower bound"),
        ({"modified_since": "a while"}, "modified_since: 'a while' is no date"),
        ({"recent_created": "soon"}, "recent_created: 'soon' is none of today"),
        ({"path_empty": "1"}, "path_empty: path is a path index without empty"),
        ({"facets": "colour"}, "'colour' is no index of portal_catalog"),
        ({"facets": "getClientTitle", "portal_type": "AnalysisRequest"}, "use catalog_name=bika_catalog"),
    ],
)
def test_contradictions_are_refused(admin: Client, criteria: dict[str, str], words: str) -> None:
    assert words in failed(admin.get("read", criteria), 400)["message"]


def test_a_criterion_of_another_catalog_names_it(admin: Client) -> None:
    answer = admin.read(portal_type="AnalysisRequest", getBatchUID_empty="1", page_size="1")
    assert any(
        "getBatchUID is an index of bika_catalog: use catalog_name=bika_catalog" in w for w in answer["warnings"]
    )
    strict = {"portal_type": "AnalysisRequest", "getBatchUID_empty": "1", "strict": "1"}
    assert "use catalog_name=bika_catalog" in failed(admin.get("read", strict), 400)["message"]


def test_numbers_are_those_of_the_caller(admin: Client, as_user: AsUser) -> None:
    rita = as_user("rita")
    asked = {
        "portal_type": "AnalysisRequest",
        "catalog_name": "bika_catalog",
        "count_only": "1",
        "facets": "getClientTitle,getClientUID",
    }
    own, every = rita.read(**asked), admin.read(**asked)
    assert [item["title"] for item in own["facets"]["getClientUID"]["values"]] == ["Green Valley Orchards"]
    assert [item["value"] for item in own["facets"]["getClientTitle"]["values"]] == ["Green Valley Orchards"]
    assert own["total_objects"] == own["facets"]["getClientTitle"]["values"][0]["count"]
    assert len(every["facets"]["getClientTitle"]["values"]) >= 5
    assert every["objects"] == own["objects"] == []


def test_catalogs_tell_what_each_index_can_be_asked(admin: Client) -> None:
    known = {catalog["name"]: catalog for catalog in succeeded(admin.get("catalogs"))["catalogs"]}
    indexes = {index["name"]: index for index in known["bika_analysis_catalog"]["indexes"]}
    assert indexes["getResult"]["operators"] == ["empty", "gt", "ge", "lt", "le"]
    assert indexes["created"]["operators"] == ["empty", "gt", "ge", "lt", "le", "since", "recent"]
    assert indexes["getKeyword"]["operators"][-2:] == ["contains", "startswith"]
    assert indexes["path"]["operators"] == []
    assert indexes["path"]["options"] == ["depth", "level", "navtree", "navtree_start", "operator"]
    assert indexes["getResult"]["counted"] is True

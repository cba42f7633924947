"""Offers are what can be done: `allowedTransitionsFor` equals a dry run, for all users of the sample laboratory."""

import json
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from objapi.model.loading import load_registry
from tests.acceptance.client import Client
from tests.acceptance.conftest import AsUser
from tests.conftest import DATABASES

# The rules are the same on either database; the calls of one user take as long as those of many other tests.
USERS = ("admin", "labmanager1", "clerk1", "analyst1", "verifier1", "publisher1", "rita")
CATALOGS = ("portal_catalog", "bika_catalog", "bika_analysis_catalog")
TYPES = ("Batch", "Client", "AnalysisRequest", "Sample", "SamplePartition", "Analysis", "DuplicateAnalysis")
TYPES += ("ReferenceAnalysis", "ReferenceSample", "Worksheet", "AnalysisService", "Calculation", "SupplyOrder")


@pytest.fixture(scope="module")
def transitions() -> tuple[str, ...]:
    """The ids of all transitions that users can ask for."""
    workflows = load_registry(["lims"]).workflows.values()
    found = {item.id for workflow in workflows for item in workflow.transitions.values() if not item.automatic}
    return tuple(sorted(found))


@pytest.fixture(scope="module")
def demo_paths() -> frozenset[str]:
    """The paths of the objects that the sample laboratory is made with: other tests add theirs."""
    (file,) = load_registry(["lims"]).content_files["demo"]
    with Path(file).open(encoding="utf-8") as stream:
        contents = yaml.load(stream, Loader=yaml.CSafeLoader)
    entries = contents["objects"] if isinstance(contents, dict) else contents
    return frozenset(f"/Plone{entry['path']}" for entry in entries)


def visible(client: Client, paths: frozenset[str]) -> Iterator[tuple[str, str]]:
    """UID and path of the objects that a user sees."""
    for catalog in CATALOGS:
        criteria = {"catalog_name": catalog, "portal_type_list": json.dumps(TYPES), "page_size": "0"}
        for item in client.read(**criteria)["objects"]:
            if item["path"] in paths:
                yield item["UID"], item["path"]


@pytest.mark.parametrize(
    ("root", "user"),
    [
        ("sqlite", "rita"),
        *(
            pytest.param(database, user, marks=pytest.mark.extended)
            for database in DATABASES
            for user in USERS
            if (database, user) != ("sqlite", "rita")
        ),
    ],
    indirect=["root"],
)
def test_offers_equal_what_a_dry_run_does(
    as_user: AsUser, demo_paths: frozenset[str], transitions: tuple[str, ...], user: str
) -> None:
    client = as_user(user)
    there = dict(visible(client, demo_paths))
    answer = client.call("allowedTransitionsFor_many", {"uid": json.dumps(list(there))})["transitions"]
    offered: dict[str, list[str]] = defaultdict(list)
    for item in answer:
        for transition in item["transitions"]:
            offered[transition["id"]].append(item["uid"])
    assert there
    assert offered or user == "publisher1"
    failed, planned = [], set[str]()
    for action, uids in offered.items():
        for uid in uids:
            body = client.post("doActionFor_many", {"uids": json.dumps([uid]), "action": action, "dry_run": "1"}).json()
            if not body["success"]:
                failed.append((there[uid], action, body["message"]))
            planned.update(re.findall(r"/Plone/[\w/.-]*\w", json.dumps(body["plan"])))
    assert failed == []
    assert planned & demo_paths <= set(there.values())
    for action in transitions:
        # None of these is taken, so none makes another possible.
        rest = [uid for uid in there if uid not in offered[action]]
        asked = {"uids": json.dumps(rest), "action": action, "dry_run": "1", "partial": "1"}
        body = client.post("doActionFor_many", asked).json()
        assert body["success"] is False, action
        assert body.get("plan", {"changes": []})["changes"] == [], action


@pytest.mark.parametrize(
    ("root", "user"), [("sqlite", "rita"), ("sqlite", "analyst1"), ("mariadb", "rita")], indirect=["root"]
)
def test_explanations_give_reasons_for_all_that_is_refused_and_name_nothing_hidden(
    as_user: AsUser, demo_paths: frozenset[str], user: str
) -> None:
    client = as_user(user)
    there = dict(visible(client, demo_paths))
    asked = {"uid": json.dumps(list(there)), "explain": "1"}
    answer = client.call("allowedTransitionsFor_many", asked)["transitions"]
    named: set[str] = set()
    for item in answer:
        assert [block["id"] for block in item["blocked"]] == [refused["id"] for refused in item["refused"]]
        for block in item["blocked"]:
            assert block["reason"], block
            assert block["reasons"], block
            named.update(re.findall(r"/Plone/[\w/.-]*\w", json.dumps(block)))
    # A client sees its analyses, and not the worksheets that they are on.
    assert ("may not see holds it back" in json.dumps(answer)) is (user == "rita")
    assert named & demo_paths <= set(there.values())

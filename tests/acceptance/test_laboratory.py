"""What a laboratory must be able to rely on, over HTTP: results, requests and worksheets, and who may change what."""

import itertools
import json
from typing import Any

import pytest

from tests.acceptance.client import Client
from tests.acceptance.making import analyses_of, make_client, make_request, state_of


def act(client: Client, action: str, *paths: str) -> dict[str, Any]:
    return client.call("doActionFor_many", {"obj_paths": json.dumps(paths), "action": action})


def received(admin: Client, services: list[str], **fields: Any) -> str:
    """A request of a client of its own, received; its path."""
    path: str = make_request(admin, make_client(admin), services, **fields)["path"]
    act(admin, "receive", path)
    return path


def dry_matter(admin: Client) -> str:
    """A received request with dry matter, which is calculated from moisture; both have results and are submitted."""
    path = received(admin, ["Moisture", "Dry Matter"])
    for name in ("Moist", "DM"):
        admin.call("update", {"obj_path": f"{path}/{name}", "Result": "12"})
    act(admin, "submit", f"{path}/Moist", f"{path}/DM")
    return path


@pytest.mark.parametrize("order", list(itertools.permutations(["Moist", "DM"])), ids=" then ".join)
@pytest.mark.parametrize(
    ("action", "states"),
    [
        ("verify", {"Moist": "verified", "DM": "verified"}),
        (
            "retract",
            {"Moist-1": "retracted", "DM-1": "retracted", "Moist": "sample_received", "DM": "sample_received"},
        ),
    ],
)
def test_results_that_depend_on_each_other_move_together(
    admin: Client, action: str, states: dict[str, str], order: tuple[str, ...]
) -> None:
    path = dry_matter(admin)
    body = act(admin, action, *(f"{path}/{name}" for name in order))
    assert body["success"] is True
    assert {name: item["review_state"] for name, item in analyses_of(admin, path).items()} == states


@pytest.mark.parametrize("sort_on", ["id", "created", "getKeyword"])
@pytest.mark.parametrize("sort_order", ["ascending", "descending"])
def test_criteria_find_results_in_any_order(admin: Client, sort_on: str, sort_order: str) -> None:
    path = dry_matter(admin)
    criteria = {"portal_type": "Analysis", "catalog_name": "bika_analysis_catalog", "path": path, "action": "verify"}
    found = admin.call("doActionFor", criteria | {"sort_on": sort_on, "sort_order": sort_order})
    assert {item["review_state"] for item in found["objects"]} == {"verified"}
    assert state_of(admin, path) == "verified"


def test_a_batch_that_waits_for_what_is_not_in_it_is_refused_with_the_reason(admin: Client) -> None:
    path = dry_matter(admin)
    body = admin.refused("doActionFor_many", {"obj_paths": json.dumps([f"{path}/DM"]), "action": "verify"}, status=403)
    assert "Moist" in body["message"]
    partial = {"obj_paths": json.dumps([f"{path}/DM", f"{path}/Moist"]), "action": "verify", "partial": "1"}
    assert admin.call("doActionFor_many", partial)["success"] is True

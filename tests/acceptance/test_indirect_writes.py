"""What follows from an act is within the rights of who does it, for a sample of users and acts over HTTP.

`tests/objapi/store/test_indirect_writes.py` walks all kinds of indirect writes. Here the plan of a dry run says what an
act would change beside the objects that it names, and the same user asks for each of these changes directly.
"""

import json
from random import Random
from typing import Any

import pytest

from objapi.model.loading import load_registry
from objapi.model.registry import Registry
from objapi.model.types import Kind
from tests.acceptance.client import Client
from tests.acceptance.conftest import AsUser
from workflows import SetField

USERS = ("labmanager1", "clerk1", "analyst1", "verifier1", "sampler1", "rita")
CATALOGS = ("portal_catalog", "bika_catalog", "bika_analysis_catalog", "bika_setup_catalog")
REMOVALS, STEPS = 40, 25


@pytest.fixture(scope="module")
def registry() -> Registry:
    return load_registry(["lims"])


@pytest.fixture(scope="module")
def by_the_gateway(registry: Registry) -> frozenset[tuple[str, str]]:
    """(Type, field) of what the gateway writes whoever acts: system fields, and what cascades declare `system`."""
    declared = {
        (name, field.name)
        for name, entity_type in registry.types.items()
        for field in entity_type.fields.values()
        if field.system or field.kind is Kind.COMPUTED
    }
    stamped = {
        action.field
        for cascade in registry.cascades
        for action in cascade.actions
        if isinstance(action, SetField) and action.system
    }
    return frozenset(declared | {(name, field) for name in registry.types for field in stamped})


def everything(client: Client) -> list[str]:
    """The UIDs that a user sees, in an order of their own."""
    found = {}
    for name in CATALOGS:
        for item in client.read(catalog_name=name, page_size="0")["objects"]:
            if "/clients/client-" in item["path"] or "/bika_setup/" in item["path"] or "/worksheets/" in item["path"]:
                found[item["path"]] = item["UID"]
    return [found[path] for path in sorted(found)]


def plan_of(client: Client, method: str, data: dict[str, Any]) -> list[dict[str, Any]]:
    body = client.post(method, data | {"dry_run": "1"}).json()
    changes: list[dict[str, Any]] = body["plan"]["changes"] if body["success"] else []
    return changes


@pytest.mark.parametrize("user", USERS)
def test_what_follows_from_an_act_could_be_asked_for_directly(
    as_user: AsUser, by_the_gateway: frozenset[tuple[str, str]], user: str
) -> None:
    client, chance = as_user(user), Random(f"{user} acts")
    uids = everything(client)
    acts: list[tuple[str, str, dict[str, Any]]] = [
        (uid, "remove", {"UID": uid, "break_references": "1"}) for uid in chance.sample(uids, min(REMOVALS, len(uids)))
    ]
    offers = client.call("allowedTransitionsFor_many", {"uid": json.dumps(uids[:400])})["transitions"]
    steps = [(item["uid"], step["id"]) for item in offers for step in item["transitions"]]
    # To retract is to make a repetition, and to reject a worksheet to replace it, whatever else one may do.
    steps = [step for step in steps if step[1] not in ("retract", "reject")]
    acts += [
        (uid, "doActionFor_many", {"uids": json.dumps([uid]), "action": action})
        for uid, action in chance.sample(steps, min(STEPS, len(steps)))
    ]
    asked = []
    for uid, method, data in acts:
        for change in plan_of(client, method, data):
            if change["UID"] == uid or change["event"] != "update":
                continue
            for item in change["fields"]:
                if (change["portal_type"], item["field"]) in by_the_gateway:
                    continue
                direct = {"obj_uid": change["UID"], item["field"]: item["new"], "dry_run": True}
                answer = client.json("update", direct).json()
                asked.append((method, change["path"], item["field"], answer.get("status", 200), answer.get("message")))
    assert [item for item in asked if item[3] == 403] == []

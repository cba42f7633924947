"""The table of `objapi permissions` and the gateway agree, on a sample of objects and users."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from random import Random
from typing import Any, Final

import pytest

from objapi.cli.permissions import CallRow, call_rows
from objapi.model.loading import load_registry
from objapi.model.registry import Registry
from tests.acceptance.client import Client, succeeded

SAMPLED: Final = 12
USERS: Final = 4
EVERYBODY: Final = frozenset({"Anonymous", "Authenticated"})
# Type → a field of it that has no permission of its own.
FIELDS: Final = {"AnalysisRequest": "ClientOrderNumber", "Sample": "ClientSampleID", "Contact": "Firstname"}


@pytest.fixture(scope="module")
def registry() -> Registry:
    return load_registry(("lims",))


@pytest.fixture(scope="module")
def rows(registry: Registry) -> list[CallRow]:
    return list(call_rows(registry))


class Expectation:
    """The rows of an object: those of its type, its place and its states."""

    def __init__(
        self, registry: Registry, rows: Sequence[CallRow], item: Mapping[str, Any], above: Sequence[str]
    ) -> None:
        portal_type = item["portal_type"]
        first = {flow.state_variable: flow.initial_state for flow in registry.chain(portal_type)}
        self.moved = {name for name, state in first.items() if item.get(name, state) != state}
        here = {f"{name}: {item.get(name, state)}" for name, state in first.items()} | {""}
        path = item["path"].removeprefix("/Plone")
        inside = {"", path, *places(path, above)}
        self.path = path
        self.rows = [
            row
            for row in rows
            if row.type == portal_type
            and here.issuperset(row.state.split(", "))
            and not inside.isdisjoint(row.inside.split(", "))
        ]

    def holds(self, roles: frozenset[str], method: str, right: str, of: str = "") -> bool:
        found = [row for row in self.rows if (row.method, row.right, row.of) == (method, right, of)]
        # A path is that of one object, to which the place in which others of its type lie does not apply.
        found = [row for row in found if self.path in row.inside.split(", ")] or found
        assert len(found) == 1, (method, right, of, found)
        return not roles.isdisjoint(found[0].roles)

    def transitions(self, roles: frozenset[str]) -> tuple[set[str], set[str]]:
        """Those that the user may take whatever else is, and those that it may not take in any case."""
        found = [row for row in self.rows if (row.method, row.right) == ("doActionFor", "transition")]
        held = {row.of for row in found if not roles.isdisjoint(row.roles)}
        return held - {row.of for row in found if row.also}, {row.of for row in found} - held


def places(path: str, above: Sequence[str]) -> Iterator[str]:
    """Names that the place of an object may have: the types of what it is in, and the path of the last of these."""
    for depth in range(1, len(above) + 1):
        path = path.rpartition("/")[0]
        named = " in ".join(above[:depth])
        yield from (named, f"{named} at {path}")


def sampled(admin: Client, registry: Registry, random: Random) -> list[Mapping[str, Any]]:
    """An object of each type in each of its states, as far as there are such, in any order."""
    found: dict[tuple[str, ...], Mapping[str, Any]] = {}
    for item in admin.read(catalog_name="uid_catalog", page_size="1000")["objects"]:
        names = [flow.state_variable for flow in registry.chain(item["portal_type"])]
        found.setdefault((item["portal_type"], *(str(item.get(name)) for name in names)), item)
    items = [found[key] for key in sorted(found)]
    random.shuffle(items)
    return items


def staff(admin: Client) -> list[tuple[str, frozenset[str]]]:
    """Users who have no local role, with their roles."""
    found = []
    for listed in succeeded(admin.get("users"))["users"]:
        user = succeeded(admin.get("users", {"userid": listed["userid"]}))["user"]
        if not user["local_roles"]:
            found.append((user["userid"], EVERYBODY.union(user["site_roles"])))
    return found


def test_who_may_see_change_remove_and_move_on_is_as_the_table_says(
    admin: Client, as_user: Callable[[str | None], Client], registry: Registry, rows: list[CallRow]
) -> None:
    random = Random(20)
    users = staff(admin)
    random.shuffle(users)
    types = {item["path"]: item["portal_type"] for item in admin.read(page_size="1000")["objects"]}
    looked_at = 0
    for item in sampled(admin, registry, random):
        segments = item["path"].split("/")
        above = [types.get("/".join(segments[:place]), "") for place in range(len(segments) - 1, 1, -1)]
        expected = Expectation(registry, rows, item, above)
        if len(expected.moved) > 1 or looked_at == SAMPLED:
            continue
        looked_at += 1
        for user_id, roles in users[:USERS]:
            compare(as_user(user_id), expected, item, roles - registry.roles.scoped_roles, registry)
    assert looked_at == SAMPLED


def compare(
    client: Client, expected: Expectation, item: Mapping[str, Any], roles: frozenset[str], registry: Registry
) -> None:
    about, portal_type = {"obj_path": item["path"]}, item["portal_type"]
    sees = expected.holds(roles, "read", "view")
    found = client.read(catalog_name="uid_catalog", UID=item["UID"])["total_objects"]
    assert found == int(sees), (client.http.auth, item["path"], roles)
    if not sees:
        return
    # What an object contains has rights of its own.
    if portal_type not in registry.containers:
        refused = status(client, "remove", {"UID": item["UID"], "dry_run": "1"}) == 403
        may_not = not expected.holds(roles, "remove", "remove")
        kept = any(row.also for row in expected.rows if row.method == "remove")
        assert refused == may_not or kept, ("remove", client.http.auth, item["path"])
    if portal_type in FIELDS:
        refused = status(client, "update", {**about, FIELDS[portal_type]: "x", "dry_run": "1"}) == 403
        assert refused != expected.holds(roles, "update", "change"), ("update", client.http.auth, item["path"])
    always, never = expected.transitions(roles)
    offers = client.call("allowedTransitionsFor", {"uid": item["UID"]})["transitions"]
    offered = {step["id"] for offer in offers for step in offer["transitions"]}
    assert always <= offered, (client.http.auth, item["path"])
    assert not never & offered, (client.http.auth, item["path"], never & offered)


def status(client: Client, method: str, data: Mapping[str, str]) -> int:
    return int(client.post(method, data).json().get("status", 200))

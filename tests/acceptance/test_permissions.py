"""The table of `objapi permissions` and the gateway agree, on a sample of objects and users."""

from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from itertools import islice
from random import Random
from typing import Any, Final

import pytest

from objapi.cli.permissions import CallRow, call_rows
from objapi.model.loading import load_registry
from objapi.model.registry import Registry
from tests.acceptance.client import Client, succeeded

SAMPLED: Final = 8
STAFF: Final = ("labmanager1", "clerk1", "analyst1")
ROOT: Final = {"portal_type": "Plone Site"}
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
    """The rows of an object: those of its type, its place and its states, and those of what is added to it."""

    def __init__(
        self, registry: Registry, rows: Sequence[CallRow], item: Mapping[str, Any], above: Sequence[str]
    ) -> None:
        self.path = item["path"].removeprefix("/Plone")
        portal_type = item["portal_type"]
        variables = {flow.state_variable: flow.initial_state for flow in registry.chain(portal_type)}
        here = {f"{name}: {item.get(name, state)}" for name, state in variables.items()} | {""}
        named = {self.path, *places(self.path, above)}
        within = {portal_type, self.path, *(f"{portal_type} in {name}" for name in named)}
        fitting = [row for row in rows if here.issuperset(row.state.split(", "))]
        self.rows = [
            row
            for row in fitting
            if row.type == portal_type and row.right != "add" and (not row.inside or is_among(row, named))
        ]
        self.added = [row for row in fitting if row.method == "create" and row.right == "add" and is_among(row, within)]

    def holds(self, roles: frozenset[str], method: str, right: str, of: str = "") -> bool:
        return self._has(roles, [row for row in self.rows if (row.method, row.right, row.of) == (method, right, of)])

    def may_add(self, roles: frozenset[str], portal_type: str) -> bool:
        return self._has(roles, [row for row in self.added if row.type == portal_type])

    def _has(self, roles: frozenset[str], found: Sequence[CallRow]) -> bool:
        # A path is that of one object, to which the place in which others of its type lie does not apply.
        found = [row for row in found if is_among(row, {self.path})] or found
        assert len(found) == 1, (self.path, found)
        return not roles.isdisjoint(found[0].roles)

    def transitions(self, roles: frozenset[str]) -> tuple[set[str], set[str]]:
        """Those that the user may take whatever else is, and those that it may not take in any case."""
        found = [row for row in self.rows if (row.method, row.right) == ("doActionFor", "transition")]
        held = {row.of for row in found if not roles.isdisjoint(row.roles)}
        return held - {row.of for row in found if row.also}, {row.of for row in found} - held


def is_among(row: CallRow, named: Set[str]) -> bool:
    return not named.isdisjoint(row.inside.split(", "))


def places(path: str, above: Sequence[str]) -> Iterator[str]:
    """Names that the place of an object may have: the types of what it is in, and the path of the last of these."""
    for depth in range(1, len(above) + 1):
        path = path.rpartition("/")[0]
        named = " in ".join(above[:depth])
        yield from (named, f"{named} at {path}")


def moved(registry: Registry, item: Mapping[str, Any]) -> int:
    """The number of workflows whose first state an object has left."""
    flows = registry.chain(item["portal_type"])
    return sum(item.get(flow.state_variable, flow.initial_state) != flow.initial_state for flow in flows)


def sampled(
    admin: Client, registry: Registry, random: Random
) -> Iterator[tuple[Mapping[str, Any], Sequence[str], Sequence[str]]]:
    """Objects in any order, one of each type and state: the object, the types of what it is in, those it may contain.

    Left out are those of which the table says nothing: in containers that have left their first states, or in states
    other than the first of several workflows.
    """
    items = admin.read(catalog_name="uid_catalog", page_size="10000")["objects"]
    by_path = {item["path"]: item for item in items}
    found: dict[tuple[str, ...], tuple[Mapping[str, Any], list[str]]] = {}
    for item in items:
        segments = item["path"].split("/")
        above = [by_path.get("/".join(segments[:place]), ROOT) for place in range(len(segments) - 1, 1, -1)]
        if moved(registry, item) < 2 and not any(moved(registry, outer) for outer in above):
            states = [str(item.get(flow.state_variable)) for flow in registry.chain(item["portal_type"])]
            types = [outer["portal_type"] for outer in above]
            found.setdefault((item["portal_type"], *states), (item, types))
    addable: dict[str, list[str]] = {}
    for name, declared in sorted(registry.types.items()):
        # What has a creation of its own, or names its container itself, is not added as others are.
        for container in declared.containers if declared.creator is None and declared.container_from is None else ():
            addable.setdefault(container, []).append(name)
    for key in random.sample(sorted(found), len(found)):
        item, types = found[key]
        contents = addable.get(item["portal_type"], [])
        yield item, types, random.sample(contents, min(len(contents), 2))


def staff(admin: Client) -> list[tuple[str, frozenset[str], tuple[str, ...]]]:
    """Users of the sample laboratory with their roles, and the paths where they have local ones: of what they made."""
    found = []
    for name in STAFF:
        user = succeeded(admin.get("users", {"userid": name}))["user"]
        own = tuple(f"{grant['path']}/" for grant in user["local_roles"])
        found.append((name, EVERYBODY.union(user["site_roles"]), own))
    return found


def test_who_may_do_what_is_as_the_table_says(
    admin: Client, as_user: Callable[[str | None], Client], registry: Registry, rows: list[CallRow]
) -> None:
    random = Random(20)
    users = [(as_user(name), roles - registry.roles.scoped_roles, own) for name, roles, own in staff(admin)]
    for client, roles, _ in users:
        for method, right in (("getusers", "staff"), ("users", "users"), ("grants", "users")):
            (row,) = [row for row in rows if (row.method, row.right) == (method, right)]
            assert (status(client, method, {"roles": "Manager"} if right == "staff" else {}) == 200) == (
                not roles.isdisjoint(row.roles)
            ), (method, roles)
    looked_at = 0
    asked = set()
    for item, above, contents in islice(sampled(admin, registry, random), SAMPLED):
        looked_at += 1
        expected = Expectation(registry, rows, item, above)
        for client, roles, own in users:
            if not f"{item['path']}/".startswith(own):
                compare(client, expected, item, roles, registry, contents)
                asked.add(client.http.auth)
    assert looked_at == SAMPLED
    assert len(asked) == len(users)


def compare(
    client: Client,
    expected: Expectation,
    item: Mapping[str, Any],
    roles: frozenset[str],
    registry: Registry,
    contents: Sequence[str],
) -> None:
    about, portal_type, case = {"obj_path": item["path"]}, item["portal_type"], (client.http.auth, item["path"])
    sees = expected.holds(roles, "read", "view")
    found = client.read(catalog_name="uid_catalog", UID=item["UID"])["total_objects"]
    assert found == int(sees), case
    if not sees:
        return
    if portal_type != registry.root_type:
        refused = status(client, "history", about) == 403
        assert refused != expected.holds(roles, "history", "history"), ("history", *case)
    # What an object contains has rights of its own.
    if portal_type not in registry.containers:
        refused = status(client, "remove", {"UID": item["UID"], "dry_run": "1"}) == 403
        may_not = not expected.holds(roles, "remove", "remove")
        kept = any(row.also for row in expected.rows if row.method == "remove")
        assert refused == may_not or kept, ("remove", *case)
    if portal_type in FIELDS:
        refused = status(client, "update", {**about, FIELDS[portal_type]: "x", "dry_run": "1"}) == 403
        assert refused != expected.holds(roles, "update", "change"), ("update", *case)
    for name in contents:
        refused = status(client, "create", {**about, "obj_type": name, "dry_run": "1"}) == 403
        assert refused != expected.may_add(roles, name), ("create", name, *case)
    always, never = expected.transitions(roles)
    offers = client.call("allowedTransitionsFor", {"uid": item["UID"]})["transitions"]
    offered = {step["id"] for offer in offers for step in offer["transitions"]}
    assert always <= offered, case
    assert not never & offered, (never & offered, *case)


def status(client: Client, method: str, data: Mapping[str, str]) -> int:
    return int(client.post(method, data).json().get("status", 200))

"""Every writing route leaves its changes in the history, under the login of the caller."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import orjson
import pytest
from flask import Flask

from objapi.app import create_app
from objapi.ispyb.face import GROUPS
from objapi.ispyb.wire.routes import IspybRoute
from objapi.profiles.ispyb import tables as t
from objapi.site import Site
from tests.objapi.ispyb.calling import Api, Rows
from tests.objapi.ispyb.scenery import card
from tests.objapi.ispyb.sync.payloads import payload
from tests.recorded import forget_history, recorded_history

Keys = dict[str, int]


@dataclass(frozen=True)
class Example:
    """A call that a route carries out, and the types and events of the history rows that it leaves."""

    path: str
    json: Mapping[str, Any] | None
    events: list[tuple[str, str]]
    permissions: tuple[str, ...] = ()
    actor: str = "ada"


def shipment(rows: Rows) -> Keys:
    """What the calls refer to: a shipment of a proposal that Ada sees, with a card, groups and permissions."""
    keys = rows.seed()
    keys["ada"] = rows.person("ada")
    rows.add(t.ProposalHasPerson, proposalId=keys["MX1"], personId=keys["ada"])
    keys["shipping"] = rows.add(t.Shipping, proposalId=keys["MX1"], shippingName="first")
    keys["dewar"] = rows.add(t.Dewar, shippingId=keys["shipping"], code="D1")
    keys["container"] = rows.add(t.Container, dewarId=keys["dewar"], code="C1", containerType="Puck")
    keys["card"] = card(rows, keys["MX1"], "first")
    for name in ("old", "new"):
        keys[f"{name} group"] = rows.add(t.UserGroup, name=name)
        keys[f"{name} permission"] = rows.add(t.Permission, type=name)
    rows.add(t.UserGroup_has_Permission, userGroupId=keys["old group"], permissionId=keys["old permission"])
    rows.add(t.UserGroup_has_Person, userGroupId=keys["old group"], personId=keys["member"])
    rows.add(t.AdminVar, name="create_person_on_missing", value="true")
    return keys


def examples(keys: Keys) -> dict[tuple[str, str], Example]:
    """(Method, path as it is declared) → an example."""
    old, new = keys["old group"], keys["new group"]
    groups, permissions = ("manage_groups",), ("manage_perms",)
    person = {"givenName": "Grace", "familyName": "Hopper", "emailAddress": None, "phoneNumber": None}
    laboratory = {"name": "Biology", "address": "Road 1", "city": "Rome", "country": "IT"}
    contact = {"proposalId": keys["MX1"], "cardName": "new", "Person": {**person, "Laboratory": laboratory}}
    cards = {"sendingLabContactId": keys["card"], "returnLabContactId": keys["card"]}
    dewar = {"shippingId": keys["shipping"], "code": "D2", "dewarType": "Dewar"}
    container = {"dewarId": keys["dewar"], "code": "C2", "containerType": "Puck"}
    return {
        ("POST", "/shippings"): Example(
            "/shippings", {"proposalId": keys["MX1"], "shippingName": "second", **cards}, [("Shipping", "create")]
        ),
        ("PATCH", "/shippings/{shippingId:int}"): Example(
            f"/shippings/{keys['shipping']}", {"shippingName": "renamed"}, [("Shipping", "update")]
        ),
        ("POST", "/dewars"): Example("/dewars", dewar, [("Dewar", "create")]),
        ("PATCH", "/dewars/{dewarId:int}"): Example(f"/dewars/{keys['dewar']}", {"code": "X"}, [("Dewar", "update")]),
        ("POST", "/containers"): Example("/containers", container, [("ISPyBContainer", "create")]),
        ("PATCH", "/containers/{containerId:int}"): Example(
            f"/containers/{keys['container']}", {"code": "X"}, [("ISPyBContainer", "update")]
        ),
        ("POST", "/labcontacts"): Example(
            "/labcontacts",
            contact,
            [("ISPyBLaboratory", "create"), ("Person", "create"), ("ISPyBLabContact", "create")],
        ),
        ("PATCH", "/labcontacts/{labContactId:int}"): Example(
            f"/labcontacts/{keys['card']}",
            {"cardName": "renamed", "Person": {"givenName": "Grace", "Laboratory": laboratory}},
            [("ISPyBLabContact", "update"), ("ISPyBLaboratory", "create"), ("Person", "update")],
        ),
        ("POST", "/admin/groups"): Example("/admin/groups", {"name": "third"}, [("UserGroup", "create")], groups),
        ("PATCH", "/admin/groups/{userGroupId:int}"): Example(
            f"/admin/groups/{old}", {"name": "renamed"}, [("UserGroup", "update")], groups
        ),
        ("POST", "/admin/groups/{userGroupId:int}/permission"): Example(
            f"/admin/groups/{new}/permission",
            {"permissionId": keys["new permission"]},
            [("UserGroup_has_Permission", "create")],
            groups,
        ),
        ("DELETE", "/admin/groups/{userGroupId:int}/permission/{permissionId:int}"): Example(
            f"/admin/groups/{old}/permission/{keys['old permission']}",
            None,
            [("UserGroup_has_Permission", "remove")],
            groups,
        ),
        ("POST", "/admin/groups/{userGroupId:int}/person"): Example(
            f"/admin/groups/{new}/person", {"personId": keys["ada"]}, [("UserGroup_has_Person", "create")], groups
        ),
        ("DELETE", "/admin/groups/{userGroupId:int}/person/{personId:int}"): Example(
            f"/admin/groups/{old}/person/{keys['member']}", None, [("UserGroup_has_Person", "remove")], groups
        ),
        ("POST", "/admin/permissions"): Example(
            "/admin/permissions", {"type": "third"}, [("Permission", "create")], permissions
        ),
        ("PATCH", "/admin/permissions/{permissionId:int}"): Example(
            f"/admin/permissions/{keys['old permission']}",
            {"description": "What it opens"},
            [("Permission", "update")],
            permissions,
        ),
        ("PATCH", "/options"): Example(
            "/options", {"motd": "Hello"}, [("AdminVar", "create"), ("AdminActivity", "create")], ("manage_options",)
        ),
        ("POST", "/webservices/userportalsync/sync_proposal"): Example(
            "/webservices/userportalsync/sync_proposal",
            payload({"login": "newcomer", "givenName": "Ada", "familyName": "Byron"}, proposalNumber="7"),
            [("Person", "create"), ("Proposal", "create"), ("ProposalHasPerson", "create")],
            ("uportal_sync",),
        ),
        ("POST", "/auth/login"): Example(
            "/auth/login",
            {"plugin": "dummy", "login": "newcomer", "password": "secret"},
            [("Person", "create")],
            actor="newcomer",
        ),
        ("POST", "/user/sign"): Example("/user/sign", {"validity": "/ispyb/api/v1/proteins"}, []),
    }


WRITING: list[IspybRoute] = [route for group in GROUPS for route in group.routes if route.method != "GET"]


@pytest.fixture
def application(ispyb_site: Site) -> Flask:
    """The application with the plugin that believes every login."""
    return create_app(site=replace(ispyb_site, settings=replace(ispyb_site.settings, ispyb_dummy_login=True)))


@pytest.fixture
def recorded(rows: Rows) -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """A function that gives the rows of the history, the oldest first; it is empty at the start."""

    def read() -> list[dict[str, Any]]:
        with rows.engine.connect() as connection:
            return recorded_history(connection)

    with rows.engine.begin() as connection:
        forget_history(connection)
    yield read
    with rows.engine.begin() as connection:
        forget_history(connection)


def test_there_is_an_example_of_every_writing_route(rows: Rows) -> None:
    assert {(route.method, route.path) for route in WRITING} == examples(shipment(rows)).keys()


@pytest.mark.parametrize("route", WRITING, ids=lambda route: f"{route.method} {route.path}")
def test_every_writing_route_records_what_it_changes(
    api: Api, rows: Rows, recorded: Callable[[], list[dict[str, Any]]], route: IspybRoute
) -> None:
    keys = shipment(rows)
    example = examples(keys)[route.method, route.path]
    token = api.token(keys["ada"], *example.permissions, login="ada")
    answer = api.call(route.method, example.path, token, json=example.json)
    assert answer.status_code == route.status, answer.text
    found = recorded()
    assert [(row["portal_type"], row["event"]) for row in found] == example.events
    assert {row["actor"] for row in found} == ({example.actor} if example.events else set())
    assert all(row["request_id"] == answer.headers["X-Request-ID"] for row in found)
    assert all(row["address"] == "127.0.0.1" for row in found)
    assert all(orjson.loads(row["changes"]) for row in found)


def test_a_route_that_does_not_say_what_it_writes_cannot_be_declared() -> None:
    group = type(GROUPS[0])("Test")
    access = WRITING[0].access
    with pytest.raises(TypeError, match="does not declare what it writes"):
        group.post("/nothing", access=access)
    with pytest.raises(TypeError, match="does not declare what it writes"):
        group.get("/something", access=access, writes=WRITING[0].writes)


def test_a_change_is_recorded_with_old_and_new_values_as_fields_hold_them(
    api: Api, rows: Rows, recorded: Callable[[], list[dict[str, Any]]]
) -> None:
    keys = shipment(rows)
    token = api.token(keys["ada"], login="ada")
    second = rows.add(t.Shipping, proposalId=keys["MX1"], shippingName="second")
    path = f"/dewars/{keys['dewar']}"
    api.call("PATCH", path, token, json={"code": "D2"})
    api.call("PATCH", path, token, json={"code": "D2"})
    api.call("PATCH", f"/containers/{keys['container']}", token, json={"dewarId": rows.add(t.Dewar, shippingId=second)})
    first, moved = recorded()
    assert orjson.loads(first["changes"]) == {"code": ["D1", "D2"]}
    assert first["path"].endswith(f"/ispyb/Dewar/{keys['dewar']}")
    ((old, new),) = orjson.loads(moved["changes"]).values()
    assert old == first["uid"] != new


def test_a_refused_call_records_nothing(api: Api, rows: Rows, recorded: Callable[[], list[dict[str, Any]]]) -> None:
    keys = shipment(rows)
    outsider = api.token(keys["outsider"], login="outsider")
    assert api.call("PATCH", f"/dewars/{keys['dewar']}", outsider, json={"code": "X"}).status_code == 404
    ada = api.token(keys["ada"], "manage_groups", login="ada")
    assert api.call("POST", "/admin/groups", ada, json={"name": "old"}).status_code == 400
    assert recorded() == []


def test_a_repeated_payload_records_nothing_more(
    api: Api, rows: Rows, recorded: Callable[[], list[dict[str, Any]]]
) -> None:
    token = api.token(1, "uportal_sync", login="portal")
    path = "/webservices/userportalsync/sync_proposal"
    assert api.call("POST", path, token, json=payload()).status_code == 200
    before = recorded()
    assert api.call("POST", path, token, json=payload()).status_code == 200
    assert recorded() == before
    assert api.call("POST", path, token, json=payload(title="Other folds")).status_code == 200
    (changed,) = recorded()[len(before) :]
    assert (changed["portal_type"], changed["actor"]) == ("Proposal", "portal")
    assert orjson.loads(changed["changes"]) == {"title": ["Folds", "Other folds"]}

"""`objapi permissions` shows what every method and route needs, and which roles have it."""

import csv
import io
import json

import pytest
from click.testing import CliRunner, Result

from objapi.api.methods import METHOD_NAMES, METHODS
from objapi.cli import main
from objapi.cli.permissions import COLUMNS, CallRow, call_rows
from objapi.http.access import PUBLIC
from objapi.ispyb.face import GROUPS
from objapi.ispyb.wire.routes import Door
from objapi.model.dependents import Dependents
from objapi.model.loading import load_registry
from objapi.model.render_shapes import RenderShapes
from objapi.mxlive.paths import BASE
from objapi.mxlive.routes import ROUTES
from objapi.security.needs import Need
from objapi.senaite.routes import ROUTE, find_route, listed_routes
from objapi.senaite.vocabulary import Vocabulary

PROFILES = ("lims", "mxlive", "ispyb")
ASKED = ("--type", "MxContainer", "--role", "MxStaff")


@pytest.fixture(scope="module")
def rows() -> list[CallRow]:
    return list(call_rows(load_registry(PROFILES)))


def permissions(*arguments: str) -> Result:
    environment = {"OBJAPI_PROFILES": "mxlive", "OBJAPI_DATA_DIR": "", "OBJAPI_DATABASE_URL": ""}
    return CliRunner().invoke(main, ["permissions", *arguments], env=environment)


def test_every_method_has_its_permission_and_what_it_needs(rows: list[CallRow]) -> None:
    for name in METHOD_NAMES:
        shown = {row.right for row in rows if row.method == name}
        method = METHODS[name]
        assert shown == ({""} if method.access is PUBLIC else {"call", *method.needs} - {Need.NOTHING}), name
    assert all(row.roles for row in rows if row.method in METHOD_NAMES and row.right in ("", "call"))


def test_every_route_has_its_door_or_permission(rows: list[CallRow]) -> None:
    shown = {row.method: row for row in rows}
    routes = [route for group in GROUPS for route in group.routes]
    assert len(routes) > 100
    for route in routes:
        row = shown[f"{route.method} /ispyb/api/v1{route.path}"]
        assert row.permission == " or ".join(route.access.any_of)
        assert (row.roles == ("Anonymous",)) == (route.access.door is Door.NONE)
        assert row.also
    signed = {name for name, route in ROUTES.items() if route.permission is not None}
    assert signed == {"launch", "close", "samples", "data", "report"}
    for name, device in ROUTES.items():
        for verb in device.verbs:
            assert shown[f"{verb} {BASE}/{name}"].permission == (device.permission or "")


def test_every_route_of_senaite_is_one_that_answers_and_has_its_right(rows: list[CallRow]) -> None:
    registry = load_registry(PROFILES)
    vocabulary = Vocabulary.of(registry, RenderShapes(registry, Dependents(registry)))
    shown = {row.method: row for row in rows}
    for route in listed_routes():
        path = route.path.replace("<type>", "client").replace("<uid>", "a" * 32).replace("<name>", "b" * 32)
        action = find_route(tuple(path.split("/")), vocabulary).actions[route.verb]
        row = shown[f"{route.verb} {ROUTE}/{route.path}"]
        assert (action.run_open is not None) == route.is_open == (row.permission == ""), route
        assert {"read", *METHODS} >= set(route.like)


@pytest.mark.parametrize(
    ("method", "of", "inside", "state", "permission", "roles", "also"),
    [
        ("read", "", "", "review_state: published", "View", {"Analyst", "LabClerk", "Client"}, ""),
        ("remove", "", "", "review_state: published", "Delete objects", set(), "stays in this state"),
        ("update", "MemberDiscount", "", "", "BIKA: Edit Laboratory Fields", {"LabManager", "LabClerk"}, ""),
        ("doActionFor", "publish", "", "review_state: verified", "BIKA: Publish", {"Publisher"}, "condition"),
    ],
)
def test_rows_say_who_may_do_what_to_a_request(
    method: str, of: str, inside: str, state: str, permission: str, roles: set[str], also: str, rows: list[CallRow]
) -> None:
    found = [
        row
        for row in rows
        if (row.method, row.type, row.inside, row.state, row.permission)
        == (method, "AnalysisRequest", inside, state, permission)
        and of in row.of.split(", ")
    ]
    assert len(found) == 1
    assert roles <= set(found[0].roles)
    assert bool(found[0].roles) == bool(roles)
    assert also in found[0].also


def test_no_two_rows_say_the_same(rows: list[CallRow]) -> None:
    assert len(set(rows)) == len(rows)


def test_all_formats_hold_the_same_rows_and_filters_leave_some_out() -> None:
    listed = json.loads(permissions("--format", "json", *ASKED).output)
    assert listed
    assert {row["type"] for row in listed} == {"MxContainer"}
    assert all({"MxStaff", "Authenticated", "Anonymous"} & set(row["roles"]) for row in listed)
    (header, *lines) = csv.reader(io.StringIO(permissions("--format", "csv", *ASKED).output))
    assert tuple(header) == COLUMNS
    assert [dict(zip(header, line, strict=True)) for line in lines] == [
        {**row, "roles": ", ".join(row["roles"])} for row in listed
    ]
    table = permissions(*ASKED).output.splitlines()
    assert table[0].split() == list(COLUMNS)
    assert len(table) - 1 < len(listed)


@pytest.mark.parametrize(("option", "name"), [("--type", "MxContaner"), ("--role", "MxStuff")])
def test_a_name_that_there_is_not_is_refused(option: str, name: str) -> None:
    result = permissions(option, name)
    assert result.exit_code == 1
    assert name in result.output
    assert "MxContainer" in result.output or "MxStaff" in result.output

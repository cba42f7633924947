"""Every published route is declared, with its parameters, statuses, permission and schemas."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from objapi.ispyb.answers import Paged
from objapi.ispyb.groups import GROUPS
from objapi.ispyb.kinds import Kind
from objapi.ispyb.openapi import describe
from objapi.ispyb.routes import PAGING, Door, Route
from objapi.ispyb.schema import Schema

PUBLISHED = Path(__file__).resolve().parents[4] / "shared" / "spec" / "ispyb" / "routes.yaml"
DOORS = {
    "none": Door.NONE,
    "bearer or onetime": Door.BEARER,
    "token in the path": Door.PATH,
    "token as required query parameter": Door.QUERY,
}
KINDS = {"int": "integer", "bool": "boolean", "text": "string", "enum": "string"}


@pytest.fixture(scope="module")
def published() -> Any:
    if not PUBLISHED.exists():
        pytest.skip(f"{PUBLISHED} is not there: the list of published routes is not part of this project")
    return yaml.safe_load(PUBLISHED.read_text())


@pytest.fixture(scope="module")
def declared() -> dict[str, Route]:
    return {f"{route.method} {route.published_path}": route for group in GROUPS for route in group.routes}


def test_every_published_route_is_declared(published: Any, declared: dict[str, Route]) -> None:
    assert {entry["route"] for entry in published["routes"]} - declared.keys() == set()
    assert len(published["routes"]) == published["route_count"]


def test_routes_ask_their_callers_for_what_is_published(published: Any, declared: dict[str, Route]) -> None:
    for entry in published["routes"]:
        route = declared[entry["route"]]
        assert route.access.door is DOORS[entry["auth"]], entry["route"]
        if route.access.door is Door.BEARER and "legacy" not in route.path:
            assert route.access.any_of == ((entry["permission"],) if "permission" in entry else ()), entry["route"]
        assert route.group == entry["group"], entry["route"]


def test_routes_take_the_published_parameters(published: Any, declared: dict[str, Route]) -> None:
    for entry in published["routes"]:
        route = declared[entry["route"]]
        wanted = {name: kind for name, kind in entry.get("query", {}).items() if name not in ("self", "kwargs")}
        wanted |= dict.fromkeys(PAGING, "int") if entry.get("paged") else {}
        assert set(route.query_parameters) == set(wanted), entry["route"]
        assert set(route.path_parameters) >= set(entry.get("path", {})), entry["route"]
        parameters = {**route.query_parameters, **route.path_parameters}
        for name, written in (wanted | entry.get("path", {})).items():
            kind = parameters[name].type
            word = re.split(r"[; ]", written)[0]
            if word in KINDS and isinstance(kind, Kind):
                assert kind.schema["type"] == KINDS[word], (entry["route"], name)


def test_routes_take_and_give_the_published_schemas(published: Any, declared: dict[str, Route]) -> None:
    for entry in published["routes"]:
        route = declared[entry["route"]]
        assert (route.body.name if route.body else None) == entry.get("body"), entry["route"]
        status, told = next((code, text) for code, text in entry["answers"].items() if 200 <= int(code) < 300)
        assert route.status == int(status), entry["route"]
        name, answer = told.removeprefix("Paged "), route.answer
        if name in published["schemas"] and not name.startswith("Legacy"):
            item = answer.item if isinstance(answer, Paged) else answer
            assert isinstance(item, Schema), entry["route"]
            assert (item.name, isinstance(answer, Paged)) == (name, told.startswith("Paged ")), entry["route"]


def test_every_published_schema_is_a_component_with_its_keys(published: Any, declared: dict[str, Route]) -> None:
    components = describe(list(declared.values()))["components"]["schemas"]
    for name, fields in published["schemas"].items():
        if name.startswith("Legacy"):
            continue
        assert name in components
        if isinstance(fields, str):
            continue
        assert list(components[name]["properties"]) == list(fields), name
        required = [key for key, written in fields.items() if "required" in written.split("; ")]
        assert components[name].get("required", []) == required, name
        for key, written in fields.items():
            label = re.search(r"form label (.+)", written)
            if label:
                assert components[name]["properties"][key]["title"] == label[1], (name, key)

"""Every published route is declared, with its parameters, statuses, permission and schemas."""

import json
import re
from typing import Any

import pytest
import yaml

from objapi.ispyb.face import GROUPS
from objapi.ispyb.values.schema import Schema
from objapi.ispyb.values.types import ScalarType
from objapi.ispyb.wire.openapi import describe
from objapi.ispyb.wire.response import Paged
from objapi.ispyb.wire.routes import PAGING, Door, IspybRoute
from tests.data import DATA

DOORS = {
    "none": Door.NONE,
    "bearer or onetime": Door.BEARER,
    "token in the path": Door.PATH,
    "token as required query parameter": Door.QUERY,
}
KINDS = {"int": "integer", "bool": "boolean", "text": "string", "enum": "string"}


@pytest.fixture(scope="module")
def published() -> Any:
    return yaml.safe_load((DATA / "ispyb" / "routes.yaml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def declared() -> dict[str, IspybRoute]:
    return {f"{route.method} {route.published_path}": route for group in GROUPS for route in group.routes}


def test_every_published_route_is_declared(published: Any, declared: dict[str, IspybRoute]) -> None:
    assert {entry["route"] for entry in published["routes"]} - declared.keys() == set()
    assert len(published["routes"]) == published["route_count"]


def test_routes_ask_their_callers_for_what_is_published(published: Any, declared: dict[str, IspybRoute]) -> None:
    for entry in published["routes"]:
        route = declared[entry["route"]]
        assert route.access.door is DOORS[entry["auth"]], entry["route"]
        if route.access.door is Door.BEARER and "legacy" not in route.path:
            assert route.access.any_of == ((entry["permission"],) if "permission" in entry else ()), entry["route"]
        assert route.group == entry["group"], entry["route"]


def test_routes_take_the_published_parameters(published: Any, declared: dict[str, IspybRoute]) -> None:
    for entry in published["routes"]:
        route = declared[entry["route"]]
        wanted = entry.get("query", {}) | (dict.fromkeys(PAGING, "int") if entry.get("paged") else {})
        assert set(route.query_parameters) == set(wanted), entry["route"]
        assert set(route.path_parameters) >= set(entry.get("path", {})), entry["route"]
        parameters = {**route.query_parameters, **route.path_parameters}
        for name, word in (wanted | entry.get("path", {})).items():
            kind = parameters[name].type
            if word in KINDS and isinstance(kind, ScalarType):
                assert kind.schema["type"] == KINDS[word], (entry["route"], name)


def test_routes_take_and_give_the_published_schemas(published: Any, declared: dict[str, IspybRoute]) -> None:
    for entry in published["routes"]:
        route = declared[entry["route"]]
        assert (route.body.name if route.body else None) == entry.get("body"), entry["route"]
        assert route.status == entry["status"], entry["route"]
        if "answers" in entry:
            answer = route.answer
            item = answer.item if isinstance(answer, Paged) else answer
            assert isinstance(item, Schema), entry["route"]
            written = f"Paged {item.name}" if isinstance(answer, Paged) else item.name
            assert written == entry["answers"], entry["route"]


def test_every_published_schema_is_a_component_with_its_keys(published: Any, declared: dict[str, IspybRoute]) -> None:
    components = describe(list(declared.values()))["components"]["schemas"]
    for name, schema in published["schemas"].items():
        assert name in components
        if schema:
            assert list(components[name]["properties"]) == schema["keys"], name
            assert components[name].get("required", []) == schema.get("required", []), name
            for key, label in schema.get("labels", {}).items():
                assert components[name]["properties"][key]["title"] == label, (name, key)


def test_the_description_is_one_of_openapi_3_1_and_names_what_forms_show(declared: dict[str, IspybRoute]) -> None:
    description = describe(list(declared.values()))
    assert description["openapi"] == "3.1.0"
    components = description["components"]["schemas"]
    card = components["LabContactCreate"]["properties"]
    assert (card["cardName"]["title"], card["billingReference"]["title"]) == ("Card Name", "Billing Reference")
    levels = [
        entry["properties"].get("safetyLevel", {}).get("default")
        for entry in components.values()
        if "properties" in entry
    ]
    assert "GREEN" in levels


def test_every_operation_names_the_statuses_that_it_answers(declared: dict[str, IspybRoute]) -> None:
    for name, route in declared.items():
        (operation,) = describe([route])["paths"][route.published_path].values()
        answered = set(operation["responses"])
        assert {str(route.status), "500", "503"} <= answered, name
        if route.access.door is not Door.NONE:
            assert {"401", "403"} <= answered, name
        if route.path_parameters:
            assert {"400", "404", "422"} <= answered, name
        if route.writes is not None:
            assert {"409", "413"} <= answered, name


def test_values_that_may_be_null_say_so_though_their_keys_are_always_there(declared: dict[str, IspybRoute]) -> None:
    components = describe(list(declared.values()))["components"]["schemas"]
    for name, key, kind in (
        ("Session", "startDate", "string"),
        ("BreakdownOverviewSession", "endDate", "string"),
        ("AutoProc", "refinedCell_a", "number"),
        ("AutoProcProgramMessage", "severity", "string"),
        ("Proposal", "state", "string"),
    ):
        assert components[name]["properties"][key]["type"] == ["null", kind], (name, key)
    assert "startDate" in components["Session"]["required"]
    assert None in components["AutoProcProgramMessage"]["properties"]["severity"]["enum"]


def test_people_in_a_payload_are_described_with_the_keys_of_which_one_is_needed(
    declared: dict[str, IspybRoute],
) -> None:
    person = describe(list(declared.values()))["components"]["schemas"]["PersonProposalLaboratory"]
    assert [choice["required"] for choice in person["anyOf"]] == [["login"], ["externalId"]]


def test_references_of_the_description_lead_to_components(declared: dict[str, IspybRoute]) -> None:
    text = json.dumps(describe(list(declared.values())))
    components = describe(list(declared.values()))["components"]["schemas"]
    assert set(re.findall(r"#/components/schemas/(\w+)", text)) <= components.keys()

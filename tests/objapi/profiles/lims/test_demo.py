"""The sample laboratory holds what its description promises, and everything in it refers to something in it."""

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from objapi.model.registry import Registry
from objapi.model.types import Kind


@pytest.fixture(scope="module")
def demo(registry: Registry) -> Mapping[str, Any]:
    text = Path(registry.content_files["demo"][0]).read_text(encoding="utf-8")
    loaded: Mapping[str, Any] = yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    return loaded


def state_of(item: Mapping[str, Any], workflow: str, registry: Registry) -> str:
    state: str = item.get("states", {}).get(workflow, registry.workflows[workflow].initial_state)
    return state


def refs(value: object) -> Iterator[str]:
    if isinstance(value, Mapping):
        if set(value) == {"ref"}:
            yield str(value["ref"])
        for inner in value.values():
            yield from refs(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from refs(inner)


def test_there_are_as_many_objects_of_each_type_as_described(demo: Mapping[str, Any], facts: Any) -> None:
    counts = Counter(item["portal_type"] for item in demo["objects"])
    for portal_type, count in facts("sample_laboratory.yaml")["counts"].items():
        assert counts[portal_type] == count, portal_type


@pytest.mark.parametrize(
    ("portal_type", "workflow", "key"),
    [
        ("Sample", "bika_sample_workflow", "samples_by_state"),
        ("AnalysisRequest", "bika_ar_workflow", "requests_by_state"),
    ],
)
def test_objects_are_in_the_states_described(
    demo: Mapping[str, Any], facts: Any, registry: Registry, portal_type: str, workflow: str, key: str
) -> None:
    found = Counter(
        state_of(item, workflow, registry) for item in demo["objects"] if item["portal_type"] == portal_type
    )
    assert found == Counter(facts("sample_laboratory.yaml")[key])


def test_every_reference_leads_to_an_object(demo: Mapping[str, Any], registry: Registry) -> None:
    paths = {item["path"] for item in demo["objects"]} | {str(item["path"]) for item in registry.layout}
    assert {path for item in demo["objects"] for path in refs(item["fields"])} - paths == set()


def test_every_field_can_be_stored_and_every_state_exists(demo: Mapping[str, Any], registry: Registry) -> None:
    for item in demo["objects"]:
        entity_type = registry.types[item["portal_type"]]
        for name in item["fields"]:
            assert name in entity_type.fields, (item["path"], name)
            assert entity_type.fields[name].kind is not Kind.COMPUTED, (item["path"], name)
        for workflow, state in item.get("states", {}).items():
            assert workflow in entity_type.workflows, item["path"]
            assert state in registry.workflows[workflow].states, item["path"]


def test_required_fields_are_there(demo: Mapping[str, Any], registry: Registry) -> None:
    for item in demo["objects"]:
        for field in registry.types[item["portal_type"]].fields.values():
            supplied = field.default is not None or field.stored_on is not None or item["portal_type"] == "BikaSetup"
            if field.required and not supplied and item["path"] != "/bika_setup/laboratory":
                assert field.name in item["fields"], (item["path"], field.name)


def test_analyses_lie_in_requests_under_their_keywords(demo: Mapping[str, Any]) -> None:
    keywords = {
        item["path"]: item["fields"]["Keyword"] for item in demo["objects"] if item["portal_type"] == "AnalysisService"
    }
    for item in demo["objects"]:
        if item["portal_type"] == "Analysis":
            keyword = keywords[item["fields"]["Service"]["ref"]]
            own_id = item["path"].rpartition("/")[2]
            retracted = item.get("states", {}).get("bika_analysis_workflow") == "retracted"
            assert own_id == (f"{keyword}-1" if retracted else keyword)


def test_a_retest_names_what_it_repeats(demo: Mapping[str, Any]) -> None:
    retests = [item for item in demo["objects"] if item["fields"].get("Retested")]
    assert [item["fields"]["RetestOf"] for item in retests] == [{"ref": "/clients/client-1/SO-0001-R01/Ca-1"}]


def test_what_is_on_the_worksheet_is_assigned(demo: Mapping[str, Any], registry: Registry) -> None:
    (sheet,) = (item for item in demo["objects"] if item["portal_type"] == "Worksheet")
    listed = {entry["ref"] for entry in sheet["fields"]["Analyses"]}
    assert listed == {row["analysis_uid"]["ref"] for row in sheet["fields"]["Layout"]}
    chain = {
        "Analysis": "bika_worksheetanalysis_workflow",
        "DuplicateAnalysis": "bika_duplicateanalysis_workflow",
        "ReferenceAnalysis": "bika_referenceanalysis_workflow",
    }
    for item in demo["objects"]:
        workflow = chain.get(item["portal_type"])
        if workflow is not None:
            assert (state_of(item, workflow, registry) == "assigned") == (item["path"] in listed), item["path"]


def test_users_belong_to_groups_that_exist(demo: Mapping[str, Any], registry: Registry) -> None:
    for user in demo["users"]:
        assert set(user["groups"]) <= set(registry.roles.groups), user["id"]
        assert set(user["roles"]) <= set(registry.roles.roles), user["id"]

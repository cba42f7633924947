import json
import re
from importlib.resources import files
from typing import Any, get_args

import jsonschema_rs
import pytest
from openapi_spec_validator import validate

from objapi.api.answer_schemas import COMPONENTS
from objapi.api.description.document import describe, document
from objapi.api.description.operations import error_names, operations, schema_of
from objapi.api.method import Method
from objapi.api.methods import METHODS
from objapi.api.parameters import Control, ControlKind
from objapi.http.access import API
from objapi.model.loading import load_registry
from objapi.model.registry import Registry
from objapi.security.needs import Need

META = files("openapi_spec_validator").joinpath("resources/schemas/v3.1/schema.json")
JSON_SCHEMA = "https://json-schema.org/draft/2020-12/schema"


@pytest.fixture(scope="module")
def registry() -> Registry:
    return load_registry(["lims"])


@pytest.fixture(scope="module")
def described(registry: Registry) -> Any:
    return json.loads(document(registry, METHODS, "http://there/Plone/@@API").body)


def test_the_description_is_as_openapi_has_it(described: Any) -> None:
    jsonschema_rs.validator_for(json.loads(META.read_text(encoding="utf-8"))).validate(described)
    for schema in described["components"]["schemas"].values():
        jsonschema_rs.meta.validate({"$schema": JSON_SCHEMA, **schema})


def test_references_lead_to_schemas_and_parameters_have_names_of_their_own(described: Any) -> None:
    text = json.dumps(described)
    named = {f"{COMPONENTS}{name}" for name in described["components"]["schemas"]}
    named |= {f"#/components/responses/{status}" for status in described["components"]["responses"]}
    assert set(re.findall(r'"\$ref": "([^"]+)"', text)) <= named
    for path, verbs in described["paths"].items():
        for operation in verbs.values():
            names = [(item["in"], item["name"]) for item in operation["parameters"]]
            assert len(names) == len(set(names)), path
    ids = [operation["operationId"] for verbs in described["paths"].values() for operation in verbs.values()]
    assert len(ids) == len(set(ids))


@pytest.mark.extended
def test_the_description_is_valid() -> None:
    validate(json.loads(json.dumps(describe(load_registry(["base"]), METHODS))))


def test_every_method_parameter_and_answer_is_described() -> None:
    """Whoever adds a method or a parameter says what it is: `about` of Control, `answer` of Method."""
    rows = list(dict.fromkeys(METHODS.values()))
    assert [row.name for row in rows if not row.about] == []
    assert [f"{row.name}: {item.name}" for row in rows for item in row.controls if not item.about] == []
    assert [row.name for row in rows if not (row.answer or row.media_types)] == []
    assert [row.name for row in rows if bool(row.tail) != bool(row.tail_name)] == []


def test_every_url_and_verb_of_a_method_is_there(described: Any) -> None:
    urls = {f"/{name}" for name in METHODS} | {
        f"/{name}/{{{method.tail_name}}}" for name, method in METHODS.items() if method.tail
    }
    assert described["paths"].keys() == urls
    for name, method in METHODS.items():
        assert {verb.upper() for verb in described["paths"][f"/{name}"]} == set(method.verbs) - {"HEAD"}


def test_parameters_are_described_with_kinds_defaults_and_other_spellings(described: Any) -> None:
    read = {item["name"]: item for item in described["paths"]["/read"]["get"]["parameters"]}
    assert read["page_size"]["schema"] == {"type": "integer", "minimum": 0, "maximum": 2**31 - 1, "default": 10}
    assert (read["include_fields"]["schema"]["type"], read["include_fields"]["explode"]) == ("array", False)
    assert read["sort_on"]["schema"]["default"] == ["id"]
    assert read["criteria"]["schema"]["additionalProperties"] == {"type": "string"}
    allowed = {item["name"]: item for item in described["paths"]["/allowedTransitionsFor"]["get"]["parameters"]}
    assert (allowed["uid"]["explode"], allowed["uid"]["required"]) == (True, True)
    assert "UID, uids" in allowed["uid"]["description"]
    update = described["paths"]["/update_many"]["post"]
    form = update["requestBody"]["content"]["application/x-www-form-urlencoded"]
    assert form["encoding"]["input_values"] == {"contentType": "application/json"}
    assert update["requestBody"]["content"]["application/json"]["schema"]["required"] == ["input_values"]
    assert {"If-Match", "Idempotency-Key"} <= {item["name"] for item in update["parameters"]}
    ship = described["paths"]["/ship"]["post"]["requestBody"]["content"]
    assert ship.keys() == {"application/json", "multipart/form-data"}


@pytest.mark.parametrize("kind", get_args(ControlKind))
def test_every_kind_of_parameter_is_described(kind: ControlKind) -> None:
    method = Method(
        name="try", access=API, needs=(Need.NOTHING,), controls=(Control("one", kind),), run=lambda call, tx: {}
    )
    assert operations(method, "try")["/try"].keys() == {"get", "post"}
    jsonschema_rs.meta.validate({"$schema": JSON_SCHEMA, **schema_of(Control("one", kind))})


def test_who_may_call_is_described(described: Any) -> None:
    assert described["paths"]["/version"]["get"]["security"] == []
    assert "security" not in described["paths"]["/read"]["get"]
    assert described["paths"]["/history"]["get"]["description"].endswith(": view, history.")
    used = {name for one in described["security"] for name in one}
    assert used == described["components"]["securitySchemes"].keys() == {"basic", "bearer", "cookie", "authenticator"}


def test_failures_are_described_with_their_statuses_and_names(described: Any) -> None:
    answers = described["paths"]["/update"]["post"]["responses"]
    assert answers["409"] == {"$ref": "#/components/responses/409"}
    assert error_names()[409] == [
        "Conflict",
        "IdempotencyKeyInUse",
        "ReferenceInUse",
        "TransitionNotAllowed",
    ]
    assert "TransitionNotAllowed" in error_names()[403]
    assert "409" not in described["paths"]["/read"]["get"]["responses"]
    assert "416" in described["paths"]["/file"]["get"]["responses"]


def test_types_are_described_as_answered_and_as_sent(described: Any, registry: Registry) -> None:
    schemas = described["components"]["schemas"]
    batch, values = schemas["Batch"]["properties"], schemas["BatchValues"]["properties"]
    assert {"UID", "path", "review_state", "cancellation_state", "Client", "Client_uid", "BatchID"} <= batch.keys()
    assert "BatchID" not in values
    assert "Services" in schemas["AnalysisRequestValues"]["properties"]
    assert {name.replace(" ", "_") for name in registry.types} <= schemas.keys()


def test_the_document_is_written_once_for_its_declarations(registry: Registry) -> None:
    first = document(registry, METHODS, "http://a/Plone/@@API")
    assert document(registry, METHODS, "http://a/Plone/@@API") == first
    other = document(registry, METHODS, "http://b/Plone/@@API")
    assert other.tag != first.tag
    assert json.loads(other.body)["servers"] == [{"url": "http://b/Plone/@@API"}]

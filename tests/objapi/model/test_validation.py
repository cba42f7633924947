import json
from datetime import UTC, datetime

import pytest

from objapi.model.paths import Path
from objapi.model.references import PathLookup, QueryLookup
from objapi.model.types import EntityType, Field, IdKind, IdRule, Kind
from objapi.model.validation import validate
from objapi.model.values import LoadContext, NewFile

CONTEXT = LoadContext(zone=UTC, parse_structured=json.loads, now=datetime(2026, 1, 1, tzinfo=UTC))


def entity(*fields, **more):
    return EntityType("T", "T", {item.name: item for item in fields}, IdRule(IdKind.SEQUENCE, "t-{n}"), **more)


CLIENT = entity(
    Field("Name", Kind.STRING, required=True),
    Field("title", Kind.STRING, alias_of="Name"),
    Field("ClientID", Kind.STRING, required=True),
    Field("Confidence", Kind.INTEGER),
    Field("Currency", Kind.STRING, required=True, default="EUR"),
    Field("Since", Kind.DATETIME, required=True, default_from="now"),
    Field("Categories", Kind.REFERENCE, multi=True),
    Field("Logo", Kind.FILE),
    Field("Label", Kind.COMPUTED, required=True),
    Field("ClientNumber", Kind.STRING, system=True, required=True),
    title_path=Path((), "Name"),
)
REQUEST = entity(
    Field("Sample", Kind.REFERENCE),
    Field("SamplingDate", Kind.DATETIME, required=True, stored_on="Sample"),
    Field("SampleType", Kind.REFERENCE, required=True, stored_on="Sample"),
    create_parameters={"Services": Field("Services", Kind.REFERENCE, multi=True, required=True)},
)
GOOD = {"Name": "Happy Hills", "ClientID": "HH"}


def create(raw, entity_type=CLIENT):
    return validate(entity_type, raw, mode="create", context=CONTEXT)


def update(raw, entity_type=CLIENT):
    return validate(entity_type, raw, mode="update", context=CONTEXT)


def problems(validated):
    return {cause.name: cause.code for cause in validated.problems}


def test_values_come_typed_and_under_their_fields_names():
    made = create({"title": "Happy Hills", "ClientID": 7, "Confidence": "95"})
    assert made.values == {"Name": "Happy Hills", "ClientID": "7", "Confidence": 95}
    assert made.problems == made.unused == ()


def test_every_missing_or_empty_required_field_is_named_once():
    made = create({"Name": " ", "Confidence": "x"})
    assert problems(made) == {"Confidence": "invalid", "Name": "required", "ClientID": "required"}
    assert all(cause.name in cause.message and cause.kind == "field" for cause in made.problems)
    assert made.values == {}


def test_an_empty_value_for_a_field_with_a_default_leaves_it_to_the_default():
    made = create({**GOOD, "Currency": "", "Since": ""})
    assert made.problems == ()
    assert set(made.values) == {"Name", "ClientID"}


def test_an_update_clears_what_is_not_required_and_refuses_the_rest():
    made = update({"Confidence": "", "Categories": [], "Logo": None, "Name": "", "Currency": None})
    assert made.values == {"Confidence": None, "Logo": None}
    assert made.references == {"Categories": None}
    assert problems(made) == {"Name": "required", "Currency": "required"}


def test_an_update_needs_no_required_field():
    assert update({"Confidence": 3}).problems == ()


def test_names_that_the_type_does_not_have_are_handed_back_in_order():
    assert create({**GOOD, "Zzz": 1, "Aaa": 2}).unused == ("Zzz", "Aaa")


@pytest.mark.parametrize("name", ["Label", "ClientNumber"])
@pytest.mark.parametrize("mode", ["create", "update"])
def test_what_the_gateway_sets_cannot_be_sent(name, mode):
    made = validate(CLIENT, {**GOOD, name: "x"}, mode=mode, context=CONTEXT)
    assert problems(made) == {name: "read_only"}


def test_two_names_of_one_field_must_agree():
    assert create({**GOOD, "title": GOOD["Name"]}).problems == ()
    assert problems(create({**GOOD, "title": "Other"})) == {"title": "duplicate"}


def test_references_are_parsed_and_files_set_apart():
    made = update({"Categories": ["/a/b", "zinc"], "Logo": {"filename": "a.png", "base64": "AAAA"}})
    assert made.references == {"Categories": (PathLookup("/a/b"), QueryLookup((("id", ("zinc",)),)))}
    assert made.files == {"Logo": NewFile("a.png", "image/png", b"\0\0\0")}
    assert made.names == ("Categories", "Logo")


def test_a_reference_that_cannot_be_read_is_a_problem_of_its_field():
    made = update({"Categories": ["/a/../b"]})
    assert problems(made) == {"Categories": "invalid"}
    assert made.references == {}


def test_a_field_stored_on_another_object_is_not_missing_when_that_object_is_given():
    made = create({"Sample": "/s", "Services": ["a"]}, REQUEST)
    assert made.problems == ()


def test_a_field_stored_on_another_object_is_missing_without_it():
    made = create({"Sample": "", "Services": ["a"]}, REQUEST)
    assert problems(made) == {"SamplingDate": "required", "SampleType": "required"}


def test_create_parameters_belong_to_create_alone():
    made = create({"Sample": "/s"}, REQUEST)
    assert problems(made) == {"Services": "required"}
    assert update({"Services": ["a"]}, REQUEST).unused == ("Services",)


@pytest.mark.parametrize(
    ("entity_type", "missing"),
    [
        (entity(Field("title", Kind.STRING), title_required=True), "title"),
        (entity(Field("Code", Kind.STRING), title_path=Path((), "Code"), title_required=True), "Code"),
        (
            entity(Field("Code", Kind.STRING), Field("title", Kind.STRING, alias_of="Code"), title_required=True),
            "Code",
        ),
    ],
)
def test_a_required_title_is_a_required_field(entity_type, missing):
    assert problems(create({}, entity_type)) == {missing: "required"}
    assert problems(update({missing: ""}, entity_type)) == {missing: "required"}


def test_fields_may_be_named_like_anything():
    names = ["load", "fields", "Meta", "context", "Previous Results", "__class__"]
    made = create(dict.fromkeys(names, "x"), entity(*(Field(name, Kind.STRING) for name in names)))
    assert made.values == dict.fromkeys(names, "x")

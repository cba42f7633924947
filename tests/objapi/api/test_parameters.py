from datetime import UTC
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from objapi.api.json_body import merge, parse_body
from objapi.api.methods import METHODS
from objapi.api.parameters import IGNORED, MAX_WHOLE, Controls, read_controls
from objapi.http.forms.marshalling import Form, FormOptions, marshal, parse_pairs
from objapi.model.loading.names_and_paths import NAME
from objapi.model.loading.reserved import INTRINSIC_NAMES, READ_PARAMETERS, RESERVED_NAMES


def form_of(query: str, json: str = "") -> Form:
    return merge(marshal(parse_pairs(query.encode()), FormOptions.gateway(), UTC), parse_body(json.encode()))


def controls_of(method: str, query: str, json: str = "") -> Controls:
    controls = read_controls(METHODS[method].controls, form_of(query, json))
    assert controls.problems == ()
    return controls


def test_without_parameters_every_control_has_its_default() -> None:
    controls = controls_of("read", "")
    assert controls.whole("page_nr") == 0
    assert controls.whole("page_size") == 10
    assert controls.names("sort_on") == ("id",)
    assert controls.text("catalog_name") is None
    assert controls.flag("strict") is False
    assert controls.names("include_fields") == ()
    assert controls.sent == frozenset()
    assert controls.rest == {}


@pytest.mark.parametrize("name", sorted(IGNORED))
def test_leavings_of_forms_are_ignored_by_every_method(name: str) -> None:
    for method in METHODS:
        assert read_controls(METHODS[method].controls, Form({name: "x"})).rest == {}


def test_everything_else_is_the_rest() -> None:
    controls = controls_of("read", "portal_type=Client&review_state[]=a&review_state[]=b&x[]=1&limit=5")
    assert controls.rest == {"portal_type": "Client", "review_state": ["a", "b"], "x": ["1"]}
    assert controls.whole("limit") == 5


def test_a_control_of_one_method_is_a_field_to_another() -> None:
    assert controls_of("create", "limit=5&obj_type=X").rest == {"limit": "5"}


@pytest.mark.parametrize("query", ["page_size=", "page_size:list=", ""])
def test_empty_means_default(query: str) -> None:
    controls = controls_of("read", query)
    assert controls.whole("page_size") == 10
    assert "page_size" not in controls.sent


@pytest.mark.parametrize(
    ("query", "json", "expected"),
    [
        ("page_size=0", "", 0),
        ("page_size:int=7", "", 7),
        ("page_size[]=7", "", 7),
        ("page_size=+7", "", 7),
        ("", '{"page_size": 7}', 7),
        ("", '{"page_size": "007"}', 7),
        (f"page_size={MAX_WHOLE}", "", MAX_WHOLE),
    ],
)
def test_whole_numbers(query: str, json: str, expected: int) -> None:
    controls = controls_of("read", query, json)
    assert controls.whole("page_size") == expected
    assert controls.sent == {"page_size"}


@pytest.mark.parametrize(
    ("query", "json"),
    [
        ("page_nr=-1", ""),
        ("page_nr=1.0", ""),
        ("page_nr=x", ""),
        ("page_nr=%D9%A3", ""),
        (f"page_nr={MAX_WHOLE + 1}", ""),
        (f"page_nr={'9' * 5000}", ""),
        ("page_nr=1&page_nr=2", ""),
        ("page_nr:boolean=1", ""),
        ("page_nr.x:record=1", ""),
        ("", '{"page_nr": 1.5}'),
        ("", '{"page_nr": true}'),
        ("", '{"page_nr": {}}'),
    ],
)
def test_what_is_no_whole_number_is_a_problem(query: str, json: str) -> None:
    controls = read_controls(METHODS["read"].controls, form_of(query, json))
    assert [problem.parameter for problem in controls.problems] == ["page_nr"]
    assert controls.whole("page_nr") == 0


def test_all_problems_are_told() -> None:
    controls = read_controls(METHODS["read"].controls, form_of("page_nr=x&page_size=y&strict=perhaps"))
    assert {problem.parameter for problem in controls.problems} == {"page_nr", "page_size", "strict"}


@pytest.mark.parametrize(
    ("query", "json", "expected"),
    [
        ("dry_run=1", "", True),
        ("dry_run=True", "", True),
        ("dry_run=on", "", True),
        ("dry_run:boolean=1", "", True),
        ("dry_run=0", "", False),
        ("dry_run=no", "", False),
        ("dry_run=", "", False),
        ("", '{"dry_run": true}', True),
        ("", '{"dry_run": 0}', False),
    ],
)
def test_booleans_are_words(query: str, json: str, expected: bool) -> None:
    assert controls_of("create", query, json).flag("dry_run") is expected


@pytest.mark.parametrize(
    "query",
    [
        "include_fields=a,b",
        "include_fields[]=a&include_fields[]=b",
        "include_fields:list=a&include_fields:list=b",
        "include_fields=a&include_fields=b",
        "include_fields=a,+b,,a",
    ],
)
def test_names_are_comma_separated_or_repeated(query: str) -> None:
    assert controls_of("read", query).names("include_fields") == ("a", "b")


@pytest.mark.parametrize(
    ("query", "json"),
    [
        ("f=%5B%22/a%22,%22/b%22%5D", ""),
        ("obj_paths=%5B%27/a%27,%27/b%27%5D", ""),
        ("obj_paths=/a&obj_paths=/b", ""),
        ("f:json=%5B%22/a%22,%22/b%22%5D", ""),
        ("", '{"obj_paths": ["/a", "/b"]}'),
    ],
)
def test_texts_are_repeated_or_a_json_list(query: str, json: str) -> None:
    assert controls_of("doActionFor_many", query, json).names("obj_paths") == ("/a", "/b")


def test_uids_of_remove_come_in_every_spelling() -> None:
    assert controls_of("remove", "UID=a").names("UID") == ("a",)
    assert controls_of("remove", "UID[]=a&UID[]=b").names("UID") == ("a", "b")
    assert controls_of("remove", "UID:list=a&break_references=1").flag("break_references") is True


@pytest.mark.parametrize(
    ("query", "json", "expected"),
    [
        ("input_values=%7B%22/a%22:%7B%22x%22:1%7D%7D", "", {"/a": {"x": 1}}),
        ("input_values=%7B%27/a%27:%7B%27x%27:None%7D%7D", "", {"/a": {"x": None}}),
        ("", '{"input_values": {"/a": {"x": 1}}}', {"/a": {"x": 1}}),
        ("", '{"input_values": [{"obj_path": "/a", "fields": {}}]}', [{"obj_path": "/a", "fields": {}}]),
        ("", '{"input_values": []}', []),
        (
            "input_values.a:records=1&input_values.a:records=2&input_values.b:records=3",
            "",
            [{"a": "1"}, {"a": "2", "b": "3"}],
        ),
        ("", "", None),
    ],
)
def test_input_values_are_a_structure(query: str, json: str, expected: Any) -> None:
    assert controls_of("update_many", query, json).structure("input_values") == expected


@pytest.mark.parametrize("query", ["input_values=%7B", "input_values={}&input_values={}"])
def test_a_broken_structure_is_a_problem(query: str) -> None:
    assert len(read_controls(METHODS["update_many"].controls, form_of(query)).problems) == 1


def test_aliases_are_the_same_parameter() -> None:
    assert controls_of("create", "id=x").text("obj_id") == "x"
    assert controls_of("create", "id=x&obj_id=x").text("obj_id") == "x"
    assert controls_of("update", "UID=u&id=i&obj_type=T").values["obj_uid"] == "u"
    assert len(read_controls(METHODS["create"].controls, form_of("id=x&obj_id=y")).problems) == 1


def test_the_token_is_kept_for_checking() -> None:
    assert controls_of("create", "_authenticator=abc").authenticator == "abc"
    assert controls_of("create", "").authenticator is None


def test_texts_are_not_trimmed_but_blank_is_empty() -> None:
    assert controls_of("doActionFor", "comment=+a+").text("comment") == " a "
    assert controls_of("doActionFor", "comment=+").text("comment") is None


def names_taken_by(*methods: str) -> set[str]:
    # Of kind `any` are those that a field may have for its name: the method tells them apart.
    controls = [control for method in methods for control in METHODS[method].controls if control.kind != "any"]
    return {name for control in controls for name in (control.name, *control.aliases)}


def test_no_field_can_be_declared_that_could_not_be_written() -> None:
    taken = {*names_taken_by("create", "update"), *IGNORED}
    assert {name for name in taken if NAME.fullmatch(name)} <= {*RESERVED_NAMES, *INTRINSIC_NAMES}


def test_no_index_can_be_declared_that_could_not_be_asked_for() -> None:
    assert names_taken_by("read") <= set(READ_PARAMETERS)


def test_an_unknown_method_has_no_controls() -> None:
    with pytest.raises(KeyError):
        read_controls(METHODS["nothing"].controls, Form({}))


WORDS = ["", "0", "-1", "1e9", "yes", "a,b", "[1]", '["a"]', "{", "{'a': 1}", "\0"]
TEXTS = st.sampled_from(WORDS) | st.text(max_size=6)
SENT = st.recursive(
    st.none() | st.booleans() | st.integers() | st.decimals(allow_nan=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=2),
    max_leaves=5,
)


@given(st.sampled_from(sorted(METHODS)), st.data())
def test_any_values_of_controls_are_read_or_named(method: str, data: st.DataObject) -> None:
    """Whatever a form or JSON object holds under the names of a method's parameters, a fault names one of these."""
    controls = METHODS[method].controls
    spelled = [f"{name}{end}" for item in controls for name in (item.name, *item.aliases) for end in ("", "[]")]
    form = Form(data.draw(st.dictionaries(st.sampled_from([*spelled, "x"]), SENT, max_size=4)))
    read = read_controls(controls, form)
    assert read.values.keys() == {item.name for item in controls}
    assert read.sent <= read.values.keys()
    assert {problem.parameter for problem in read.problems} <= {name.removesuffix("[]") for name in spelled}

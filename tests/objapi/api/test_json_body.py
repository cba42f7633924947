import json
import pickle
import tracemalloc
from datetime import UTC
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from objapi.api.json_body import NumberLiteral, merge, parse_body
from objapi.errors import BadRequest, TooLarge
from objapi.http.forms.marshalling import FormOptions, marshal, parse_pairs
from objapi.model.json_text import TooManyValues, parse_json


def test_number_literals_are_kept() -> None:
    members = parse_body(b'{"a": 57.10, "b": 1e3, "c": 12, "d": -0, "e": [0.0]}')
    assert str(members["a"]) == members["a"].text == "57.10"
    assert members["a"] == Decimal("57.1")
    assert str(members["b"]) == "1e3"
    assert (members["c"], type(members["c"])) == (12, int)
    assert str(members["d"]) == "-0"
    assert str(members["e"][0]) == "0.0"


def test_number_literals_can_be_stored_away() -> None:
    literal = pickle.loads(pickle.dumps(NumberLiteral("57.10")))
    assert (literal, literal.text) == (Decimal("57.10"), "57.10")


@pytest.mark.parametrize("body", [b"", b"  \n", b"{}", b"\xef\xbb\xbf{}"])
def test_nothing_sent_is_no_parameters(body: bytes) -> None:
    assert parse_body(body) == {}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"[]", "must be an object"),
        (b'"a"', "must be an object"),
        (b"{", "cannot be read"),
        (b"{'a': 1}", "cannot be read"),
        (b'{"a": 1, "a": 2}', "'a' is given twice"),
        (b'{"a": {"b": 1, "b": 2}}', "'b' is given twice"),
        (b'{"a": NaN}', "NaN"),
        (b'{"a": -Infinity}', "-Infinity"),
        (b'{"a": 1e9999999}', "out of range"),
        (b'{"a": 1e99999999999999999999999}', "out of range"),
        (b'{"a": 0e99999999}', "out of range"),
        (b'{"a": ' + b"9" * 5000 + b"}", "out of range"),
        (b'{"a": "\\ud800"}', "surrogate"),
        (b'{"\\uDFFF": 1}', "surrogate"),
        (b'{"a": "\xff"}', "UTF-8"),
        (b'{"a": ' + b"[" * 64 + b"]" * 64 + b"}", "64 levels"),
        (b'{"a": ' * 100_000, "64 levels"),
        (b'{"a": "\x01"}', "cannot be read"),
    ],
)
def test_what_would_lose_or_hide_data_is_refused(body: bytes, words: str) -> None:
    with pytest.raises(BadRequest, match=words):
        parse_body(body)


def test_depth_64_is_read() -> None:
    assert parse_body(b'{"a": ' + b"[" * 63 + b"]" * 63 + b"}")


def test_brackets_in_texts_are_no_depth() -> None:
    assert parse_body(json.dumps({"a": "[" * 1000}).encode()) == {"a": "[" * 1000}


def test_escaped_pairs_are_characters() -> None:
    assert parse_body(b'{"a": "\\ud83d\\ude00"}') == {"a": "\U0001f600"}


def test_another_charset_is_refused() -> None:
    with pytest.raises(BadRequest, match="UTF-8"):
        parse_body(b"{}", "utf-16")


def test_every_key_with_a_suffix_is_named() -> None:
    with pytest.raises(BadRequest, match="no meaning in JSON") as raised:
        parse_body(b'{"a:int": 1, "b": 2, "c:list": 3}')
    assert [cause.name for cause in raised.value.causes] == ["a:int", "c:list"]


def test_a_key_of_the_body_replaces_that_of_the_query() -> None:
    form = marshal(parse_pairs(b"a=1&b=2&c[]=3&d=x&d=y"), FormOptions.gateway(), UTC)
    assert dict(merge(form, {"a": 5, "c": ["z"], "e": {}})) == {"b": "2", "d": ["x", "y"], "a": 5, "c": ["z"], "e": {}}


def test_problems_of_the_query_survive_the_merge() -> None:
    form = marshal(parse_pairs(b"a:int=x"), FormOptions.gateway(), UTC)
    assert merge(form, {"a": 1}).problems == form.problems != ()


TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**30), 10**30) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)


@settings(deadline=None)
@given(VALUES)
def test_json_survives_the_trip(value: Any) -> None:
    assert parse_json(json.dumps(value)) == value
    assert parse_json(json.dumps(value, ensure_ascii=False)) == value


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_keep_their_spelling(number: float) -> None:
    literal = parse_json(repr(number))
    assert str(literal) == repr(number)
    assert float(literal) == number


@settings(deadline=None)
@given(st.text(st.sampled_from('{}[]",:\\ud8e019.-nulltrue ')))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        value = parse_json(text)
    except ValueError as reason:
        str(reason).encode()
    else:
        assert parse_json(text) == value


def counted(value: Any) -> int:
    """The values in a JSON value, itself included."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + sum(map(counted, inner))


@settings(deadline=None)
@given(VALUES, st.sampled_from([None, 2]))
def test_as_many_values_are_read_as_may_be_and_not_one_more(value: Any, indent: int | None) -> None:
    text, values = json.dumps(value, indent=indent), counted(value)
    assert parse_json(text, most_values=max(values, 1)) == value
    # A single text, or one that could not be too deep, is not worth a look.
    if values > 1:
        with pytest.raises(TooManyValues, match=f"more than {values - 1} values"):
            parse_json(text, most_values=values - 1)


MEGABYTES = 16 * 1024 * 1024


@pytest.mark.parametrize(
    ("begin", "repeated", "error"),
    [
        pytest.param(b'{"a": [1.5', b",1.5", TooLarge, marks=pytest.mark.extended),
        pytest.param(b'{"a": [[]', b",[]", TooLarge, marks=pytest.mark.extended),
        pytest.param(b'{"a": [{}', b",{}", TooLarge, marks=pytest.mark.extended),
        pytest.param(b'{"a": [0', b",[[[[0]]]]", TooLarge, marks=pytest.mark.extended),
        pytest.param(b'{"a": [""', b',""', TooLarge, marks=pytest.mark.extended),
        pytest.param(b'{"a": {"b": 1', b',"c": 1', TooLarge, marks=pytest.mark.extended),
        (b'{"a": ', b"[", BadRequest),
        pytest.param(b'{"a": ', b'{"a":', BadRequest, marks=pytest.mark.extended),
        pytest.param(b'{"a": [', b'""', BadRequest, marks=pytest.mark.extended),
        (b'{"a": "', b'\\"', BadRequest),
        pytest.param(b'{"a": "', b"\\", BadRequest, marks=pytest.mark.extended),
        (b'{"a": 0.', b"9", BadRequest),
        (b'{"a": ', b"9", BadRequest),
    ],
)
def test_a_long_body_is_refused_before_anything_is_made_of_it(begin: bytes, repeated: bytes, error: Any) -> None:
    body = begin + repeated * (MEGABYTES // len(repeated))
    tracemalloc.start()
    try:
        with pytest.raises(error) as refusal:
            parse_body(body)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert type(refusal.value) is error
    assert most < 3 * len(body)


def test_the_refusal_names_the_limit_and_its_setting() -> None:
    with pytest.raises(TooLarge, match=r"more than 3 values.*OBJAPI_MAX_JSON_VALUES"):
        parse_body(b'{"a": [1, 2, 3]}', most_values=3)

"""Query string and body of a request as one form, within the limits of the site."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from objapi.api.parameters import has_json_body, read_form
from objapi.errors import ApiError, BadRequest, TooLarge
from objapi.http.forms.pairs import body_type
from objapi.settings import Settings

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
NARROW = Settings(max_value_length=10, max_list_length=3, max_body_size=1000, max_parameters=5)


def _read(query: bytes = b"", content_type: str = FORM, body: bytes = b"", verb: str = "POST") -> dict[str, Any]:
    return dict(read_form(verb, query, content_type, body, NARROW, unbounded={"input_values"}))


@pytest.mark.parametrize(
    ("query", "content_type", "body", "verb", "form"),
    [
        (b"a=1", FORM, b"a=2", "POST", {"a": ["1", "2"]}),
        (b"a=1", FORM, b"a=2", "GET", {"a": "1"}),
        (b"a=1", "text/plain", b"a=2", "POST", {"a": "1"}),
        (b"a=1&b=3", JSON, b'{"a": 2}', "POST", {"a": 2, "b": "3"}),
        (b"a[]=1", JSON, b'{"a": [2]}', "POST", {"a": [2]}),
        (b"a=1", JSON, b"", "POST", {"a": "1"}),
        (b"", FORM, b"&a:int=2", "POST", {"a": 2}),
    ],
)
def test_the_body_joins_the_query(
    query: bytes, content_type: str, body: bytes, verb: str, form: dict[str, Any]
) -> None:
    assert _read(query, content_type, body, verb) == form


def test_a_multipart_body_is_a_form() -> None:
    part = b'--x\r\nContent-Disposition: form-data; name="a:list"\r\n\r\n1\r\n--x--\r\n'
    assert _read(b"", "multipart/form-data; boundary=x", part) == {"a": ["1"]}


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        (FORM, b"a=" + b"x" * 11),
        (FORM, b"a:list=1&a:list=2&a:list=3&a:list=4"),
        (JSON, json.dumps({"a": {"b": ["x" * 11]}}).encode()),
        (JSON, json.dumps({"a": [1, 2, 3, 4]}).encode()),
        (FORM, b"&".join(b"n%d=1" % number for number in range(6))),
    ],
)
def test_what_is_beyond_a_limit_is_named(content_type: str, body: bytes) -> None:
    with pytest.raises(TooLarge):
        _read(b"", content_type, body)


@pytest.mark.parametrize("name", ["input_values", "file"])
def test_batches_and_files_are_bounded_by_the_body_alone(name: str) -> None:
    value = "x" * 100
    sent = value if name == "input_values" else {"filename": "a", "base64": value}
    assert _read(b"", JSON, json.dumps({name: sent}).encode()) == {name: sent}


@given(query=st.binary(max_size=60), body=st.binary(max_size=60), kind=st.sampled_from([FORM, JSON, "x/y", ""]))
def test_whatever_is_sent_is_a_form_or_refused(query: bytes, body: bytes, kind: str) -> None:
    try:
        form = read_form("POST", query, kind, body, NARROW)
    except ApiError as refused:
        assert isinstance(refused, BadRequest | TooLarge)
    else:
        assert all(isinstance(name, str) for name in form)


@pytest.mark.parametrize(
    ("verb", "content_type", "body", "json_body"),
    [
        ("GET", FORM, False, False),
        ("POST", None, True, False),
        ("POST", JSON, True, True),
        ("POST", "a/b", False, False),
    ],
)
def test_which_bodies_are_read(verb: str, content_type: str | None, body: bool, json_body: bool) -> None:
    assert (body_type(verb, content_type).kind != "none", has_json_body(verb, content_type)) == (body, json_body)

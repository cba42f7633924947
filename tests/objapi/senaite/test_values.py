"""Words of searches, switches, dates and bodies as clients of SENAITE send them."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from objapi.errors import BadRequest, TooLarge
from objapi.senaite.parameters import is_on, read_body, read_query
from objapi.senaite.searching import words_of
from objapi.senaite.values import instant
from objapi.settings import load_settings

SETTINGS = load_settings({"OBJAPI_MAX_UPDATE_ENTRIES": "3"})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("happy hi", ["happy", "hi"]),
        ("AP-0001", ["AP", "0001"]),
        ("and (happy) OR not*", ["happy"]),
        ("5.30", ["5.30"]),
        ("***", []),
        ("", []),
    ],
)
def test_words_are_letters_digits_and_dots(text: str, words: list[str]) -> None:
    assert words_of(text) == words


@given(st.text())
def test_no_word_holds_what_a_query_would_take_for_grammar(text: str) -> None:
    for word in words_of(text):
        assert word.lower() not in ("and", "or", "not")
        assert not set(word) & set("*?()\"' ")


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("2021-11-29T13:17:37.123456+00:00", "2021-11-29T13:17:37+00:00"),
        ("2021-11-29T13:17:37+02:00", "2021-11-29T13:17:37+02:00"),
        ("2021-11-29T13:17:37Z", "2021-11-29T13:17:37+00:00"),
        ("", None),
        (None, None),
    ],
)
def test_instants_have_whole_seconds_and_an_offset(sent: object, shown: str | None) -> None:
    assert instant(sent) == shown


def test_switches_are_on_for_few_words() -> None:
    assert [word for word in ("y", "Yes", "1", "TRUE", "on", "n", "0", "", "2", "t") if is_on(word)] == [
        "y", "Yes", "1", "TRUE", "on",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("query", "content_type", "body", "values"),
    [
        (b"a=1&a=2&b=x+y", None, b"", {"a": ["1", "2"], "b": "x y"}),
        (
            b"uid=u&Result=7",
            "application/json",
            b'{"Result": 5.30, "title": "t"}',
            {"uid": "u", "title": "t", "Result": "7"},
        ),
        (b"", "text/plain", b' {"a": [1, null]}', {"a": [1, None]}),
        (b"", "application/x-www-form-urlencoded", b"Analyses=Ca&Analyses=Mg", {"Analyses": ["Ca", "Mg"]}),
        (b"", "application/x-www-form-urlencoded", b'{"a": "in a form"}', {"a": "in a form"}),
        (b"", None, b"", {}),
        (b"Address.city:record=Oslo&tags:list=a", None, b"", {"Address": {"city": "Oslo"}, "tags": ["a"]}),
    ],
)
def test_bodies_are_read_by_how_they_begin(
    query: bytes, content_type: str | None, body: bytes, values: Mapping[str, Any]
) -> None:
    sent = read_body(query, content_type, body, SETTINGS, SETTINGS.timezone)
    assert (sent.values, sent.records) == (values, None)


def test_numbers_keep_their_digits() -> None:
    sent = read_body(b"", None, b'{"Result": 5.30}', SETTINGS, SETTINGS.timezone)
    assert sent.values["Result"].text == "5.30"


def test_a_list_is_several_records() -> None:
    sent = read_body(b"partial=1", None, b'[{"a": 1}, {"b": 2}]', SETTINGS, SETTINGS.timezone)
    assert (sent.values, sent.records) == ({"partial": "1"}, ({"a": 1}, {"b": 2}))
    with pytest.raises(BadRequest, match="1 is none"):
        read_body(b"", None, b'[{"a": 1}, 2]', SETTINGS, SETTINGS.timezone)
    with pytest.raises(TooLarge):
        read_body(b"", None, b"[{}, {}, {}, {}]", SETTINGS, SETTINGS.timezone)


@given(st.binary())
def test_any_body_is_read_or_refused(body: bytes) -> None:
    try:
        read_body(b"", None, body, SETTINGS, SETTINGS.timezone)
        read_query(body, SETTINGS, SETTINGS.timezone)
    except (BadRequest, TooLarge):
        pass

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from objapi.model.literal import MAX_LITERAL_LENGTH, parse_structured


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"a": [1, null, true]}', {"a": [1, None, True]}),
        ("{'address': '1 Wendy Way'}", {"address": "1 Wendy Way"}),
        ("{u'a': u'\\xe9', 'b': 5L}", {"a": "é", "b": 5}),
        ("[True, False, None]", [True, False, None]),
        ("('a', ('b',), ())", ["a", ["b"], []]),
        ("('a')", "a"),
        ("[1, 2, ]", [1, 2]),
        ("{'a': 1,}", {"a": 1}),
        (" {\n'a' : -1 } ", {"a": -1}),
        ("'it\\'s'", "it's"),
        ('"tab\\t"', "tab\t"),
    ],
)
def test_json_and_python_literals_are_read(text: str, expected: object) -> None:
    assert parse_structured(text) == expected


def test_fractions_keep_their_spelling() -> None:
    assert [str(number) for number in parse_structured("[57.10, 'x', -1e3, .5]")] == ["57.10", "x", "-1e3", ".5"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "{",
        "[1 2]",
        "[,]",
        "{1: 2}",
        "{'a'}",
        "{'a': 1, 'a': 2}",
        "{'a': 1} 2",
        "(1]",
        "0012",
        "1_000",
        "1 + 1",
        "nan",
        "open('x')",
        "__import__('os')",
        "[x for x in y]",
        "lambda: 0",
        "f'{x}'",
        "b'x'",
        "'a' 'b'",
        "'''a'''",
        "'a\nb'",
        "'\\d'",
        "'\\N{BULLET}'",
        "'\\ud800'",
        "{'a': 1e999999999}",
        "'a\0' + ",
        "x.y",
        "-'a'",
    ],
)
def test_everything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_structured(text)


@pytest.mark.parametrize("opening", ["[", "(", "{'a':", "-"])
def test_deep_nesting_is_refused_not_recursed_into(opening: str) -> None:
    with pytest.raises(ValueError, match="literal"):
        parse_structured(opening * 10_000)


def test_64_levels_are_read() -> None:
    assert parse_structured("('a'," * 64 + ")" * 64)
    with pytest.raises(ValueError, match="64 levels"):
        parse_structured("('a'," * 65 + ")" * 65)


def test_long_texts_are_read_as_json_only() -> None:
    inside = "x" * MAX_LITERAL_LENGTH
    assert parse_structured(f'["{inside}"]') == [inside]
    with pytest.raises(ValueError, match="only JSON"):
        parse_structured(f"['{inside}']")


def as_read(value: Any) -> Any:
    """Tuples are lists and floats are compared by their spelling."""
    if isinstance(value, (list, tuple)):
        return [as_read(member) for member in value]
    if isinstance(value, dict):
        return {key: as_read(member) for key, member in value.items()}
    return repr(value) if isinstance(value, float) else value


TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTS | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: (
        st.lists(inner, max_size=4) | st.tuples(inner) | st.tuples(inner, inner) | st.dictionaries(TEXTS, inner)
    ),
    max_leaves=12,
)


def spelled(value: Any) -> Any:
    """What was read, with numbers as they were spelled."""
    if isinstance(value, list):
        return [spelled(member) for member in value]
    if isinstance(value, dict):
        return {key: spelled(member) for key, member in value.items()}
    return value if value is None or isinstance(value, (bool, int, str)) else str(value)


@settings(deadline=None)
@given(VALUES)
def test_what_python_writes_is_read_back(value: Any) -> None:
    assert spelled(parse_structured(repr(value))) == as_read(value)


@settings(deadline=None)
@given(st.text(st.sampled_from("{}[](),:'\"\\uxL0159.eE-+ TrueNone\n")))
def test_any_text_is_read_or_refused_with_a_reason(text: str) -> None:
    try:
        parse_structured(text)
    except ValueError as reason:
        assert str(reason)

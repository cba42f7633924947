"""Expressions: which TALES spellings are understood, and what they give."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.workflows.building import NOON
from workflows import Expression, WorkflowError
from workflows.definition import Environment, evaluate, from_tales

ENTRY: dict[str, object] = {"action": None}
SEEN = Environment("ana", "submit", {"comment": "well", "n": 1}, NOON, lambda: [ENTRY])
BLANK = Environment(None, None, {}, NOON, list)


@pytest.mark.parametrize(
    ("text", "seen", "blank"),
    [
        ("transition/getId|nothing", "submit", None),
        ("transition/getId | nothing", "submit", None),
        ("user/getId", "ana", None),
        ("user/getUserName", "ana", "Anonymous User"),
        ("python:state_change.kwargs.get('comment', '')", "well", ""),
        ('python: state_change.kwargs.get("comment","")', "well", ""),
        ("python:kwargs.get('n', None)", 1, None),
        ("python:state_change.kwargs.get('n', 'none')", 1, "none"),
        ("kwargs/n|nothing", 1, None),
        ("state_change/kwargs/n|string:none", 1, "none"),
        ("state_change/getDateTime", NOON, NOON),
        ("python:state_change.getHistory()", [ENTRY], []),
        ("state_change/getHistory", [ENTRY], []),
        ("nothing", None, None),
        ("string:a text", "a text", "a text"),
        ("string:5 $$", "5 $", "5 $"),
        ("python:True", True, True),
        ("python: False", False, False),
        ("python:None", None, None),
        ("python:-12", -12, -12),
        ("python:'x'", "x", "x"),
        ("not:nothing", True, True),
        ("not: string:x", False, False),
    ],
)
def test_spellings_that_are_understood(text: str, seen: object, blank: object) -> None:
    expression = from_tales(text)
    assert expression is not None
    assert (evaluate(expression, SEEN), evaluate(expression, BLANK)) == (seen, blank)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "here/title",
        'python:here.guard_handler("submit")',
        "string:${here/title}",
        "string:$name",
        "not:here/x",
        "not:user/getId",
        "python:True or here",
        "python:'a' 'b'",
        "python:'it\\'s'",
        "python:state_change.kwargs.get('comment', f())",
        "python:__import__('os')",
        "python:" + "9" * 40,
        "nothing|here/x",
    ],
)
def test_everything_else_is_not_guessed(text: str) -> None:
    assert from_tales(text) is None


def test_an_unknown_kind_is_an_error() -> None:
    with pytest.raises(WorkflowError, match="'magic'"):
        evaluate(Expression("magic"), SEEN)


@given(st.text())
def test_any_text_is_understood_or_not_and_what_is_understood_has_a_value(text: str) -> None:
    expression = from_tales(text)
    if expression is not None:
        evaluate(expression, BLANK)


@given(st.text(st.characters(exclude_characters="$"), min_size=1))
def test_plain_string_expressions_give_their_text(text: str) -> None:
    expression = from_tales(f"string:{text}")
    assert expression is not None
    assert evaluate(expression, BLANK) == text.rstrip()

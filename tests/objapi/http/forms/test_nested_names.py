"""Names with brackets."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from objapi.api.parameters import with_nested
from objapi.http.forms.marshalling import Form


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        ({"PhysicalAddress[city]": "Ghent", "title": "x"}, {"title": "x", "PhysicalAddress": {"city": "Ghent"}}),
        ({"A[b][c]": "1", "A[b][d]": "2"}, {"A": {"b": {"c": "1", "d": "2"}}}),
        ({"R[0][k]": "a", "R[1][k]": "b", "R[0][v]": 1}, {"R": [{"k": "a", "v": 1}, {"k": "b"}]}),
        ({"R[10]": "z", "R[9]": "y"}, {"R": ["y", "z"]}),
        ({"A[b][]": ["1", "2"]}, {"A": {"b": ["1", "2"]}}),
        ({"A[b][]": "1"}, {"A": {"b": ["1"]}}),
        ({"A[]": ["1", "2"]}, {"A[]": ["1", "2"]}),
        ({"A[": "1", "]": "2", "[x]": "3", "A]b[": "4"}, {"A[": "1", "]": "2", "[x]": "3", "A]b[": "4"}),
    ],
)
def test_brackets_make_records_and_lists(sent: dict[str, Any], read: dict[str, Any]) -> None:
    form = with_nested(Form(sent))
    assert (dict(form), form.problems) == (read, ())


@pytest.mark.parametrize(
    "sent",
    [
        {"A": "1", "A[b]": "2"},
        {"A[b]": "1", "A[b][c]": "2"},
        {"A[b][c]": "2", "A[b]": "1"},
        {"A[][k]": "1"},
        {"A" + "[x]" * 9: "1"},
    ],
)
def test_what_has_no_place_is_a_problem(sent: dict[str, Any]) -> None:
    (problem,) = with_nested(Form(sent)).problems
    assert problem.parameter in sent


@given(st.dictionaries(st.text("ab[]01", max_size=12), st.text(max_size=3), max_size=6))
def test_any_names_are_read_or_named(sent: dict[str, str]) -> None:
    form = with_nested(Form(sent))
    assert all(problem.parameter in sent for problem in form.problems)

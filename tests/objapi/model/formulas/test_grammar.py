"""The language of formulas: what is read, what is refused and where, and text that is read as the same tree."""

from decimal import Decimal

import pytest
from hypothesis import given

from objapi.model.formulas import (
    MAX_DEPTH,
    MAX_LENGTH,
    Expression,
    FormulaSyntaxError,
    Name,
    Number,
    names_in,
    parse_formula,
    text_of_formula,
)
from tests.objapi.model.formulas.randoms import expressions


@pytest.mark.parametrize(
    ("text", "read_as"),
    [
        ("1 + 2 * 3", "(1 + (2 * 3))"),
        ("8 - 4 - 2", "((8 - 4) - 2)"),
        ("-2 ** 2", "(-(2 ** 2))"),
        ("2 ** -1", "(2 ** (-1))"),
        ("2 ** 3 ** 2", "(2 ** (3 ** 2))"),
        ("+[a] / .5", "([a] / 0.5)"),
        ("[ Moist ]-[Ca.LDL]", "([Moist] - [Ca.LDL])"),
        ("1 if [a] < 2 else 3", "if(([a] < 2), 1, 3)"),
        ("1 if [a] else 2 if [b] else 3", "if([a], 1, if([b], 2, 3))"),
        ("not [a] == 1 and [b] or [c]", "(((not ([a] == 1)) and [b]) or [c])"),
        ("round([a], 2)", "round([a], 2)"),
        ("max(1, 2, min([a], [b]))", "max(1, 2, min([a], [b]))"),
        ("([a]\n + [b])\t* 1e3", "(([a] + [b]) * 1E+3)"),
    ],
)
def test_operators_bind_as_in_arithmetic(text: str, read_as: str) -> None:
    assert text_of_formula(parse_formula(text)) == read_as


@pytest.mark.parametrize(
    ("text", "position", "problem"),
    [
        ("", 1, "is expected, not the end"),
        ("1 +", 4, "is expected, not the end"),
        ("(1 + 2", 7, r"'\)' is expected"),
        ("1 2", 3, "an operator or the end is expected"),
        ("0,5 * [a]", 2, "decimal point"),
        ("2 ^ 3", 3, r"a power is written \*\*"),
        ("[a] = 1", 5, "equality is written =="),
        ("[a", 1, r"a name ends with \]"),
        ("[]", 1, "a name is missing"),
        ("Moist * 2", 1, r"no function 'Moist'.*in \[brackets\]"),
        ("average(1, 2)", 1, "no function 'average'"),
        ("round()", 7, "is expected, not"),
        ("round(1, 2, 3)", 1, "round takes 1 to 2 operands, not 3"),
        ("if(1, 2)", 1, "if takes 3 operands, not 2"),
        ("1 if 2", 7, "'else' is expected"),
        ("1 < [a] < 3", 9, "join two by and"),
        ("1e99", 1, "too long"),
        ("1" * 41, 1, "too long"),
        ("[a].real", 4, "means nothing here"),
        ("__import__('os')", 1, "no function"),
        ("[a] + 'x'", 7, "means nothing here"),
        ("x := 1", 3, "means nothing here"),
        ("1" + " " * MAX_LENGTH, MAX_LENGTH + 1, "longer than"),
    ],
)
def test_what_is_no_formula_is_refused_with_its_place(text: str, position: int, problem: str) -> None:
    with pytest.raises(FormulaSyntaxError, match=problem) as refusal:
        parse_formula(text)
    assert refusal.value.position == position
    assert str(refusal.value).endswith(f"at character {position}")


@pytest.mark.parametrize("begin, middle, end", [
    ("(", "1", ")"), ("-", "1", ""), ("not ", "1", ""), ("abs(", "1", ")"), ("1 + ", "1", ""), ("2 ** ", "1", ""),
    ("1 if 1 else ", "1", ""), ("max(1, ", "1", ")"),
])  # fmt: skip
def test_nesting_is_bounded(begin: str, middle: str, end: str) -> None:
    parse_formula(begin * (MAX_DEPTH - 2) + middle + end * (MAX_DEPTH - 2))
    with pytest.raises(FormulaSyntaxError, match=r"nested more than|longer than"):
        parse_formula(begin * 400 + middle + end * 400)


def test_names_are_listed_once_and_in_order() -> None:
    assert names_in(parse_formula("[b] + if([a] > 1, [b], [c.x])")) == ("b", "a", "c.x")


def test_positions_and_blanks_make_no_other_formula() -> None:
    assert parse_formula(" [a]+1") == parse_formula("[a] + 1.0")
    assert parse_formula("[a]") == Name("a")
    assert parse_formula("1.50") == Number(Decimal("1.5"))


@given(expressions())
def test_a_formula_written_out_is_read_as_the_same(expression: Expression) -> None:
    assert parse_formula(text_of_formula(expression)) == expression

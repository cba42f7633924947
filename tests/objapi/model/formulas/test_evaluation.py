"""Working formulas out: against fractions, which are exact, and with detection limits."""

from decimal import Decimal
from fractions import Fraction
from math import floor

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from objapi.model.formulas import (
    Apply,
    Expression,
    Measured,
    Name,
    NoResult,
    Number,
    evaluate,
    parse_formula,
    shown,
)
from tests.objapi.model.formulas.randoms import NAMES, expressions


def read(text: str) -> Measured:
    """A result as people write it: 12.5, <0.1."""
    return Measured(Decimal(text[1:]), "<" if text[0] == "<" else ">") if text[0] in "<>" else Measured(Decimal(text))


def worked_out(text: str, **values: str) -> str:
    return shown(evaluate(parse_formula(text), {name: read(value) for name, value in values.items()}.__getitem__))


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("([w] - [d]) / ([w] - [t]) * 100", "80"),
        ("100 - 12.50", "87.5"),
        ("0.1 + 0.2", "0.3"),
        ("1 / 3", "0.333333333333333"),
        ("2 / 3", "0.666666666666667"),
        ("round(2.5) + round(0 - 2.5) * 10", "-27"),
        ("round(2.345, 2)", "2.35"),
        ("round(1234, -2)", "1200"),
        ("2 ** 0.5 * 2 ** 0.5", "2"),
        ("sqrt(2) ** 2", "2"),
        ("exp(0) + ln(exp(1)) + log10(1000)", "5"),
        ("abs(1 - 3) + min(3, 1, 2) + max(1, 3, 2)", "6"),
        ("if(1 > 2, 1 / 0, 5)", "5"),
        ("1 / 0 if 0 else 5", "5"),
        ("0 and 1 / 0", "0"),
        ("1 or 1 / 0", "1"),
        ("not 0 and 1 != 2 and 2 <= 2", "1"),
        ("1e20 * 1e20", "1E+40"),
        ("1e-20 * 1e-20", "1E-40"),
        ("123456789 * 1000000", "123456789000000"),
        ("0 * -1", "0"),
    ],
)
def test_results_are_decimals(text: str, result: str) -> None:
    assert worked_out(text, w="30", d="14", t="10") == result


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("5 / ([w] - [w])", "division by zero, at character 3"),
        ("0 ** -1", "division by zero"),
        ("ln(0)", "ln of 0 is no number"),
        ("sqrt(0 - 4)", "sqrt of -4 is no number"),
        ("(0 - 8) ** 0.5", "is no number"),
        ("9 ** 9 ** 9 ** 9", "too large"),
        ("exp(9 ** 99)", "too large"),
        ("round(1, 0.5)", "a whole number of places"),
        ("round(1, 1e9)", "a whole number of places"),
    ],
)
def test_what_gives_no_number_gives_a_reason(text: str, reason: str) -> None:
    with pytest.raises(NoResult, match=reason):
        worked_out(text, w="30")


@pytest.mark.parametrize(
    ("text", "a", "b", "result"),
    [
        ("[a]", "<0.1", "1", "<0.1"),
        ("100 - [a]", "<0.1", "1", ">99.9"),
        ("[a] + [b]", "<0.1", "<0.2", "<0.3"),
        ("[a] + [b]", "<0.1", "5", "<5.1"),
        ("[a] * 2.5", ">50", "1", ">125"),
        ("[a] * -1", "<2", "1", ">-2"),
        ("[a] * 0", "<2", "1", "0"),
        ("[a] / [b]", "<2", ">4", "<0.5"),
        ("1 / [a]", "<2", "1", ">0.5"),
        ("-1 / [a]", "<2", "1", "<-0.5"),
        ("0 / [a]", "<2", "1", "0"),
        ("max([a], [b])", "<2", "3", "3"),
        ("max([a], [b])", "<2", "2", "2"),
        ("max([a], [b])", "<2", "1", "<2"),
        ("min([a], [b])", "<2", "<3", "<2"),
        ("min([a], [b])", ">2", "1", "1"),
        ("round([a], 1)", "<0.14", "1", "<0.2"),
        ("round([a], 1)", ">0.16", "1", ">0.1"),
        ("sqrt([a])", "<4", "1", "<2"),
        ("[a] ** 2", "<4", "1", "<16"),
        ("[a] ** -1", "<4", "1", ">0.25"),
        ("abs([a])", "<4", "1", "<4"),
        ("exp([a]) > 0", ">0", "1", "1"),
        ("if([a] < [b], 0, [a])", "<0.1", "0.1", "0"),
        ("if([a] < [b], 1, 2)", ">3", "3", "2"),
        ("if([a] == [b], 1, 2)", ">3", "3", "2"),
        ("if([a], 1, 2)", ">3", "3", "1"),
        ("if(round([a]), 1, 2)", ">1.2", "1", "1"),
        ("if(round([a]) + 1 > 0, 1, 2)", ">0.1", "1", "1"),
    ],
)
def test_limits_go_through_what_keeps_their_side(text: str, a: str, b: str, result: str) -> None:
    assert worked_out(text, a=a, b=b) == result


@pytest.mark.parametrize(
    ("text", "a", "b"),
    [
        ("[a] - [b]", "<0.1", "<0.2"),
        ("[a] * [b]", "<2", ">3"),
        ("([a] - 3) * ([b] - 3)", "<5", "<5"),
        ("([a] - 3) ** 2", "<5", "1"),
        ("abs([a] - 3)", "<5", "1"),
        ("sqrt([a] - 3)", "<5", "1"),
        ("1 / ([a] - 3)", "<5", "1"),
        ("max([a], [b])", ">1", "3"),
        ("[a] < [b]", "<2", "1"),
        ("if([a], 1, 2)", "<2", "1"),
        ("2 ** [a]", "<2", "1"),
        ("round(1, [a])", "<2", "1"),
        # What is rounded may reach the limit.
        ("not round([a])", ">0.1", "1"),
        ("if(round([a]) + 1 > 1, 1, 2)", ">0.1", "1"),
        ("if(round([a]) < 1, 1, 2)", "<0.9", "1"),
    ],
)
def test_limits_that_decide_nothing_give_no_result(text: str, a: str, b: str) -> None:
    with pytest.raises(NoResult, match=r"either side|no condition|whole number of places"):
        worked_out(text, a=a, b=b)


def exactly(expression: Expression, values: dict[str, Fraction]) -> Fraction:
    """The value of a formula by the rules of fractions."""
    match expression:
        case Number(value):
            return Fraction(value)
        case Name(name):
            return values[name]
        case Apply("if", (condition, chosen, other)):
            return exactly(chosen if exactly(condition, values) else other, values)
        case Apply("and", (left, right)):
            return Fraction(bool(exactly(left, values) and exactly(right, values)))
        case Apply("or", (left, right)):
            return Fraction(bool(exactly(left, values) or exactly(right, values)))
    numbers = [exactly(operand, values) for operand in expression.operands]
    if expression.operation == "round":
        unit = Fraction(1, 10 ** int(numbers[1]))
        return unit * floor(abs(numbers[0]) / unit + Fraction(1, 2)) * (1 if numbers[0] >= 0 else -1)
    return Fraction(_OPERATIONS[expression.operation](*numbers))


_OPERATIONS = {
    "negate": lambda a: -a, "not": lambda a: not a, "abs": abs, "+": lambda a, b: a + b, "-": lambda a, b: a - b,
    "*": lambda a, b: a * b, "/": lambda a, b: a / b, "<": lambda a, b: a < b, "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b, ">=": lambda a, b: a >= b, "==": lambda a, b: a == b, "!=": lambda a, b: a != b,
    "min": min, "max": max, "**": lambda a, b: a ** int(b),
}  # fmt: skip
_AMOUNTS = st.decimals(min_value=0, max_value=100, places=2, allow_nan=False)


def _is_smooth(expression: Expression) -> bool:
    """True for a formula in which no rounding of a division can tip a comparison or a place."""
    if not isinstance(expression, Apply):
        return True
    tips = expression.operation in ("<", "<=", ">", ">=", "==", "!=", "round", "if", "and", "or", "not")
    divides = any("/" in str(operand) for operand in expression.operands)
    return not (tips and divides) and all(map(_is_smooth, expression.operands))


@given(expressions(), st.tuples(*(_AMOUNTS for _ in NAMES)))
def test_results_are_those_of_fractions(expression: Expression, numbers: tuple[Decimal, ...]) -> None:
    assume(_is_smooth(expression))
    values = dict(zip(NAMES, numbers, strict=True))
    try:
        expected = exactly(expression, {name: Fraction(value) for name, value in values.items()})
    except ZeroDivisionError:
        expected = None
    try:
        found = evaluate(expression, lambda name: Measured(values[name]))
    except NoResult:
        # 0 ** 0 is no number here, and 1 to fractions.
        assert expected is None or "'**'" in str(expression)
        return
    assert found.limit == ""
    assert expected is not None
    assert abs(Fraction(found.number) - expected) <= max(abs(expected), 1) * Fraction(1, 10**30)


_SIGNS = st.sampled_from(["", "<", ">"])


@given(expressions(), st.tuples(*(st.tuples(_AMOUNTS, _SIGNS) for _ in NAMES)), st.data())
def test_a_limit_holds_whatever_the_values_behind_it_are(
    expression: Expression, inputs: tuple[tuple[Decimal, str], ...], data: st.DataObject
) -> None:
    given_values = {name: Measured(number, sign) for name, (number, sign) in zip(NAMES, inputs, strict=True)}  # type: ignore[arg-type]
    assume(_is_smooth(expression) and all(value.number > 0 or value.limit != "<" for value in given_values.values()))
    try:
        result = evaluate(expression, given_values.__getitem__)
    except NoResult:
        assume(False)
    behind = {name: data.draw(_behind(value)) for name, value in given_values.items()}
    try:
        truth = exactly(expression, behind)
    except ZeroDivisionError:
        return
    margin = max(abs(truth), 1) * Fraction(1, 10**30)
    match result.limit:
        case "<":
            assert truth < Fraction(result.number) + margin
            assert truth >= 0 or not result.never_negative
        case ">":
            assert truth > Fraction(result.number) - margin
        case _:
            assert abs(truth - Fraction(result.number)) <= margin


def _behind(value: Measured) -> st.SearchStrategy[Fraction]:
    """The values that a result may stand for."""
    number = Fraction(value.number)
    match value.limit:
        case "<":
            return st.integers(0, 99).map(lambda part: number * part / 100)
        case ">":
            return st.integers(1, 1000).map(lambda part: number + Fraction(part, 10))
    return st.just(number)

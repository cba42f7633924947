"""What behaviours work out of plain values: uncertainties, durations, numbers of retractions, amounts, formulas."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from objapi.profiles.lims.checks import bank_number, email, iban, identifier_chars
from objapi.profiles.lims.formulas import formula_names
from objapi.profiles.lims.money import amount
from objapi.profiles.lims.reading import decimal, minutes
from objapi.profiles.lims.results import uncertainty_of
from objapi.profiles.lims.retests import next_number

RANGES = [
    {"intercept_min": "0", "intercept_max": "50", "errorvalue": "0.5"},
    {"intercept_min": "50", "intercept_max": "5000", "errorvalue": "2%"},
]


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        ("10", "0.5"),
        ("50", "0.5"),
        ("410", "8.20"),
        ("0.04", None),
        ("5001", None),
        (None, None),
    ],
)
def test_uncertainty_is_that_of_the_first_range_within_the_detection_limits(
    result: str | None, expected: str | None
) -> None:
    found = uncertainty_of(decimal(result), RANGES, Decimal("0.05"), Decimal(5000))
    assert found == (None if expected is None else Decimal(expected))


def test_a_range_that_cannot_be_read_states_no_uncertainty() -> None:
    rows = [{"intercept_min": "0", "intercept_max": "9", "errorvalue": "some"}]
    assert uncertainty_of(Decimal(5), rows, None, None) is None


@pytest.mark.parametrize(
    ("duration", "expected"),
    [
        ({"days": 1, "hours": 2, "minutes": 3}, 1563),
        ({"days": "5", "hours": "0", "minutes": ""}, 7200),
        ({}, 0),
        (None, 0),
        ({"hours": "soon"}, 0),
        ({"days": "9e999999"}, 5_270_400_000),
        ({"minutes": 10**40}, 5_270_400_000),
        ({"days": "9e999999", "hours": "-9e999999"}, 0),
    ],
)
def test_durations_are_counted_in_minutes(duration: object, expected: int) -> None:
    assert minutes(duration) == expected


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        (["Zn"], 1),
        (["Zn", "Zn-1", "Zn-2"], 3),
        (["Zn-1", "Zn-7"], 8),
        (["Zn-x-4", "ZnO-9", "Zn-01"], 1),
    ],
)
def test_a_retraction_is_numbered_behind_the_highest_of_its_form(ids: list[str], expected: int) -> None:
    assert next_number("Zn", ids) == expected


@given(st.lists(st.integers(1, 10**6)))
def test_a_number_of_a_retraction_is_never_given_again(numbers: list[int]) -> None:
    assert next_number("Ca", [f"Ca-{number}" for number in numbers]) not in numbers


@pytest.mark.parametrize(
    ("number", "expected"), [("1.005", "1.01"), ("2", "2.00"), ("0.125", "0.13"), ("-1.005", "-1.01")]
)
def test_amounts_are_rounded_half_up(number: str, expected: str) -> None:
    assert amount(Decimal(number)) == expected


@given(st.text())
def test_whatever_spells_no_finite_number_is_none(text: str) -> None:
    found = decimal(text)
    assert found is None or found.is_finite()


@given(st.lists(st.from_regex(r"[A-Za-z][A-Za-z0-9_.-]*", fullmatch=True), min_size=1, max_size=20))
def test_names_of_a_formula_are_found_in_order_each_once(names: list[str]) -> None:
    assert formula_names(" + ".join(f"[{name}]" for name in names)) == tuple(dict.fromkeys(names))


def test_what_is_no_formula_names_nothing() -> None:
    assert formula_names("[Ca] +") == ()


@pytest.mark.parametrize(
    ("check", "good", "bad"),
    [
        (identifier_chars, ["Ca", "pH_lab", "a-1", "", None], ["p H", "Ca.LDL", "Zn/1", "é"]),
        (
            email,
            ["a@b.example", "x.y+z@lab.co.example", ""],
            ["a@b", "a b@c.example", "@c.example", "a@b..example", "a@.example"],
        ),
        (
            bank_number,
            ["000201231234567890154", "0002 0123 12345678901 54", ""],
            ["000201231234567890155", "12", "abc"],
        ),
        (
            iban,
            ["GB82 WEST 1234 5698 7654 32", "DE89370400440532013000", None],
            ["GB82WEST12345698765433", "GB82", "1234"],
        ),
    ],
)
def test_checks_of_single_texts(check: object, good: list[str | None], bad: list[str]) -> None:
    assert callable(check)
    # These checks look at nothing but the value.
    assert [value for value in good if check(None, None, "Name", value) is not None] == []
    assert [value for value in bad if check(None, None, "Name", value) is None] == []

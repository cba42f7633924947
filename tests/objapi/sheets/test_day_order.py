"""Dates in numbers, and what the rest of their column says of them."""

import pytest

from objapi.sheets.day_order import has_days_first, with_month_first


@pytest.mark.parametrize(
    ("texts", "days_first"),
    [
        (["03/09/2014", "23/09/2014"], True),
        (["03.09.2014 18:52", "23.09.2014"], True),
        (["03/09/2014", "04/09/2014"], False),
        (["03/09/2014", "09/23/2014"], False),
        (["23/09/2014", "09/23/2014"], False),
        (["2014-09-23", "23", "23/2014", "", "tomorrow"], False),
    ],
)
def test_a_column_says_whether_its_days_come_first(texts: list[str], days_first: bool) -> None:
    assert has_days_first(texts) is days_first


@pytest.mark.parametrize(
    ("text", "turned"),
    [("03/09/2014", "09/03/2014"), ("3.9.2014 18:52", "9.3.2014 18:52"), ("2014-09-03", "2014-09-03")],
)
def test_a_date_with_its_day_first_is_turned(text: str, turned: str) -> None:
    assert with_month_first(text) == turned

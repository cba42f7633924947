"""The page on compliance has every paragraph, each with its state, and the tests that it names are there."""

import re
from typing import Final

import pytest

from tests.docs.pages import DOCS, named_tests, table_rows

PAGE: Final = DOCS / "compliance.md"
STATES: Final = {"met", "partly", "organisation"}
PARAGRAPHS: Final = {
    "## Electronic records: 21 CFR Part 11, subpart B": [
        *(f"§11.10({letter})" for letter in "abcdefghijk"),
        *("§11.30", "§11.50(a)", "§11.50(b)", "§11.70"),
    ],
    "## Electronic signatures: 21 CFR Part 11, subpart C": [
        *("§11.100(a)", "§11.100(b)", "§11.100(c)"),
        *("§11.200(a)(1)", "§11.200(a)(2)", "§11.200(a)(3)", "§11.200(b)"),
        *(f"§11.300({letter})" for letter in "abcde"),
    ],
    "## EU GMP Annex 11": [
        *("1", "2", "3", "4", "5", "6", "7.1", "7.2", "8.1", "8.2", "9", "10", "11", "12.1, 12.2", "12.3", "12.4"),
        *("13", "14(a)", "14(b)", "14(c)", "15", "16", "17"),
    ],
}


def test_every_test_that_is_named_exists() -> None:
    named = named_tests(PAGE.read_text(encoding="utf-8"))
    assert len(named) > 50
    assert [name for name, is_there in named if not is_there] == []


@pytest.mark.parametrize("heading", PARAGRAPHS)
def test_every_paragraph_has_a_state_and_what_is_met_a_test(heading: str) -> None:
    rows = table_rows(PAGE, heading)
    assert [re.match(r"(§?[\d.()a-z]+(?:, [\d.]+)?)", row[0])[1] for row in rows] == PARAGRAPHS[heading]  # type: ignore[index]
    assert [row[0] for row in rows if len(row) != 4 or row[1] not in STATES] == []
    assert [row[0] for row in rows if row[1] != "organisation" and "::test_" not in row[3]] == []

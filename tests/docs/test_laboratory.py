"""The page on the laboratory: its requests are answered as shown, and its tables are those of the software."""

import re

import pytest

from objapi.model.formulas import FUNCTIONS, parse_formula
from tests.acceptance.conftest import Serve
from tests.conftest import DATABASES
from tests.docs.examples import Reader
from tests.docs.pages import DOCS, table_rows
from tests.objapi.model.formulas.test_evaluation import worked_out

PAGE = DOCS / "laboratory.md"


@pytest.mark.parametrize("database", DATABASES)
def test_answers_are_as_shown(serve: Serve, database: str) -> None:
    reader = Reader(serve(database))
    reader.follow(PAGE)
    assert not reader.problems, "\n".join(reader.problems)


def test_every_function_of_formulas_is_shown() -> None:
    shown = " ".join(row[0] for row in table_rows(PAGE, "## Calculated results"))
    assert set(re.findall(r"([a-z0-9]+)\(", shown)) == set(FUNCTIONS)


def test_limits_go_through_as_shown() -> None:
    rows = [row for row in table_rows(PAGE, "## Calculated results") if re.fullmatch(r"[<>]?[0-9.]+", row[-1])]
    assert len(rows) >= 4
    for formula, inputs, result in rows:
        values = dict(zip("ab", re.findall(r"[<>]?[0-9]+(?:\.[0-9]+)?", inputs), strict=False))
        values["a.BELOWLDL"] = "1"
        assert worked_out(formula, **values) == result, formula


def test_the_formula_that_is_shown_is_one() -> None:
    (formula,) = re.findall(r"^    (\(.*)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    parse_formula(formula)

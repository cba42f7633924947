"""What a column of another program does not take is told before it is written."""

import pytest
import sqlalchemy as sa

from catalog.dialect.existing import ExistingColumn
from objapi.store.writing.row_checks import number_problem, value_problem


def column(type_: sa.types.TypeEngine[object], **known: object) -> ExistingColumn:
    given: dict[str, object] = {"nullable": True, "given": False, "most_characters": None, "in_utc": False, **known}
    return ExistingColumn("c", type_, **given)  # type: ignore[arg-type]


WORD = column(sa.String(), words=("Open", "Closed"))
WORDS = column(sa.String(), words=("a", "b"), takes_several=True)


@pytest.mark.parametrize(
    ("known", "value", "problem"),
    [
        (WORD, "open", None),
        (WORD, "lost", "'lost' is none of Open, Closed"),
        (WORDS, "b,a", None),
        (WORDS, "", None),
        (WORDS, "a,c", "'c' is none of a, b"),
        (column(sa.Integer(), computed=True), 3, "the database computes the column; leave it out"),
        (column(sa.String(), charset="latin1"), "Ł", "the column's character set, latin1, has no 'Ł'"),
    ],
)
def test_words_and_computed_columns(known: ExistingColumn, value: object, problem: str | None) -> None:
    assert value_problem(known, value) == problem


@pytest.mark.parametrize(
    ("value", "fits"),
    [("999.99", True), ("999.994", True), ("999.995", False), ("1000", False), ("-1000", False), ("0", True)],
)
def test_digits_before_the_point(value: str, fits: bool) -> None:
    assert (number_problem(column(sa.Numeric(5, 2)), value) is None) is fits
    assert number_problem(column(sa.Float()), value) is None

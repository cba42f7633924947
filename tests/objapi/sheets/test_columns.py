"""Columns by their headings, and what is wrong with rows."""

import pytest

from objapi.errors import ValidationError
from objapi.sheets.cells import SheetProblems, sheet_of
from objapi.sheets.columns import Column, Line, check_alike, check_distinct, check_safe, read_lines
from objapi.sheets.reading import read_sheet

COLUMNS = (
    Column("Container", required=True, other_headings=("Puck",)),
    Column("Sample name", required=True),
    Column("Comments"),
)


def read(text: str) -> tuple[list[Line], list[str]]:
    problems = SheetProblems()
    lines = read_lines(read_sheet(text.encode(), 100), COLUMNS, problems)
    return lines, [cause.message for cause in problems.causes]


@pytest.mark.parametrize("heading", ["Container", "CONTAINER", "container ", "Puck", " puck:"])
def test_headings_are_known_in_any_spelling(heading: str) -> None:
    lines, problems = read(f"{heading},SampleName\nP1,x\n")
    assert (problems, lines[0]["Container"], lines[0]["Sample name"], lines[0]["Comments"]) == ([], "P1", "x", "")
    assert lines[0].row == 2


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("Container\nP1\n", "row 1, column Sample name: the column is missing"),
        (
            "Container,Sample name,Colour\nP1,x,red\n",
            "row 1, column Colour: there is no such column; there are Container, ",
        ),
        ("Container,Puck,Sample name\nP1,P1,x\n", "row 1, column Puck: the column Container is the same"),
        ("Container,Sample name,sample name\nP1,x,x\n", "row 1, column sample name: "),
        ("Container,Sample name\nP1,\n", "row 2, column Sample name: the cell is empty"),
        ("Container,Sample name\nP1,x,lost\n", "row 2, column C: 'lost' stands under no heading"),
        ("Container,Sample name\n", "row 1: no sample stands below the headings"),
    ],
)
def test_what_is_wrong_is_told_by_row_and_column(text: str, told: str) -> None:
    assert any(message.startswith(told) for message in read(text)[1]), read(text)[1]


def test_rows_of_one_container_agree_and_no_two_are_alike() -> None:
    lines = [Line(2, {"C": "P1", "T": "puck", "S": "1"}), Line(3, {"C": "P1", "T": "Puck", "S": "1"})]
    lines += [Line(4, {"C": "P1", "T": "plate", "S": "a/b"}), Line(5, {"C": "", "T": "", "S": ""})]
    problems = SheetProblems()
    check_alike(lines, "C", "T", problems)
    check_distinct(lines, ("C", "S"), problems)
    check_safe(lines, "S", problems)
    assert [(cause.row, cause.column) for cause in problems.causes] == [(4, "T"), (3, "S"), (4, "S")]


def test_a_sheet_that_is_wrong_throughout_is_told_in_part() -> None:
    problems = SheetProblems()
    read_lines(sheet_of([[f"x{number}" for number in range(1_500)], ["a"]]), (Column("Sample"),), problems)
    with pytest.raises(ValidationError, match="more") as refusal:
        problems.raise_if_any()
    assert len(refusal.value.causes) == 1_001
    assert refusal.value.causes[-1].message == "and 500 more problems"

"""Sheets that ask for requests, as texts alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from objapi.profiles.lims.request_sheets import RequestSheet, check_totals, is_marked, names_in, read_requests
from objapi.sheets.cells import SheetProblems, sheet_of

HEADER = [["Header", "Client ID", "Contact"], ["Header Data", "GVO", "Rita Mohale"]]
SAMPLES = [["Samples", "SampleType", "Ca"], ["Sample 1", "Water", "1"]]
LABELS = ["Header", "header data", "Batch Header", "Batch Data", "Samples", "Analysis price", "Sample 1", "", "x"]


def read(rows: list[list[str]]) -> tuple[RequestSheet, list[str]]:
    problems = SheetProblems()
    return read_requests(sheet_of(rows), problems), [cause.message for cause in problems.causes]


def test_header_batch_and_samples_are_told_apart_by_their_first_cells() -> None:
    batch = [["Batch Header", "title", "ClientBatchComment"], ["Batch Data", "Spring", "by hand"]]
    prices = [["Analysis price", "", "2.50"], ["Total Analyses or Profiles", "", "1"]]
    sheet, problems = read([*HEADER, [], *batch, *SAMPLES[:1], *prices, *SAMPLES[1:], ["", "", ""]])
    assert problems == []
    assert (sheet.header, sheet.header_row) == ({"ClientID": "GVO", "Contact": "Rita Mohale"}, 2)
    assert (sheet.batch, sheet.batch_row) == ({"title": "Spring", "Remarks": "by hand"}, 5)
    assert [(sample.row, sample.label, sample.cells) for sample in sheet.samples] == [
        (9, "Sample 1", {"SampleType": "Water", "Ca": "1"})
    ]


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        (SAMPLES, "no row whose first cell is 'Header'"),
        ([HEADER[0], *SAMPLES], "no row whose first cell is 'Header Data'"),
        (HEADER, "no row whose first cell is 'Samples'"),
        ([*HEADER, SAMPLES[0]], "row 3: no sample stands below this row"),
        ([*HEADER, ["Batch Data", "x"], *SAMPLES], "no row whose first cell is 'Batch Header'"),
        (
            [["Header", "Clientele"], ["Header Data", "x"], *SAMPLES],
            "row 1, column Clientele: is no column of the header",
        ),
        ([*HEADER, *SAMPLES, ["Sample 2", "Water", "1", "lost"]], "row 5, column D: 'lost' stands under no heading"),
        ([*HEADER, ["Samples", "Ca", "ca"], SAMPLES[1]], "row 3, column ca: there are two columns with this heading"),
    ],
)
def test_what_is_missing_or_out_of_place_is_told(rows: list[list[str]], told: str) -> None:
    assert any(told in message for message in read(rows)[1]), read(rows)[1]


@given(
    rows=st.lists(
        st.tuples(st.sampled_from(LABELS), st.lists(st.text(max_size=5), max_size=5)).map(
            lambda row: [row[0], *row[1]]
        ),
        max_size=8,
    )
)
def test_any_rows_are_read_or_told(rows: list[list[str]]) -> None:
    sheet, problems = read(rows)
    assert problems or (sheet.header_row and sheet.samples)
    assert all(sample.row <= len(rows) for sample in sheet.samples)


@pytest.mark.parametrize(
    ("text", "mark"), [("1", True), ("TRUE", True), ("x", True), ("0", False), ("", False), ("No", False), ("2", None)]
)
def test_marks(text: str, mark: bool | None) -> None:
    assert is_marked(text) is mark


def test_names_in_a_cell() -> None:
    assert names_in(" Ca, Mg;;Ca ,") == ("Ca", "Mg")


@pytest.mark.parametrize(("told", "fits"), [("2", True), ("", True), ("3", False), ("two", False)])
def test_a_number_of_analyses_that_is_told_has_to_fit(told: str, fits: bool) -> None:
    sheet = read([*HEADER, ["Samples", "Total number of Analyses or Profiles", "Ca"], ["Sample 1", told, "1"]])[0]
    problems = SheetProblems()
    check_totals(sheet.samples[0], sheet.headings, ["Ca", "Mg"], problems)
    assert bool(problems) is not fits

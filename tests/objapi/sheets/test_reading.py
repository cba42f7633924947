"""Files as sheets: encodings and delimiters of CSV, XLSX, and what is refused before it can do harm."""

import csv
import io
import zipfile
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from objapi.errors import TooLarge, ValidationError
from objapi.sheets.cells import column_letters
from objapi.sheets.csv_text import DELIMITERS, read_csv
from objapi.sheets.reading import read_sheet
from objapi.sheets.xlsx import cell_text, read_xlsx
from tests.objapi.sheets.workbooks import of_texts, workbook

WORDS = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zs", "Zl", "Zp")), min_size=1, max_size=8)
TABLES = st.integers(2, 5).flatmap(
    lambda width: st.lists(st.lists(WORDS, min_size=width, max_size=width), min_size=1, max_size=6)
)


def written(rows: list[list[str]], delimiter: str, ending: str = "\r\n") -> str:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator=ending, quoting=csv.QUOTE_ALL).writerows(rows)
    return text.getvalue()


def cells(content: bytes) -> list[list[str]]:
    return [list(row.cells) for row in read_sheet(content, 1000).rows]


@given(rows=TABLES, delimiter=st.sampled_from(DELIMITERS), encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]))
def test_a_csv_is_read_as_it_was_written(rows: list[list[str]], delimiter: str, encoding: str) -> None:
    assert cells(written(rows, delimiter).encode(encoding)) == rows


@given(rows=TABLES)
def test_a_workbook_is_read_as_it_was_written(rows: list[list[str]]) -> None:
    assert cells(of_texts(rows)) == rows


@given(content=st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    for sent in (content, b"PK\x03\x04" + content):
        try:
            read_sheet(sent, 1000)
        except (ValidationError, TooLarge) as refused:
            assert refused.message


@pytest.mark.parametrize(
    ("content", "rows"),
    [
        (b"a,b\n1,2\n", [["a", "b"], ["1", "2"]]),
        (b"a;b\n1,5;2\n", [["a", "b"], ["1,5", "2"]]),
        (b"a\tb\r1\t2\r", [["a", "b"], ["1", "2"]]),
        (b'a;"b,c,d,e"\n1;2\n', [["a", "b,c,d,e"], ["1", "2"]]),
        (b"sep=;\na,a,a;b\n1;2\n", [["a,a,a", "b"], ["1", "2"]]),
        ("Käse,naïve\n".encode("cp1252"), [["Käse", "naïve"]]),
        ("Käse,naïve\n".encode(), [["Käse", "naïve"]]),
        (b"one\ntwo\n", [["one"], ["two"]]),
        (b'a, "b, c",d\n', [["a", "b, c", "d"]]),
        (b"  a  ,\tb \n", [["a", "b"]]),
    ],
)
def test_delimiters_and_encodings_are_found(content: bytes, rows: list[list[str]]) -> None:
    assert cells(content) == rows


def test_rows_have_the_numbers_that_a_spreadsheet_shows() -> None:
    sheet = read_sheet(b'a,b\n\n,\n"two\nlines",x\nlast,y\n', 10)
    assert [(row.number, row[0]) for row in sheet.rows] == [(1, "a"), (4, "two\nlines"), (5, "last")]
    assert [row.number for row in read_sheet(b"sep=;\na;b\n", 10).rows] == [2]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "empty"),
        (b" \n\t\n", "empty"),
        (b",,\n,,\n", "empty"),
        (b"a\0b,c\n", "NUL"),
        (b"\xff\xfea", "no text"),
        ("a,b\n".encode("utf-32"), "NUL"),
        (b"\x81\x8d\x8f", "no text"),
        (b'a,b\n"c,d\n', "Line 2"),
        (b'a,b\nx,"y"z\n', "Line 2"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "XLS"),
        (b"PK\x03\x04 no archive", "cannot be read"),
        (of_texts([["a"]])[:-40], "cannot be read"),
    ],
)
def test_what_is_no_sheet_is_refused(content: bytes, told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        read_sheet(content, 10)


def test_too_many_rows_are_refused() -> None:
    with pytest.raises(TooLarge, match="11 rows"):
        read_sheet(b"a\n" * 11, 10)
    assert len(read_sheet(b"a\n\n" * 10, 10).rows) == 10


@pytest.mark.parametrize("content", [b"a" + b"," * 500_000, b"a\n" * 500_001, b"a" + b"\n" * 500_001])
def test_a_text_of_too_many_cells_is_refused_before_they_are_all_there(content: bytes) -> None:
    with pytest.raises(TooLarge, match="500000 cells"):
        read_sheet(content, 1_000_000)


CELL = '<row r="1"><c r="A1"><v>1</v></c></row>'


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: workbook(CELL + '<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'), "cells"),
        (lambda: workbook(CELL + '<row r="900000"><c><v>1</v></c></row>'), "cells"),
        (lambda: workbook(CELL, **{"xl/media/picture.png": "0" * 40_000_000}), "32 MB"),
        (lambda: workbook(CELL, **{f"xl/part{number}.xml": "x" for number in range(1000)}), "parts"),
        (
            lambda: workbook("<row>" + '<c t="s"><v>0</v></c>' * 400 + "</row>", f"<si><t>{'x' * 50_000}</t></si>"),
            "characters",
        ),
        pytest.param(
            lambda: workbook("<row>" + '<c r="A1"/>' * 2_000_001 + "</row>"), "elements", marks=pytest.mark.extended
        ),
    ],
)
def test_a_workbook_that_unfolds_too_far_is_refused(make: Callable[[], bytes], told: str) -> None:
    content = make()
    assert len(content) < 200_000
    with pytest.raises(TooLarge, match=told):
        read_xlsx(content)


def test_a_size_that_is_a_lie_is_no_way_around_the_limit() -> None:
    content = bytearray(workbook(CELL, **{"xl/big.xml": "0" * 1_000_000}))
    with zipfile.ZipFile(io.BytesIO(bytes(content))) as parts:
        size = parts.getinfo("xl/big.xml").file_size.to_bytes(4, "little")
    content = bytearray(bytes(content).replace(size, (10).to_bytes(4, "little")))
    with pytest.raises(ValidationError, match="cannot be read"):
        read_xlsx(bytes(content))


@pytest.mark.parametrize(
    "sheet",
    ["<!DOCTYPE x [<!ENTITY a 'b'>]><worksheet><sheetData>&a;</sheetData></worksheet>", "<worksheet><sheetData><row>"],
)
def test_xml_that_declares_entities_or_breaks_off_is_refused(sheet: str) -> None:
    with pytest.raises(ValidationError, match="cannot be read"):
        read_xlsx(workbook(CELL, **{"xl/worksheets/sheet2.xml": sheet}))


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        ("<f>1+1</f>", "=1+1"),
        ("<f>1+1</f><v>2</v>", "2"),
        ('" t="e"><v>#REF!</v>', "#REF!"),
        ('" t="e"><f>A1/0</f><v>#DIV/0!</v>', "#DIV/0!"),
        ('" t="str"><f>"a"</f><v>a</v>', "a"),
        ('" t="str"><f>""</f><v></v>', ""),
    ],
)
def test_formulas_without_a_value_are_no_empty_cells(cell: str, text: str) -> None:
    opened = cell if cell.startswith('"') else f'">{cell}'
    assert read_xlsx(workbook(f'<row r="2"><c r="B2{opened}</c><c r="C2"><v>1</v></c></row>'))[1] == ["", text, "1"]


def test_cells_of_a_workbook_are_texts() -> None:
    rows = (
        '<row r="2"><c r="B2" t="s"><v>0</v></c><c r="C2" s="1"><v>41910</v></c><c r="D2"><v>1.5</v></c>'
        '<c r="E2"><v>3</v></c><c r="F2" t="b"><v>1</v></c></row>'
    )
    sheet = read_sheet(workbook(rows, "<si><t>hello</t></si>"), 10)
    assert [(row.number, row.cells) for row in sheet.rows] == [(2, ("", "hello", "2014-09-28", "1.5", "3", "true"))]


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, ""), (True, "true"), (1e21, "1000000000000000000000"), (0.1, "0.1"), ("x", "x"), (-3.0, "-3")],
)
def test_values_of_cells_are_spelt_as_they_are_typed(value: object, text: str) -> None:
    assert cell_text(value) == text


@pytest.mark.parametrize(
    ("place", "letters"), [(0, "A"), (25, "Z"), (26, "AA"), (701, "ZZ"), (702, "AAA"), (16383, "XFD")]
)
def test_columns_have_the_names_of_spreadsheets(place: int, letters: str) -> None:
    assert column_letters(place) == letters


def test_csv_is_read_without_regard_to_other_readers() -> None:
    csv.field_size_limit(10)
    assert read_csv(b"x" * 100_000 + b",y\n")[0][1] == "y"

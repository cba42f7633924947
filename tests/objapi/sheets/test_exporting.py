"""Objects as cells and files: what is harmless, and that every text comes back as it was."""

import csv
import io
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from objapi.errors import TooLarge
from objapi.model.types import Field, Kind
from objapi.sheets.cell_values import cell_of, harmless, text_of, unquoted
from objapi.sheets.csv_text import read_csv
from objapi.sheets.export_columns import ExportColumns, columns_of
from objapi.sheets.exporting import (
    MOST_CELL_TEXT,
    csv_chunks,
    ndjson_chunks,
    objects_of,
    refuse_large_workbook,
    xlsx_chunks,
)
from objapi.sheets.xlsx import read_xlsx
from tests.shipped import load_once

ZONE = timezone(timedelta(hours=2))
DATE = Field("SamplingDate", Kind.DATETIME)
FILE = Field("AttachmentFile", Kind.FILE)
COLUMNS = ExportColumns(("UID", "version", "path", "Result", "SamplingDate"), {"SamplingDate": DATE})


@given(st.text(alphabet="'=+-@\t\r\n1.a,e", max_size=6))
@example("'=1")
@example("-1.5")
def test_texts_are_harmless_and_come_back(text: str) -> None:
    quoted = harmless(text)
    assert unquoted(quoted) == text
    assert quoted[:1] not in ("=", "@", "\t", "\r")


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("=1+1", "'=1+1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("+49 30 1234", "'+49 30 1234"),
        ("-x", "'-x"),
        ("\t=1", "'\t=1"),
        ("-1.5", "-1.5"),
        ("+3", "+3"),
        ("-0,5", "-0,5"),
        ("-1e5", "-1e5"),
        ("<0.5", "<0.5"),
        ("'quoted'", "'quoted'"),
        ("'=x", "''=x"),
    ],
)
def test_numbers_stay_and_formulas_do_not(text: str, cell: str) -> None:
    assert harmless(text) == cell


@pytest.mark.parametrize(
    ("value", "field", "text"),
    [
        (None, None, ""),
        (True, None, "true"),
        (12.0, None, "12"),
        (0.1, None, "0.1"),
        (10**15, None, "1000000000000000"),
        (["a", "b"], None, "a\nb"),
        ([], None, ""),
        ({"filename": "x.txt", "size": 1}, FILE, "x.txt"),
        ({"a": 1}, None, '{"a":1}'),
        ([{"a": [1]}], None, '[{"a":[1]}]'),
        ("2013-09-29T00:00:00+02:00", DATE, "2013-09-29"),
        ("2013-09-29T10:00:00+00:00", DATE, "2013-09-29T12:00:00"),
        ("1850-01-01T00:00:00+02:00", DATE, "1850-01-01T00:00:00+02:00"),
        ("2013-09-29T00:00:00+02:00", None, "2013-09-29T00:00:00+02:00"),
        ("soon", DATE, "soon"),
    ],
)
def test_values_are_cells(value: object, field: Field | None, text: str) -> None:
    assert text_of(cell_of(value, field, ZONE)) == text


def chunks(*objects: dict[str, object]) -> Iterator[bytes]:
    """The objects, one a chunk."""
    return (orjson.dumps(item) for item in objects)


ONE: dict[str, object] = {"UID": "a" * 32, "version": 3, "path": "/Plone/x", "Result": "=1+1", "SamplingDate": None}
TWO: dict[str, object] = {
    **ONE,
    "Result": "0.50\nä",
    "SamplingDate": datetime(2026, 3, 1, 10, 30, tzinfo=UTC).isoformat(),
}


def test_each_format_has_the_same_rows() -> None:
    text = b"".join(csv_chunks(COLUMNS, chunks(ONE, TWO), ZONE))
    assert text.startswith(b"\xef\xbb\xbfUID,version,path,Result,SamplingDate\r\n")
    rows = list(csv.reader(io.StringIO(text.decode("utf-8-sig"), newline="")))
    assert rows[1:] == [
        ["a" * 32, "3", "/Plone/x", "'=1+1", ""],
        ["a" * 32, "3", "/Plone/x", "0.50\nä", "2026-03-01T12:30:00"],
    ]
    book = b"".join(xlsx_chunks(COLUMNS, chunks(ONE, TWO), ZONE, "An:alysis" * 9, ["Colour is unknown."]))
    assert read_xlsx(book) == [rows[0], ["a" * 32, "3", "/Plone/x", "=1+1", ""], rows[2]]
    with zipfile.ZipFile(io.BytesIO(book)) as parts:
        sheet = parts.read("xl/worksheets/sheet1.xml").decode()
        assert "<f>" not in sheet
        assert "Colour is unknown." in parts.read("xl/worksheets/sheet2.xml").decode()
    lines = b"".join(ndjson_chunks(chunks(ONE, TWO))).splitlines()
    assert [orjson.loads(line) for line in lines] == [ONE, TWO] == list(objects_of(chunks(ONE, TWO)))


def test_what_has_no_room_in_a_workbook_is_refused() -> None:
    long = {**ONE, "Result": "x" * (MOST_CELL_TEXT + 1)}
    with pytest.raises(TooLarge, match="Result of /Plone/x"):
        list(xlsx_chunks(COLUMNS, chunks(long), ZONE, "Analysis"))
    with pytest.raises(TooLarge, match="format=csv"):
        refuse_large_workbook(1_048_576, COLUMNS)
    refuse_large_workbook(1_048_575, COLUMNS)


def test_columns_begin_with_what_an_object_is_known_by() -> None:
    registry = load_once(["lims"])
    every = columns_of(registry, ["Batch"])
    assert every.names[:6] == ("UID", "version", "path", "id", "portal_type", "title")
    assert {"review_state", "BatchDate"} <= set(every.names)
    assert len(set(every.names)) == len(every.names)
    some = columns_of(registry, ["Batch"], ["Client", "title", "version", "titel"], ["Client"])
    assert some.names == ("UID", "version", "path", "Client", "Client_title", "Client_path", "title")
    (unknown,) = some.unknown
    assert "'titel'" in unknown
    assert "did you mean 'title'" in unknown


def test_a_file_that_comes_back_has_its_texts() -> None:
    assert read_csv(b"".join(csv_chunks(COLUMNS, chunks(ONE), ZONE)))[1][3] == "=1+1"

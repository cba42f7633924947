"""Sheets that have come back: what their columns are, and what is wrong with them by row and column."""

import pytest

from objapi.errors import TooLarge, ValidationError
from objapi.sheets.cells import SheetProblems
from objapi.sheets.returned_files import read_returned
from tests.objapi.sheets.workbooks import of_texts

A, B = "a" * 32, "b" * 32


def places(problems: SheetProblems) -> list[tuple[int | None, str]]:
    return [(cause.row, cause.column) for cause in problems.causes]


def test_rows_are_known_by_their_uid_in_each_format() -> None:
    rows = [["UID", "version", "path", "title"], [A.upper(), "3", "/Plone/x", "'=1"], ["", "", "", "New"]]
    csv = "\ufeff" + "\r\n".join(",".join(row) for row in rows)
    ndjson = f'{{"UID": "{A}", "version": 3, "path": "/Plone/x", "title": "=1"}}\n\n{{"title": "New"}}\n'
    for content in (csv.encode(), of_texts([[*rows[0]], [A, "3", "/Plone/x", "=1"], rows[2]]), ndjson.encode()):
        sheet, problems = read_returned(content, 10)
        assert not problems
        assert sheet.names == ("title",)
        assert [(row.uid, row.version, row.path, dict(row.texts)["title"]) for row in sheet.rows] == [
            (A, 3, "/Plone/x", "=1"),
            ("", None, "", "New"),
        ]


def test_values_of_ndjson_are_the_texts_of_cells() -> None:
    sheet, _ = read_returned(b'{"UID": "", "a": ["x", "y"], "b": null, "c": true, "d": {"e": 1}, "f": 1.5}', 10)
    assert dict(sheet.rows[0].texts) == {"a": "x\ny", "b": "", "c": "true", "d": '{"e":1}', "f": "1.5"}


def test_each_mistake_is_told_by_row_and_column() -> None:
    _, problems = read_returned(f"UID,version,title\nnonsense,1,a\n{A},two,b\n{B},1,c\n{B},1,d,e\n".encode(), 10)
    assert sorted(places(problems)) == [(2, "UID"), (3, "version"), (4, "UID"), (5, "D"), (5, "UID")]
    _, problems = read_returned(b'{"UID": ""}\n[1]\n{"UID"\n', 10)
    assert places(problems) == [(2, ""), (3, "")]


def test_what_is_no_export_is_refused() -> None:
    with pytest.raises(ValidationError, match="no column UID"):
        read_returned(b"title\nx\n", 10)
    with pytest.raises(TooLarge, match="limit of this site"):
        read_returned(b"UID\n" + b"\n".join([A.encode()] * 3), 1)
    wide = ",".join(["UID", *(f"c{number}" for number in range(1001))])
    for content in (wide.encode(), b'{"UID": "", ' + b", ".join(b'"c%d": 1' % n for n in range(1001)) + b"}"):
        with pytest.raises(TooLarge, match="more than 1000 columns"):
            read_returned(content + b"\n", 10)
    with pytest.raises(ValidationError, match="more than 1 lines"):
        read_returned(b'{"a": 1}\n{"a": 1}\n', 1)

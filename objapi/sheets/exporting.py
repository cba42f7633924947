"""Objects written as CSV, NDJSON and XLSX, chunk by chunk as they are read."""

import csv
import io
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from datetime import datetime, time, tzinfo
from typing import IO, Any, Final

import orjson

from objapi.errors import TooLarge
from objapi.sheets.cell_values import Cell, cells_of, harmless, text_of
from objapi.sheets.export_columns import PATH, ExportColumns

CSV_TYPE: Final = "text/csv"
NDJSON_TYPE: Final = "application/x-ndjson"
XLSX_TYPE: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

MOST_XLSX_ROWS: Final = 1_048_576
MOST_XLSX_COLUMNS: Final = 16_384
MOST_CELL_TEXT: Final = 32_767
"""What the format of Excel has room for, and leaves out without a word beyond."""
_PIECE: Final = 64 * 1024
_WIDTH: Final = 18

Objects = Mapping[str, object]


def objects_of(chunks: Iterable[bytes]) -> Iterator[Objects]:
    """The objects in chunks of JSON joined by commas."""
    for chunk in chunks:
        yield from orjson.loads(b"[" + chunk + b"]")


def ndjson_chunks(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Each object as a line of JSON."""
    for chunk in chunks:
        yield b"".join(orjson.dumps(item) + b"\n" for item in orjson.loads(b"[" + chunk + b"]"))


def csv_chunks(columns: ExportColumns, chunks: Iterable[bytes], zone: tzinfo) -> Iterator[bytes]:
    """A heading, and a row for each object; in UTF-8 with the mark by which spreadsheet programs know it."""
    yield b"\xef\xbb\xbf" + _lines([columns.names])
    for chunk in chunks:
        objects = orjson.loads(b"[" + chunk + b"]")
        rows = (cells_of(item, columns.fields, columns.names, zone) for item in objects)
        yield _lines(
            [harmless(text_of(cell)) if isinstance(cell, str) else text_of(cell) for cell in row] for row in rows
        )


def _lines(rows: Iterable[Sequence[str]]) -> bytes:
    stream = io.StringIO(newline="")
    csv.writer(stream).writerows(rows)
    return stream.getvalue().encode()


def refuse_large_workbook(rows: int, columns: ExportColumns) -> None:
    """Raise TooLarge for what the format of Excel has no room for."""
    if rows >= MOST_XLSX_ROWS or len(columns.names) > MOST_XLSX_COLUMNS:
        raise TooLarge(
            f"format: a workbook has room for {MOST_XLSX_ROWS - 1} objects and {MOST_XLSX_COLUMNS} columns, and "
            f"there are {rows} and {len(columns.names)}. Narrow the criteria, or use format=csv."
        )


def xlsx_chunks(
    columns: ExportColumns, chunks: Iterable[bytes], zone: tzinfo, title: str, warnings: Sequence[str] = ()
) -> Iterator[bytes]:
    """A workbook, whose first sheet has a heading and a row for each object. It is written to a file of the system.

    Warnings are on a second sheet. Raises TooLarge for a text that has no room in a cell.
    """
    with tempfile.TemporaryFile() as file:
        _write_workbook(file, columns, chunks, zone, title, warnings)
        file.seek(0)
        while piece := file.read(_PIECE):
            yield piece


def _write_workbook(
    file: IO[bytes],
    columns: ExportColumns,
    chunks: Iterable[bytes],
    zone: tzinfo,
    title: str,
    warnings: Sequence[str],
) -> None:
    # Most worker processes never write a workbook, and the library would stay in each.
    from xlsxwriter import Workbook  # noqa: PLC0415

    # A row is written out when the next one begins, so that memory does not grow with them.
    with closing(Workbook(file, {"constant_memory": True, "default_date_format": "yyyy-mm-dd hh:mm:ss"})) as book:
        sheet = book.add_worksheet(_sheet_name(title))
        sheet.freeze_panes(1, len(columns.names[:1]))
        sheet.set_column(0, len(columns.names) - 1, _WIDTH)
        # A cell in this format stays a text when somebody edits it, whatever it begins with.
        formats = {
            "text": book.add_format({"quote_prefix": True}),
            "day": book.add_format({"num_format": "yyyy-mm-dd"}),
            "heading": book.add_format({"bold": True}),
        }
        for place, name in enumerate(columns.names):
            sheet.write_string(0, place, name, formats["heading"])
        for row, item in enumerate(objects_of(chunks), start=1):
            for place, cell in enumerate(cells_of(item, columns.fields, columns.names, zone)):
                _write_cell(sheet, row, place, cell, formats, f"{columns.names[place]} of {item.get(PATH)}")
        if warnings:
            told = book.add_worksheet("Warnings")
            for row, warning in enumerate(warnings):
                told.write_string(row, 0, warning[:MOST_CELL_TEXT])


def _write_cell(sheet: Any, row: int, place: int, cell: Cell, formats: Mapping[str, Any], where: str) -> None:
    match cell:
        case None | "":
            return
        case bool():
            sheet.write_boolean(row, place, cell)
        case int() | float():
            sheet.write_number(row, place, cell)
        case datetime():
            sheet.write_datetime(row, place, cell, formats["day"] if cell.time() == time() else None)
        case str():
            if len(cell) > MOST_CELL_TEXT:
                raise TooLarge(
                    f"{where} has {len(cell)} characters, a cell of a workbook has room for {MOST_CELL_TEXT}. Leave "
                    "the field out of include_fields, or use format=csv."
                )
            sheet.write_string(row, place, cell, formats["text"] if harmless(cell) != cell else None)


def _sheet_name(title: str) -> str:
    """A name that a sheet may have: at most 31 characters, none of those that Excel forbids."""
    return "".join(letter for letter in title if letter not in "[]:*?/\\'")[:31] or "objects"

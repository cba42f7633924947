"""XLSX: the first sheet of a workbook as rows of texts, read by calamine once its size is known to be harmless.

A workbook is a ZIP file of XML: a few kilobytes can unfold to gigabytes, be it as text, as cells in the last row and
column, which make a table of everything before them, or as one long text that a million cells share. All three are
measured first, on a stream.
"""

import codecs
import io
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import IO, Final, TypeAlias
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import iterparse
from python_calamine import CalamineError, CalamineWorkbook

from objapi.errors import TooLarge, ValidationError
from objapi.sheets.cells import MOST_CELLS

MOST_UNPACKED: Final = 32 * 1024 * 1024
"""Bytes that all parts of a workbook may have together."""
MOST_TEXT: Final = 16 * 1024 * 1024
"""Characters in all cells of a sheet."""
_MOST_PARTS: Final = 1_000
_MOST_ELEMENTS: Final = 2_000_000
_PIECE: Final = 64 * 1024
_CONTENTS: Final = b"sheetData"
_UTF16: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_SHARED: Final = "xl/sharedstrings.xml"


def read_xlsx(content: bytes) -> list[list[str]]:
    """The rows of the first sheet, dates as ISO 8601, numbers as they are typed.

    A formula whose value is an error gives that (`#REF!`), and one that was never worked out its text; neither is taken
    for an empty cell.

    Raises TooLarge for a workbook that unfolds beyond the limits, ValidationError for one that cannot be read.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as workbook:
            valueless = _measure(workbook)
        with CalamineWorkbook.from_filelike(io.BytesIO(content)) as book:
            if not book.sheet_names:
                raise ValidationError("The workbook has no sheet.")
            rows = book.get_sheet_by_index(0).to_python(skip_empty_area=False)
    except (zipfile.BadZipFile, zlib.error, EOFError, CalamineError, NotImplementedError, RuntimeError) as error:
        raise _unreadable() from error
    texts = [[cell_text(value) for value in row] for row in rows]
    for (row, column), text in valueless.items():
        texts.extend([] for _ in range(row - len(texts)))
        cells = texts[row - 1]
        cells.extend("" for _ in range(column - len(cells)))
        cells[column - 1] = text
    return texts


def _unreadable() -> ValidationError:
    return ValidationError(
        "The workbook cannot be read: it is damaged, or protected by a password. Save it anew as XLSX."
    )


_Valueless: TypeAlias = dict[tuple[int, int], str]
"""Row and column, counted from 1, of cells without a value that are not empty, and what stands there."""


def _measure(workbook: zipfile.ZipFile) -> _Valueless:
    """Raise for a workbook that unfolds too far; the cells of the first sheet that show no value."""
    parts = workbook.infolist()
    if len(parts) > _MOST_PARTS or sum(part.file_size for part in parts) > MOST_UNPACKED:
        raise _too_large(f"unfolds to more than {MOST_UNPACKED // 2**20} MB or {_MOST_PARTS} parts")
    names: set[str] = set()
    for part in parts:
        if part.filename.lower() in names:
            raise _unreadable()
        names.add(part.filename.lower())
    lengths, first, found = _shared_lengths(workbook), _first_sheet(workbook), _Valueless()
    # A sheet may be any part, so every one that could be is measured as such.
    for part in parts:
        if _may_be_sheet(workbook, part):
            with workbook.open(part) as stream:
                valueless = _measure_sheet(stream, lengths)
            if part.filename.lower() == first:
                found = valueless
    return found


def _first_sheet(workbook: zipfile.ZipFile) -> str:
    """The part that holds the first sheet, in lower case; empty where the workbook does not say in the usual place."""
    names = {name.lower(): name for name in workbook.namelist()}
    book, links = names.get("xl/workbook.xml"), names.get("xl/_rels/workbook.xml.rels")
    if book is None or links is None:
        return ""
    with workbook.open(book) as stream:
        sheet = next((dict(sheet.items()) for sheet in _elements(stream, {"sheet"})), {})
    wanted = next((value for name, value in sheet.items() if name.endswith("}id")), None)
    with workbook.open(links) as stream:
        targets = {link.get("Id"): link.get("Target") or "" for link in _elements(stream, {"Relationship"})}
    target = targets.get(wanted, "").lower()
    return target[1:] if target.startswith("/") else f"xl/{target}"


def _may_be_sheet(workbook: zipfile.ZipFile, part: zipfile.ZipInfo) -> bool:
    """True for a part with the tag of a sheet's contents. Each is read whole, which fails where its size is a lie."""
    found, tail = False, b""
    with workbook.open(part) as stream:
        while piece := stream.read(_PIECE):
            if not tail and piece.startswith(_UTF16):
                raise _unreadable()
            found = found or _CONTENTS in tail + piece
            tail = piece[-len(_CONTENTS) :]
    return found


def _shared_lengths(workbook: zipfile.ZipFile) -> list[int]:
    """Characters of each text that cells share."""
    name = next((name for name in workbook.namelist() if name.lower() == _SHARED), None)
    if name is None:
        return []
    with workbook.open(name) as stream:
        return [sum(map(len, item.itertext())) for item in _elements(stream, {"si"})]


def _measure_sheet(stream: IO[bytes], shared: list[int]) -> _Valueless:
    found: _Valueless = {}
    rows = columns = row = column = characters = 0
    for cell in _elements(stream, {"c"}, opening={"row"}):
        if _tag(cell) == "row":
            row, column = _number(cell.get("r"), row + 1), 0
            continue
        row, column = _place(cell.get("r"), row, column + 1)
        rows, columns = max(rows, row), max(columns, column)
        texts = "".join(cell.itertext())
        if (shown := _without_value(cell)) is not None:
            found[row, column] = shown
        is_shared = cell.get("t") == "s" and texts.strip().isdigit() and int(texts) < len(shared)
        characters += shared[int(texts)] if is_shared else len(texts)
        if rows * columns > MOST_CELLS:
            raise _too_large(f"has more than {MOST_CELLS} cells, the empty ones before the last included")
        if characters > MOST_TEXT:
            raise _too_large(f"has more than {MOST_TEXT} characters")
    return found


def _without_value(cell: Element) -> str | None:
    """What stands in a cell that is an error, or a formula that no program has worked out; None for any other."""
    parts = {_tag(part): (part.text or "").strip() for part in cell}
    if cell.get("t") == "e":
        return parts.get("v") or "#ERROR!"
    return f"={parts['f']}" if "f" in parts and not parts.get("v") and cell.get("t") != "str" else None


def _elements(stream: IO[bytes], names: set[str], opening: Iterable[str] = ()) -> Iterator[Element]:
    """The elements of these names as they end, of those in `opening` as they begin; memory does not grow with them."""
    opened = frozenset(opening)
    seen = 0
    try:
        for event, element in iterparse(stream, events=("start", "end"), forbid_dtd=True):
            name = _tag(element)
            if event == "start":
                seen += 1
                if seen > _MOST_ELEMENTS:
                    raise _too_large(f"has a part of more than {_MOST_ELEMENTS} elements")
                if name in opened:
                    yield element
                continue
            if name in names:
                yield element
            if name in names | opened:
                element.clear()
    except (ParseError, DefusedXmlException, ValueError) as error:
        raise _unreadable() from error


def _tag(element: Element) -> str:
    return element.tag.rpartition("}")[2]


def _number(text: str | None, otherwise: int) -> int:
    return int(text) if text is not None and text.isascii() and text.isdigit() and len(text) < 10 else otherwise


def _place(reference: str | None, row: int, column: int) -> tuple[int, int]:
    """Row and column of a cell such as AB12; those that follow from the cell before where it does not say."""
    letters = (reference or "").rstrip("0123456789")
    if reference is None or not letters.isascii() or not letters.isalpha() or len(letters) > 3:
        return row, column
    number = 0
    for letter in letters.upper():
        number = number * 26 + ord(letter) - ord("A") + 1
    return _number(reference[len(letters) :], row), number


def _too_large(what: str) -> TooLarge:
    return TooLarge(f"The workbook {what}. Send a smaller one, or CSV.")


def cell_text(value: object) -> str:
    """The text of a cell: a date as ISO 8601, a whole number without a point, true and false as words."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case datetime():
            is_day = value.time() == time()
            return value.date().isoformat() if is_day else value.isoformat(timespec="seconds")
        case date() | time() | timedelta():
            return value.isoformat() if not isinstance(value, timedelta) else str(value)
        case float():
            return str(int(value)) if value.is_integer() and abs(value) < 1e15 else format(Decimal(repr(value)), "f")
    return str(value)

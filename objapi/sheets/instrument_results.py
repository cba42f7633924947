"""Files of results as instruments write them, read into one result for each sample and test. Pure."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from objapi.errors import ValidationError
from objapi.model.instrument_files import InstrumentFile
from objapi.sheets.cells import Sheet, SheetProblems, SheetRow, records
from objapi.sheets.reading import read_sheet

LONGEST: Final = 200
"""Characters of a cell that may name a sample or be a result."""
_MOST_HEAD: Final = 200
"""Rows in which the headings are looked for."""
_NUMBER: Final = re.compile(
    r"(?P<sign>[<>]?)\s*(?P<number>[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,2})?)"
)


@dataclass(frozen=True, slots=True)
class FileResult:
    """One result of a file."""

    row: int
    column: str
    """The heading of the column of the result."""
    sample: str
    """The code of what was measured."""
    keyword: str
    value: str
    """A number with a point, and before it < or > where it is beyond what the instrument can tell; or a word."""
    unit: str


def read_results(content: bytes, shape: InstrumentFile, most_rows: int, problems: SheetProblems) -> list[FileResult]:
    """The results of a file. Raises ValidationError for one without the columns, TooLarge."""
    sheet = read_sheet(content, most_rows + _MOST_HEAD, encoding=shape.encoding, delimiter=shape.delimiter)
    header, rows = _split(sheet, shape)
    found: list[FileResult] = []
    for number, cells in records(header, rows, problems):
        if any(cells[heading].casefold() in words for heading, words in shape.skip.items()):
            continue
        sample = _sample(cells[shape.sample.column], shape)
        if sample:
            found.extend(_of_line(number, cells, sample, shape, problems))
    return found


def _split(sheet: Sheet, shape: InstrumentFile) -> tuple[SheetRow, Sequence[SheetRow]]:
    """The row of the headings, and the rows below it."""
    needed = frozenset(shape.needed)
    for place, row in enumerate(sheet.rows[:_MOST_HEAD]):
        if row.number == shape.heading or (not shape.heading and needed <= set(row.cells)):
            missing = [name for name in shape.needed if name not in row.cells]
            if missing:
                break
            return row, sheet.rows[place + 1 :]
    where = f"row {shape.heading}" if shape.heading else "any row"
    raise ValidationError(
        f"The file is not one of {shape.title}: {where} does not have all of the columns {', '.join(shape.needed)}."
    )


def _sample(text: str, shape: InstrumentFile) -> str:
    """The code in the cell of a sample; empty where there is none."""
    pattern = shape.sample.pattern
    if pattern is None or not text:
        return text[:LONGEST]
    match = pattern.search(text[:LONGEST])
    return "" if match is None else (match[pattern.groups] or "").strip()


def _of_line(
    row: int, cells: Mapping[str, str], sample: str, shape: InstrumentFile, problems: SheetProblems
) -> Iterator[FileResult]:
    """The results of a line, those left out that the instrument has not measured."""
    if shape.columns:
        wanted = [(heading, kind.keyword, kind.unit) for heading, kind in shape.columns.items()]
    else:
        test = cells[shape.test]
        if not test:
            problems.note(row, shape.test, "the test is missing")
            return
        wanted = [(shape.result, shape.tests.get(test, test), cells[shape.unit] if shape.unit else "")]
    for heading, keyword, unit in wanted:
        value = _value(cells[heading], shape)
        if value is None:
            text = cells[heading][:40]
            problems.note(row, heading, f"{text!r} is no number, and none of the words that the instrument has")
        elif value:
            yield FileResult(row, heading, sample, keyword, value, unit)


def _value(text: str, shape: InstrumentFile) -> str | None:
    """The result in a cell; empty where nothing was measured, None where it cannot be read."""
    text = text.strip()
    if not text or text.casefold() in shape.words:
        return shape.words.get(text.casefold(), "")
    if shape.decimal_comma:
        # A point would be one of thousands, or of a number of another country: nobody knows which.
        if "." in text:
            return None
        text = text.replace(",", ".")
    match = _NUMBER.fullmatch(text[:LONGEST])
    if match is None:
        return None
    number = match["number"]
    return match["sign"] + (format(Decimal(number), "f") if "e" in number.lower() else number)


def converted(value: str, factor: Decimal) -> str:
    """A result multiplied by a factor, its sign kept."""
    sign = value[0] if value[0] in "<>" else ""
    return sign + format((Decimal(value.removeprefix(sign)) * factor).normalize(), "f")


def is_number(value: str) -> bool:
    """True for a result that is a number, perhaps beyond a limit."""
    return _NUMBER.fullmatch(value) is not None

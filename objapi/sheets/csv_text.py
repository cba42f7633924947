"""CSV: bytes to rows of texts, whatever encoding and delimiter a spreadsheet program has written. Pure.

Encodings are tried in an order in which a wrong one is noticed: a byte order mark decides, then UTF-8, which other
texts are hardly ever, then Windows-1252, the encoding of the spreadsheet programs of western offices.
"""

import codecs
import csv
from collections.abc import Iterator
from io import StringIO
from typing import Final

from objapi.errors import TooLarge, ValidationError
from objapi.sheets.cell_values import unquoted
from objapi.sheets.cells import MOST_CELLS

DELIMITERS: Final = (",", ";", "\t", "|")
_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_SAMPLE: Final = 64 * 1024
"""Characters by which the delimiter is found, at most."""
# Excel writes it where the delimiter is not that of the reader's country.
_SEPARATOR_LINE: Final = "sep="


def decode(content: bytes) -> str:
    """The text of a file. Raises ValidationError for what is no text."""
    marked = next((encoding for mark, encoding in _MARKS if content.startswith(mark)), None)
    try:
        text = content.decode("utf-8") if marked is None else _decoded(content, marked)
    except UnicodeDecodeError:
        text = _decoded(content, "cp1252")
    return _without_nul(text)


def _without_nul(text: str) -> str:
    """The text. Raises ValidationError for one with a character that no text has."""
    if "\0" in text:
        raise ValidationError("The file is no text: it holds NUL characters. Save it as CSV (UTF-8) or as XLSX.")
    return text


def _decoded(content: bytes, encoding: str) -> str:
    try:
        return content.decode(encoding)
    except UnicodeDecodeError:
        raise ValidationError("The file is no text that can be read. Save it as CSV (UTF-8) or as XLSX.") from None


def read_csv(content: bytes, encoding: str = "", delimiter: str = "") -> list[list[str]]:
    """The rows of a CSV file, whose encoding and delimiter are found by its content where they are not named.

    Raises ValidationError for what is no text, or has a quote that never ends, and TooLarge for more cells than a sheet
    may have: each takes some hundred times the memory of the sign that ends it.
    """
    text = _without_nul(_decoded(content, encoding)) if encoding else decode(content)
    if delimiter:
        return list(_rows(text, delimiter))
    first, _, rest = text.partition("\n")
    if first.strip().lower().startswith(_SEPARATOR_LINE) and len(first.strip()) == len(_SEPARATOR_LINE) + 1:
        # The line stays in the count, so that rows have the numbers that a spreadsheet shows.
        return [[], *_rows(rest, first.strip()[-1])]
    return list(_rows(text, delimiter_of(text)))


def delimiter_of(text: str) -> str:
    """The delimiter that splits the first rows best: most columns in the most rows; a comma when none is there."""
    sample = [line for line in text[:_SAMPLE].splitlines()[:50] if line.strip()]
    return max(DELIMITERS, key=lambda delimiter: sum(_count(line, delimiter) for line in sample))


def _count(line: str, delimiter: str) -> int:
    """Delimiters of a line that are not inside quotes."""
    return sum(part.count(delimiter) for part in line.split('"')[::2])


def _rows(text: str, delimiter: str) -> Iterator[list[str]]:
    # Not the default limit: a cell may hold as much as a value of the API.
    csv.field_size_limit(16 * 1024 * 1024)
    reader = csv.reader(StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True, strict=True)
    before = cells = 0
    try:
        for row in reader:
            cells += max(len(row), 1)
            if cells > MOST_CELLS:
                raise TooLarge(f"The file has more than {MOST_CELLS} cells, empty ones included. Send it in parts.")
            # A quoted cell of several lines is one row of the spreadsheet, and takes as many lines of the file.
            before = reader.line_num
            # What an export has made harmless is again what it was.
            yield [unquoted(cell) if cell[:1] == "'" else cell for cell in row]
    except csv.Error as error:
        raise ValidationError(f"Line {before + 1} of the file is no CSV: {error}.") from None

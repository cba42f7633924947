"""A file that has come back, whichever of the formats of an export it has, as the rows of a sheet."""

from typing import Final

from objapi.sheets.cells import SheetProblems
from objapi.sheets.reading import read_sheet
from objapi.sheets.returned_rows import ReturnedSheet, raw_sheet, returned_objects, returned_rows

_MARK: Final = b"\xef\xbb\xbf"


def read_returned(content: bytes, most_rows: int) -> tuple[ReturnedSheet, SheetProblems]:
    """The rows of a file, and what is wrong with them: NDJSON, where it begins with `{`, else XLSX or CSV.

    Raises ValidationError for what is none of these, TooLarge.
    """
    problems = SheetProblems()
    if content.removeprefix(_MARK).lstrip().startswith(b"{"):
        return returned_objects(content, most_rows, problems), problems
    # The first row is that of the headings.
    return returned_rows(read_sheet(content, most_rows + 1, raw_sheet), problems), problems

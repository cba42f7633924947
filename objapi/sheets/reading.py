"""A file that was sent, as a sheet: XLSX by its content, else CSV."""

from collections.abc import Callable
from typing import Final

from objapi.errors import TooLarge, ValidationError
from objapi.sheets.cells import Sheet, sheet_of
from objapi.sheets.csv_text import read_csv

_ZIP: Final = b"PK\x03\x04"
_OLD_EXCEL: Final = b"\xd0\xcf\x11\xe0"


def read_sheet(
    content: bytes,
    most_rows: int,
    made: Callable[[list[list[str]]], Sheet] = sheet_of,
    *,
    encoding: str = "",
    delimiter: str = "",
) -> Sheet:
    """The rows of a file that hold anything, as `made` makes a sheet of them; usually without needless blanks.

    Encoding and delimiter of a CSV are found by its content where they are not named.

    Raises ValidationError for a file that is empty or neither CSV nor XLSX, TooLarge for one of more than `most_rows`.
    """
    if not content.strip():
        raise ValidationError("The file is empty.")
    if content.startswith(_OLD_EXCEL):
        raise ValidationError("The file is of the old format of Excel (XLS), or protected. Save it as XLSX or CSV.")
    is_workbook = content.startswith(_ZIP)
    sheet = made(_read_workbook(content) if is_workbook else read_csv(content, encoding, delimiter))
    if len(sheet.rows) > most_rows:
        raise TooLarge(
            f"The file has {len(sheet.rows)} rows, the limit of this site is {most_rows} (its setting "
            "OBJAPI_MAX_UPDATE_ENTRIES). Send it in parts."
        )
    if not sheet.rows:
        raise ValidationError("The file is empty.")
    return sheet


def _read_workbook(content: bytes) -> list[list[str]]:
    # Imported where it is used: most worker processes never read a workbook, and the library would stay in each.
    from objapi.sheets.xlsx import read_xlsx  # noqa: PLC0415

    return read_xlsx(content)

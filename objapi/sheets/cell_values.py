"""Values of objects as cells of an export, and texts of cells that no spreadsheet program takes for a formula. Pure.

A text that begins like a formula is worked out by the program that opens the file, on the machine of whoever opens it.
So it gets an apostrophe before it, which is taken off again when the file comes back; and so does a text that begins
with such an apostrophe of its own, so that each text comes back as it was.
"""

import re
from collections.abc import Mapping
from datetime import datetime, time, tzinfo
from typing import Final, TypeAlias

import orjson

from objapi.model.types import Field, Kind

Cell: TypeAlias = str | int | float | bool | datetime | None
"""The value of a cell; a date-time is that of a clock in the site's zone, without a zone of its own."""

_DANGEROUS: Final = re.compile(r"'*[=+\-@\t\r\n]")
_QUOTED: Final = re.compile(r"'+[=+\-@\t\r\n]")
_NUMBER: Final = re.compile(r"[+-]?(?:[0-9]+(?:[.,][0-9]*)?|[.,][0-9]+)(?:[eE][+-]?[0-9]+)?")
EXACT: Final = 10**15
"""Whole numbers from here on are texts: a spreadsheet keeps fifteen digits."""


def cell_of(value: object, field: Field | None, zone: tzinfo) -> Cell:
    """The cell of a value as `read` answers it: of a list of texts its lines, of records their JSON."""
    match value:
        case None | bool() | float():
            return value
        case int():
            return value if abs(value) < EXACT else str(value)
        case str():
            is_date = field is not None and field.kind is Kind.DATETIME
            return _clock_time(value, zone) if is_date else value
        case {"filename": str(name)} if field is not None and field.kind is Kind.FILE:
            return name
        case list() if all(isinstance(item, str) for item in value):
            return "\n".join(value)
    return orjson.dumps(value).decode() if value != [] else None


def _clock_time(text: str, zone: tzinfo) -> Cell:
    """A date-time of an answer by the clock of a zone; the text, where it is none or no spreadsheet has such a year."""
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        return text
    local = instant.astimezone(zone).replace(tzinfo=None) if instant.tzinfo is not None else instant
    return local if local.year > 1900 else text


def text_of(cell: Cell) -> str:
    """The text of a cell, as a sheet that comes back is read."""
    match cell:
        case None:
            return ""
        case bool():
            return "true" if cell else "false"
        case datetime():
            return cell.date().isoformat() if cell.time() == time() else cell.isoformat(timespec="seconds")
        case float():
            return str(int(cell)) if cell.is_integer() and abs(cell) < EXACT else repr(cell)
    return str(cell)


def harmless(text: str) -> str:
    """A text that no program takes for a formula; numbers stay what they are."""
    return f"'{text}" if _DANGEROUS.match(text) and not _NUMBER.fullmatch(text) else text


def unquoted(text: str) -> str:
    """The text that `harmless` was given."""
    return text[1:] if _QUOTED.match(text) else text


def cells_of(
    members: Mapping[str, object], fields: Mapping[str, Field], names: tuple[str, ...], zone: tzinfo
) -> list[Cell]:
    """The cells of an object under columns with these names."""
    return [cell_of(members.get(name), fields.get(name), zone) for name in names]

"""Cells of a sheet that has come back, compared with the values that they were written from. Pure.

A spreadsheet writes numbers, dates and truth values its own way, so a cell is compared by what it means to its field.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from decimal import Decimal, InvalidOperation
from typing import Final

from objapi.model.kinds import TRUE_WORDS
from objapi.model.types import Field, Kind
from objapi.model.values import answer
from objapi.sheets.cell_values import cell_of, text_of

_FALSE_WORDS: Final = frozenset({"0", "false", "no", "off"})
_NUMBERS: Final = frozenset({Kind.INTEGER, Kind.FIXEDPOINT, Kind.NUMBER})
_STRUCTURES: Final = frozenset({Kind.RECORD, Kind.RECORDS, Kind.JSON})


@dataclass(frozen=True, slots=True)
class CellConflict:
    """A cell that was changed in the sheet, and meanwhile on the site, too."""

    row: int
    path: str
    field: str
    base: str | None
    """The text when the sheet was written; None where the history does not tell it to this user."""
    theirs: str
    mine: str

    def as_dict(self) -> dict[str, object]:
        """The conflict as an answer lists it."""
        return {name: getattr(self, name) for name in self.__slots__}


def shown_text(value: object, field: Field | None, zone: tzinfo) -> str:
    """The text of a value as `read` answers it, as a cell shows it."""
    return _plain(text_of(cell_of(value, field, zone)))


def stored_text(stored: object, field: Field, zone: tzinfo) -> str:
    """The text of a value as it is stored, as a cell shows it."""
    return shown_text(answer(stored, field, zone), field, zone)


def same(one: str, other: str, field: Field | None, zone: tzinfo) -> bool:
    """True for two texts of cells that mean one value of a field."""
    one, other = _plain(one), _plain(other)
    if one == other or field is None:
        return one == other
    if _is_list(field):
        return lines_of(one) == lines_of(other)
    if field.kind in _NUMBERS:
        return _number(one) is not None and _number(one) == _number(other)
    if field.kind is Kind.BOOLEAN:
        return _truth(one) is not None and _truth(one) == _truth(other)
    if field.kind is Kind.DATETIME:
        return _clock(one, zone) is not None and _clock(one, zone) == _clock(other, zone)
    if field.kind in _STRUCTURES:
        return _structure(one) is not None and _structure(one) == _structure(other)
    return False


def value_of(text: str, field: Field) -> object:
    """The value to send for the text of a cell. Raises ValueError with what is wrong with it."""
    text = _plain(text)
    if _is_list(field):
        return lines_of(text)
    if field.kind is Kind.JSON and text:
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            raise ValueError("it is no JSON") from None
    return text


def lines_of(text: str) -> list[str]:
    """The lines of a cell that hold anything."""
    return [line.strip() for line in text.splitlines() if line.strip()]


def _plain(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n").strip()


def _is_list(field: Field) -> bool:
    return field.kind is Kind.LINES or (field.kind is Kind.REFERENCE and field.multi)


def _number(text: str) -> Decimal | None:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _truth(text: str) -> bool | None:
    word = text.casefold()
    # Nothing is answered as false.
    return True if word in TRUE_WORDS else False if word in _FALSE_WORDS or not word else None


def _clock(text: str, zone: tzinfo) -> datetime | None:
    """The second that a text names, by the clock of the zone."""
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        return None
    local = instant if instant.tzinfo is None else instant.astimezone(zone)
    return local.replace(tzinfo=None, microsecond=0)


def _structure(text: str) -> object:
    try:
        return json.loads(text or "null") or []
    except (ValueError, RecursionError):
        return None


def merged(
    mine: Mapping[str, str],
    theirs: Mapping[str, str],
    base: Mapping[str, str] | None,
    fields: Mapping[str, Field],
    zone: tzinfo,
) -> tuple[dict[str, str], list[str]]:
    """Cells of a sheet that are to be written over what is there now, and the names of those that conflict.

    `base` has the texts of the time when the sheet was written, of the fields that have changed since; None: nobody
    knows them. A cell that the sheet has left as it was keeps what others have made of it.
    """
    edits: dict[str, str] = {}
    conflicts: list[str] = []
    for name, text in mine.items():
        now = theirs.get(name, "")
        field = fields.get(name)
        if same(text, now, field, zone):
            continue
        if base is None:
            conflicts.append(name)
        elif name not in base:
            edits[name] = text
        elif not same(text, base[name], field, zone):
            conflicts.append(name)
    return edits, conflicts

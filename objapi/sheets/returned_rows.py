"""A sheet of objects that has come back: what its columns are, and its rows by what they name. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import orjson

from objapi.errors import TooLarge, ValidationError
from objapi.model.references import is_uid
from objapi.sheets.cells import MOST_CELLS, MOST_COLUMNS, Sheet, SheetProblems, SheetRow, records
from objapi.sheets.export_columns import PATH, TYPE, UID, VERSION

_OWN: frozenset[str] = frozenset({UID, VERSION, PATH, TYPE, "id"})


@dataclass(frozen=True, slots=True)
class ReturnedRow:
    """One object of a sheet; the texts of its cells are by the names of the columns."""

    row: int
    uid: str
    """Empty for a new object."""
    version: int | None
    path: str
    portal_type: str
    id: str
    texts: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ReturnedSheet:
    """The rows of a sheet, and the names of the columns that are no identity."""

    rows: tuple[ReturnedRow, ...]
    names: tuple[str, ...]


def returned_rows(sheet: Sheet, problems: SheetProblems) -> ReturnedSheet:
    """The objects of a sheet as `read` has written it. Raises ValidationError for one without a column UID."""
    header, *rows = sheet.rows
    if UID not in header.cells:
        raise ValidationError(
            "The first row has no column UID: export the objects by read with format=csv or xlsx, and edit that file. "
            "Rows with an empty UID become new objects."
        )
    found = [_row(number, texts, problems) for number, texts in records(header, rows, problems)]
    names = tuple(name for name in header.cells if name and name not in _OWN)
    return _checked(found, names, problems)


def returned_objects(content: bytes, most_rows: int, problems: SheetProblems) -> ReturnedSheet:
    """The objects of a file of NDJSON, a row for each line; their values become the texts that a sheet would have.

    Raises ValidationError for a file without any.
    """
    found: list[ReturnedRow] = []
    names: dict[str, None] = {}
    for number, line in enumerate(content.decode("utf-8-sig", "replace").splitlines(), start=1):
        if not line.strip():
            continue
        if len(found) >= most_rows:
            raise ValidationError(f"The file has more than {most_rows} lines. Send it in parts.")
        try:
            members = orjson.loads(line)
        except orjson.JSONDecodeError:
            members = None
        if not isinstance(members, dict):
            problems.note(number, "", "it is no JSON object")
            continue
        texts = {name: _text(value) for name, value in members.items()}
        names.update(dict.fromkeys(name for name in texts if name not in _OWN))
        found.append(_row(number, texts, problems))
    if not found and not problems:
        raise ValidationError("The file is empty.")
    return _checked(found, tuple(names), problems)


def _text(value: object) -> str:
    match value:
        case None:
            return ""
        case str():
            return value
        case list() if all(isinstance(item, str) for item in value):
            return "\n".join(value)
    return orjson.dumps(value).decode()


def _row(number: int, texts: Mapping[str, str], problems: SheetProblems) -> ReturnedRow:
    uid, version = texts.get(UID, "").strip().lower(), texts.get(VERSION, "").strip()
    if uid and not is_uid(uid):
        problems.note(number, UID, f"{uid[:40]!r} is no UID; leave it empty for a new object")
    is_number = version.isascii() and version.isdigit() and len(version) < 10
    if version and not is_number:
        problems.note(number, VERSION, f"{version[:40]!r} is no version; leave the column as it was")
    rest = {name: text for name, text in texts.items() if name not in _OWN}
    path, portal_type, own_id = (texts.get(name, "").strip() for name in (PATH, TYPE, "id"))
    return ReturnedRow(number, uid, int(version) if is_number else None, path, portal_type, own_id, rest)


def _checked(rows: Sequence[ReturnedRow], names: tuple[str, ...], problems: SheetProblems) -> ReturnedSheet:
    """The rows, each about an object of its own. Raises TooLarge."""
    same: dict[str, list[int]] = {}
    for row in rows:
        if row.uid:
            same.setdefault(row.uid, []).append(row.row)
    for first, *others in same.values():
        # Which of them is right nobody knows, so none of them is.
        for number, other in ((first, others[0]), *((one, first) for one in others)) if others else ():
            problems.note(number, UID, f"row {other} is about the same object; leave one of them", "twice")
    if len(names) > MOST_COLUMNS or len(names) * len(rows) > MOST_CELLS:
        raise TooLarge(f"The file has more than {MOST_COLUMNS} columns or {MOST_CELLS} values. Send it in parts.")
    return ReturnedSheet(tuple(rows), names)


def raw_sheet(rows: Sequence[Sequence[str]]) -> Sheet:
    """A sheet of rows whose texts stay as they are; empty rows are left out, the numbers count them all."""
    numbered = (SheetRow(number, tuple(cells)) for number, cells in enumerate(rows, start=1))
    return Sheet(tuple(row for row in numbered if any(cell.strip() for cell in row.cells)))

"""Rows of a spreadsheet as texts, their places as people name them, and what is wrong at a place. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from objapi.errors import Cause, ValidationError
from workflows.declarations import suggestion

MOST_CELLS: Final = 500_000
"""Cells that a sheet may have, empty ones before the last included."""


MOST_COLUMNS: Final = 1_000
"""Columns that a sheet of objects may have."""
_MOST_HINTS: Final = 20


@dataclass(frozen=True, slots=True)
class SheetRow:
    """One row; `number` counts from 1, as spreadsheets do."""

    number: int
    cells: tuple[str, ...]
    """Texts without blanks around them; a row may be shorter than others."""

    def __getitem__(self, place: int) -> str:
        """The text in a column, counted from 0; empty beyond the end."""
        return self.cells[place] if place < len(self.cells) else ""

    @property
    def is_empty(self) -> bool:
        """True when no cell holds a text."""
        return not any(self.cells)


@dataclass(frozen=True, slots=True)
class Sheet:
    """The rows of a spreadsheet that hold anything."""

    rows: tuple[SheetRow, ...]


def sheet_of(rows: Iterable[Iterable[str]]) -> Sheet:
    """A sheet of rows of texts, empty ones left out; the numbers count them all."""
    stripped = (
        SheetRow(number, tuple(" ".join(cell.split()) if "\n" not in cell else cell.strip() for cell in cells))
        for number, cells in enumerate(rows, start=1)
    )
    return Sheet(tuple(row for row in stripped if not row.is_empty))


def column_letters(place: int) -> str:
    """The name of a column, counted from 0: A, B, …, Z, AA."""
    letters = ""
    place += 1
    while place:
        place, rest = divmod(place - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


MOST_PROBLEMS: Final = 1_000
"""Problems of a sheet that an answer names; the others are counted."""
EVERY_ROW: Final = "every_row"
"""The code of a problem with what all rows get, so that it is named once."""


@dataclass(slots=True)
class Hints:
    """What may be meant by the first unknown names of a file: each costs a comparison with all that are known."""

    given: dict[str, str] = field(default_factory=dict)

    def near(self, name: str, known: Iterable[str]) -> str:
        """A text `, did you mean 'x'?` for one of the first names, else the empty text."""
        short = name[:60]
        if short not in self.given and len(self.given) < _MOST_HINTS:
            self.given[short] = suggestion(short, known)
        return self.given.get(short, "")


@dataclass(slots=True)
class SheetProblems:
    """All that is wrong with a sheet, in the order in which it was found."""

    causes: list[Cause] = field(default_factory=list)
    unnamed: int = 0
    """Problems beyond those that are named."""
    rows: set[int] = field(default_factory=set)
    """All rows with problems, those that are not named included."""
    of_all: bool = False
    """True when something is wrong that concerns every row, or so much that not all of it can be told."""

    def note(self, row: int, column: str, message: str, code: str = "invalid") -> None:
        """Add a problem of a row (0: of the whole file) and the column with a heading (empty: of the whole row)."""
        self.rows.add(row)
        if len(self.causes) < MOST_PROBLEMS:
            self.causes.append(sheet_cause(row, column, message, code))
        else:
            self.unnamed += 1
        self.of_all |= not row or self.unnamed > 0

    def __bool__(self) -> bool:
        """True when something is wrong."""
        return bool(self.causes)

    def add(self, causes: Iterable[Cause]) -> None:
        """Add problems that the store has found, but those of cells that are known to be wrong, and what follows."""
        noted = {(cause.row, cause.column) for cause in self.causes}
        everywhere = {cause.column for cause in self.causes if cause.column and cause.code == EVERY_ROW}
        rows = {cause.row for cause in self.causes}
        for cause in causes:
            follows = cause.code == "depends" or (cause.code == "required" and not cause.column and cause.row in rows)
            if not follows and (cause.row, cause.column) not in noted and cause.column not in everywhere:
                self.causes.append(cause)

    def raise_if_any(self) -> None:
        """Raise ValidationError with all of them, the first rows first."""
        if self.causes:
            found = sorted(self.causes, key=lambda cause: cause.row or 0)
            more = [sheet_cause(0, "", f"and {self.unnamed} more problems", "more")] if self.unnamed else []
            raise ValidationError.from_causes([*found, *more])


def sheet_cause(row: int, column: str, message: str, code: str = "invalid") -> Cause:
    """A cause whose sentence names row and column."""
    where = ", ".join([*([f"row {row}"] if row else []), *([f"column {column}"] if column else [])])
    text = f"{where}: {message}" if where else message
    return Cause("field", column or "file", text, code=code, row=row or None, column=column)


def records(
    header: SheetRow, rows: Iterable[SheetRow], problems: SheetProblems
) -> Iterator[tuple[int, dict[str, str]]]:
    """Each row as heading → text, with its number; a text under no heading, and a heading twice, are problems."""
    places: dict[str, int] = {}
    known: set[str] = set()
    for place, heading in enumerate(header.cells):
        if not heading:
            continue
        if heading.casefold() in known:
            problems.note(header.number, heading, "there are two columns with this heading; leave one", "twice")
            problems.of_all = True
        else:
            places[heading] = place
            known.add(heading.casefold())
    named = set(places.values())
    for row in rows:
        for place, text in enumerate(row.cells):
            if text and place not in named and (place >= len(header.cells) or not header[place]):
                problems.note(row.number, column_letters(place), f"{text[:40]!r} stands under no heading", "no_heading")
        yield row.number, {heading: row[place] for heading, place in places.items()}

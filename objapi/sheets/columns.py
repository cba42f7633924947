"""Sheets with one row of headings and one record a row: columns by their headings, in whatever spelling. Pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from objapi.model.safe_names import unsafe_name
from objapi.sheets.cells import Sheet, SheetProblems, records


@dataclass(frozen=True, slots=True)
class Column:
    """A column that a sheet may have."""

    name: str
    """The heading as it is documented."""
    required: bool = False
    other_headings: tuple[str, ...] = ()
    """Further headings that are known to be used for it."""

    @property
    def spellings(self) -> frozenset[str]:
        """All headings without case, blanks and marks."""
        return frozenset(map(plain, (self.name, *self.other_headings)))


@dataclass(frozen=True, slots=True)
class Line:
    """One record: its row, and the text of each column; empty where the cell or the whole column is missing."""

    row: int
    texts: Mapping[str, str]

    def __getitem__(self, name: str) -> str:
        """The text of a column."""
        return self.texts.get(name, "")


# The same headings are asked for with every row.
@lru_cache(maxsize=4096)
def plain(heading: str) -> str:
    """A heading without case, blanks and marks, by which it is compared."""
    return re.sub(r"[^a-z0-9]+", "", heading.casefold())


def read_lines(sheet: Sheet, columns: Sequence[Column], problems: SheetProblems) -> list[Line]:
    """The records of a sheet; unknown columns, missing ones and empty required cells are noted."""
    header, *rows = sheet.rows
    known = {spelling: column for column in columns for spelling in column.spellings}
    found: dict[str, str] = {}
    listed = ", ".join(column.name for column in columns)
    for heading in filter(None, header.cells):
        column = known.get(plain(heading))
        if column is None:
            problems.note(header.number, heading, f"there is no such column; there are {listed}", "unknown")
        elif column.name in found:
            problems.note(header.number, heading, f"the column {found[column.name]} is the same; leave one", "twice")
        else:
            found[column.name] = heading
    for column in columns:
        if column.required and column.name not in found:
            problems.note(header.number, column.name, "the column is missing", "missing")
    lines = []
    for row, cells in records(header, rows, problems):
        line = Line(row, {name: cells.get(heading, "") for name, heading in found.items()})
        for column in columns:
            if column.required and column.name in found and not line[column.name]:
                problems.note(row, found[column.name], "the cell is empty", "missing")
        lines.append(line)
    if not lines:
        problems.note(header.number, "", "no sample stands below the headings", "missing")
    return lines


def check_alike(lines: Sequence[Line], group: str, column: str, problems: SheetProblems) -> None:
    """Note rows of one group (such as a container) that differ in what it has once (such as its type)."""
    first: dict[str, Line] = {}
    for line in lines:
        before = first.setdefault(line[group], line)
        if line[group] and line[column] and before[column] and line[column].casefold() != before[column].casefold():
            problems.note(
                line.row, column, f"{line[group]!r} is {line[column]!r} here and {before[column]!r} in row {before.row}"
            )


def check_distinct(lines: Sequence[Line], columns: Sequence[str], problems: SheetProblems) -> None:
    """Note rows that are alike in all of some columns, such as two samples in one place of a container."""
    first: dict[tuple[str, ...], int] = {}
    for line in lines:
        key = tuple(line[name].casefold() for name in columns)
        if all(key):
            before = first.setdefault(key, line.row)
            if before != line.row:
                shown = ", ".join(line[name] for name in columns)
                problems.note(line.row, columns[-1], f"{shown} is in row {before} already", "twice")


def check_safe(lines: Sequence[Line], column: str, problems: SheetProblems) -> None:
    """Note names that cannot become directories at a beamline."""
    for line in lines:
        problem = unsafe_name(line[column]) if line[column] else None
        if problem is not None:
            problems.note(line.row, column, problem)

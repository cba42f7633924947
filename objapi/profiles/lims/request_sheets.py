"""Sheets that ask for analysis requests: header, batch, and one sample a row. Pure.

The shape is that of the template which laboratories have sent around for years: rows are known by the text in their
first cell, and the columns of services and profiles are marked where a sample is to be analysed for them.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from objapi.sheets.cells import Sheet, SheetProblems, SheetRow, records
from objapi.sheets.columns import plain

_IGNORED_ROWS: Final = frozenset(
    {"analysisprice", "totalanalyses", "totalanalysesorprofiles", "totalpriceexcltax", "totalprice"}
)
"""Rows that the template counts in by itself."""

HEADER_FIELDS: Final[Mapping[str, str]] = {
    "File name": "Filename",
    "Client name": "ClientName",
    "Client ID": "ClientID",
    "Contact": "Contact",
    "CC Names - Report": "CCNamesReport",
    "CC Emails - Report": "CCEmailsReport",
    "CC Names - Invoice": "CCNamesInvoice",
    "CC Emails - Invoice": "CCEmailsInvoice",
    "No of Samples": "NrSamples",
    "Client Order Number": "ClientOrderNumber",
    "Client Reference": "ClientReference",
}
"""Heading of the header → its name here."""
BATCH_FIELDS: Final[Mapping[str, str]] = {
    "id": "id",
    "title": "title",
    "description": "description",
    "ClientBatchID": "ClientBatchID",
    "ClientBatchComment": "Remarks",
    "BatchDate": "BatchDate",
    "BatchLabels": "BatchLabels",
    "ReturnSampleToClient": "ReturnSampleToClient",
}
"""Heading of the batch → its name here."""
TOTAL: Final = "totalnumberofanalysesorprofiles"
PRICE: Final = "priceexcltax"
ANALYSES: Final = frozenset({"analyses", "services"})
PROFILES: Final = "profiles"
_OFF: Final = frozenset({"", "0", "0.0", "false", "no", "n", "-"})
_ON: Final = frozenset({"1", "1.0", "true", "yes", "y", "x"})


@dataclass(frozen=True, slots=True)
class SampleRow:
    """One sample: the number of its row, its name there, and the texts by heading."""

    row: int
    label: str
    cells: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class RequestSheet:
    """What a sheet asks for, as texts."""

    header: Mapping[str, str]
    header_row: int
    batch: Mapping[str, str]
    """Empty: no batch is asked for."""
    batch_row: int
    headings: tuple[str, ...]
    """Headings of the columns of samples, in order."""
    samples: tuple[SampleRow, ...]


def is_marked(text: str) -> bool | None:
    """True for the mark of a column that is wanted, False for one that is not; None for a text that is neither."""
    word = text.casefold()
    return True if word in _ON else False if word in _OFF else None


def names_in(text: str) -> tuple[str, ...]:
    """The names in a cell that holds several, separated by commas or semicolons."""
    return tuple(dict.fromkeys(name for part in re.split(r"[,;]", text) if (name := part.strip())))


def read_requests(sheet: Sheet, problems: SheetProblems) -> RequestSheet:
    """What a sheet asks for; what is missing, unknown or out of place is noted with its row and column."""
    rows = {plain(row[0]): row for row in reversed(sheet.rows)}
    header, header_row = _pair(rows, "Header", HEADER_FIELDS, problems)
    batch, batch_row = _pair(rows, "Batch", BATCH_FIELDS, problems, required=False)
    headings, samples = _samples(sheet, rows.get("samples"), problems)
    return RequestSheet(header, header_row, batch, batch_row, headings, samples)


def _pair(
    rows: Mapping[str, SheetRow],
    what: str,
    known: Mapping[str, str],
    problems: SheetProblems,
    *,
    required: bool = True,
) -> tuple[dict[str, str], int]:
    """The row of headings and the row of data below it, as name → text; and the number of the latter."""
    label = "Header" if what == "Header" else f"{what} Header"
    names, data = rows.get(plain(label)), rows.get(plain(f"{what} Data"))
    if names is None or data is None:
        if required or names is not data:
            missing = label if names is None else f"{what} Data"
            problems.note(0, "", f"the file has no row whose first cell is {missing!r}", "missing")
        return {}, 0
    spellings = {plain(heading): name for heading, name in known.items()}
    found: dict[str, str] = {}
    for _, cells in records(SheetRow(names.number, ("", *names.cells[1:])), [_tail(data)], problems):
        for heading, text in cells.items():
            name = spellings.get(plain(heading))
            if name is not None:
                found[name] = text
            elif text:
                problems.note(
                    names.number, heading, f"is no column of the {what.lower()}; there are {', '.join(known)}"
                )
    return {name: text for name, text in found.items() if text}, data.number


def _tail(row: SheetRow) -> SheetRow:
    return SheetRow(row.number, ("", *row.cells[1:]))


def _samples(
    sheet: Sheet, header: SheetRow | None, problems: SheetProblems
) -> tuple[tuple[str, ...], tuple[SampleRow, ...]]:
    if header is None:
        problems.note(0, "", "the file has no row whose first cell is 'Samples'", "missing")
        return (), ()
    below = [row for row in sheet.rows if row.number > header.number and plain(row[0]) not in _IGNORED_ROWS]
    labels = {row.number: row[0] for row in below}
    named = SheetRow(header.number, ("", *header.cells[1:]))
    found = tuple(
        SampleRow(number, labels[number], cells)
        for number, cells in records(named, [_tail(row) for row in below], problems)
        if any(cells.values())
    )
    if not found:
        problems.note(header.number, "", "no sample stands below this row", "missing")
    return tuple(heading for heading in header.cells[1:] if heading), found


def check_totals(sample: SampleRow, headings: Sequence[str], chosen: Iterable[str], problems: SheetProblems) -> None:
    """Note a number of analyses and profiles, where the row says one, that is not the number of those marked."""
    heading = next((name for name in headings if plain(name) == TOTAL), None)
    told, count = sample.cells.get(heading or "", ""), len(list(chosen))
    if heading is not None and told and told != str(count):
        problems.note(sample.row, heading, f"says {told[:20]}, and {count} are marked")

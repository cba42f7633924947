"""The page on files: what it shows is read, and it names every column that is."""

import re
from pathlib import Path

import pytest

from objapi.profiles.ispyb import shipment_sheets as ispyb
from objapi.profiles.lims.request_sheets import BATCH_FIELDS, HEADER_FIELDS, read_requests
from objapi.profiles.mxlive import shipment_sheets as mxlive
from objapi.sheets.cells import MOST_CELLS
from objapi.sheets.columns import read_lines
from objapi.sheets.instrument_results import read_results
from objapi.sheets.reading import read_sheet
from objapi.sheets.returned_files import read_returned
from objapi.sheets.xlsx import MOST_TEXT, MOST_UNPACKED
from tests.docs.pages import DOCS, blocks
from tests.shipped import load_once

PAGE = DOCS / "sheets.md"
TEXT = PAGE.read_text(encoding="utf-8")


def shown_sheets(folder: Path) -> list[Path]:
    """Write the files that the page shows, under their names."""
    names = re.findall(r"^```csv (\S+)$", TEXT, re.MULTILINE)
    found = list(blocks(PAGE, "csv"))
    assert len(names) == len(found) == 5
    for name, block in zip(names, found, strict=True):
        (folder / name).write_text(block.text, encoding="utf-8")
    return [folder / name for name in names]


def test_the_files_on_the_page_are_read(tmp_path: Path) -> None:
    farms, run, *others = shown_sheets(tmp_path)
    asked, may, june = (read_sheet(file.read_bytes(), 100) for file in others)
    returned, problems = read_returned(farms.read_bytes(), 100)
    assert [row.texts["Name"] for row in returned.rows] == ["Meadow Farm", "Ridge Farm"]
    results = read_results(run.read_bytes(), load_once(["lims"]).instrument_files["aq2"], 100, problems)
    assert [(one.keyword, one.value) for one in results] == [("Ca", "12.5"), ("Mg", "<400")]
    assert len(read_requests(asked, problems).samples) == 3
    for sheet, columns in ((may, mxlive.COLUMNS), (june, ispyb.COLUMNS)):
        assert len(read_lines(sheet, columns, problems)) == 3
    assert problems.causes == []


@pytest.mark.parametrize(
    "name", [*HEADER_FIELDS, *BATCH_FIELDS, *(column.name for column in (*mxlive.COLUMNS, *ispyb.COLUMNS))]
)
def test_every_column_is_named(name: str) -> None:
    spelt = name if not name.startswith("Cell ") else "Cell a"
    assert spelt in TEXT


def test_the_limits_are_those_that_hold() -> None:
    assert f"{MOST_CELLS:,} cells" in TEXT
    assert f"{MOST_UNPACKED // 2**20} MB or {MOST_TEXT // 2**20} million characters" in TEXT

"""The page on moving from another laboratory shows what a pull writes; its commands are typed by another test."""

import json
from io import BytesIO
from pathlib import Path

from objapi.pull.pulling import write_report
from objapi.pull.spool import PullMisfit, Spool
from tests.docs.pages import DOCS, blocks


def test_a_line_of_a_report_is_as_shown(tmp_path: Path) -> None:
    (block,) = blocks(DOCS / "pull.md", "json")
    shown = json.loads(block.text)
    spool, written = Spool(tmp_path / "one.sqlite", "https://lims.example.org"), BytesIO()
    spool.add_misfits("plan", [PullMisfit(**shown)])
    write_report(spool, written)
    spool.close()
    assert json.loads(written.getvalue()) == shown

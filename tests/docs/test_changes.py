"""The page on following changes: its programs are run against a server."""

import contextlib
import io

import pytest

from tests.acceptance.conftest import Serve
from tests.conftest import DATABASES
from tests.docs.examples import SHOWN_ROOT
from tests.docs.pages import DOCS, blocks

PAGE = DOCS / "changes.md"


@pytest.mark.parametrize("database", DATABASES)
def test_the_program_that_reads_a_stream_prints_changes(shared: Serve, database: str) -> None:
    block = next(block for block in blocks(PAGE, "python") if "text/event-stream" in block.text)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(block.text.replace(SHOWN_ROOT, shared(database)), block.place, "exec"), {})
    lines = printed.getvalue().splitlines()
    assert len(lines) == 3
    assert all(" /Plone/clients/" in line for line in lines)

"""The sessions on the pages about the packages as libraries give what the pages show."""

import doctest
from pathlib import Path

import pytest

from tests.docs.pages import DOCS, blocks


@pytest.mark.parametrize("page", ["workflows.md", "catalog.md"])
def test_the_session_gives_what_the_page_shows(page: str) -> None:
    path: Path = DOCS / page
    shown = list(blocks(path, "python"))
    assert shown
    globs: dict[str, object] = {}
    told: list[str] = []
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    for block in shown:
        session = doctest.DocTestParser().get_doctest(block.text, globs, block.place, block.page, block.line - 1)
        assert session.examples, f"{block.place}: no example"
        runner.run(session, out=told.append, clear_globs=False)
        globs = session.globs
    assert not runner.failures, "".join(told)

"""The sessions on the pages about the packages as libraries give what the pages show."""

import doctest
import re
from pathlib import Path
from types import ModuleType

import pytest

import catalog
import workflows
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


@pytest.mark.parametrize(("page", "package"), [("workflows.md", workflows), ("catalog.md", catalog)])
def test_every_name_of_the_package_has_its_meaning_on_the_page(page: str, package: ModuleType) -> None:
    _, _, table = (DOCS / page).read_text(encoding="utf-8").partition("## Names of the package")
    named = set(re.findall(r"`(\w+)", table))
    first = {name for row in table.splitlines() for name in re.findall(r"`(\w+)`", row.split(" | ")[0])}
    assert named >= set(package.__all__)
    assert first <= set(package.__all__)

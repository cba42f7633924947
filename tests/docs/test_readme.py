"""The README fits on a screen; what it and the other pages name and link to is there."""

import re
from pathlib import Path

import pytest

from objapi.cli import main
from objapi.settings import SETTINGS
from tests.docs.pages import DOCS, ROOT

pytestmark = pytest.mark.both_databases

README = ROOT / "README.md"
PAGES = [README, ROOT / "CHANGES.md", *sorted(DOCS.glob("*.md"))]
LONGEST = 60
"""Lines that fit on one screen."""


def test_it_fits_on_a_screen() -> None:
    assert len(README.read_text(encoding="utf-8").splitlines()) <= LONGEST


def test_its_make_commands_and_variables_are_there() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    text = README.read_text(encoding="utf-8")
    for target, variables in re.findall(r"make (\w+)((?: [A-Z_]+=)*)", text):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
        for name in re.findall(r"[A-Z_]+", variables):
            assert f"$({name})" in makefile, name


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_and_settings_on_a_page_are_there(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert set(re.findall(r"\bobjapi (\w+)", "\n".join(re.findall(r"`([^`\n]+)`", text)))) <= set(main.commands)
    assert set(re.findall(r"OBJAPI_[A-Z_]*[A-Z]", text)) <= {setting.env for setting in SETTINGS}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for name, anchor in re.findall(r"\]\(([^)#:]*)(?:#([\w-]+))?\)", page.read_text(encoding="utf-8")):
        other = page.parent / name if name else page
        assert other.is_file(), name
        if anchor:
            headings = re.findall(r"^#+ (.+)$", other.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}, anchor

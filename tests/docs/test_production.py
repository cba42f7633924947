"""The page on production names every setting and command, and no others."""

import re

from objapi.cli import main
from objapi.settings import SETTINGS
from tests.docs.pages import DOCS, table_rows

PAGE = DOCS / "production.md"
BEGIN, END = "<!-- settings: begin -->", "<!-- settings: end -->"


def settings_table() -> str:
    """The table of settings as it has to stand on the page."""
    lines = ["| variable | default | meaning | expected |", "| --- | --- | --- | --- |"]
    for setting in SETTINGS:
        default = f"`{setting.default}`" if setting.default else "empty"
        lines.append(f"| `{setting.env}` | {default} | {setting.meaning} | {setting.kind.expected} |")
    return "\n".join(lines)


def test_the_settings_are_those_of_the_software() -> None:
    text = PAGE.read_text(encoding="utf-8")
    shown = text.partition(BEGIN)[2].partition(END)[0].strip()
    assert shown == settings_table(), "put the right side between the marks of docs/production.md"


def test_every_variable_on_the_page_is_a_setting() -> None:
    named = set(re.findall(r"OBJAPI_[A-Z_]*[A-Z]", PAGE.read_text(encoding="utf-8")))
    assert named == {setting.env for setting in SETTINGS}


def test_every_command_is_named_with_its_sub_commands() -> None:
    shown = {row[0].removeprefix("objapi "): row[1] for row in table_rows(PAGE, "## A site")}
    assert set(shown) == set(main.commands)
    for name, command in main.commands.items():
        for below in getattr(command, "commands", {}):
            assert f"`{below}`" in shown[name]

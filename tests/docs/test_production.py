"""The page on production names every setting and command, and no others."""

import re

from objapi.cli import main
from objapi.settings import SETTINGS
from tests.docs.pages import table_rows
from tests.docs.settings_table import PAGE, settings_table, shown_table


def test_the_settings_are_those_of_the_software() -> None:
    assert shown_table() == settings_table(), "run: python -m tests.docs.settings_table"


def test_every_variable_on_the_page_is_a_setting() -> None:
    text = PAGE.read_text(encoding="utf-8").replace(shown_table(), "")
    named = set(re.findall(r"OBJAPI_[A-Z_]*[A-Z]", text))
    assert named
    assert named <= {setting.env for setting in SETTINGS}


def test_every_command_is_named_with_its_sub_commands() -> None:
    shown = {row[0].removeprefix("objapi "): row[1] for row in table_rows(PAGE, "## A site")}
    assert set(shown) == set(main.commands)
    for name, command in main.commands.items():
        for below in getattr(command, "commands", {}):
            assert f"`{below}`" in shown[name]

"""The page on ISPyB names settings, commands and indexes that there are, and as many routes."""

import re

import click
import pytest
import yaml

from objapi.cli.ispyb import ispyb
from objapi.ispyb.auth import configuration
from objapi.ispyb.demo.accounts import ACCOUNTS
from objapi.ispyb.face import GROUPS
from objapi.profiles.ispyb import tables
from objapi.settings import SETTINGS
from tests.docs.pages import DOCS, blocks
from tests.objapi.ispyb.flavours import DIAMOND, ESRF

PAGE = DOCS / "ispyb.md"
TEXT = PAGE.read_text(encoding="utf-8")

# The description itself and the schema of a payload, which py-ISPyB does not count among its routes.
_DESCRIPTIONS = 2


def test_every_variable_on_the_page_is_a_setting() -> None:
    assert set(re.findall(r"OBJAPI_[A-Z_]*[A-Z]", TEXT)) <= {setting.env for setting in SETTINGS}


def test_every_setting_of_the_face_is_on_the_page() -> None:
    names = {setting.env for setting in SETTINGS if setting.env.startswith("OBJAPI_ISPYB_")}
    assert {name for name in names if name not in TEXT} == set()


def test_every_command_on_the_page_is_there() -> None:
    called = re.findall(r"objapi ispyb (\w+)(?: (add))?", TEXT)
    assert called
    for name, below in called:
        command = ispyb.commands[name]
        assert not below or (isinstance(command, click.Group) and below in command.commands)


def test_indexes_that_are_recommended_are_those_of_our_own_tables() -> None:
    own = {
        (str(index.name), table.name, tuple(column.name for column in index.columns))
        for table in tables.METADATA.tables.values()
        for index in table.indexes
    }
    (block,) = blocks(PAGE, "sql")
    shown = re.findall(r"CREATE INDEX (\w+) ON (\w+) \(([^)]*)\)", block.text)
    assert shown
    assert {(name, table, tuple(columns.split(", "))) for name, table, columns in shown} <= own


@pytest.mark.parametrize(("place", "lacking"), [(1, ESRF), (2, DIAMOND)], ids=["ESRF", "Diamond"])
def test_what_the_flavours_lack_is_listed(place: int, lacking: frozenset[str]) -> None:
    listed = set()
    section = TEXT.partition("What the two flavours lack")[2].partition("\n## ")[0]
    for row in re.findall(r"^\| `\w+` \|.*\|$", section, re.MULTILINE):
        cells = [cell.strip() for cell in row.strip("|").split("|")]
        table = cells[0].strip("`")
        whole = {table} if cells[place] == "the table" else set()
        listed |= whole | {f"{table}.{column}" for column in re.findall(r"`(\w+)`", cells[place])}
    assert listed == lacking


def test_the_routes_are_counted() -> None:
    number = sum(len(group.routes) for group in GROUPS) - _DESCRIPTIONS
    assert f"All {number} routes" in TEXT


def test_plugins_on_the_page_are_of_kinds_that_there_are() -> None:
    (block,) = blocks(PAGE, "yaml")
    named = re.findall(r"AUTH_CLASS: (\w+)|KIND: (\w+)", TEXT)
    kinds = set(re.findall(r"dummy|gateway|ldap|keycloak", configuration.__doc__ or ""))
    assert named
    assert all(any(kind in (class_ or word).lower() for kind in kinds) for class_, word in named)
    assert {next(iter(entry)) for entry in yaml.safe_load(block.text)["AUTH"]} <= kinds


def test_the_account_of_the_example_is_made() -> None:
    assert re.findall(r'"login": "(\w+)"', TEXT) == ["facility"]
    assert "facility" in {account.login for account in ACCOUNTS}

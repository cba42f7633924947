"""The page on SENAITE is followed on a server; its tables name what a dialect may declare."""

import re
from pathlib import Path

import pytest

from objapi.model.loading import load_registry
from objapi.model.loading.dialect_columns import COLUMN_KEYS, OWN
from objapi.model.loading.dialects import CATALOG_KEYS, DIALECT_KEYS, TYPE_KEYS
from tests.acceptance.conftest import Serve
from tests.conftest import DATABASES
from tests.docs.examples import Reader
from tests.docs.pages import DOCS, blocks
from tests.docs.test_profiles import PAGE as PROFILES

PAGE = DOCS / "senaite.md"
TEXT = PAGE.read_text(encoding="utf-8")


@pytest.mark.parametrize("database", DATABASES)
def test_answers_are_as_shown(shared: Serve, database: str) -> None:
    reader = Reader(shared(database))
    reader.follow(PAGE)
    assert not reader.problems, "\n".join(reader.problems)


def test_the_mapping_shown_is_one(tmp_path: Path) -> None:
    """With the type of the guide to profiles, which it is about."""
    for block in (*blocks(PROFILES, "yaml", "python"), *blocks(PAGE, "yaml")):
        named = re.match(r"# ((?:ourlab)/[\w/]+\.(?:yaml|py))", block.text)
        if named is not None:
            path = tmp_path / named[1]
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("a", encoding="utf-8") as file:
                file.write(block.text)
    dialect = load_registry([tmp_path / "ourlab"]).dialects["senaite"]
    assert dialect.resources["storagefridge"] == ("Fridge", "StorageFridge")
    assert dialect.types["Client"].catalog == "senaite_catalog_client"


@pytest.mark.parametrize(
    ("heading", "known"),
    [
        ("key of a dialect", DIALECT_KEYS),
        ("key of a type in a dialect", TYPE_KEYS),
        ("key of a catalog in a dialect", CATALOG_KEYS),
    ],
)
def test_a_table_names_every_key(heading: str, known: tuple[str, ...]) -> None:
    section = TEXT.partition(f"| {heading} |")[2].partition("\n\n")[0]
    cells = [line.split("|")[1] for line in section.splitlines()[2:]]
    assert {name for cell in cells for name in re.findall(r"`(\w+)`", cell)} == set(known)


def test_every_way_of_a_column_is_named() -> None:
    section = TEXT.partition("A column is a path")[2]
    assert {name for name in COLUMN_KEYS if f"`{name}`" not in section and name != "own"} == set()
    assert {f"own: {name}" in section for name in OWN} == {True}

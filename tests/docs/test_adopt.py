"""The page on adopting a database shows declarations that load, and names what there is."""

import re
from pathlib import Path
from typing import cast

from click import Group

from objapi.cli import main
from objapi.model.loading import load_registry
from objapi.model.loading.row_rules import RULE_KEYS
from objapi.model.loading.tables import ROWS_KEYS, TABLE_KEYS
from objapi.settings import SETTINGS
from tests.docs.pages import DOCS, blocks, table_rows

PAGE = DOCS / "adopt.md"
TEXT = PAGE.read_text(encoding="utf-8")


def test_the_declarations_shown_load_together(tmp_path: Path) -> None:
    (tmp_path / "stock").mkdir()
    (tmp_path / "stock" / "profile.yaml").write_text("title: Stock\nextends: [base]\n")
    for block in blocks(PAGE, "yaml"):
        path = tmp_path / block.text.splitlines()[0].removeprefix("# ")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block.text)
    registry = load_registry([tmp_path / "ours"])
    article = registry.types["Article"]
    assert article.table is not None
    assert (article.table.database, article.workflows, article.read_catalog) == (
        "stock",
        ("article_workflow",),
        "article",
    )


def test_the_row_rule_shown_loads(tmp_path: Path) -> None:
    (tmp_path / "stock").mkdir()
    (tmp_path / "stock" / "profile.yaml").write_text("title: Stock\nextends: [base]\n")
    for block in (*blocks(PAGE, "yaml"), *blocks(PAGE, "python")):
        path = tmp_path / block.text.splitlines()[0].removeprefix("# ")
        if path.parts[len(tmp_path.parts)] in ("stock", "watches"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text)
    registry = load_registry([tmp_path / "watches"])
    table = registry.types["Article"].table
    assert table is not None and table.rows is not None
    assert (table.rows.name, table.rows.portal_type, list(map(str, table.rows.by))) == (
        "supplier",
        "Supplier",
        ["Supplier"],
    )
    assert registry.behaviors.row_viewers.keys() == {"customer"}


def test_the_keys_of_a_row_rule_are_all_named() -> None:
    assert {row[0] for row in table_rows(PAGE, "### Row rules")} == set(RULE_KEYS)


def test_the_python_shown_makes_types(tmp_path: Path) -> None:
    (tmp_path / "profile.yaml").write_text("title: Clocks\nextends: [base]\n")
    (block,) = (block for block in blocks(PAGE, "python") if "derived_types" in block.text)
    (tmp_path / "derived_types.py").write_text(block.text)
    watch = load_registry([tmp_path]).types["Watch"]
    assert watch.table is not None
    assert (watch.table.key, watch.fields["Supplier"].targets) == (("articleId", "supplierId"), ("Supplier",))


def test_the_keys_of_a_table_are_all_named() -> None:
    assert {row[0] for row in table_rows(PAGE, "### The keys")} == set(TABLE_KEYS)
    assert all(f"`{key}`" in TEXT for key in ROWS_KEYS)


def test_settings_and_options_on_the_page_are_there() -> None:
    assert set(re.findall(r"OBJAPI_[A-Z_]*[A-Z]", TEXT)) <= {setting.env for setting in SETTINGS}
    add_user = cast(Group, main.commands["user"]).commands["add"]
    parameters = (*main.commands["adopt"].params, *add_user.params)
    options = {option for parameter in parameters for option in parameter.opts}
    assert set(re.findall(r"(--[a-z]+)", TEXT)) <= options


def test_the_ispyb_types_of_another_name_are_told() -> None:
    types = load_registry(["ispyb"]).types
    renamed = {name for name, item in types.items() if item.table is not None and item.table.name != name}
    assert renamed == set(re.findall(r"`(ISPyB[A-Z]\w+)`", TEXT))

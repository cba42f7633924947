"""The types of the ISPyB profile are the tables of the ISPyB face, and stand beside those of the other profiles."""

import itertools

import pytest

from objapi.model.loading import load_registry
from objapi.model.registry import Registry
from objapi.model.types import EntityType, Kind
from objapi.profiles.ispyb.tables import METADATA

UNSERVED = {"SW_onceToken"}
"""Tables whose rows open doors."""
HIDDEN = {("Person", "passwd")}


@pytest.fixture(scope="module")
def registry() -> Registry:
    return load_registry(["ispyb"])


def rows_of(registry: Registry) -> dict[str, EntityType]:
    return {item.table.name: item for item in registry.types.values() if item.table is not None}


def test_every_table_is_a_type(registry: Registry) -> None:
    assert set(rows_of(registry)) == set(METADATA.tables) - UNSERVED


def test_every_column_that_a_field_names_is_there(registry: Registry) -> None:
    for name, item in rows_of(registry).items():
        assert item.table is not None
        known = {column.name for column in METADATA.tables[name].columns}
        assert set(item.table.columns.values()) <= known, name
        assert tuple(item.table.key) == tuple(column.name for column in METADATA.tables[name].primary_key.columns)


def test_every_foreign_key_is_a_reference_to_its_table(registry: Registry) -> None:
    types = rows_of(registry)
    for name, item in types.items():
        assert item.table is not None
        for column, field in item.table.column_fields.items():
            keys = METADATA.tables[name].c[column].foreign_keys
            targets = {types[key.column.table.name].portal_type for key in keys if key.column.table.name in types}
            declared = item.fields[field]
            if targets:
                assert (declared.kind, set(declared.targets)) == (Kind.REFERENCE, targets), (name, column)


def test_what_must_not_be_empty_is_required_or_filled_in(registry: Registry) -> None:
    for name, item in rows_of(registry).items():
        assert item.table is not None
        for column, field in item.table.column_fields.items():
            there = METADATA.tables[name].c[column]
            needed = not there.nullable and there.server_default is None and (name, column) not in HIDDEN
            declared = item.fields[field]
            assert declared.required or declared.default_from or not needed, (name, column)


def test_passwords_are_not_served(registry: Registry) -> None:
    assert "passwd" not in registry.types["Person"].fields


def test_all_but_common_tables_have_a_rule_for_rows(registry: Registry) -> None:
    without = {
        name
        for name, item in rows_of(registry).items()
        if item.table is not None and item.table.rows is None and item.permissions["View"].roles != ("Manager",)
    }
    assert without == {"ComponentType", "BeamLineSetup", "BeamCalendar", "v_run"}


@pytest.mark.parametrize("order", list(itertools.permutations(["lims", "mxlive", "ispyb"])))
def test_profiles_stand_beside_each_other_in_any_order(order: tuple[str, ...]) -> None:
    types = load_registry(order).types
    assert {"Client", "Proposal", "Container", "ISPyBContainer"} <= set(types)

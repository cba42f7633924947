"""The types that the tables alone make: keys, columns, kinds and references. The files in `types/` say the rest."""

from collections.abc import Mapping
from typing import Any, Final

import sqlalchemy as sa

from catalog.dialect.existing import ExistingTable, described_table
from objapi.profiles.ispyb.tables import METADATA
from objapi.profiles.ispyb.tables.columns import NOW
from objapi.store.mapped.adoption import adopt

DATABASE: Final = "ispyb"

_UNSERVED: Final = ("SW_onceToken",)
"""Tables of one-time tokens: never served."""
_TYPE_NAMES: Final = {table: f"ISPyB{table}" for table in ("Container", "LabContact", "Laboratory")}
"""Tables after which other profiles have named types already."""
_TABLES: Final = {portal_type: table for table, portal_type in _TYPE_NAMES.items()}


def _derived() -> dict[str, dict[str, object]]:
    types = adopt(_served(), database=DATABASE, folder=f"/{DATABASE}", type_names=_TYPE_NAMES, secrets=True).types
    for portal_type, declared in types.items():
        _fill_in_times(declared, table_of(portal_type))
    return types


def _served() -> list[ExistingTable]:
    return [described_table(table) for table in METADATA.tables.values() if table.name not in _UNSERVED]


def table_of(portal_type: str) -> sa.Table:
    """The table that a type is made of."""
    return METADATA.tables[_TABLES.get(portal_type, portal_type)]


def _fill_in_times(declared: dict[str, Any], table: sa.Table) -> None:
    """Let objapi give the time where the database would, whose clock may show another zone than the rows hold."""
    for name, field in declared["fields"].items():
        if _is_stamp(table.c[field.get("column", name)]):
            field["default_from"] = "now_in_seconds"


def _is_stamp(column: sa.Column[Any]) -> bool:
    default = column.server_default
    return isinstance(default, sa.DefaultClause) and default.arg is NOW


derived_types: Final[Mapping[str, Mapping[str, object]]] = _derived()

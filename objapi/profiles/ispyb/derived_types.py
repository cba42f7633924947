"""The types that the tables alone make: keys, columns, kinds and references. The files in `types/` say the rest."""

from collections.abc import Mapping
from typing import Any, Final

import sqlalchemy as sa

from catalog.dialect.existing import described_table
from objapi.profiles.ispyb.tables import METADATA
from objapi.profiles.ispyb.tables.columns import NOW
from objapi.store.mapped.adoption import adopt

DATABASE: Final = "ispyb"

_UNSERVED: Final = ("SW_onceToken",)
"""Tables whose rows open doors."""
_TYPE_NAMES: Final = {table: f"ISPyB{table}" for table in ("Container", "LabContact", "Laboratory")}
"""Types that other profiles have types of these names beside."""


def _derived() -> dict[str, dict[str, object]]:
    served = [described_table(table) for table in METADATA.tables.values() if table.name not in _UNSERVED]
    types = adopt(served, database=DATABASE, folder=f"/{DATABASE}", type_names=_TYPE_NAMES).types
    for declared in types.values():
        _fill_in_times(declared)
    return types


def _fill_in_times(declared: dict[str, Any]) -> None:
    """Let objapi give the time where the database would, whose clock shows another zone than the rows may hold."""
    table = METADATA.tables[declared["table"]["name"]]
    for name, field in declared["fields"].items():
        if _is_stamp(table.c[field.get("column", name)]):
            field["default_from"] = "now_in_seconds"


def _is_stamp(column: sa.Column[Any]) -> bool:
    default = column.server_default
    return isinstance(default, sa.DefaultClause) and default.arg is NOW


derived_types: Final[Mapping[str, Mapping[str, object]]] = _derived()

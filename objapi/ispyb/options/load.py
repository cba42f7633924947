"""The options of the installation, one row each in the table AdminVar, its value as JSON text.

They are read in the request that needs them, so a change bites at once in every process.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from objapi.ispyb.options.schema import Options
from objapi.profiles.ispyb.beamline_groups import BeamLineGroup, option_value
from objapi.profiles.ispyb.tables import AdminVar

DEFAULTS: Final[Mapping[str, Any]] = {
    name: list(property_.default) if isinstance(property_.default, tuple) else property_.default
    for name, property_ in Options.properties.items()
}


def load_options(connection: Connection) -> dict[str, Any]:
    """All options with their values or defaults; entries under other names are ignored."""
    rows = connection.execute(sa.select(AdminVar.c.name, AdminVar.c.value).order_by(AdminVar.c.varId))
    stored = {row.name: option_value(row.value) for row in rows if row.name in DEFAULTS and row.value is not None}
    return {**DEFAULTS, **stored}


def ui_groups(groups: Iterable[BeamLineGroup], beamlines: Iterable[str | None]) -> list[str]:
    """Names by which a web page draws sessions of beamlines: those of their groups, without repetitions."""
    wanted = set(beamlines)
    return list(dict.fromkeys(group.ui_group for group in groups if wanted.intersection(group.beamlines)))

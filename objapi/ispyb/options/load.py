"""The options of the installation, one row each in the table AdminVar, its value as JSON text.

They are read in the request that needs them, so a change bites at once in every process.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from objapi.ispyb.options.schema import Options
from objapi.profiles.ispyb.tables import AdminVar

DEFAULTS: Final[Mapping[str, Any]] = {
    name: list(property_.default) if isinstance(property_.default, tuple) else property_.default
    for name, property_ in Options.properties.items()
}


@dataclass(frozen=True, slots=True)
class BeamLineGroup:
    """Beamlines whose sessions the holders of a permission see, archived ones included."""

    name: str
    ui_group: str
    permission: str
    beamlines: tuple[str, ...]


def load_options(connection: Connection) -> dict[str, Any]:
    """All options with their values or defaults; what is stored under another name is passed over."""
    rows = connection.execute(sa.select(AdminVar.c.name, AdminVar.c.value).order_by(AdminVar.c.varId))
    stored = {row.name: _value(row.value) for row in rows if row.name in DEFAULTS and row.value is not None}
    return {**DEFAULTS, **stored}


def beamline_groups(options: Mapping[str, Any]) -> tuple[BeamLineGroup, ...]:
    """The beamline groups of the options, in their order."""
    groups = options["beamLineGroups"]
    return tuple(_group(group) for group in groups if isinstance(group, dict)) if isinstance(groups, list) else ()


def ui_groups(groups: Iterable[BeamLineGroup], beamlines: Iterable[str | None]) -> list[str]:
    """Names by which a web page draws sessions of beamlines: those of their groups, without repetitions."""
    wanted = set(beamlines)
    return list(dict.fromkeys(group.ui_group for group in groups if wanted.intersection(group.beamlines)))


def _group(group: Mapping[str, Any]) -> BeamLineGroup:
    listed = group.get("beamLines") or ()
    names = tuple(str(entry["beamLineName"]) for entry in listed if isinstance(entry, dict) and "beamLineName" in entry)
    return BeamLineGroup(
        str(group.get("groupName", "")), str(group.get("uiGroup", "")), str(group.get("permission", "")), names
    )


def _value(text: str) -> Any:
    """A stored value; what is not JSON is text."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return text

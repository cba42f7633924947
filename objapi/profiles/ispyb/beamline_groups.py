"""Beamline groups, which an option lists: beamlines, and the permission that opens their sessions."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson

OPTION: Final = "beamLineGroups"
"""The name of the option, a row of AdminVar."""


@dataclass(frozen=True, slots=True)
class BeamLineGroup:
    """Beamlines whose sessions the holders of a permission see, archived ones included."""

    name: str
    ui_group: str
    permission: str
    beamlines: tuple[str, ...]


def beamline_groups(listed: Any) -> tuple[BeamLineGroup, ...]:
    """The groups that the value of the option lists, in their order; an entry that is not a group is ignored."""
    return tuple(_group(group) for group in listed if isinstance(group, dict)) if isinstance(listed, list) else ()


def option_value(text: str) -> Any:
    """The value of an option as AdminVar holds it; what is not JSON is text."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return text


def _group(group: Mapping[str, Any]) -> BeamLineGroup:
    listed = group.get("beamLines") or ()
    names = tuple(str(entry["beamLineName"]) for entry in listed if isinstance(entry, dict) and "beamLineName" in entry)
    return BeamLineGroup(
        str(group.get("groupName", "")), str(group.get("uiGroup", "")), str(group.get("permission", "")), names
    )

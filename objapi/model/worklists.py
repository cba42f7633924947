"""Worklists: queries that a profile declares for roles, so that everybody finds what is theirs to do."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

USER: Final = "{user}"
NOW: Final = "{now}"


@dataclass(frozen=True, slots=True)
class DeclaredWorklist:
    """A query for those who have one of some roles, with what is shown of the objects that it finds."""

    name: str
    catalog: str
    criteria: Mapping[str, object]
    title: str = ""
    about: str = ""
    roles: frozenset[str] = frozenset()
    """Roles held on the whole site; none: it is everybody's."""
    columns: tuple[str, ...] = ()
    """Fields, states and columns of the catalog."""
    sort_on: tuple[str, ...] = ()
    sort_order: str | None = None
    transitions: tuple[str, ...] = ()
    """Transitions to offer before others."""
    types: tuple[str, ...] = ()
    """The types that its criteria name."""
    titles: Mapping[str, str] = field(default_factory=dict)
    """Language → title in it."""
    abouts: Mapping[str, str] = field(default_factory=dict)
    """Language → help in it."""

    def is_for(self, roles: frozenset[str]) -> bool:
        """True for holders of these roles."""
        return not self.roles or not self.roles.isdisjoint(roles)

    def criteria_of(self, user_id: str, now: datetime) -> dict[str, object]:
        """The criteria for one caller at one moment."""
        places = places_of(user_id, now)
        return {name: filled(value, places) for name, value in self.criteria.items()}


def places_of(user_id: str, now: datetime) -> dict[str, str]:
    """What stands, as a whole value of a criterion, for the caller's user id and for the moment of the call."""
    return {USER: user_id, NOW: now.isoformat()}


def filled(value: object, places: Mapping[str, str]) -> object:
    """A value of a criterion with what the texts in it stand for."""
    match value:
        case Mapping():
            return {name: filled(item, places) for name, item in value.items()}
        case list() | tuple():
            return [filled(item, places) for item in value]
        case str():
            return places.get(value, value)
    return value


def places_in(value: object) -> frozenset[str]:
    """The texts in a value that look as if they stood for something."""
    match value:
        case Mapping():
            return frozenset().union(*map(places_in, value.values()))
        case list() | tuple():
            return frozenset().union(*map(places_in, value))
        case str() if value.startswith("{") and value.endswith("}"):
            return frozenset({value})
    return frozenset()

"""Charts: what a profile declares to be looked at over time, numbers of objects or how many there are each week."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from objapi.model.result_sheets import ResultRange, places_of_object
from objapi.model.worklists import filled


@dataclass(frozen=True, slots=True)
class ExpectedValues:
    """Where the object of a chart states what is expected of its values: records, each for one kind of them."""

    field: str
    """The field of records."""
    key: str
    """The subfield that says what a record is about."""
    of: str
    """The field of a value that has the same."""
    value: str
    low: str
    high: str


@dataclass(frozen=True, slots=True)
class WeeklyCount:
    """Objects that are counted by an index of dates."""

    name: str
    title: str
    index: str
    titles: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Chart:
    """Values of objects over time, or the number of objects each week."""

    name: str
    title: str
    catalog: str
    criteria: Mapping[str, object]
    types: tuple[str, ...]
    """The types of what is drawn or counted."""
    of: tuple[str, ...] = ()
    """Types of the objects that have the chart; none: the site has it."""
    roles: frozenset[str] = frozenset()
    """Whom a chart of the site is for; none: everybody."""
    value: str = ""
    """The field with the number; empty: objects are counted."""
    date: str = ""
    """The field with the instant of the number."""
    date_index: str = ""
    """The index of that instant."""
    line: str = ""
    """The field that tells apart what does not go into one drawing; empty: all goes into one."""
    unit: str = ""
    """The field with the unit of the number."""
    filters: tuple[str, ...] = ()
    """Indexes by whose values one chooses what is drawn."""
    range: ResultRange | None = None
    expected: ExpectedValues | None = None
    counts: tuple[WeeklyCount, ...] = ()
    """What is counted each week, in its order."""
    titles: Mapping[str, str] = field(default_factory=dict)
    """Language → title in it."""

    def is_for(self, roles: frozenset[str]) -> bool:
        """True for holders of these roles."""
        return not self.roles or not self.roles.isdisjoint(roles)

    def criteria_of(self, path: str, uid: str) -> dict[str, object]:
        """The criteria that find what is drawn for one object."""
        places = places_of_object(path, uid)
        return {name: filled(value, places) for name, value in self.criteria.items()}

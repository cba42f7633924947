"""Sheets of results: what a profile declares of the objects of a type whose results are entered side by side."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from objapi.model.worklists import filled

PATH: Final = "{path}"
UID: Final = "{uid}"


@dataclass(frozen=True, slots=True)
class ResultRange:
    """Where a row has the range of results that are as specified: a record, and what its subfields are called."""

    field: str
    low: str
    high: str


@dataclass(frozen=True, slots=True)
class DetectionLimits:
    """The reference of a row to the object that states the limits of detection, and the fields that state them."""

    reference: str
    lower: str
    upper: str
    catalog: str
    """The catalog in which these objects are found."""


@dataclass(frozen=True, slots=True)
class ResultChoices:
    """The reference of a row to the object that lists the results there may be, and where it has value and words."""

    reference: str
    field: str
    """A field of records; of one without any every result is typed."""
    value: str
    text: str
    catalog: str
    """The catalog in which these objects are found."""


@dataclass(frozen=True, slots=True)
class ResultSheet:
    """The sheet of the objects of one type: which rows it has, what is entered, and by what it is judged."""

    portal_type: str
    title: str
    catalog: str
    criteria: Mapping[str, object]
    types: tuple[str, ...]
    """The types of the rows."""
    result: str
    """The field that is entered."""
    inputs: str | None = None
    """A field of records with keyword, title, value and unit, of which the result is calculated."""
    calculated: str | None = None
    """The field that holds what the calculation gives."""
    columns: tuple[str, ...] = ()
    sort_on: tuple[str, ...] = ()
    sort_order: str | None = None
    transitions: tuple[str, ...] = ()
    range: ResultRange | None = None
    detection: DetectionLimits | None = None
    choices: ResultChoices | None = None
    titles: Mapping[str, str] = field(default_factory=dict)
    """Language → title in it."""

    def criteria_of(self, path: str, uid: str) -> dict[str, object]:
        """The criteria that find the rows of one object."""
        places = places_of_object(path, uid)
        return {name: filled(value, places) for name, value in self.criteria.items()}


def places_of_object(path: str, uid: str) -> dict[str, str]:
    """What stands, as a whole value of a criterion, for the path and the UID of the object that has the sheet."""
    return {PATH: path, UID: uid}

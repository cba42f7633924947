"""What files of results look like that an instrument writes, and which analyses their lines are about."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class SampleColumn:
    """The column that says what was measured, and how that is found on the site."""

    column: str
    """Its heading."""
    portal_type: str
    index: str
    """The index of `catalog` that is searched for the codes of a file."""
    catalog: str
    names: tuple[str, ...]
    """Fields of what is found of which one has the code, whatever its case."""
    pattern: re.Pattern[str] | None = None
    """What of the cell is the code: its first group, or all that fits; a cell that does not fit is left out."""


@dataclass(frozen=True, slots=True)
class ResultTarget:
    """The objects that take results."""

    portal_type: str
    catalog: str
    index: str
    """The index of the keyword of what was measured."""
    keyword: str
    """The field that has it."""
    field: str
    """The field that takes the result."""
    unit: str = ""
    """The field with the unit in which the result is expected."""
    variable: str = "review_state"
    states: frozenset[str] = frozenset()
    """States in which a result is taken; none: in any."""
    action: str = ""
    """The transition that is taken with the result; empty: none."""


@dataclass(frozen=True, slots=True)
class ResultColumn:
    """A column of results of one kind, in a file with a line for each sample."""

    keyword: str
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Conversion:
    """How results in a unit of the instrument become results in one of the site."""

    unit: str
    factor: Decimal


@dataclass(frozen=True, slots=True)
class InstrumentFile:
    """The shape of the files of an instrument."""

    name: str
    title: str
    sample: SampleColumn
    target: ResultTarget
    test: str = ""
    """The heading of the column that names what was measured, in a file with a line for each result."""
    result: str = ""
    """The heading of the column of the results of such a file."""
    unit: str = ""
    """The heading of the column of their units."""
    tests: Mapping[str, str] = field(default_factory=dict)
    """Name that the instrument has for a test → keyword; other names are keywords themselves."""
    columns: Mapping[str, ResultColumn] = field(default_factory=dict)
    """Heading → what its column has results of, in a file with a line for each sample."""
    encoding: str = ""
    """Empty: found by the file."""
    delimiter: str = ""
    """Empty: found by the file."""
    decimal_comma: bool = False
    heading: int = 0
    """The row of the headings, counted from 1; 0: the first row that has all columns that are named here."""
    skip: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Heading → texts of its cells (in small letters) whose lines are no results of samples, such as blanks."""
    words: Mapping[str, str] = field(default_factory=dict)
    """Text of the instrument (in small letters) → the result that it means; an empty one means none."""
    conversions: Mapping[str, tuple[Conversion, ...]] = field(default_factory=dict)
    """Unit of the instrument → what its results become."""

    @property
    def needed(self) -> tuple[str, ...]:
        """The headings that a file has to have."""
        named = (self.sample.column, self.test, self.result, self.unit, *self.columns, *self.skip)
        return tuple(dict.fromkeys(name for name in named if name))

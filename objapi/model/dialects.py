"""Dialects: the names and shapes under which another program's clients know the objects of a profile.

A profile declares a dialect in a file of its folder `dialects`; a face speaks it. Everything here is names: which type
is a resource, which field another name means, which index a criterion asks, what a column answers.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from objapi.model.paths import Path


@dataclass(frozen=True, slots=True)
class DialectWords:
    """DialectWords of the dialect for the objects that a reference field names, by their titles."""

    values: Mapping[str, str]
    """Word → the title of the object that it means."""
    answers: Mapping[str, str]
    """Title → the word that is answered."""
    default: str | None = None
    """The word of a new object when none is sent, and of an object whose field is empty."""


class ColumnKind(StrEnum):
    """Ways in which a column gets its value."""

    PATH = "path"
    """The value at the end of a path; of a reference the UID."""
    VALUE = "value"
    """Always the same."""
    URL = "url"
    """The URL of the object that a path leads to."""
    JOINED = "joined"
    """The values at the end of a path as one text."""
    COUNT = "count"
    """The number of objects that a path leads to."""
    NUMBERS = "numbers"
    """The numbers of the objects that a path leads to, by groups of folded states."""
    PROGRESS = "progress"
    """The part of their steps that the objects have taken to which a path leads, in percent."""
    ACTOR = "actor"
    """The user who last took a transition."""
    ACTORS = "actors"
    """The number of transitions of that name taken: whoever has taken it counts once."""
    INDEX = "index"
    """The value of an index of the catalog."""
    STAMPED = "stamped"
    """A field as it is answered, a dot, and the second of creation."""
    STATE = "state"
    """The folded state."""
    STATE_TITLE = "state_title"
    """The title of the state."""
    SEGMENTS = "segments"
    """The path as a list."""


@dataclass(frozen=True, slots=True)
class DialectColumn:
    """Source of one column, or of a further name under which objects of a type are answered something."""

    kind: ColumnKind
    path: Path | None = None
    value: object = None
    """Of VALUE the value; of ACTOR the transition, of INDEX the index, of STAMPED the field."""
    types: frozenset[str] | None = None
    """Types that count; None: all."""
    without: frozenset[str] = frozenset()
    """Folded states that do not count."""
    groups: tuple[frozenset[str], ...] = ()
    """Of NUMBERS: the states of each number; an empty group is all of them."""
    steps: Mapping[str, int] = field(default_factory=dict)
    """Of PROGRESS: state → the steps that an object in it has taken."""
    complete: frozenset[str] = frozenset()
    """Of PROGRESS: the object's own states in which everything is done."""


class CriterionKind(StrEnum):
    """Ways in which a criterion is asked."""

    INDEX = "index"
    VALUE = "value"
    """Every object has the same value."""
    PRESENT = "present"
    """True for objects with a value in the index."""
    OUTSIDE = "outside"
    """True for objects whose value in the index is none of some."""
    ABSENT = "absent"
    """The catalog has no such index."""


@dataclass(frozen=True, slots=True)
class CriterionSource:
    """The meaning of one criterion of the dialect."""

    kind: CriterionKind
    index: str = ""
    value: object = None
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FieldName:
    """The field that a name of the dialect means; `words`: what it holds is said by words."""

    field: str
    words: DialectWords | None = None


@dataclass(frozen=True, slots=True)
class WrittenName:
    """A name that only requests carry."""

    to: str
    """The field or create parameter that gets the value."""
    more: tuple[Path, ...] = ()
    """Paths, from a field of the request on, to values that are added."""
    otherwise: tuple[Path, ...] = ()
    """Paths to the values when nothing else has given any."""
    adds: bool = False
    """True when the values are added to those that a stored object has."""
    through: str | None = None
    """A field of the object that is named, whose value is meant in its place."""


@dataclass(frozen=True, slots=True)
class Default:
    """What a new object gets in a field when nothing is sent: the first of some values that is there."""

    paths: tuple[Path, ...]
    """Paths from fields of the request on."""
    now: bool = False
    """The present instant in the end."""


@dataclass(frozen=True, slots=True)
class Companion:
    """An object that is here beside another, and that the other program has not: made when objects move in."""

    reference: str
    """The field that names it."""
    portal_type: str
    id: str = ""
    """Its id, with `{id}` for that of the object beside which it is."""
    state: str | None = None
    """Its state where its workflow has not that of the object."""
    contains: Mapping[str, str] = field(default_factory=dict)
    """Type → id, with `{id}` for that of the companion: what is made in it."""
    of_container: bool = False
    """True where it was made with the container of the object."""


@dataclass(frozen=True, slots=True)
class DialectType:
    """A type as the dialect knows it."""

    portal_type: str
    names: tuple[str, ...]
    """Its names, the one that is answered by default first."""
    catalog: str
    """The catalog that answers when a request names none."""
    fields: Mapping[str, FieldName] = field(default_factory=dict)
    written: Mapping[str, WrittenName] = field(default_factory=dict)
    defaults: Mapping[str, Default] = field(default_factory=dict)
    read: Mapping[str, DialectColumn] = field(default_factory=dict)
    not_here: frozenset[str] = frozenset()
    """Names that mean something elsewhere and that this profile has no place for."""
    contents: frozenset[str] = frozenset()
    """Embedded objects that are answered as a list of references."""
    found_by: tuple[str, ...] = ()
    """Indexes whose values name an object in a reference, beside its title and id."""
    companions: tuple[Companion, ...] = ()


@dataclass(frozen=True, slots=True)
class DialectCatalog:
    """A catalog as the dialect knows it."""

    name: str
    catalog: str
    """The catalog that is asked."""
    types: frozenset[str] | None
    """The types that it shows; None: all that the catalog holds."""
    indexes: Mapping[str, CriterionSource]
    columns: Mapping[str, DialectColumn]
    also: tuple[str, ...] = ()
    words: str | None = None
    """The text index that `q` asks."""
    listed: bool = True


@dataclass(frozen=True, slots=True)
class Dialect:
    """A dialect of a site."""

    name: str
    types: Mapping[str, DialectType]
    """By portal_type."""
    catalogs: Mapping[str, DialectCatalog]
    """By name; the names in `also` lead to the same."""
    everything: str
    """The name of the catalog that holds every object."""
    site_aliases: tuple[str, ...] = ()
    folder_aliases: Mapping[str, str] = field(default_factory=dict)
    """Path below the site → the path that it means, the longest first."""
    closed_folders: frozenset[str] = frozenset()
    """Paths of folders that are not changed, and in which nothing is created directly."""
    states: Mapping[str, str] = field(default_factory=dict)
    """Folded state → the state that an object gets which moves in with it, where several are answered by that word."""
    transitions: Mapping[str, str] = field(default_factory=dict)
    """Transition → the one that it is here."""
    unknown_transitions: frozenset[str] = frozenset()
    """Transitions that there are elsewhere and not here."""
    deactivation: str = "deactivate"
    """The transition by which an object is taken out of use."""
    resources: Mapping[str, tuple[str, str]] = field(init=False, compare=False, repr=False)
    """Name in lower case, without blanks → portal_type, and the name as it is spelt."""
    shown_transitions: Mapping[str, str] = field(init=False, compare=False, repr=False)
    """Transition here → its name in the dialect."""

    def __post_init__(self) -> None:
        resources = {
            name.replace(" ", "").lower(): (item.portal_type, name)
            for item in self.types.values()
            for name in item.names
        }
        object.__setattr__(self, "resources", resources)
        object.__setattr__(self, "shown_transitions", {own: name for name, own in self.transitions.items()})

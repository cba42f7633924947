"""Entity types, their fields and the tables that some are rows of, as the loader makes them from declarations."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from objapi.model.paths import Path, Relation
from workflows import PermissionSetting

GATEWAY: Final = "gateway"
"""The name of the gateway's own database."""


@dataclass(frozen=True, slots=True)
class RowRule:
    """Rule that says who sees a row: its own people, groups, and holders of a permission on the type.

    A rule with a name is declared once, for the rows of `portal_type`; other types lead to those by a path. A rule
    without one stands in its type, and its paths lead to ids of users.
    """

    own: tuple[Path, ...]
    """Paths to what makes a row one's own: its end is what the viewer is known by, else one's user id."""
    all_with: str
    """The permission whose holders see all rows."""
    name: str = ""
    portal_type: str = ""
    groups: tuple[Path, ...] = ()
    """Paths to values that are open to some users, such as the beamline of a session."""
    viewer: str | None = None
    """The behaviour that says who a user is to these rows."""
    by: tuple[Path, ...] = ()
    """Paths from the rows of the type that has the rule to those of `portal_type`; none when it is that type."""


@dataclass(frozen=True, slots=True)
class TableMapping:
    """Table whose rows are the objects of a type.

    Other programs go on writing the rows. A row is known by its key: one integer column, or two that identify it
    together, as in a table that links two others; with `text_key` any number of columns, taken as text.
    """

    name: str
    """The table or view, as the database spells it."""
    key: tuple[str, ...]
    """The key columns; several are fields of the type."""
    text_key: bool = False
    """False: the key is one or two whole numbers. True: it is as many texts as it has columns."""
    read_only: bool = False
    """True for a view, whose rows nobody writes through the gateway."""
    database: str = GATEWAY
    folder: str = "/"
    """The path below the site at which the rows stand, by type and key."""
    columns: Mapping[str, str] = field(default_factory=dict)
    """Field → column; fields that are not stored in columns are not in it."""
    rows: RowRule | None = None
    """None: whoever may view the type sees all rows."""

    @property
    def column_fields(self) -> Mapping[str, str]:
        """Column → field."""
        return {column: name for name, column in self.columns.items()}


class Kind(StrEnum):
    """The kinds of fields."""

    STRING = "string"
    TEXT = "text"
    INTEGER = "integer"
    FIXEDPOINT = "fixedpoint"
    NUMBER = "number"
    BOOLEAN = "boolean"
    DATETIME = "datetime"
    REFERENCE = "reference"
    LINES = "lines"
    RECORD = "record"
    RECORDS = "records"
    FILE = "file"
    JSON = "json"
    COMPUTED = "computed"


class Copying(StrEnum):
    """Treatment of a field when its object is copied."""

    TAKEN = "yes"
    LEFT = "no"
    INSIDE = "inside"
    """Of a reference: taken as far as it leads to what is copied along."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a type."""

    name: str
    kind: Kind
    title: str = ""
    about: str = ""
    """Help for whoever fills it in."""
    required: bool = False
    default: object = None
    """The stored form of the value that a new object gets, when the form names none."""
    default_from: str | None = None
    """The name of a default behaviour, such as ``now``."""
    targets: tuple[str, ...] = ()
    multi: bool = False
    subfields: tuple[str, ...] = ()
    required_subfields: tuple[str, ...] = ()
    subfield_kinds: Mapping[str, Kind] = field(default_factory=dict)
    """Subfield → the kind that its values must read as; they are stored as they were sent."""
    subfield_words: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Subfield → the texts allowed in it."""
    unique_subfields: tuple[str, ...] = ()
    """Subfields of which no two records have the same value."""
    merge_by: str | None = None
    """The subfield that records are known by: those sent are laid over those that are there, and add none."""
    vocabulary: Mapping[str, str] = field(default_factory=dict)
    moved_values: Mapping[str, str] = field(default_factory=dict)
    """Former word of the vocabulary → the word that took its place, for values stored before."""
    precision: int | None = None
    write_permission: str | None = None
    """Replaces Modify portal content; None: that permission."""
    write_permission_by: tuple[str, Mapping[str, str]] | None = None
    """A value name and its values' own write permissions, e.g. Edit Field Results where PointOfCapture is field."""
    read_permission: str | None = None
    checks: tuple[str, ...] = ()
    searchable: bool = False
    path: Path | None = None
    """Path to the value of a computed field."""
    compute: str | None = None
    """The behaviour that works out a computed field."""
    depends: tuple[Path, ...] | None = None
    """Values that the behaviour reads, so that the store knows when the value changes; None: it does not say."""
    volatile: bool = False
    """The value depends on the time of reading and is computed then."""
    stored_on: str | None = None
    """A single-valued reference field; when it is set, this field is read from and written to its target."""
    alias_of: str | None = None
    """Another field of the type under whose name the value is stored."""
    system: bool = False
    """Set by the gateway alone: it is refused when a client sends it."""
    on_change: tuple[str, ...] = ()
    """Effects that run after a client or a behaviour has changed the value."""
    allow_out_of_use: bool = False
    """True for a reference that may be made to what is out of use, such as the forerunner of a repetition."""
    copied: Copying = Copying.TAKEN
    copied_from: Path | None = None
    """Of a create parameter: the path to what a copy is made with."""
    is_stored: bool = field(init=False, compare=False, repr=False)
    """True when its value is in the object's own document, under its own name."""

    def __post_init__(self) -> None:
        others = (self.path, self.compute, self.stored_on, self.alias_of)
        object.__setattr__(self, "is_stored", all(item is None for item in others))


class IdKind(StrEnum):
    """Ways in which a new object gets its id."""

    SEQUENCE = "sequence"
    VALUE = "value"
    FIXED = "fixed"
    FROM_TITLE = "from_title"


@dataclass(frozen=True, slots=True)
class IdRule:
    """The id of a new object: a template whose ``{path}`` parts are values, ``{yy}`` the year and ``{n}`` a number."""

    kind: IdKind
    form: str
    padding: int = 0
    padding_setting: str | None = None
    """Field of the settings object that overrules the padding."""
    start_setting: str | None = None
    """Field of the settings object with the least number to give."""
    overridable: bool = True
    """True if a row of the settings object may replace prefix, separator and padding."""


@dataclass(frozen=True, slots=True)
class LoginDeclaration:
    """Log-in of the person whom an object of a type stands for, such as a contact."""

    field: str
    """The field with the user's id."""
    email: str | None = None
    """The field with the address that a new user gets."""
    local_roles: tuple[str, ...] = ()
    """Roles that the user has on the container of the object, and in it, as long as the two are linked."""


@dataclass(frozen=True, slots=True)
class NaturalKey:
    """Fields whose values together say which object is meant, among all of its type in the site or within something."""

    fields: tuple[str, ...]
    within: str = "site"
    """`site`; `container`; or a reference field: among the objects that refer to the same one."""
    shared: bool = False
    """True when several objects may have the same values all the same, so that these do not always mean one."""


FOLDED_STATE: Final = "folded_state"
"""The name under which every object has one word for the states of all its workflows."""


@dataclass(frozen=True, slots=True)
class FoldRule:
    """One rule: where workflow variables have some values, an object of some types is in the state that it gives."""

    variable: str
    """The variable whose value is the word, unless `word` is another; without a value the rule does not apply."""
    values: frozenset[str] = frozenset()
    """The values that it may have; none: any."""
    when: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Other variables, and the values that each may have."""
    types: frozenset[str] | None = None
    """None: every type."""
    word: str | None = None

    def variables(self) -> tuple[str, ...]:
        """The workflow variables that the rule looks at."""
        return (*self.when, self.variable)


@dataclass(frozen=True, slots=True)
class EntityType:
    """One type of objects."""

    portal_type: str
    title: str
    fields: Mapping[str, Field]
    id_rule: IdRule
    about: str = ""
    containers: frozenset[str] = frozenset()
    title_path: Path | None = None
    """Path to the title; None: its own field."""
    title_required: bool = False
    """The title must be given and be unique in the container."""
    title_shared: bool = False
    """A required title need not be unique."""
    workflows: tuple[str, ...] = ()
    catalogs: tuple[str, ...] = ()
    read_catalog: str | None = None
    add_permission: str = "Add portal content"
    permissions: Mapping[str, PermissionSetting] = field(default_factory=dict)
    """Settings written onto a new object, over those of its first workflow states."""
    scope: bool = False
    """True if objects of the type may hold local roles without any other row being written."""
    access_from: str | None = None
    """A reference field: who has local roles on the object named there has access to this one, too."""
    keep_after: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """State variable → the only states in which an object may be removed."""
    final_states: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """State variable → states in which nothing that was done to an object is undone."""
    out_of_use: Mapping[Path, tuple[str, ...]] = field(default_factory=dict)
    """Path → the values (states mostly) with which an object is out of use: no new reference is made to it."""
    expires: Path | None = None
    """Path to the date from which on an object is out of use."""
    relations: Mapping[str, Relation] = field(default_factory=dict)
    create_parameters: Mapping[str, Field] = field(default_factory=dict)
    """Parameters of `create` beside the fields."""
    creator: str | None = None
    """The behaviour that plans a whole creation in place of the ordinary one."""
    container_from: str | None = None
    """A reference field that names the container of a new object; obj_path is then ignored."""
    on_create: tuple[str, ...] = ()
    on_remove: tuple[str, ...] = ()
    on_load: tuple[str, ...] = ()
    """Effects that run when a content file has made or changed an object, which sets off none of the other effects."""
    embed: Mapping[str, str] = field(default_factory=dict)
    """Names under which contained objects are answered whole → their portal_type (e.g. Analyses)."""
    natural_keys: tuple[NaturalKey, ...] = ()
    """Keys by which `create` finds the object to change in place of a new one, when it is asked to."""
    extra_ids: Mapping[str, str] = field(default_factory=dict)
    """Further keys of create's answer → the relation whose object's id they give."""
    login: LoginDeclaration | None = None
    """Log-in of the persons that the objects stand for; None: they stand for none."""
    copyable: bool = True
    """False: no object of the type is copied."""
    movable: bool = True
    """False: no object of the type is moved or renamed."""
    folds: tuple[FoldRule, ...] = ()
    """Rules of the folded state, the first that applies first."""
    scan: tuple[Path, ...] = ()
    """Paths to codes that labels of the objects carry, beside their ids."""
    table: TableMapping | None = None
    """The table whose rows the objects are; None: the gateway keeps them itself."""
    source: str = ""
    """The file and line of the declaration, for messages."""

"""Named behaviours of a profile, in Python, over the objects of one request.

A profile collects its functions in one `Behaviors` and the declarations name them. A behaviour sees objects as `Entity`
and acts through `Planner`; it never sees SQL or HTTP. Whatever it changes becomes part of the plan, is checked like any
other change, and is undone with the request.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from inspect import signature
from typing import Any, Final, Protocol, TypeAlias, TypeVar

from objapi.model.principal import Principal, RowViewer
from objapi.model.types import EntityType
from workflows.declarations import listed, suggestion


class Entity(Protocol):
    """An object as a behaviour sees it: in the state it will have when the request succeeds."""

    @property
    def uid(self) -> str:
        """Its UID, 32 hexadecimal digits."""

    @property
    def id(self) -> str:
        """Its id, unique in its container."""

    @property
    def path(self) -> str:
        """Its path, the site's id first."""

    @property
    def portal_type(self) -> str:
        """The name of its type."""

    @property
    def type(self) -> EntityType:
        """Its type."""

    @property
    def is_new(self) -> bool:
        """True if this request creates the object."""

    @property
    def has_entered(self) -> bool:
        """True once it is in the states of its workflows, which a new object is not while its values are filled in."""


class Planner(Protocol):
    """Reading and changing objects, as behaviours do it.

    Every method that follows a relation loads it for all objects of the request at once, so a behaviour may be written
    for one object and yet cost a constant number of statements.
    """

    @property
    def now(self) -> datetime:
        """The one instant of the request, with zone."""

    @property
    def user_id(self) -> str:
        """The acting user."""

    @property
    def by_token(self) -> bool:
        """True when the user came by an API token."""

    def value(self, entity: Entity, name: str) -> object:
        """A field's stored form, a workflow variable or an attribute (id, title …); references are UIDs."""

    def old_value(self, entity: Entity, name: str) -> object:
        """The same as it was before the request."""

    def related(self, entity: Entity, relation: str) -> Sequence[Entity]:
        """The objects of a relation of the type, or of a path such as ``parent`` or ``children(Analysis)``."""

    def at(self, path: str) -> Entity | None:
        """The object at a path below the site, such as ``/bika_setup``."""

    def by_uid(self, uids: Iterable[str]) -> Mapping[str, Entity]:
        """The objects with these UIDs."""

    def find(self, portal_type: str, criteria: Mapping[str, object], *, most: int) -> Sequence[Entity]:
        """Stored objects of a type that its first catalog finds for the user, the oldest first.

        They are as they are now: what the request changed before may fit the criteria no more.
        """

    def set(self, entity: Entity, name: str, value: object, *, system: bool = False) -> None:
        """Change a field to a stored form; with `system` it and what follows from it, whatever the user may write."""

    def set_permission(
        self, entity: Entity, permission: str, roles: Sequence[str] | None, *, acquire: bool = False
    ) -> None:
        """Write a permission onto an object; None removes what was written."""

    def create(
        self,
        portal_type: str,
        container: Entity | None,
        values: Mapping[str, object],
        *,
        id: str | None = None,
        states: Mapping[str, str] | None = None,
        actors_of: Entity | None = None,
        system: bool = False,
    ) -> Entity:
        """Plan a new object with stored values; a row of a table is in no container.

        `states` maps workflow ids to states that replace the initial ones; whoever took the transitions of `actors_of`
        counts as having taken those of the new object. With `system` whether or not the user may add it.
        """

    def rename(self, entity: Entity, new_id: str) -> None:
        """Give an object another id in its container."""

    def remove(self, entity: Entity, *, system: bool = False) -> None:
        """Plan the removal of an object with all it contains; with `system` whether or not the user may remove it."""

    def fire(
        self, entity: Entity, transition: str, *, attempt: bool = False, system: bool = False, cascade: bool = True
    ) -> bool:
        """Take a transition with its cascades; False when it was only attempted and is not possible."""

    def can(self, entity: Entity, permission: str) -> bool:
        """True if the user holds a permission on an object."""

    def refuse(self, message: str, *, field: str | None = None, entity: Entity | None = None) -> None:
        """Note a problem with a value; the request fails after all problems are collected."""


@dataclass(frozen=True, slots=True)
class Until:
    """Result of a computed behaviour for a value that changes with the time alone: the value, and when it ends.

    From `instant` on a read works it out anew; None: it will not change by itself any more. A field that is declared
    volatile and whose behaviour gives a plain value is computed anew by every read.
    """

    value: object
    instant: datetime | None


class HoldsPlanner(Protocol):
    """The world of the workflow engine, from which conditions and effects get at the planner."""

    @property
    def planner(self) -> Planner:
        """The planner of the request."""


class RowReader(Protocol):
    """Access of a behaviour to the tables of a database, to find out who somebody is, whatever the user may see."""

    def values(self, portal_type: str, name: str, path: str, value: object) -> Sequence[Any]:
        """The values of a field, or under ``id`` the keys, of the rows from which a path leads to a value.

        In the order of the keys, as the columns hold them. Each call is one statement.
        """


Computed: TypeAlias = Callable[[Planner, Entity], object]
Effect: TypeAlias = Callable[[Planner, Entity, Mapping[str, object]], None]
Check: TypeAlias = Callable[[Planner, Entity, str, object], str | None]
"""Given the object, the field's name and the stored value: what is wrong with it, or None."""
RelationFn: TypeAlias = Callable[[Planner, Entity], Sequence[Entity]]
Creator: TypeAlias = Callable[[Planner, EntityType, Entity | None, Mapping[str, object], str | None], Entity]
"""Given the type, the container (if any), checked stored values and the id asked for: the main object created."""
Condition: TypeAlias = Callable[[Planner, Entity, Mapping[str, object]], str | None]
"""Why a transition is refused, in one sentence, or None when the condition holds."""
Consumer: TypeAlias = Callable[[Planner, Mapping[str, object]], bool]
"""Given data that another program has pushed, as its clients named them: true when it was taken."""
RowViewerFn: TypeAlias = Callable[[RowReader, Principal], RowViewer]
"""Identity of a user among the rows of a database: asked once a request, when a row rule needs it."""

CALLED_WITH: Final[Mapping[str, tuple[str, ...]]] = {
    "computed": ("planner", "entity"),
    "effect": ("planner", "entity", "arguments"),
    "check": ("planner", "entity", "field", "value"),
    "relation": ("planner", "entity"),
    "creator": ("planner", "type", "container", "values", "id"),
    "condition": ("planner", "entity", "arguments"),
    "default": ("planner", "entity"),
    "row_viewer": ("rows", "user"),
    "consumer": ("planner", "data"),
}
"""Kind → the arguments of its functions, in order."""

_F = TypeVar("_F", bound=Callable[..., object])


@dataclass(frozen=True, slots=True)
class Behaviors:
    """The named functions of one profile."""

    computed: dict[str, Computed] = field(default_factory=dict)
    effects: dict[str, Effect] = field(default_factory=dict)
    checks: dict[str, Check] = field(default_factory=dict)
    relations: dict[str, RelationFn] = field(default_factory=dict)
    creators: dict[str, Creator] = field(default_factory=dict)
    conditions: dict[str, Condition] = field(default_factory=dict)
    defaults: dict[str, Computed] = field(default_factory=dict)
    row_viewers: dict[str, RowViewerFn] = field(default_factory=dict)
    consumers: dict[str, Consumer] = field(default_factory=dict)

    def add(self, kind: str, name: str) -> Callable[[_F], _F]:
        """Decorator: register a function under a name; `kind` is one of those in the table below.

        Raises ValueError for a kind that does not exist, for a name that the kind has already, and for a function that
        cannot be called as the kind is.
        """
        tables: dict[str, dict[str, Any]] = {
            "computed": self.computed, "effect": self.effects, "check": self.checks, "relation": self.relations,
            "creator": self.creators, "condition": self.conditions, "default": self.defaults,
            "row_viewer": self.row_viewers, "consumer": self.consumers,
        }  # fmt: skip
        if kind not in tables:
            expected = f" (expected: {listed(tables)})"
            raise ValueError(f"there is no kind of behaviour {kind!r}{suggestion(kind, tables)}{expected}")
        table = tables[kind]

        def register(function: _F) -> _F:
            if name in table:
                raise ValueError(f"two behaviours of kind {kind} are named {name!r}")
            try:
                signature(function).bind(*CALLED_WITH[kind])
            except TypeError as error:
                called = ", ".join(CALLED_WITH[kind])
                raise ValueError(f"the {kind} {name!r} is called with ({called}): {error}") from error
            table[name] = function
            return function

        return register

    def merged(self, later: "Behaviors") -> "Behaviors":
        """These behaviours with those of a later profile laid over them."""
        return Behaviors(
            {**self.computed, **later.computed},
            {**self.effects, **later.effects},
            {**self.checks, **later.checks},
            {**self.relations, **later.relations},
            {**self.creators, **later.creators},
            {**self.conditions, **later.conditions},
            {**self.defaults, **later.defaults},
            {**self.row_viewers, **later.row_viewers},
            {**self.consumers, **later.consumers},
        )

"""Cascades as values: actions that follow when an object of a type takes a transition, is created or is removed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from workflows.condition import Where
from workflows.definition import ConditionCall

CREATED = "created"
REMOVED = "removed"
EVENTS = (CREATED, REMOVED)

SELF = "self"
"""The relation of an object to itself."""


@dataclass(frozen=True, slots=True)
class NamedValue:
    """A value to assign.

    Kinds: `literal` (`argument` itself), `now`, `actor` (user id), `field` (the value of that field of the moved
    object).
    """

    kind: str
    argument: object = None


@dataclass(frozen=True, slots=True)
class FireRelated:
    """Transition to fire on every related object that passes `where` and `each`.

    All of `when` must hold on the moved object.

    `attempt`: where it is not possible, go on in silence; otherwise that is an error and the whole call fails.
    `system`: skip permissions, roles and groups of the guard, never its conditions. `cascade` false: the transition
    happens, its own cascade does not.
    """

    transition: str
    relation: str = SELF
    where: tuple[Where, ...] = ()
    when: tuple[ConditionCall, ...] = ()
    each: tuple[ConditionCall, ...] = ()
    attempt: bool = False
    system: bool = False
    cascade: bool = True


@dataclass(frozen=True, slots=True)
class SetField:
    """Field to set on every related object that passes `where`, when all of `when` hold on the moved object.

    `system`: the user who moved the object need not be allowed to write the field of another one.
    """

    field: str
    value: NamedValue
    relation: str = SELF
    where: tuple[Where, ...] = ()
    when: tuple[ConditionCall, ...] = ()
    system: bool = False


@dataclass(frozen=True, slots=True)
class RunEffect:
    """Named effect of the registry to run on the moved object, when all of `when` hold on it.

    `system`: whatever the effect changes, the user who moved the object need not be allowed to change it.
    """

    name: str
    args: Mapping[str, object] = field(default_factory=dict)
    when: tuple[ConditionCall, ...] = ()
    system: bool = False


CascadeAction: TypeAlias = FireRelated | SetField | RunEffect


@dataclass(frozen=True, slots=True)
class Cascade:
    """The actions, in order, that follow when an object of the type took the transition.

    With `event`: when one was created or is removed.

    Exactly one of `transition` and `event` (`created`, `removed`) is set.
    """

    type_name: str
    transition: str | None
    actions: tuple[CascadeAction, ...]
    event: str | None = None

"""Questions who may do what, and their answers: plain values, the same for every face."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias


class ObjectRule(StrEnum):
    """Rule by which the store lets a user do something to an object that the user sees."""

    SEE = "see"
    READ_HISTORY = "read_history"
    ADD = "add"
    """To make objects in it, of a type that goes into it, with the permission that the type asks for."""
    WRITE = "write"
    """To write a field, with the permission that the field asks for."""
    REMOVE = "remove"
    COPY = "copy"
    MOVE = "move"
    STEP = "step"
    """To take a transition that its state lists."""


@dataclass(frozen=True, slots=True)
class MayDo:
    """Question for a method that is held to a rule; `portal_type`: of what is to be made, None for any."""

    asked: str
    rule: ObjectRule
    portal_type: str | None = None


@dataclass(frozen=True, slots=True)
class HasPermission:
    """Question for a permission, on an object or on the site's root alone."""

    asked: str
    permission: str
    on_site: bool = False


@dataclass(frozen=True, slots=True)
class MayStep:
    """Question for a transition."""

    asked: str


AccessQuestion: TypeAlias = MayDo | HasPermission | MayStep


@dataclass(frozen=True, slots=True)
class PermissionSource:
    """Setting that says who holds a permission: of a state, a type, an object or the site.

    With `acquire` the roles of the next setting hold it, too. `path` is empty for an object that the asker may not see.
    """

    origin: str
    path: str
    roles: tuple[str, ...]
    acquire: bool
    workflow: str = ""
    state: str = ""


@dataclass(frozen=True, slots=True)
class HeldPermission:
    """A permission on an object: whether the user holds it, by which roles, which roles hold it, and since when."""

    permission: str
    held: bool
    by: tuple[str, ...]
    """Those of the user's roles that hold it."""
    roles: tuple[str, ...]
    sources: tuple[PermissionSource, ...]
    subjects: tuple[str, ...] = ()
    """What it is needed for: fields to write, or types to add."""


@dataclass(frozen=True, slots=True)
class AccessVerdict:
    """Answer to one question about one object."""

    asked: str
    allowed: bool
    permissions: tuple[HeldPermission, ...] = ()
    reasons: tuple[str, ...] = ()
    """What stands in the way beside permissions that are not held."""


@dataclass(frozen=True, slots=True)
class ObjectAccess:
    """Answers about one object, and what the roles of the user there come from."""

    uid: str
    path: str
    portal_type: str
    verdicts: tuple[AccessVerdict, ...]
    roles: frozenset[str]
    scope: int
    by_state: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Group of the user → the roles that states give it on the object."""

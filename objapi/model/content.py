"""Contents to be loaded into a site: users and objects as plain values; `loading.content` reads them from files."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Ref:
    """Reference in a field to the object at a path (relative to the site)."""

    path: str


@dataclass(frozen=True, slots=True)
class ContentUser:
    """A user; `local_roles` maps paths to the roles held there and below."""

    id: str
    password: str
    fullname: str = ""
    email: str = ""
    groups: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    local_roles: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ContentObject:
    """An object: fields as a client would send them, with `Ref`s in them, and when it came to be.

    `states` maps workflow ids, or state variables that only one workflow of the type has, to states.
    """

    path: str
    portal_type: str
    fields: Mapping[str, object]
    states: Mapping[str, str] = field(default_factory=dict)
    created: datetime | None = None
    source: str = ""
    """File and line, for messages."""
    modified: datetime | None = None
    """When it was last changed; None: when it came to be."""
    uid: str | None = None
    """The UID of an object that moves in; None: it gets a new one."""
    creator: str = ""
    """Who made it; empty: whoever loads it."""

    @property
    def container(self) -> str:
        """The path of the container."""
        return self.path.rpartition("/")[0] or "/"


@dataclass(frozen=True, slots=True)
class Content:
    """Users and objects of content files: objects with containers first, in the order of the files otherwise."""

    users: tuple[ContentUser, ...]
    objects: tuple[ContentObject, ...]

"""Rights that calls need on the objects they are about, as methods declare them; the store checks them."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from objapi.security.administration import MANAGE_USERS, MANAGE_WEBHOOKS
from objapi.store.trail.reading import VIEW_TRAIL
from objapi.store.writing.undoing import UNDO


class Need(StrEnum):
    """A right on each object that a call is about, beside the permission for all calls."""

    NOTHING = "nothing"
    """What is answered is the same for everybody, or the caller's own."""
    STAFF = "staff"
    """One of the roles of the staff."""
    USERS = "users"
    """To manage users, on the site."""
    TRAIL = "trail"
    """To read the trail, on the site."""
    UNDO = "undo"
    """To take requests back and restore what was removed, on the site."""
    WEBHOOKS = "webhooks"
    """To manage webhooks, on the site."""
    VIEW = "view"
    """To see the object, and of its fields those that have a permission of their own."""
    HISTORY = "history"
    """To see who changed the object."""
    ADD = "add"
    """To add an object of a type, in its container."""
    CHANGE = "change"
    """To change fields of the object; some have a permission of their own."""
    REMOVE = "remove"
    """To remove the object, or to take it away from where it is."""
    TRANSITION = "transition"
    """What the guard of a transition asks, in a state that offers it."""


ON_SITE: Final[Mapping[Need, str]] = {
    Need.USERS: MANAGE_USERS,
    Need.TRAIL: VIEW_TRAIL,
    Need.UNDO: UNDO,
    Need.WEBHOOKS: MANAGE_WEBHOOKS,
}
"""Right on the site, whatever else a call needs → its permission."""

"""Who holds what on plain objects: roles in context and permissions through the containers."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workflows.definition import PermissionSetting

if TYPE_CHECKING:
    from workflows.plain import PlainSubject

VIEW_DEFAULT = ("Anonymous", "Manager")

PERMISSION_DEFAULTS: Mapping[str, tuple[str, ...]] = {
    "View": VIEW_DEFAULT,
    "Access contents information": VIEW_DEFAULT,
}
"""Roles that hold a permission at the root; any other permission is held there by Manager alone."""


@dataclass(frozen=True, slots=True)
class PlainUser:
    """A user: id (None: not logged in), global roles and groups.

    `Authenticated` and `Anonymous` are implied, not listed.
    """

    id: str | None
    roles: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()


ANONYMOUS = PlainUser(None)


def upwards(subject: "PlainSubject | None") -> Iterator["PlainSubject"]:
    """The object, its container, and so on to the root."""
    while subject is not None:
        yield subject
        subject = subject.container


def roles_in_context(user: PlainUser, subject: "PlainSubject") -> frozenset[str]:
    """Global roles, local roles on the object and every container above (by user id or group), and the implied role."""
    if user.id is None:
        return user.roles | {"Anonymous"}
    roles = set(user.roles)
    for level in upwards(subject):
        for principal in (user.id, *user.groups):
            roles.update(level.local_roles.get(principal, ()))
    return frozenset(roles | {"Authenticated"})


def roles_of_permission(
    permission: str, subject: "PlainSubject", defaults: Mapping[str, tuple[str, ...]]
) -> frozenset[str]:
    """The roles that hold a permission on an object.

    Collected upwards: a setting that acquires adds its roles, one that does not adds its roles and ends; the root
    adds the default.
    """
    roles: set[str] = set()
    for level in upwards(subject):
        setting = level.permissions.get(permission, PermissionSetting(True, ()))
        roles.update(setting.roles)
        if not setting.acquire:
            return frozenset(roles)
    return frozenset(roles | set(defaults.get(permission, ("Manager",))))


def holds(user: PlainUser, permission: str, subject: "PlainSubject", defaults: Mapping[str, tuple[str, ...]]) -> bool:
    """Whether the user has the permission.

    Everybody by `Anonymous`, everyone logged in by `Authenticated`, else by role.
    """
    granted = roles_of_permission(permission, subject, defaults)
    if "Anonymous" in granted:
        return True
    return bool(granted & roles_in_context(user, subject))

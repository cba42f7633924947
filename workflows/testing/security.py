"""Who holds what on plain objects: roles in context and permissions through the containers."""

from collections.abc import Mapping
from dataclasses import dataclass

from workflows.definition import PermissionSetting
from workflows.testing.objects import PlainSubject, PlainUser, upwards

NOT_SET = PermissionSetting(True, ())
"""What no setting at all means."""

VIEW_DEFAULT = ("Anonymous", "Manager")

PERMISSION_DEFAULTS: Mapping[str, tuple[str, ...]] = {
    "View": VIEW_DEFAULT,
    "Access contents information": VIEW_DEFAULT,
}
"""Roles that hold a permission at the root; any other permission is held there by Manager alone."""


def roles_in_context(user: PlainUser, subject: PlainSubject) -> frozenset[str]:
    """Global roles, local roles on the object and every container above (by user id or group), and the implied role."""
    if user.id is None:
        return user.roles | {"Anonymous"}
    roles = set(user.roles)
    for level in upwards(subject):
        for principal in (user.id, *user.groups):
            roles.update(level.local_roles.get(principal, ()))
    return frozenset(roles | {"Authenticated"})


@dataclass(frozen=True, slots=True)
class RootRoles:
    """Who holds a permission at the root: the roles declared for it, Manager for one that nobody declared.

    With `as_zope` a permission that nobody declared, but that some setting on the way up grants, is not Manager's too.
    """

    declared: Mapping[str, tuple[str, ...]]
    as_zope: bool = False

    def of(self, permission: str, granted: set[str]) -> set[str]:
        """The roles to add at the root to those granted below it."""
        if self.as_zope and granted and permission not in self.declared:
            return set()
        return set(self.declared.get(permission, ("Manager",)))


def roles_of_permission(permission: str, subject: PlainSubject, root: RootRoles) -> frozenset[str]:
    """The roles that hold a permission on an object.

    Collected upwards: a setting that acquires adds its roles, one that does not adds its roles and ends; the root adds
    the default.
    """
    roles: set[str] = set()
    for level in upwards(subject):
        setting = level.permissions.get(permission, NOT_SET)
        roles.update(setting.roles)
        if not setting.acquire:
            return frozenset(roles)
    return frozenset(roles | root.of(permission, roles))


def holds(user: PlainUser, permission: str, subject: PlainSubject, root: RootRoles) -> bool:
    """Whether the user has the permission.

    Everybody has it by `Anonymous`, everyone logged in by `Authenticated`, else a role in context is needed.
    """
    granted = roles_of_permission(permission, subject, root)
    return "Anonymous" in granted or bool(granted & roles_in_context(user, subject))

"""Objects and users on plain values, and which of them hold what: roles in context, permissions by containers."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from workflows.definition import PermissionSetting, Workflow
from workflows.engine import state_id
from workflows.world import Subject


class Chains(Protocol):
    """The world of an object, as far as the object asks for it."""

    def chain(self, subject: Subject) -> Sequence[Workflow]:
        """The workflows of an object, in order."""


@dataclass(frozen=True, slots=True)
class PlainUser:
    """A user: id (None: not logged in), global roles and groups.

    `Authenticated` and `Anonymous` are implied, not listed.
    """

    id: str | None
    roles: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()


ANONYMOUS = PlainUser(None)


@dataclass(slots=True, eq=False)
class PlainSubject:
    """An object on plain values. Its fields, histories, permissions and local roles may be read and set freely.

    `histories`: workflow id -> entries, oldest first. `permissions`: only permissions with a setting. `local_roles`:
    user or group id -> roles. `relations`: relation name -> objects; `container` and `contents` are known without.
    """

    id: str
    type_name: str
    world: Chains = field(repr=False)
    container: "PlainSubject | None" = field(default=None, repr=False)
    fields: dict[str, object] = field(default_factory=dict)
    histories: dict[str, list[dict[str, object]]] = field(default_factory=dict)
    permissions: dict[str, PermissionSetting] = field(default_factory=dict)
    local_roles: dict[str, list[str]] = field(default_factory=dict)
    relations: dict[str, list["PlainSubject"]] = field(default_factory=dict, repr=False)
    contents: list["PlainSubject"] = field(default_factory=list, repr=False)

    @property
    def key(self) -> str:
        """The path of the object."""
        return "/".join(reversed([level.id for level in upwards(self)]))

    def status(self, workflow_id: str) -> Mapping[str, object] | None:
        """The last history entry, or None."""
        entries = self.histories.get(workflow_id)
        return entries[-1] if entries else None

    def history(self, workflow_id: str) -> list[dict[str, object]]:
        """Copies of all entries, oldest first."""
        return [dict(entry) for entry in self.histories.get(workflow_id, ())]

    def last_actor(self, workflow_id: str, transition_id: str) -> str | None:
        """The `actor` of the last entry whose `action` is the transition."""
        for entry in reversed(self.histories.get(workflow_id, [])):
            if entry.get("action") == transition_id:
                actor = entry.get("actor")
                return actor if isinstance(actor, str) else None
        return None

    def value(self, name: str) -> object:
        """A workflow state variable (the first workflow of the chain that has it), else a field, else None."""
        for workflow in self.world.chain(self):
            if workflow.state_variable == name:
                return state_id(workflow, self)
        return self.fields.get(name)


def upwards(subject: PlainSubject | None) -> Iterator[PlainSubject]:
    """The object, its container, and so on to the root."""
    while subject is not None:
        yield subject
        subject = subject.container


NOT_SET = PermissionSetting(True, ())
"""Meaning of no setting at all."""

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
    """Roles that hold a permission at the root: those declared for it, Manager for an undeclared one.

    With `as_zope` an undeclared permission that some setting on the way up grants, is not Manager's too.
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
    """True if the user has the permission.

    Everybody has it by `Anonymous`, everyone logged in by `Authenticated`, else a role in context is needed.
    """
    granted = roles_of_permission(permission, subject, root)
    return "Anonymous" in granted or bool(granted & roles_in_context(user, subject))

"""The world of the workflow engine: the objects of a planner as one user sees them."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from objapi.store.instants import to_text
from objapi.store.permissions.acls import PermissionOverrides
from objapi.store.writing.draft import Draft, as_draft
from objapi.store.writing.plan_events import Stepped
from workflows import Context, Step, Subject, Workflow

if TYPE_CHECKING:
    from objapi.store.writing.planner import StorePlanner


class StoreWorld:
    """Answers the engine from drafts, and writes down in them what comes out."""

    def __init__(self, planner: "StorePlanner") -> None:
        self.planner = planner

    def chain(self, subject: Subject) -> Sequence[Workflow]:
        """The workflows of the object's type."""
        return self.planner.registry.chain(subject.type_name)

    def context(self, subject: Subject) -> Context:
        """The acting user, with the roles and permissions that he has on the object as things stand."""
        draft = as_draft(subject)
        principal, rights = self.planner.context.principal, self.planner.rights
        return Context(
            principal.user_id or None,
            rights.roles_on(draft.acl, draft.scope),
            principal.groups,
            lambda permission: rights.may(permission, draft.acl, draft.scope),
        )

    def related(self, subject: Subject, relation: str) -> Sequence[Draft]:
        """The objects of a relation, loaded for all objects of the type at once."""
        return self.planner.related(as_draft(subject), relation)

    def now(self) -> datetime:
        """The instant of the request."""
        return self.planner.now

    def assign(self, subject: Subject, field: str, value: object) -> None:
        """Set a field; a type that does not have it is passed over, since cascades are declared for several types."""
        draft = as_draft(subject)
        if field in draft.type.fields:
            self.planner.set(draft, field, value)

    def apply(self, subject: Subject, step: Step) -> None:
        """Write a step down: the new status, who took the transition, and the permissions of the state."""
        draft = as_draft(subject)
        entry = draft.states.setdefault(step.workflow.id, {"status": {}, "last": {}})
        entry["status"] = {name: _jsonable(value) for name, value in step.status.items()}
        if step.transition is not None:
            entry["last"][step.transition.id] = self.planner.user_id
        settings = self.planner.interned(_settings_after(draft.settings, step))
        if settings is not draft.settings:
            draft.settings = settings
        self.planner.events.append(Stepped(draft, step))


def _settings_after(old: PermissionOverrides, step: Step) -> PermissionOverrides:
    permissions = dict(old.permissions)
    for name, setting in step.permissions.items():
        if setting is None:
            permissions.pop(name, None)
        else:
            permissions[name] = setting
    groups = dict(old.groups)
    managed = step.workflow.group_managed_roles
    for group, granted in step.group_roles.items():
        kept = frozenset[str]() if managed is None else groups.get(group, frozenset()) - frozenset(managed)
        groups[group] = kept | granted
    return PermissionOverrides(permissions, {name: roles for name, roles in groups.items() if roles})


def _jsonable(value: object) -> object:
    return to_text(value) if isinstance(value, datetime) else value

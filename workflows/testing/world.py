"""A complete world on plain values: objects in containers, users, local roles, chains, histories. It needs no store.

How to drive it, step by step::

    world = PlainWorld([workflow, other], chains={"Document": ["workflow", "other"]}, default_chain=["workflow"])
    folder = world.create("Folder", "folder")                       # directly under world.site
    document = world.create("Document", "doc", folder)              # enters its chain, automatic transitions included
    world.grant(document, "ana", ["Owner"])                         # local roles of a user ...
    world.grant(folder, "reviewers", ["Reviewer"])                  # ... or of a group
    with world.acting("ana", roles=["Member"], groups=["staff"]):
        world.actions(document)                                     # the actions menu
        world.do_action(document, "submit", comment="please", x=1)  # one transition and its automatic ones
    world.info(document, "review_state"); document.history("workflow"); world.catalog_variables(document)
    document.permissions["View"]                                    # PermissionSetting; absent: not set, all acquired
    document.local_roles["reviewers"]                               # list of roles

Conditions of imported definitions that cannot be evaluated are calls of `unsupported_expression` with the text in the
argument `expression`; a registry `WorkflowRegistry.standard().extended(conditions={"unsupported_expression": own})`
answers them.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

from workflows.definition import Guard, PermissionSetting, Workflow
from workflows.engine import Offer, allowed, automatic_steps, enter, fire, group_grants, role_settings, state_of
from workflows.engine import state_id as present_state_id
from workflows.errors import UnknownWorkflow
from workflows.guards import check_guard
from workflows.reading import catalog_variables, info
from workflows.registry import WorkflowRegistry
from workflows.testing.objects import (
    ANONYMOUS,
    NOT_SET,
    PERMISSION_DEFAULTS,
    PlainSubject,
    PlainUser,
    RootRoles,
    holds,
    roles_in_context,
    roles_of_permission,
)
from workflows.world import Context, Step, Subject, Verdict

_RAISE = object()

ZOPE_DEFAULT = PermissionSetting(True, ("Manager",))
"""Setting that Zope does not write: it is the default of an object."""


class PlainWorld:
    """Objects, users and workflows in memory, with the whole behaviour of a workflow tool.

    Implements `workflows.world.World`.
    """

    def __init__(
        self,
        workflows: Iterable[Workflow],
        chains: Mapping[str, Sequence[str]] | None = None,
        *,
        default_chain: Sequence[str] = (),
        registry: WorkflowRegistry | None = None,
        permission_defaults: Mapping[str, Sequence[str]] | None = None,
        site_roles: Iterable[str] | None = None,
        as_zope: bool = False,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """A world with an empty site.

        A type not in `chains` has `default_chain`; an empty chain means no workflow; ids that no workflow has are
        skipped. `permission_defaults` (permission -> roles at the root) add to the usual ones. `site_roles` are the
        roles valid at the site (None: all); group roles that are not valid are never touched.

        `as_zope` follows Zope in two places where it departs from its own rules, for comparing with it: a permission
        not among the defaults that some setting grants is not Manager's at the root, and a state that maps a permission
        to Manager and acquires it writes nothing where nothing is set.
        """
        self.workflows = {workflow.id: workflow for workflow in workflows}
        self.chains = {type_name: tuple(chain) for type_name, chain in (chains or {}).items()}
        self.default_chain = tuple(default_chain)
        self.registry = registry or WorkflowRegistry.standard()
        given = {permission: tuple(roles) for permission, roles in (permission_defaults or {}).items()}
        self.root_roles = RootRoles({**PERMISSION_DEFAULTS, **given}, as_zope)
        self.site_roles = None if site_roles is None else frozenset(site_roles)
        self.clock = clock
        self.user = ANONYMOUS
        self.site = PlainSubject("site", "Site", self)

    # The World protocol

    def chain(self, subject: Subject) -> Sequence[Workflow]:
        """The workflows of the type of the object that are defined."""
        return self.chain_of(subject.type_name)

    def chain_of(self, type_name: str) -> tuple[Workflow, ...]:
        """The workflows of a type that are defined, in order."""
        names = self.chains.get(type_name, self.default_chain)
        return tuple(self.workflows[name] for name in names if name in self.workflows)

    def context(self, subject: Subject) -> Context:
        """The acting user, seen from the object; permissions are looked up when asked."""
        own, user = self._own(subject), self.user
        return Context(
            user.id,
            roles_in_context(user, own),
            user.groups,
            lambda permission: holds(user, permission, own, self.root_roles),
        )

    def related(self, subject: Subject, relation: str) -> Sequence[PlainSubject]:
        """The objects entered under `relations`; `container` and `contents` are known without."""
        own = self._own(subject)
        if relation in own.relations:
            return own.relations[relation]
        if relation == "container":
            return (own.container,) if own.container is not None else ()
        return tuple(own.contents) if relation == "contents" else ()

    def apply(self, subject: Subject, step: Step) -> None:
        """Append the status to the history, then set permissions and group roles."""
        own = self._own(subject)
        own.histories.setdefault(step.workflow.id, []).append(dict(step.status))
        self._apply_permissions(own, step.permissions)
        self._apply_group_roles(own, step.workflow, step.group_roles)

    def assign(self, subject: Subject, field: str, value: object) -> None:
        """Set a field."""
        self._own(subject).fields[field] = value

    def now(self) -> datetime:
        """The present instant by the world's clock."""
        return self.clock()

    # Objects, users, rights

    def create(
        self,
        type_name: str,
        object_id: str,
        container: PlainSubject | None = None,
        *,
        fields: Mapping[str, object] | None = None,
        entering: bool = True,
    ) -> PlainSubject:
        """Create an object in a container (None: the site).

        The acting user enters it into its chain unless `entering` is false. Creation guards are not asked; see
        `may_create`. No local role is given: use `grant`.
        """
        parent = container or self.site
        subject = PlainSubject(object_id, type_name, self, parent, dict(fields or {}))
        parent.contents.append(subject)
        if entering:
            self.enter(subject)
        return subject

    def enter(self, subject: PlainSubject) -> list[Step]:
        """Enter an object into the workflows of its chain that it has no history in, automatic transitions included."""
        return enter(self, self.registry, subject)

    def may_create(self, type_name: str, container: PlainSubject | None = None) -> bool:
        """True if the creation guards of all workflows of the type pass, asked against the container."""
        place = container or self.site
        return all(
            self._passes(workflow, workflow.creation_guard, place).passed for workflow in self.chain_of(type_name)
        )

    @contextmanager
    def acting(self, user_id: str | None, roles: Iterable[str] = (), groups: Iterable[str] = ()) -> Iterator[PlainUser]:
        """Within the block this user acts; None is an anonymous one."""
        former, self.user = self.user, PlainUser(user_id, frozenset(roles), frozenset(groups))
        try:
            yield self.user
        finally:
            self.user = former

    def grant(self, subject: PlainSubject, principal: str, roles: Iterable[str]) -> None:
        """Give a user or group (by id) local roles on an object and everything in it, in place of those held there."""
        given = list(roles)
        if given:
            subject.local_roles[principal] = given
        else:
            subject.local_roles.pop(principal, None)

    def set_permission(
        self, subject: PlainSubject, permission: str, roles: Iterable[str], *, acquire: bool = False
    ) -> None:
        """Set the roles that hold a permission on an object; acquiring without roles removes the setting."""
        setting = PermissionSetting(acquire, tuple(roles))
        subject.permissions[permission] = setting
        if setting == NOT_SET:
            del subject.permissions[permission]

    def holds(self, permission: str, subject: PlainSubject) -> bool:
        """True if the acting user has the permission on the object."""
        return holds(self.user, permission, subject, self.root_roles)

    def roles_of_permission(self, permission: str, subject: PlainSubject) -> frozenset[str]:
        """The roles that hold the permission on the object."""
        return roles_of_permission(permission, subject, self.root_roles)

    # The workflow tool

    def do_action(
        self,
        subject: PlainSubject,
        action: str,
        comment: str = "",
        *,
        workflow: str | None = None,
        **kwargs: object,
    ) -> list[Step]:
        """Take a transition and the automatic ones after it; all the steps in order.

        Without `workflow` the first of the chain that supports the action takes it; none does: TransitionNotOffered
        or TransitionRefused. A workflow named need not be in the chain: UnknownWorkflow (not defined), UndefinedState
        (of the object), TransitionNotOffered (state does not list it), NotUserTransition, TransitionRefused (guard),
        in this order. A target state that does not exist is UndefinedState, and nothing has changed.
        """
        named = None if workflow is None else self._workflow(workflow)
        step = fire(self, self.registry, subject, action, workflow=named, comment=comment, kwargs=kwargs)
        following = automatic_steps(self, self.registry, step.workflow, subject, comment=comment, kwargs=kwargs)
        return [step, *following]

    def actions(self, subject: PlainSubject) -> tuple[Offer, ...]:
        """The actions menu: supported transitions with an action name, the first of equal ids across the chain."""
        return tuple(offer for offer in self._menu(subject) if offer.transition.action)

    def supports(self, subject: PlainSubject, action: str) -> bool:
        """True if some workflow of the chain supports the transition, its target state existing or not."""
        return any(offer.transition.id == action for offer in self._menu(subject))

    def info(
        self, subject: PlainSubject, name: str, default: object = _RAISE, *, workflow: str | None = None
    ) -> object:
        """A workflow variable, see `workflows.reading.info`.

        A workflow named that is not defined gives the default too.
        """
        if workflow is not None and workflow not in self.workflows and default is not _RAISE:
            return default
        named = None if workflow is None else self._workflow(workflow)
        if default is _RAISE:
            return info(self, self.registry, subject, name, workflow=named)
        return info(self, self.registry, subject, name, default, workflow=named)

    def catalog_variables(self, subject: PlainSubject) -> dict[str, object]:
        """Values that catalogs show of the object, see `workflows.reading.catalog_variables`."""
        return catalog_variables(self, subject)

    def state(self, subject: PlainSubject, workflow: str) -> str:
        """The present state id in a workflow."""
        return present_state_id(self._workflow(workflow), subject)

    def update_role_mappings(self, subjects: Iterable[PlainSubject] | None = None) -> int:
        """Apply the present states' permissions and group roles again, to these objects or all; how many changed.

        Each workflow of the chain in order, so that of two which manage the same permission the later one wins.
        """
        return sum(self._update_one(subject) for subject in (subjects if subjects is not None else self.objects()))

    def objects(self) -> Iterator[PlainSubject]:
        """All objects of the site, containers before what they contain."""
        pending = list(reversed(self.site.contents))
        while pending:
            subject = pending.pop()
            yield subject
            pending.extend(reversed(subject.contents))

    def _update_one(self, subject: PlainSubject) -> bool:
        before = (dict(subject.permissions), {name: list(roles) for name, roles in subject.local_roles.items()})
        for workflow in self.chain(subject):
            state = state_of(workflow, subject)
            if state is not None:
                self._apply_permissions(subject, role_settings(workflow, state))
                self._apply_group_roles(subject, workflow, group_grants(workflow, state))
        return before != (subject.permissions, subject.local_roles)

    def _apply_permissions(self, subject: PlainSubject, settings: Mapping[str, PermissionSetting | None]) -> None:
        for permission, setting in settings.items():
            if setting is None or setting == NOT_SET:
                subject.permissions.pop(permission, None)
            elif self.root_roles.as_zope and setting == ZOPE_DEFAULT and permission not in subject.permissions:
                continue
            else:
                subject.permissions[permission] = setting

    def _apply_group_roles(
        self, subject: PlainSubject, workflow: Workflow, grants: Mapping[str, frozenset[str]]
    ) -> None:
        """Managed roles are granted or taken away.

        Roles not managed, and roles not valid at the site, stay as they are.
        """
        for group, granted in grants.items():
            held = subject.local_roles.get(group, [])
            remaining = [role for role in held if role in granted or not self._manages(workflow, role)]
            added = [role for role in sorted(granted) if role not in held and self._manages(workflow, role)]
            self.grant(subject, group, [*remaining, *added])

    def _manages(self, workflow: Workflow, role: str) -> bool:
        if workflow.group_managed_roles is not None:
            return role in workflow.group_managed_roles
        return self.site_roles is None or role in self.site_roles

    def _menu(self, subject: PlainSubject) -> tuple[Offer, ...]:
        return allowed(self, self.registry, subject)

    def _passes(self, workflow: Workflow, guard: Guard, subject: PlainSubject) -> Verdict:
        return check_guard(self, self.registry, workflow, guard, subject, self.context(subject))

    def _workflow(self, workflow_id: str) -> Workflow:
        if workflow_id not in self.workflows:
            known = ", ".join(self.workflows) or "none"
            raise UnknownWorkflow(f"there is no workflow {workflow_id!r}; defined are: {known}")
        return self.workflows[workflow_id]

    def _own(self, subject: Subject) -> PlainSubject:
        if not isinstance(subject, PlainSubject):
            raise TypeError(f"a PlainWorld holds PlainSubject objects, not {type(subject).__name__}")
        return subject

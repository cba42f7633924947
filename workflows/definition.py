"""What a workflow is: states, transitions, guards, variables, worklists. Values only; nothing here acts."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from workflows.expressions import Expression


@dataclass(frozen=True, slots=True)
class PermissionSetting:
    """Who holds a permission on an object: these roles and, with `acquire`, whoever holds it on the container.

    Without `acquire` an empty `roles` means nobody, Manager included.
    """

    acquire: bool
    roles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ConditionCall:
    """A named condition of the registry, with its arguments."""

    name: str
    args: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Guard:
    """Who may, and when: *or* within permissions, roles and groups, *and* between the four lists.

    Every condition must hold.

    An empty guard passes.
    """

    permissions: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    conditions: tuple[ConditionCall, ...] = ()

    @property
    def empty(self) -> bool:
        """Whether the guard asks for nothing."""
        return not (self.permissions or self.roles or self.groups or self.conditions)


NO_GUARD = Guard()


@dataclass(frozen=True, slots=True)
class State:
    """A state: the transitions it offers in order, and what entering it sets.

    `exits` may hold ids that no transition has; they are ignored. `permissions` counts only for managed permissions,
    `group_roles` only for managed groups. `assignments` are values of variables.
    """

    id: str
    title: str = ""
    exits: tuple[str, ...] = ()
    permissions: Mapping[str, PermissionSetting] = field(default_factory=dict)
    group_roles: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    assignments: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Transition:
    """A transition. It belongs to no state: states list it among their exits.

    `new_state` None: the object stays in its state. `action` is the name shown to people; without one the transition
    is in no menu. `undeclared` names what an imported definition hangs on this transition and this engine does not
    run (its scripts).
    """

    id: str
    title: str = ""
    new_state: str | None = None
    automatic: bool = False
    guard: Guard = NO_GUARD
    action: str = ""
    assignments: Mapping[str, Expression] = field(default_factory=dict)
    undeclared: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Variable:
    """A workflow variable.

    `for_status`: kept in each history entry. `update_always`: worked out anew at each transition, else kept from the
    former entry. `for_catalog`: shown to catalogs. `guard`: who may read it.
    """

    id: str
    for_catalog: bool = False
    for_status: bool = True
    update_always: bool = True
    default: object = ""
    expression: Expression | None = None
    guard: Guard = NO_GUARD


@dataclass(frozen=True, slots=True)
class Worklist:
    """A saved catalog query: `match` maps a variable to its alternatives; keys are combined with *and*.

    `action` is the name shown, in which `%(count)d` is the number found; without a name the worklist is not offered.
    """

    id: str
    title: str = ""
    match: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    action: str = ""
    guard: Guard = NO_GUARD


def mapped_permissions(states: Mapping[str, State]) -> tuple[str, ...]:
    """All permissions that some state maps, sorted."""
    return tuple(sorted({permission for state in states.values() for permission in state.permissions}))


def mapped_groups(states: Mapping[str, State]) -> tuple[str, ...]:
    """All groups that some state maps, sorted."""
    return tuple(sorted({group for state in states.values() for group in state.group_roles}))


def usual_variables() -> dict[str, Variable]:
    """The five variables nearly every workflow has.

    Action, actor, comments, time, and review_history (not kept, guarded).
    """
    usual = (
        Variable("action", expression=Expression("transition")),
        Variable("actor", expression=Expression("actor")),
        Variable("comments", expression=Expression("comment")),
        Variable("time", expression=Expression("now")),
        Variable(
            "review_history",
            for_status=False,
            update_always=False,
            expression=Expression("history"),
            guard=Guard(permissions=("Request review", "Review portal content")),
        ),
    )
    return {variable.id: variable for variable in usual}


@dataclass(frozen=True, slots=True)
class Workflow:
    """A state machine over one state variable.

    `managed_permissions` are set on entering a state (a managed permission the state does not map is set to nothing,
    so acquired); `managed_groups` likewise for local roles of groups, over `group_managed_roles` (None: all roles
    valid at the site). `manager_bypass`: a user with the role Manager on the object passes every guard of this
    workflow.
    """

    id: str
    title: str = ""
    state_variable: str = "review_state"
    initial_state: str = ""
    manager_bypass: bool = False
    managed_permissions: tuple[str, ...] = ()
    managed_groups: tuple[str, ...] = ()
    group_managed_roles: tuple[str, ...] | None = None
    states: Mapping[str, State] = field(default_factory=dict)
    transitions: Mapping[str, Transition] = field(default_factory=dict)
    variables: Mapping[str, Variable] = field(default_factory=usual_variables)
    worklists: Mapping[str, Worklist] = field(default_factory=dict)
    creation_guard: Guard = NO_GUARD

    def exits(self, state: State, *, automatic: bool) -> tuple[Transition, ...]:
        """The transitions that a state lists and that exist, user or automatic ones, in the state's order."""
        found = (self.transitions.get(name) for name in state.exits)
        return tuple(transition for transition in found if transition is not None and transition.automatic is automatic)

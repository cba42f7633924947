"""Workflows as values: states, transitions, guards, variables and their expressions, worklists.

Nothing here acts but `evaluate`, which gives the value of an expression.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from workflows.errors import WorkflowError

KINDS = ("transition", "actor", "actor_name", "comment", "now", "history", "kwarg", "constant")

ANONYMOUS_NAME = "Anonymous User"


@dataclass(frozen=True, slots=True)
class Expression:
    """Value computed when a transition is executed or a variable is read.

    kinds: `transition` (id of the transition, None on creation), `actor` (user id, None for anonymous), `actor_name`
    (user id, or `Anonymous User`), `comment` (the comment of the call, `""` when none), `now` (one instant a
    transition), `history` (the entries so far, oldest first), `kwarg` (keyword argument `name` of the call, `value`
    when it is not given) and `constant` (`value`).
    """

    kind: str
    name: str = ""
    value: object = None


@dataclass(frozen=True, slots=True)
class Environment:
    """Values that an expression can see: the actor, the call, the instant and the history."""

    user_id: str | None
    transition: str | None
    kwargs: Mapping[str, object]
    now: datetime
    history: Callable[[], list[dict[str, object]]]


def evaluate(expression: Expression, environment: Environment) -> object:
    """The value of an expression; `WorkflowError` for a kind that is not one of `KINDS`."""
    match expression.kind:
        case "constant":
            return expression.value
        case "transition":
            return environment.transition
        case "actor":
            return environment.user_id
        case "actor_name":
            return ANONYMOUS_NAME if environment.user_id is None else environment.user_id
        case "comment":
            return environment.kwargs.get("comment", "")
        case "now":
            return environment.now
        case "history":
            return environment.history()
        case "kwarg":
            return environment.kwargs.get(expression.name, expression.value)
    raise WorkflowError(f"there is no expression {expression.kind!r}; known are {', '.join(KINDS)}")


NOTHING = Expression("constant")

_NAMED = {
    "transition/getId|nothing": Expression("transition"),
    "transition/getId": Expression("transition"),
    "transition/id|nothing": Expression("transition"),
    "user/getId": Expression("actor"),
    "user/getId|nothing": Expression("actor"),
    "python:user.getId()": Expression("actor"),
    "user/getUserName": Expression("actor_name"),
    "python:user.getUserName()": Expression("actor_name"),
    "state_change/getDateTime": Expression("now"),
    "python:state_change.getDateTime()": Expression("now"),
    "state_change/getHistory": Expression("history"),
    "python:state_change.getHistory()": Expression("history"),
    "nothing": NOTHING,
    "python:None": NOTHING,
    "python:True": Expression("constant", value=True),
    "python:False": Expression("constant", value=False),
}
_KWARG_CALL = re.compile(
    r"""python:\s*(?:state_change\.)?kwargs\.get\(\s*(['"])(\w+)\1\s*(?:,\s*(?:(['"])([^'"\\]*)\3|None)\s*)?\)"""
)
_KWARG_PATH = re.compile(r"(?:state_change/)?kwargs/(\w+)\s*\|\s*(?:nothing|string:([^$|]*))")
_INTEGER = re.compile(r"python:\s*(-?\d{1,18})")
_TEXT = re.compile(r"""python:\s*(['"])([^'"\\]*)\1""")


def from_tales(text: str) -> Expression | None:
    """The expression that a TALES text spells, or None when it is not one of those understood here.

    Understood are the usual variable defaults in their usual spellings, `nothing`, `string:` without substitutions,
    Python's `True`, `False`, `None`, whole numbers and plain quoted texts, and `not:` before any constant of these.
    """
    stripped = text.strip()
    if stripped.startswith("string:"):
        return _string(stripped.removeprefix("string:"))
    if stripped.startswith("not:"):
        inner = from_tales(stripped.removeprefix("not:"))
        return Expression("constant", value=not inner.value) if inner and inner.kind == "constant" else None
    if named := _NAMED.get(re.sub(r"^python:\s+", "python:", re.sub(r"\s*\|\s*", "|", stripped))):
        return named
    if match := _KWARG_CALL.fullmatch(stripped):
        return _kwarg(match[2], match[4])
    if match := _KWARG_PATH.fullmatch(stripped):
        return _kwarg(match[1], match[2])
    if match := _INTEGER.fullmatch(stripped):
        return Expression("constant", value=int(match[1]))
    if match := _TEXT.fullmatch(stripped):
        return Expression("constant", value=match[2])
    return None


def _kwarg(name: str, default: str | None) -> Expression:
    if name == "comment" and default == "":
        return Expression("comment")
    return Expression("kwarg", name, default)


def _string(text: str) -> Expression | None:
    if "$" in text.replace("$$", ""):
        return None
    return Expression("constant", value=text.replace("$$", "$"))


@dataclass(frozen=True, slots=True)
class PermissionSetting:
    """Roles that hold a permission on an object: these and, with `acquire`, those that hold it on the container.

    Without `acquire` an empty `roles` means no role at all, Manager included.
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
    """Condition of a transition: *or* within permissions, roles and groups, *and* between the four lists.

    Every condition must hold.

    An empty guard passes.
    """

    permissions: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    conditions: tuple[ConditionCall, ...] = ()

    @property
    def empty(self) -> bool:
        """True if the guard asks for nothing."""
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
class StateSettings:
    """Setting of a state for every managed permission, and the roles that it grants to every managed group.

    None: nothing set, so acquired. A mapping that acquires and adds no role says the same and is None too.
    """

    permissions: Mapping[str, PermissionSetting | None]
    group_roles: Mapping[str, frozenset[str]]


def _set_by(state: State, permission: str) -> PermissionSetting | None:
    setting = state.permissions.get(permission)
    return None if setting is None or (setting.acquire and not setting.roles) else setting


@dataclass(frozen=True, slots=True)
class Signature:
    """Electronic signature with which a transition is taken.

    `meaning`: the word that stands with it, such as Reviewed. `re_authenticate`: signers prove who they are once more.
    `not_the_author`: who has made what is signed does not sign it. What counts as proof, and who is the author, is for
    the world to say, see `workflows.world.TakesSignatures`.
    """

    meaning: str
    re_authenticate: bool = True
    not_the_author: bool = False


@dataclass(frozen=True, slots=True)
class Transition:
    """A transition. It belongs to no state: states list it among their exits.

    `new_state` None: the object stays in its state. `automatic`: nobody fires it; it follows another transition of the
    object when its guard passes then. `always`: an automatic one that also follows any other change that lets its guard
    pass; `depends` are the relations to objects whose changes count, beside those that the guard's conditions name
    (None: not declared). `offered_if` are conditions without which a state does not offer it: it is then neither shown
    nor refused, as if it were not declared. `action` is the name shown to people; without one the transition is in no
    menu. `undeclared` names what an imported definition hangs on this transition and this engine does not run (its
    scripts). `signature`: it is taken with an electronic signature, whoever asks for it and whatever it follows from.
    """

    id: str
    title: str = ""
    new_state: str | None = None
    automatic: bool = False
    guard: Guard = NO_GUARD
    action: str = ""
    assignments: Mapping[str, Expression] = field(default_factory=dict)
    undeclared: tuple[str, ...] = ()
    always: bool = False
    depends: tuple[str, ...] | None = None
    offered_if: tuple[ConditionCall, ...] = ()
    signature: Signature | None = None


@dataclass(frozen=True, slots=True)
class Variable:
    """A workflow variable.

    `for_status`: stored in each history entry. `update_always`: computed anew at each transition, else copied from the
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

    Action, actor, comments, time, and review_history (not stored, guarded).
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
    valid at the site). `moved_states`: former state -> the state that took its place, for objects that are in the
    former one when the declaration changes. `manager_bypass`: a user with the role Manager on the object passes
    every guard of this workflow.
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
    moved_states: Mapping[str, str] = field(default_factory=dict)
    _exits: dict[tuple[str, bool], tuple[Transition, ...]] = field(
        default_factory=dict, init=False, compare=False, repr=False
    )
    _settings: dict[str, StateSettings] = field(default_factory=dict, init=False, compare=False, repr=False)

    def exits(self, state: State, *, automatic: bool) -> tuple[Transition, ...]:
        """The transitions that a state lists and that exist, user or automatic ones, in the state's order."""
        found = self._exits.get((state.id, automatic))
        if found is None:
            listed = (self.transitions.get(name) for name in state.exits)
            found = tuple(item for item in listed if item is not None and item.automatic is automatic)
            self._exits[state.id, automatic] = found
        return found

    @property
    def tells_history(self) -> bool:
        """True when a status holds the entries before it, and so differs from one object to the next."""
        expressions = (variable.expression for variable in self.variables.values() if variable.for_status)
        return any(expression is not None and expression.kind == "history" for expression in expressions)

    def settings_of(self, state: State) -> StateSettings:
        """Permissions and roles of groups that entering a state sets; the same object each time."""
        found = self._settings.get(state.id)
        if found is None:
            found = self._settings[state.id] = StateSettings(
                {name: _set_by(state, name) for name in self.managed_permissions},
                {group: self._granted(state.group_roles.get(group, ())) for group in self.managed_groups},
            )
        return found

    def _granted(self, roles: Iterable[str]) -> frozenset[str]:
        managed = self.group_managed_roles
        return frozenset(role for role in roles if managed is None or role in managed)

    @property
    def always(self) -> tuple[Transition, ...]:
        """The automatic transitions that any change may set off."""
        return tuple(transition for transition in self.transitions.values() if transition.always)

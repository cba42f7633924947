"""Workflows, cascades and conditions from plain mappings (as YAML gives them), and workflows back to mappings.

A workflow::

    title: Samples
    state_variable: review_state            # this is the default
    initial_state: due
    manager_bypass: false
    permissions: [View]                     # managed permissions; default: all that some state maps
    groups: [reviewers]                     # managed groups; default: all that some state maps
    managed_roles: [Reviewer]               # roles that groups gain and lose; default: all valid ones
    creation_guard: {permissions: [Add portal content]}
    moved_states: {expected: due}           # former states, and those that took their place
    states:
      due:
        title: Due
        exits: [receive, expire]            # in the order automatic transitions are looked at
        permissions:
          View: {acquire: false, roles: [Manager, Analyst]}
        group_roles: {reviewers: [Reviewer]}
        assignments: {colour: red}
    transitions:
      receive:
        title: Receive
        to: received                        # absent or null: stay in the state
        automatic: false                    # true: after a step of the object; always: after any change
        depends: []                         # of always: relations whose changes count, beside the conditions'
        action: Receive sample              # shown in menus; default: the title, else the id
        guard:
          permissions: [Receive Sample]     # one of them; likewise roles, groups
          conditions: [not_cancelled, {field_set: {field: DateSampled}}]   # all of them
        assignments: {by: actor}            # expressions
        signature: {meaning: Received, re_authenticate: true, not_the_author: false}   # none: it takes no signature
    variables:                              # default: action, actor, comments, time, review_history
      by: {for_catalog: false, for_status: true, update_always: true, default: "", expression: actor, guard: {}}
    worklists:
      waiting: {title: "", action: "Waiting (%(count)d)", match: {review_state: [due]}, guard: {}}

An expression is one of the names transition, actor, actor_name, comment, now, history, or `{constant: value}`, or
`{kwarg: name, default: value}`.

Cascades, a list of::

    - type: Analysis                        # or a list of types
      after: submit                         # or event: created / removed
      do:
        - {fire: submit, relation: request, where: {review_state: [received]}, when: [conditions on the moved object],
           each: [conditions on each related object], attempt: true, system: true, cascade: false}
        - {set: DateReceived, value: {now: true}, relation: sample, where: {}, when: [], system: true}
        - {run: effect_name, args: {}, when: [], system: true}

A value is a literal, or `{now: true}`, `{actor: true}`, `{field: name}` (of the moved object), `{literal: value}`.

Conditions, by name, each composed of others by exactly one of `all`, `any` and `not`; `{detail}` in the reason stands
for the reasons of those::

    not_cancelled: {not: {state_in: {variable: cancellation_state, states: [cancelled]}}, reason: ..., remedy: ...}
"""

from collections.abc import Mapping

from workflows.declarations import DeclarationProblem, Node, suggestion
from workflows.declare_cascades import declared_conditions, load_cascades
from workflows.definition import (
    KINDS,
    Expression,
    PermissionSetting,
    Signature,
    State,
    Transition,
    Variable,
    Workflow,
    Worklist,
    mapped_groups,
    mapped_permissions,
    usual_variables,
)
from workflows.dump import dump_workflow
from workflows.errors import DeclarationError
from workflows.reader import WorkflowSection

__all__ = ["declared_conditions", "dump_workflow", "load_cascades", "load_workflow", "read_workflow"]

WORKFLOW_KEYS = (
    "title",
    "state_variable",
    "initial_state",
    "manager_bypass",
    "permissions",
    "groups",
    "managed_roles",
    "creation_guard",
    "moved_states",
    "states",
    "transitions",
    "variables",
    "worklists",
)
STATE_KEYS = ("title", "exits", "permissions", "group_roles", "assignments")
TRANSITION_KEYS = (
    "title",
    "to",
    "automatic",
    "depends",
    "offered_if",
    "action",
    "guard",
    "assignments",
    "signature",
    "undeclared",
)
SIGNATURE_KEYS = ("meaning", "re_authenticate", "not_the_author")
VARIABLE_KEYS = ("for_catalog", "for_status", "update_always", "default", "expression", "guard")
WORKLIST_KEYS = ("title", "action", "match", "guard")
SETTING_KEYS = ("acquire", "roles")

ALWAYS = "always"
"""Value of `automatic` for a transition that any change may set off."""

NAMED_EXPRESSIONS = tuple(kind for kind in KINDS if kind not in ("constant", "kwarg"))
_EXPRESSION = f"one of {', '.join(NAMED_EXPRESSIONS)}, {{constant: value}} or {{kwarg: name, default: value}}"


def load_workflow(workflow_id: str, mapping: Mapping[str, object], *, source: str = "") -> Workflow:
    """Read a workflow from a plain mapping; `source` names it in messages.

    Raises DeclarationError with all problems, each with its key path.
    """
    problems: list[DeclarationProblem] = []
    workflow = read_workflow(workflow_id, Node(mapping, source), problems)
    if problems:
        raise DeclarationError(problems)
    return workflow


def read_workflow(workflow_id: str, node: Node, problems: list[DeclarationProblem]) -> Workflow:
    """Read a workflow from its node; what is wrong is noted in `problems`, and the workflow is then of no use."""
    top = WorkflowSection(node, workflow_id, problems, WORKFLOW_KEYS)
    variables = {name: _variable(name, section) for name, section in top.sections("variables", VARIABLE_KEYS)}
    states = {name: _state(name, section) for name, section in top.sections("states", STATE_KEYS)}
    workflow = Workflow(
        id=workflow_id,
        title=top.text("title"),
        state_variable=top.text("state_variable", "review_state"),
        initial_state=top.text("initial_state", required=True),
        manager_bypass=top.flag("manager_bypass"),
        managed_permissions=tuple(sorted(set(top.texts("permissions"))))
        if top.has("permissions")
        else mapped_permissions(states),
        managed_groups=tuple(dict.fromkeys(top.texts("groups"))) if top.has("groups") else mapped_groups(states),
        group_managed_roles=top.texts("managed_roles") if top.has("managed_roles") else None,
        states=states,
        transitions={name: _transition(name, item) for name, item in top.sections("transitions", TRANSITION_KEYS)},
        variables=variables if "variables" in top else usual_variables(),
        worklists={name: _worklist(name, section) for name, section in top.sections("worklists", WORKLIST_KEYS)},
        creation_guard=top.guard("creation_guard"),
        moved_states=_moved_states(top, states),
    )
    _check_references(top, workflow)
    return workflow


def _moved_states(top: WorkflowSection, states: Mapping[str, State]) -> dict[str, str]:
    inner = top.section("moved_states")
    moved = {name: inner.text(name, required=True) for name in inner.names()}
    for name, new in moved.items():
        if name in states:
            inner.note(f"the state {name!r} is declared, so nothing is moved out of it", "a former state", name)
        elif new:
            top.reference(f"moved_states.{name}", new, states, "state")
    return moved


def _state(name: str, section: WorkflowSection) -> State:
    permissions = {
        permission: PermissionSetting(setting.flag("acquire"), setting.texts("roles"))
        for permission, setting in section.sections("permissions", SETTING_KEYS)
    }
    return State(
        id=name,
        title=section.text("title", name),
        exits=section.texts("exits"),
        permissions=permissions,
        group_roles=section.lists("group_roles"),
        assignments=dict(section.items("assignments")),
    )


def _transition(name: str, section: WorkflowSection) -> Transition:
    title = section.text("title", name)
    automatic, always = _automatic(section)
    if section.has("depends") and not always:
        section.note("it counts only for a transition that is `automatic: always`", "automatic: always", "depends")
    return Transition(
        id=name,
        title=title,
        new_state=section.text("to") or None,
        automatic=automatic,
        guard=section.guard("guard"),
        action=section.text("action", title),
        assignments={
            variable: _expression(section, f"assignments.{variable}", value)
            for variable, value in section.items("assignments")
        },
        undeclared=section.texts("undeclared"),
        always=always,
        depends=section.texts("depends") if section.has("depends") else None,
        offered_if=section.calls("offered_if"),
        signature=_signature(section, automatic=automatic),
    )


def _signature(section: WorkflowSection, *, automatic: bool) -> Signature | None:
    if not section.has("signature"):
        return None
    if automatic:
        section.note("an automatic transition is taken by nobody who could sign it", "a user transition", "signature")
    inner = section.section("signature", SIGNATURE_KEYS)
    return Signature(
        meaning=inner.text("meaning", required=True),
        re_authenticate=inner.flag("re_authenticate", True),
        not_the_author=inner.flag("not_the_author"),
    )


def _automatic(section: WorkflowSection) -> tuple[bool, bool]:
    """A transition happens by itself; and any change may set it off."""
    written = section.plain("automatic")
    if isinstance(written, str):
        if written != ALWAYS:
            hint = suggestion(written, (ALWAYS,))
            section.note(f"{written!r} is neither true, false nor {ALWAYS}{hint}", "true, false or always", "automatic")
        return written == ALWAYS, written == ALWAYS
    return section.flag("automatic"), False


def _variable(name: str, section: WorkflowSection) -> Variable:
    written = section.plain("expression")
    return Variable(
        id=name,
        for_catalog=section.flag("for_catalog"),
        for_status=section.flag("for_status", True),
        update_always=section.flag("update_always", True),
        default=section.plain("default") if "default" in section else "",
        expression=None if written is None else _expression(section, "expression", written),
        guard=section.guard("guard"),
    )


def _worklist(name: str, section: WorkflowSection) -> Worklist:
    return Worklist(
        id=name,
        title=section.text("title"),
        match=section.lists("match"),
        action=section.text("action"),
        guard=section.guard("guard"),
    )


def _expression(section: WorkflowSection, key: str, value: object) -> Expression:
    if isinstance(value, str) and value in NAMED_EXPRESSIONS:
        return Expression(value)
    if isinstance(value, Mapping) and set(value) == {"constant"}:
        return Expression("constant", value=value["constant"])
    if isinstance(value, Mapping) and set(value) <= {"kwarg", "default"} and isinstance(value.get("kwarg"), str):
        return Expression("kwarg", value["kwarg"], value.get("default"))
    section.note(f"{value!r} is not an expression", _EXPRESSION, key)
    return Expression("constant")


def _check_references(top: WorkflowSection, workflow: Workflow) -> None:
    """Every name that refers to a state, transition or variable refers to one that exists."""
    if isinstance(top.plain("initial_state"), str):
        top.reference("initial_state", workflow.initial_state, workflow.states, "state")
    for state in workflow.states.values():
        for number, name in enumerate(state.exits):
            top.reference(f"states.{state.id}.exits[{number}]", name, workflow.transitions, "transition")
        for name in state.assignments:
            top.reference(f"states.{state.id}.assignments", name, workflow.variables, "variable")
    for transition in workflow.transitions.values():
        if transition.new_state is not None:
            top.reference(f"transitions.{transition.id}.to", transition.new_state, workflow.states, "state")
        for name in transition.assignments:
            top.reference(f"transitions.{transition.id}.assignments", name, workflow.variables, "variable")

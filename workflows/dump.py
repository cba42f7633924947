"""A workflow back to the plain mapping that `workflows.declare.load_workflow` reads."""

from collections.abc import Mapping

from workflows.definition import (
    ConditionCall,
    Expression,
    Guard,
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


def dump_workflow(workflow: Workflow) -> dict[str, object]:
    """The shortest mapping that loads to an equal workflow; lists, mappings and scalars only.

    An imported definition that refers to states, transitions or variables it does not have is dumped as it is, and
    loading that says so.
    """
    # What loading supplies by itself is left out, key by key; the order is that of the notation in `workflows.declare`.
    mapping: dict[str, object] = {"title": workflow.title} if workflow.title else {}
    if workflow.state_variable != "review_state":
        mapping["state_variable"] = workflow.state_variable
    mapping["initial_state"] = workflow.initial_state
    if workflow.manager_bypass:
        mapping["manager_bypass"] = True
    if workflow.managed_permissions != mapped_permissions(workflow.states):
        mapping["permissions"] = list(workflow.managed_permissions)
    if workflow.managed_groups != mapped_groups(workflow.states):
        mapping["groups"] = list(workflow.managed_groups)
    if workflow.group_managed_roles is not None:
        mapping["managed_roles"] = list(workflow.group_managed_roles)
    _put(mapping, "creation_guard", _guard(workflow.creation_guard))
    _put(mapping, "moved_states", dict(workflow.moved_states))
    mapping["states"] = {name: _state(state) for name, state in workflow.states.items()}
    mapping["transitions"] = {name: _transition(item) for name, item in workflow.transitions.items()}
    if workflow.variables != usual_variables():
        mapping["variables"] = {name: _variable(variable) for name, variable in workflow.variables.items()}
    if workflow.worklists:
        mapping["worklists"] = {name: _worklist(worklist) for name, worklist in workflow.worklists.items()}
    return mapping


def _put(mapping: dict[str, object], key: str, value: object) -> None:
    """Set the key unless the value is empty."""
    if value:
        mapping[key] = value


def _state(state: State) -> dict[str, object]:
    mapping: dict[str, object] = {}
    if state.title != state.id:
        mapping["title"] = state.title
    mapping["exits"] = list(state.exits)
    _put(
        mapping,
        "permissions",
        {name: {"acquire": item.acquire, "roles": list(item.roles)} for name, item in state.permissions.items()},
    )
    _put(mapping, "group_roles", {group: list(roles) for group, roles in state.group_roles.items()})
    _put(mapping, "assignments", dict(state.assignments))
    return mapping


def _transition(transition: Transition) -> dict[str, object]:
    mapping: dict[str, object] = {}
    if transition.title != transition.id:
        mapping["title"] = transition.title
    mapping["to"] = transition.new_state
    if transition.automatic:
        mapping["automatic"] = "always" if transition.always else True
    if transition.offered_if:
        mapping["offered_if"] = [_call(call) for call in transition.offered_if]
    if transition.depends is not None:
        mapping["depends"] = list(transition.depends)
    if transition.action != transition.title:
        mapping["action"] = transition.action
    _put(mapping, "guard", _guard(transition.guard))
    _put(mapping, "assignments", {name: _expression(value) for name, value in transition.assignments.items()})
    if transition.signature is not None:
        mapping["signature"] = _signature(transition.signature)
    _put(mapping, "undeclared", list(transition.undeclared))
    return mapping


def _signature(signature: Signature) -> dict[str, object]:
    mapping: dict[str, object] = {"meaning": signature.meaning}
    if not signature.re_authenticate:
        mapping["re_authenticate"] = False
    if signature.not_the_author:
        mapping["not_the_author"] = True
    return mapping


def _variable(variable: Variable) -> dict[str, object]:
    mapping: dict[str, object] = {}
    if variable.for_catalog:
        mapping["for_catalog"] = True
    if not variable.for_status:
        mapping["for_status"] = False
    if not variable.update_always:
        mapping["update_always"] = False
    if variable.default != "":
        mapping["default"] = variable.default
    if variable.expression is not None:
        mapping["expression"] = _expression(variable.expression)
    _put(mapping, "guard", _guard(variable.guard))
    return mapping


def _worklist(worklist: Worklist) -> dict[str, object]:
    mapping: dict[str, object] = {}
    _put(mapping, "title", worklist.title)
    _put(mapping, "action", worklist.action)
    _put(mapping, "match", {variable: list(values) for variable, values in worklist.match.items()})
    _put(mapping, "guard", _guard(worklist.guard))
    return mapping


def _guard(guard: Guard) -> dict[str, object]:
    mapping: dict[str, object] = {}
    _put(mapping, "permissions", list(guard.permissions))
    _put(mapping, "roles", list(guard.roles))
    _put(mapping, "groups", list(guard.groups))
    _put(mapping, "conditions", [_call(call) for call in guard.conditions])
    return mapping


def _call(call: ConditionCall) -> object:
    return {call.name: _plain(call.args)} if call.args else call.name


def _plain(value: object) -> object:
    """Arguments as plain data: nested calls as mappings, tuples as lists."""
    if isinstance(value, ConditionCall):
        return _call(value)
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value


def _expression(expression: Expression) -> object:
    if expression.kind == "constant":
        return {"constant": expression.value}
    if expression.kind == "kwarg":
        return {"kwarg": expression.name, "default": expression.value}
    return expression.kind

"""Workflows of any shape, and their text as DCWorkflow exports it: what the reader is tried on."""

from collections.abc import Iterable
from xml.etree.ElementTree import Element, SubElement, tostring

from hypothesis import strategies as st

from workflows import ConditionCall, Guard, PermissionSetting, State, Transition, Variable, Workflow, Worklist

_TEXTS = st.text("abcÄß <>&\"'", max_size=8).map(str.strip)
_IDS = st.text("abcd-_.", min_size=1, max_size=4)
_WORDS = st.lists(st.sampled_from(["View", "Owner", "LAB: Edit", "Größe", "a&b"]), max_size=3, unique=True).map(tuple)
_GUARDS = st.builds(
    Guard,
    permissions=_WORDS,
    roles=_WORDS,
    groups=_WORDS,
    conditions=st.lists(
        st.sampled_from(["here/isReady", "python:here.may('a') and 1 < 2"]).map(
            lambda text: ConditionCall("unsupported_expression", {"expression": text})
        ),
        max_size=2,
    ).map(tuple),
)
_VALUES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | _TEXTS
_TYPES = {type(None): "none", bool: "bool", int: "int", float: "float", str: "string"}


def _states(name: str, names: list[str]) -> st.SearchStrategy[State]:
    return st.builds(
        State,
        id=st.just(name),
        title=_TEXTS,
        exits=st.lists(st.sampled_from([*names, "unknown"]), max_size=4).map(tuple),
        permissions=st.dictionaries(
            st.sampled_from(["View", "LAB: Edit"]), st.builds(PermissionSetting, acquire=st.booleans(), roles=_WORDS)
        ),
        group_roles=st.dictionaries(_IDS, _WORDS, max_size=2),
        assignments=st.dictionaries(_IDS, _VALUES, max_size=2),
    )


def _transitions(name: str, states: list[str]) -> st.SearchStrategy[Transition]:
    return st.builds(
        Transition,
        id=st.just(name),
        title=_TEXTS,
        new_state=st.sampled_from([None, "unknown", *states]),
        automatic=st.booleans(),
        guard=_GUARDS,
        action=_TEXTS,
    )


def _variables(name: str) -> st.SearchStrategy[Variable]:
    flags = {flag: st.booleans() for flag in ("for_catalog", "for_status", "update_always")}
    return st.builds(Variable, id=st.just(name), default=_VALUES, guard=_GUARDS, **flags)


def _worklists(name: str) -> st.SearchStrategy[Worklist]:
    match = st.dictionaries(_IDS, st.lists(_IDS, min_size=1, max_size=3).map(tuple), max_size=2)
    return st.builds(Worklist, id=st.just(name), title=_TEXTS, match=match, action=_TEXTS, guard=_GUARDS)


@st.composite
def exported_workflows(draw: st.DrawFn) -> Workflow:
    """A workflow of which everything can be exported; its exits and targets may lead nowhere."""
    names = draw(st.lists(_IDS, max_size=4, unique=True))
    moves = draw(st.lists(_IDS, max_size=4, unique=True))
    return Workflow(
        id=draw(_IDS),
        title=draw(_TEXTS),
        state_variable=draw(_IDS),
        initial_state=draw(st.sampled_from(["", *names])),
        manager_bypass=draw(st.booleans()),
        managed_permissions=tuple(sorted(draw(_WORDS))),
        managed_groups=draw(_WORDS),
        states={name: draw(_states(name, moves)) for name in names},
        transitions={name: draw(_transitions(name, names)) for name in moves},
        variables={name: draw(_variables(name)) for name in draw(st.lists(_IDS, max_size=2, unique=True))},
        worklists={name: draw(_worklists(name)) for name in draw(st.lists(_IDS, max_size=2, unique=True))},
        creation_guard=draw(_GUARDS),
    )


def export(workflow: Workflow) -> bytes:
    """The `definition.xml` of a workflow whose guards have no other condition than unsupported expressions."""
    root = Element(
        "dc-workflow",
        workflow_id=workflow.id,
        title=workflow.title,
        state_variable=workflow.state_variable,
        initial_state=workflow.initial_state,
        manager_bypass=str(workflow.manager_bypass),
    )
    _texts(root, "permission", workflow.managed_permissions)
    _texts(root, "group", workflow.managed_groups)
    for state in workflow.states.values():
        _state(SubElement(root, "state", state_id=state.id, title=state.title), state)
    for transition in workflow.transitions.values():
        node = SubElement(root, "transition", transition_id=transition.id, title=transition.title)
        node.set("new_state", transition.new_state or "")
        node.set("trigger", "AUTOMATIC" if transition.automatic else "USER")
        _texts(node, "action", [transition.action])
        _guard(node, transition.guard)
    for worklist in workflow.worklists.values():
        node = SubElement(root, "worklist", worklist_id=worklist.id, title=worklist.title)
        _texts(node, "action", [worklist.action])
        for name, values in worklist.match.items():
            SubElement(node, "match", name=name, values="; ".join(values))
        _guard(node, worklist.guard)
    for variable in workflow.variables.values():
        node = SubElement(root, "variable", variable_id=variable.id)
        for flag in ("for_catalog", "for_status", "update_always"):
            node.set(flag, str(getattr(variable, flag)))
        _value(SubElement(node, "default"), "value", variable.default)
        _guard(node, variable.guard)
    _guard(SubElement(root, "instance-creation-conditions"), workflow.creation_guard)
    return bytes(tostring(root, encoding="utf-8", xml_declaration=True))


def _state(node: Element, state: State) -> None:
    for name in state.exits:
        SubElement(node, "exit-transition", transition_id=name)
    for name, setting in state.permissions.items():
        _texts(
            SubElement(node, "permission-map", name=name, acquired=str(setting.acquire)),
            "permission-role",
            setting.roles,
        )
    for name, roles in state.group_roles.items():
        _texts(SubElement(node, "group-map", name=name), "group-role", roles)
    for name, value in state.assignments.items():
        _value(node, "assignment", value).set("name", name)


def _guard(node: Element, guard: Guard) -> None:
    inner = SubElement(node, "guard")
    _texts(inner, "guard-permission", guard.permissions)
    _texts(inner, "guard-role", guard.roles)
    _texts(inner, "guard-group", guard.groups)
    _texts(inner, "guard-expression", (str(call.args["expression"]) for call in guard.conditions))


def _value(node: Element, tag: str, value: object) -> Element:
    inner = SubElement(node, tag, type=_TYPES[type(value)])
    inner.text = "" if value is None else str(value)
    return inner


def _texts(node: Element, tag: str, texts: Iterable[str]) -> None:
    for text in texts:
        SubElement(node, tag).text = text

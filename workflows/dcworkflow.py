"""Reading DCWorkflow's `definition.xml`.

What the file says is carried over as it stands, odd as it may be: exits that no transition has, transitions that no
state lists, maps of permissions that are not managed. Application code is not: scripts, and guard and variable
expressions beyond those of `workflows.definition`. Every such thing is named in the notes. A guard with an
expression that is not carried over refuses (condition `unsupported_expression`) unless the caller names a condition
for it.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeVar

from workflows.definition import (
    NO_GUARD,
    ConditionCall,
    Expression,
    Guard,
    PermissionSetting,
    State,
    Transition,
    Variable,
    Workflow,
    Worklist,
    from_tales,
)
from workflows.errors import DefinitionError
from workflows.xmltree import XmlElement, parse

TRIGGERS = {"USER": False, "AUTOMATIC": True}
_T = TypeVar("_T")
_TRUE = ("true", "yes", "1")


@dataclass(frozen=True, slots=True)
class Note:
    """Something in a definition that was not carried over, or is likely a mistake.

    Where it stands, its line, what it is.
    """

    where: str
    line: int
    message: str


@dataclass(frozen=True, slots=True)
class Imported:
    """A workflow read from a file, with notes on what was not carried over."""

    workflow: Workflow
    notes: tuple[Note, ...]


def read_definition(
    data: bytes, *, source: str = "definition.xml", conditions: Mapping[str, ConditionCall] | None = None
) -> Imported:
    """The workflow of a `definition.xml`.

    `conditions` maps guard expressions (their text) to conditions that stand for them.

    Raises DefinitionError with line and cause when the file is not well-formed, too large, has a document type or
    entities, is not a workflow definition, or lacks or repeats an id.
    """
    root = parse(data, source)
    if root.tag != "dc-workflow":
        raise DefinitionError(source, root.line, f"the root element is {root.tag!r}, not 'dc-workflow'")
    return _Reader(source, conditions or {}).workflow(root)


@dataclass(slots=True)
class _Reader:
    source: str
    conditions: Mapping[str, ConditionCall]
    notes: list[Note] = field(default_factory=list)

    def workflow(self, root: XmlElement) -> Imported:
        states = self._by_id(root, "state", "state_id", self._state)
        creation = root.first("instance-creation-conditions")
        workflow = Workflow(
            id=self._attribute(root, "workflow_id"),
            title=root.attributes.get("title", ""),
            state_variable=root.attributes.get("state_variable", "state"),
            initial_state=root.attributes.get("initial_state", ""),
            manager_bypass=_flag(root, "manager_bypass"),
            managed_permissions=tuple(sorted({node.content() for node in root.all("permission")})),
            managed_groups=tuple(dict.fromkeys(node.content() for node in root.all("group"))),
            states=states,
            transitions=self._by_id(root, "transition", "transition_id", self._transition),
            variables=self._by_id(root, "variable", "variable_id", self._variable),
            worklists=self._by_id(root, "worklist", "worklist_id", self._worklist),
            creation_guard=self._guard(creation, "instance-creation-conditions") if creation else NO_GUARD,
        )
        for script in root.all("script"):
            self._note(script, f"script {script.attributes.get('script_id', '')}", "scripts are not carried over")
        self.notes.extend(_oddities(root, workflow))
        return Imported(workflow, tuple(self.notes))

    def _by_id(self, root: XmlElement, tag: str, key: str, read: Callable[[XmlElement, str], _T]) -> dict[str, _T]:
        found: dict[str, _T] = {}
        for node in root.all(tag):
            name = self._attribute(node, key)
            if name in found:
                raise DefinitionError(self.source, node.line, f"there are two {tag}s {name!r}")
            found[name] = read(node, name)
        return found

    def _attribute(self, node: XmlElement, key: str) -> str:
        value = node.attributes.get(key, "")
        if not value:
            raise DefinitionError(self.source, node.line, f"the element {node.tag!r} has no {key}")
        return value

    def _note(self, node: XmlElement, where: str, message: str) -> None:
        self.notes.append(Note(where, node.line, message))

    def _state(self, node: XmlElement, name: str) -> State:
        return State(
            id=name,
            title=node.attributes.get("title", ""),
            exits=tuple(child.attributes.get("transition_id", "") for child in node.all("exit-transition")),
            permissions={
                child.attributes.get("name", ""): PermissionSetting(
                    _flag(child, "acquired"), tuple(role.content() for role in child.all("permission-role"))
                )
                for child in node.all("permission-map")
            },
            group_roles={
                child.attributes.get("name", ""): tuple(role.content() for role in child.all("group-role"))
                for child in node.all("group-map")
            },
            assignments={
                child.attributes.get("name", ""): self._typed(child, f"state {name}")
                for child in node.all("assignment")
            },
        )

    def _typed(self, node: XmlElement, where: str) -> object:
        text, kind = node.content(), node.attributes.get("type", "string")
        try:
            match kind:
                case "string":
                    return text
                case "int":
                    return int(text)
                case "float":
                    return float(text)
                case "bool":
                    return text.lower() in _TRUE
                case "datetime":
                    moment = datetime.fromisoformat(text.replace("/", "-"))
                    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
                case "none":
                    return None
        except ValueError as error:
            raise DefinitionError(self.source, node.line, f"{where}: {text!r} is not of type {kind}") from error
        self._note(node, where, f"there is no type {kind!r}; {text!r} is kept as text")
        return text

    def _transition(self, node: XmlElement, name: str) -> Transition:
        where, trigger = f"transition {name}", node.attributes.get("trigger", "USER")
        if trigger not in TRIGGERS:
            raise DefinitionError(
                self.source, node.line, f"{where}: the trigger {trigger!r} is neither USER nor AUTOMATIC"
            )
        scripts = [f"{key} {node.attributes[key]}" for key in _SCRIPTS if node.attributes.get(key)]
        for script in scripts:
            self._note(node, where, f"its {script} is not carried over")
        action = node.first("action")
        return Transition(
            id=name,
            title=node.attributes.get("title", ""),
            new_state=node.attributes.get("new_state") or None,
            automatic=TRIGGERS[trigger],
            guard=self._guard(node, where),
            action=action.content() if action else "",
            assignments=self._assignments(node, where),
            undeclared=tuple(scripts),
        )

    def _assignments(self, node: XmlElement, where: str) -> dict[str, Expression]:
        assignments = {}
        for child in node.all("assignment"):
            name = child.attributes.get("name", "")
            expression = self._expression(child, f"{where}, assignment of {name}", "the assignment is left out")
            if expression is not None:
                assignments[name] = expression
        return assignments

    def _expression(self, node: XmlElement, where: str, consequence: str) -> Expression | None:
        text = node.content()
        expression = from_tales(text) if text else None
        if text and expression is None:
            self._note(node, where, f"the expression {text!r} is not carried over; {consequence}")
        return expression

    def _variable(self, node: XmlElement, name: str) -> Variable:
        default = node.first("default")
        value = default.first("value") if default else None
        written = default.first("expression") if default else None
        where = f"variable {name}"
        return Variable(
            id=name,
            for_catalog=_flag(node, "for_catalog"),
            for_status=_flag(node, "for_status"),
            update_always=_flag(node, "update_always"),
            default=self._typed(value, where) if value else "",
            expression=self._expression(written, where, "its default value stands") if written else None,
            guard=self._guard(node, where),
        )

    def _worklist(self, node: XmlElement, name: str) -> Worklist:
        action = node.first("action")
        matches = {}
        for child in node.all("match"):
            matches[child.attributes.get("name", "")] = tuple(_BETWEEN.split(child.attributes.get("values", "")))
        guard = self._guard(node, f"worklist {name}")
        return Worklist(name, node.attributes.get("title", ""), matches, action.content() if action else "", guard)

    def _guard(self, parent: XmlElement, where: str) -> Guard:
        node = parent.first("guard")
        if node is None:
            return NO_GUARD
        return Guard(
            permissions=tuple(child.content() for child in node.all("guard-permission")),
            roles=tuple(child.content() for child in node.all("guard-role")),
            groups=tuple(child.content() for child in node.all("guard-group")),
            conditions=tuple(call for child in node.all("guard-expression") for call in self._condition(child, where)),
        )

    def _condition(self, node: XmlElement, where: str) -> tuple[ConditionCall, ...]:
        text = node.content()
        if not text:
            return ()
        if text in self.conditions:
            return (self.conditions[text],)
        expression = from_tales(text)
        if expression is not None and expression.kind == "constant":
            return () if expression.value else (ConditionCall("never"),)
        self._note(node, where, f"the guard expression {text!r} is not carried over; the guard refuses")
        return (ConditionCall("unsupported_expression", {"expression": text}),)


_BETWEEN = re.compile(r"; *")
_SCRIPTS = ("before_script", "after_script")


def _flag(node: XmlElement, key: str) -> bool:
    return node.attributes.get(key, "").lower() in _TRUE


def _oddities(root: XmlElement, workflow: Workflow) -> Iterator[Note]:
    """Names that refer to nothing, and transitions that no state lists; the engine lives with them."""
    if workflow.initial_state not in workflow.states:
        yield Note("initial_state", root.line, f"there is no state {workflow.initial_state!r}")
    listed: set[str] = set()
    for node in root.all("state"):
        state = workflow.states[node.attributes["state_id"]]
        listed.update(state.exits)
        for name in state.exits:
            if name not in workflow.transitions:
                yield Note(f"state {state.id}", node.line, f"its exit {name!r} is no transition; it is ignored")
        for permission in state.permissions:
            if permission not in workflow.managed_permissions:
                yield Note(f"state {state.id}", node.line, f"its map of {permission!r}, not managed, has no effect")
    for node in root.all("transition"):
        transition = workflow.transitions[node.attributes["transition_id"]]
        where = f"transition {transition.id}"
        if transition.id not in listed:
            yield Note(where, node.line, "no state lists it, so it can never be taken")
        if transition.new_state is not None and transition.new_state not in workflow.states:
            yield Note(where, node.line, f"there is no state {transition.new_state!r}; taking it is an error")

"""Imported workflows without names that refer to nothing, so that their declarations load; and the names they use."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar

from workflows.definition import Guard, State, Transition, Workflow
from workflows.errors import DefinitionError

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class NamesUsed:
    """Roles, permissions and groups that a workflow names, each once, in the order in which they come."""

    roles: tuple[str, ...]
    permissions: tuple[str, ...]
    groups: tuple[str, ...]


def declarable(workflow: Workflow) -> tuple[Workflow, tuple[str, ...]]:
    """The workflow as `load_workflow` takes it, and a note for everything that was left out or changed.

    Exits that are no transitions go without a note, since `read_definition` has noted them. Transitions that lead to
    no state go, since DCWorkflow fails on them, and so do assignments to variables that are not declared. Raises
    DefinitionError when there is no state at all.
    """
    notes: list[str] = []
    if not workflow.states:
        raise DefinitionError(workflow.id, 0, "the workflow has no states, so nothing can be in it")
    initial = workflow.initial_state
    if initial not in workflow.states:
        initial = next(iter(workflow.states))
        notes.append(f"initial_state: there is no state {workflow.initial_state!r}; {initial!r}, the first, is taken")
    transitions: dict[str, Transition] = {}
    for name, transition in workflow.transitions.items():
        if transition.new_state is not None and transition.new_state not in workflow.states:
            notes.append(
                f"transition {name}: there is no state {transition.new_state!r}; it is left out with its exits"
            )
        else:
            known = _known(transition.assignments, workflow, f"transition {name}", notes)
            transitions[name] = replace(transition, assignments=known)
    states = {name: _state(state, transitions, workflow, notes) for name, state in workflow.states.items()}
    variables = {
        name: replace(item, default=_scalar(item.default, f"variable {name}", notes))
        for name, item in workflow.variables.items()
    }
    found = replace(workflow, initial_state=initial, states=states, transitions=transitions, variables=variables)
    return found, tuple(notes)


def _state(state: State, transitions: dict[str, Transition], workflow: Workflow, notes: list[str]) -> State:
    where = f"state {state.id}"
    exits = tuple(name for name in state.exits if name in transitions)
    assignments = {
        name: _scalar(value, where, notes) for name, value in _known(state.assignments, workflow, where, notes).items()
    }
    return replace(state, exits=exits, assignments=assignments)


def _known(assignments: Mapping[str, _T], workflow: Workflow, where: str, notes: list[str]) -> dict[str, _T]:
    for name in sorted(assignments.keys() - workflow.variables.keys()):
        notes.append(f"{where}: there is no variable {name!r}; its assignment is left out")
    return {name: value for name, value in assignments.items() if name in workflow.variables}


def _scalar(value: object, where: str, notes: list[str]) -> object:
    """A value as YAML of declarations has it, which knows no dates."""
    if isinstance(value, datetime):
        notes.append(f"{where}: the date {value.isoformat()} is a text")
        return value.isoformat()
    return value


def names_used(workflow: Workflow) -> NamesUsed:
    """The roles, permissions and groups that a workflow names, whoever declares them."""
    guards = list(_guards(workflow))
    settings = [setting for state in workflow.states.values() for setting in state.permissions.values()]
    mapped = [(group, roles) for state in workflow.states.values() for group, roles in state.group_roles.items()]
    return NamesUsed(
        roles=tuple(
            dict.fromkeys(
                [
                    *(role for guard in guards for role in guard.roles),
                    *(role for setting in settings for role in setting.roles),
                    *(role for _, roles in mapped for role in roles),
                    *(workflow.group_managed_roles or ()),
                ]
            )
        ),
        permissions=tuple(
            dict.fromkeys(
                [
                    *workflow.managed_permissions,
                    *(name for state in workflow.states.values() for name in state.permissions),
                    *(name for guard in guards for name in guard.permissions),
                ]
            )
        ),
        groups=tuple(
            dict.fromkeys(
                [
                    *workflow.managed_groups,
                    *(group for group, _ in mapped),
                    *(name for guard in guards for name in guard.groups),
                ]
            )
        ),
    )


def _guards(workflow: Workflow) -> Iterator[Guard]:
    yield workflow.creation_guard
    for part in (workflow.transitions, workflow.variables, workflow.worklists):
        yield from (item.guard for item in part.values())

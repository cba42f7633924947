"""Declarations that can never come about: types that no container holds, states that no transition leads to."""

from collections.abc import Iterator, Mapping

from objapi.model.registry import Registry
from objapi.model.types import EntityType
from workflows import Workflow
from workflows.declarations import DeclarationProblem, Node, listed


def check_containers(
    types: Mapping[str, EntityType], root_type: str, nodes: Mapping[str, Node], problems: list[DeclarationProblem]
) -> None:
    """Note types whose containers lead to each other and never to the site: no object of them can be made."""
    reached = {root_type, *(name for name, item in types.items() if item.table is not None)}
    new = reached
    while new:
        new = {name for name, item in types.items() if name not in reached and reached.intersection(item.containers)}
        reached = reached | new
    closed = [
        name
        for name, item in types.items()
        if item.containers and name not in reached and all(other in types for other in item.containers)
    ]
    if closed:
        # One mistake: containers that lead to each other, and what is only in them.
        name, node = closed[0], nodes[closed[0]].nearest("containers")
        others = f", and no {' or '.join(closed[1:])}" if closed[1:] else ""
        within = listed(types[name].containers)
        message = f"no {name} can ever be made{others}: {within} cannot be in the site either"
        problems.append(
            node.problem(f"{name}.containers", message, f"a container that leads to {root_type}", origin=True)
        )


def remarks(registry: Registry) -> Iterator[str]:
    """Sentences about declarations that load and may yet be slips: unreachable states, transitions in no state."""
    for workflow in registry.workflows.values():
        start = f"workflow {workflow.id}"
        for name in workflow.states.keys() - _reached_states(workflow):
            yield f"{start}: no transition leads from {workflow.initial_state!r} to the state {name!r}."
        listed_ones = {name for state in workflow.states.values() for name in state.exits}
        for name in workflow.transitions.keys() - listed_ones:
            yield f"{start}: the transition {name!r} is among the exits of no state, so it is never taken."
    used = {name for item in registry.types.values() for name in item.workflows}
    for name in registry.workflows.keys() - used:
        yield f"workflow {name}: no type has it."


def _reached_states(workflow: Workflow) -> set[str]:
    reached, new = {workflow.initial_state}, [workflow.initial_state]
    while new:
        exits = workflow.states[new.pop()].exits
        found = {workflow.transitions[name].new_state for name in exits} - reached - {None}
        new += [name for name in found if name is not None]
        reached.update(new)
    return reached

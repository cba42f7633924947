"""States of items of the other laboratory as states of the workflows here. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any

from objapi.model.registry import Registry, fold
from objapi.model.types import EntityType
from workflows import Workflow


def states_of(
    registry: Registry, portal_type: str, item: Mapping[str, Any], meant: Mapping[str, str]
) -> tuple[dict[str, str], tuple[str, ...]]:
    """Workflow → state, as far as an item tells; and the states that there are not here.

    What each workflow says is taken where the workflow and its state are here, too; the one state that SENAITE shows
    is unfolded for all others, by `meant` where several states are shown so.
    """
    chain = registry.chain(portal_type)
    states = _told(chain, item)
    shown = item.get("review_state")
    if len(states) == len(chain) or not isinstance(shown, str) or not shown:
        return states, ()
    unfolded = _unfolded(registry.types[portal_type], chain, states, shown, meant.get(shown))
    return (states, (shown,)) if unfolded is None else ({**states, **unfolded}, ())


def _told(chain: Sequence[Workflow], item: Mapping[str, Any]) -> dict[str, str]:
    """What an item says of each workflow: in `workflow_info`, or by the names of state variables."""
    entries = item.get("workflow_info")
    told = {
        str(entry.get("workflow")): entry.get("review_state")
        for entry in (entries if isinstance(entries, list) else ())
        if isinstance(entry, Mapping)
    }
    states = {}
    for workflow in chain:
        state = told.get(workflow.id) if told else item.get(workflow.state_variable)
        if isinstance(state, str) and state in workflow.states:
            states[workflow.id] = state
    return states


def _shown(entity_type: EntityType, chain: Sequence[Workflow], states: Mapping[str, str]) -> str | None:
    values = {item.state_variable: states.get(item.id, item.initial_state) for item in reversed(chain)}
    return fold(entity_type.folds, values.get)


def _unfolded(
    entity_type: EntityType, chain: Sequence[Workflow], told: Mapping[str, str], shown: str, meant: str | None
) -> dict[str, str] | None:
    """States of the workflows of which nothing was told with which an object shows a state; None for none.

    As few as possible are other than initial.
    """
    if meant is None and (not chain or _shown(entity_type, chain, told) == shown):
        return {}
    free = [workflow for workflow in chain if workflow.id not in told]
    for count in range(1, min(len(free), 2) + 1):
        for chosen in combinations(free, count):
            fitting = [choice for choice in _choices(chosen) if _shown(entity_type, chain, {**told, **choice}) == shown]
            if fitting:
                return next((choice for choice in fitting if meant in choice.values()), fitting[0])
    return None


def _choices(chosen: Sequence[Workflow]) -> Iterator[dict[str, str]]:
    first, *others = chosen
    for state in first.states:
        if not others:
            yield {first.id: state}
        for other in others:
            for second in other.states:
                yield {first.id: state, other.id: second}

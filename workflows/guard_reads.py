"""Values that a guard looks at, by its conditions: what has to change for it to answer otherwise."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from workflows.condition import Condition, parse_calls
from workflows.conditions import STANDARD
from workflows.definition import ConditionCall
from workflows.errors import ConditionArgument
from workflows.registry import WorkflowRegistry

_NAMES = ("field", "variable")
"""Arguments of the standard conditions that name a value."""


@dataclass(frozen=True, slots=True)
class GuardRead:
    """A value of the objects at the end of relations, of the object itself without any.

    `name` None: the objects as such, whatever of them changes.
    """

    relations: tuple[str, ...]
    name: str | None


def guard_reads(calls: Iterable[ConditionCall], registry: WorkflowRegistry) -> Iterator[GuardRead]:
    """The values that conditions look at, by their arguments; of those written in code none is known."""
    for relations, call in _walk(calls, registry, (), frozenset()):
        condition = registry.conditions.get(call.name)
        if not isinstance(condition, Condition):
            continue
        at = _reached(relations, call)
        if at != relations:
            yield GuardRead(at, None)
        where = call.args.get("where")
        names = [call.args.get(name) for name in _NAMES] + list(where if isinstance(where, dict) else ())
        yield from (GuardRead(at, name) for name in names if isinstance(name, str))


def conditions_in_code(calls: Iterable[ConditionCall], registry: WorkflowRegistry) -> Iterator[str]:
    """The names of the conditions, nested ones too, of which it is not known what they look at."""
    for _, call in _walk(calls, registry, (), frozenset()):
        condition = registry.conditions.get(call.name)
        if not isinstance(condition, Condition) or (not condition.uses and STANDARD.get(call.name) != condition):
            yield call.name


def _walk(
    calls: Iterable[ConditionCall], registry: WorkflowRegistry, relations: tuple[str, ...], above: frozenset[str]
) -> Iterator[tuple[tuple[str, ...], ConditionCall]]:
    """All calls, nested ones too, each with the relations to the objects that it is asked of."""
    for call in calls:
        yield relations, call
        condition = registry.conditions.get(call.name)
        if not isinstance(condition, Condition) or call.name in above:
            continue
        at = _reached(relations, call)
        # A condition that uses itself is a mistake that `WorkflowRegistry.check` reports; here it only must not hang.
        yield from _walk(condition.uses, registry, at, above | {call.name} if condition.uses else above)
        for argument in condition.nested:
            yield from _walk(_calls(call.args.get(argument)), registry, at, above)


def _reached(relations: tuple[str, ...], call: ConditionCall) -> tuple[str, ...]:
    """The relations to the objects that a call looks at, from those to the object that it is asked of."""
    relation = call.args.get("relation")
    return (*relations, relation) if isinstance(relation, str) else relations


def _calls(written: object) -> tuple[ConditionCall, ...]:
    try:
        return () if written is None else parse_calls(written)
    except ConditionArgument:
        # `WorkflowRegistry.check` reports it, with its place.
        return ()

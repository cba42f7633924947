"""Paths from objects with transitions that are `automatic: always` to the values that their guards look at."""

from collections.abc import Iterator

from objapi.model.dependents import VARIABLES, Dependents
from objapi.model.loading.tracing import BrokenPath, Tracer
from objapi.model.paths import NamedRelation, Path, PathError, Step, parse_relation
from objapi.model.registry import Registry
from workflows.guard_reads import GuardRead, guard_reads

_ANY_CHANGE = "modified"
"""The attribute that changes with every change of an object."""


def guard_dependents(registry: Registry) -> Dependents | None:
    """Routes from a changed object to those that it may set off; None when no transition is `automatic: always`."""
    followed = {
        name: [(VARIABLES, path) for path in dict.fromkeys(_paths(registry, name))]
        for name in registry.types
        if _follows(registry, name)
    }
    return Dependents(registry, followed) if followed else None


def _follows(registry: Registry, portal_type: str) -> bool:
    return any(workflow.always for workflow in registry.chain(portal_type))


def _paths(registry: Registry, portal_type: str) -> Iterator[Path]:
    tracer = Tracer(registry.types, registry.workflows)
    for workflow in registry.chain(portal_type):
        for transition in workflow.always:
            declared = (GuardRead((relation,), None) for relation in transition.depends or ())
            for read in (*guard_reads(transition.guard.conditions, registry.conditions), *declared):
                for steps in _steps(tracer, portal_type, read.relations):
                    yield Path(steps, read.name or _ANY_CHANGE)


def _steps(tracer: Tracer, portal_type: str, relations: tuple[str, ...]) -> Iterator[tuple[Step, ...]]:
    """The ways along relations; one that the type lacks or that code follows has none."""
    if not relations:
        yield ()
        return
    try:
        found = tracer.types[portal_type].relations.get(relations[0]) or parse_relation(relations[0])
        if isinstance(found, NamedRelation):
            return
        ends = tracer.follow([portal_type], found.steps)
    except (BrokenPath, PathError):
        return
    following = dict.fromkeys(steps for end in sorted(ends) for steps in _steps(tracer, end, relations[1:]))
    yield from ((*found.steps, *steps) for steps in following)

"""Worklists: saved catalog queries that are offered to those who have something to do."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from workflows.definition import Workflow, Worklist
from workflows.guards import check_guard
from workflows.registry import WorkflowRegistry
from workflows.world import Subject, World

_PLACE = re.compile(r"%\((\w+)\)[sd]")


@dataclass(frozen=True, slots=True)
class OfferedWorklist:
    """A worklist with its query filled in, the number of objects found (0 without matches to ask for).

    And its name to show.
    """

    workflow: Workflow
    worklist: Worklist
    query: Mapping[str, tuple[str, ...]]
    count: int
    name: str


def worklist_query(worklist: Worklist, values: Mapping[str, object]) -> dict[str, tuple[str, ...]]:
    """The catalog query: variable -> alternatives, `%(name)s` in them replaced by the given values.

    A name that is not given stays as it is. `%` is not otherwise special.
    """
    return {
        variable: tuple(_filled(alternative, values) for alternative in alternatives)
        for variable, alternatives in worklist.match.items()
    }


def offered_worklists(
    world: World,
    registry: WorkflowRegistry,
    site: Subject,
    workflows: Iterable[Workflow],
    search: Callable[[Mapping[str, Sequence[str]]], int],
    values: Mapping[str, object] | None = None,
) -> tuple[OfferedWorklist, ...]:
    """The worklists offered to the acting user, in workflow order.

    One is offered when it has an action name, its guard passes against the site, and, if it has matches,
    `search(query)`, the number of objects that this user finds, is not 0.
    """
    context = world.context(site)
    found = []
    for workflow in workflows:
        for worklist in workflow.worklists.values():
            if not worklist.action:
                continue
            if not check_guard(world, registry, workflow, worklist.guard, site, context).passed:
                continue
            query = worklist_query(worklist, values or {})
            count = search(query) if query else 0
            if count or not query:
                name = _filled(worklist.action, {**(values or {}), "count": count})
                found.append(OfferedWorklist(workflow, worklist, query, count, name))
    return tuple(found)


def _filled(text: str, values: Mapping[str, object]) -> str:
    return _PLACE.sub(lambda match: str(values[match[1]]) if match[1] in values else match[0], text)

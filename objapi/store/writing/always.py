"""Transitions that are `automatic: always`: taken when whatever a request changes lets their guard pass."""

from functools import partial

from objapi.model.dependents import Dependents
from objapi.store.writing.batch_attempt import BatchAttempt
from objapi.store.writing.draft import Draft
from objapi.store.writing.planner import StorePlanner
from objapi.store.writing.write_set import changed_objects, created_objects, find_dependents, removed_objects


def take_always(attempt: BatchAttempt, dependents: Dependents) -> None:
    """Take the transitions that the changes of a planned request set off, and those that these set off in turn.

    What cannot be done fails the item whose object it is, else the first.
    """
    planner = attempt.planner
    places = {draft.rid: place for place, draft in attempt.drafts.items()}
    first = next(iter(places.values()), 0)
    before = -1
    # A transition may change what other guards look at, so the objects are looked for again until none is taken.
    while len(planner.run.steps) != before and not attempt.errors:
        before = len(planner.run.steps)
        for draft in _concerned(planner, dependents):
            if not draft.removed:
                attempt.guarded(places.get(draft.rid, first), partial(planner.run.follow_changes, [draft]))


def _concerned(planner: StorePlanner, dependents: Dependents) -> list[Draft]:
    """The objects, with such transitions, that changed or whose guards look at what changed."""
    created, changed = created_objects(planner), changed_objects(planner).values()
    with planner.workspace.without_locks():
        found = find_dependents(planner, dependents, (*created, *removed_objects(planner)), changed)
    concerned = {draft.rid: draft for draft in (*created, *changed, *found)}
    return [
        draft
        for draft in concerned.values()
        if not draft.removed and any(workflow.always for workflow in planner.registry.chain(draft.portal_type))
    ]

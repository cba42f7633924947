"""Planning a request of many items: all or none, or those that can be, with the transitions that follow from them."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from types import MappingProxyType
from typing import TypedDict, TypeVar

from objapi.errors import ApiError, BadRequest
from objapi.model.dependents import Dependents
from objapi.store.requests import ByItem, Entry, Outcome, Plan, Selector, VersionMatch
from objapi.store.writing.apply_plan import apply_plan
from objapi.store.writing.batch_attempt import BatchAttempt, entries, failure
from objapi.store.writing.draft import Draft
from objapi.store.writing.editing import Editor
from objapi.store.writing.planner import StorePlanner
from objapi.store.writing.resolve import Resolver
from objapi.store.writing.shown_plan import refused_items, shown_plan
from objapi.store.writing.write_set import (
    WriteSet,
    changed_objects,
    compute_write_set,
    created_objects,
    find_dependents,
    removed_objects,
)

_T = TypeVar("_T")

PlanItems = Callable[[Editor, Collection[int]], BatchAttempt]
"""Plans the items at some places of a request."""

CheckPlan = Callable[[StorePlanner, WriteSet], str]
"""May refuse a plan as a whole, and gives its digest."""


class MakeOptions(TypedDict, total=False):
    """How a request is carried out: without the items that fail, without acting, with the plan in the outcome.

    A dry run always has it. It lists every changed value, so who does not answer it has it left out.
    """

    partial: bool
    dry_run: bool
    with_plan: bool


class WriteOptions(MakeOptions, total=False):
    """How a request about stored objects is carried out; `match`: only on one of these versions."""

    match: VersionMatch | None


@dataclass(frozen=True, slots=True)
class BatchPlan:
    """Items of a request, planned together: one draft or error for each."""

    selectors: Sequence[Selector | ByItem]
    plan_items: PlanItems
    new_planner: Callable[[], StorePlanner]
    resolver: Callable[[StorePlanner], Resolver]
    dependents: Dependents | None
    """What guards of `automatic: always` transitions look at, where the site has such transitions."""

    def carried_out(
        self,
        planner: StorePlanner,
        options: WriteOptions,
        *,
        as_batch: bool = False,
        check: CheckPlan | None = None,
    ) -> Outcome:
        """Check, plan, act, record. What fails in a partial request is left out and the rest planned anew.

        `planner`: one that may have loaded what is asked for and has planned nothing. Raises BadRequest for a `match`
        when the request is not about one object, whose version it means.
        """
        is_partial, match = options.get("partial", False), options.get("match")
        if match is not None and len(self.selectors) != 1:
            raise BadRequest(
                f"If-Match is about one object, and the request about {len(self.selectors)}; "
                "send a version with each row of update_many."
            )
        attempt, failed = self._attempted(planner, is_partial=is_partial)
        dry_run = options.get("dry_run", False)
        if match is not None and (outdated := attempt.outdated(match)) is not None:
            known = entries(self.selectors, attempt, {0: outdated})
            outdated.trial = Plan(refused=tuple(refused_items(known, {0: outdated}))) if dry_run else None
            raise outdated
        if failed and not is_partial:
            answered = entries(self.selectors, attempt, failed)
            refusal = failure(Outcome(answered, Plan(), applied=False), as_batch=as_batch)
            refusal.trial = self._plan_of_the_rest(answered, failed) if dry_run else None
            raise refusal
        with_plan = dry_run or options.get("with_plan", True)
        write_set = compute_write_set(attempt.planner)
        plan_hash = "" if check is None else check(attempt.planner, write_set)
        plan = shown_plan(attempt, write_set, named=dry_run) if with_plan else Plan()
        applied = not dry_run and not write_set.empty
        if applied:
            apply_plan(attempt.planner, write_set)
        answered = entries(self.selectors, attempt, failed, write_set.changed)
        if dry_run:
            plan = replace(plan, refused=tuple(refused_items(answered, failed)))
        return Outcome(answered, plan, applied, plan_hash)

    def _plan_of_the_rest(self, answered: Sequence[Entry], failed: Mapping[int, ApiError]) -> Plan:
        """The plan of a dry run that is refused: of the items that could be done without the others.

        What cannot be done without these is refused, too; the error of the request remains that of the real one.
        """
        refused = tuple(refused_items(answered, failed))
        if len(failed) == len(self.selectors):
            return Plan(refused=refused)
        attempt, failed_then = self._attempted(self.new_planner(), is_partial=True, without=failed)
        later = {place: error for place, error in failed_then.items() if place not in failed}
        refused += tuple(refused_items(entries(self.selectors, attempt, later), later))
        in_order = sorted(refused, key=lambda item: item.index or 0)
        return shown_plan(attempt, compute_write_set(attempt.planner), in_order, named=True)

    def _attempted(
        self,
        planner: StorePlanner,
        *,
        is_partial: bool,
        without: Mapping[int, ApiError] = MappingProxyType({}),
    ) -> tuple[BatchAttempt, dict[int, ApiError]]:
        """All items planned, and the errors of those that cannot be done; a partial plan is without these.

        `without`: items that are known to fail, with their errors.
        """
        failed: dict[int, ApiError] = dict(without)
        uids: dict[int, str] = {}
        while True:
            places = [place for place in range(len(self.selectors)) if place not in failed]
            attempt = self.plan_items(Editor(planner, self.resolver(planner)), places)
            if attempt.again:
                planner = self.new_planner()
                continue
            self._complete(attempt)
            failed.update(attempt.errors)
            stored = ((place, attempt.drafts[place]) for place in attempt.errors if place in attempt.drafts)
            uids.update((place, draft.uid) for place, draft in stored if not draft.is_new)
            if not attempt.errors or not is_partial or not places:
                break
            # What a failed item did to drafts (fields, steps, cascades to others) cannot be taken out of the plan one
            # by one, so the rest is planned anew on the objects as they are stored.
            planner = self.new_planner()
        if is_partial:
            # The answer names the objects of failed items, too, in their stored state.
            planner.workspace.load_uids(uids.values())
            attempt.drafts.update((place, planner.workspace.by_uid[uid]) for place, uid in uids.items())
        return attempt, failed

    def _complete(self, attempt: BatchAttempt) -> None:
        """Add to a plan what follows from it, and the errors that only the whole of it shows."""
        if self.dependents is not None:
            take_always(attempt, self.dependents)
        if attempt.drafts and not attempt.errors:
            attempt.fail(next(iter(attempt.drafts)), *attempt.planner.indirect_problems())
        attempt.refuse_out_of_scope()
        attempt.fail_dependents()


def take_always(attempt: BatchAttempt, dependents: Dependents) -> None:
    """Take the `automatic: always` transitions that a planned request sets off, and those that these set off in turn.

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


def at_places(items: Sequence[_T], places: Collection[int]) -> dict[int, _T]:
    """The items at some places of a request, by their places."""
    return {place: items[place] for place in places}

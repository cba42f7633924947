"""Places of what is copied and moved: containers that are asked for, how much is taken, what lies in what."""

from collections.abc import Collection, Mapping

from objapi.errors import BadRequest, Cause, TooLarge
from objapi.store.records import count_below
from objapi.store.requests import Selector
from objapi.store.writing.batch_attempt import BatchAttempt
from objapi.store.writing.draft import Draft
from objapi.store.writing.planner import StorePlanner
from objapi.store.writing.resolve import Resolver


def containers_of(attempt: BatchAttempt, resolver: Resolver, selectors: Mapping[int, Selector]) -> dict[int, Draft]:
    """The containers that items name, each looked up once and locked; one that is missing is an error of its items."""
    distinct = list(dict.fromkeys(selectors.values()))
    found = dict(zip(distinct, resolver.select(distinct, as_containers=True), strict=True))
    containers: dict[int, Draft] = {}
    for place, selector in selectors.items():
        container = found[selector]
        if isinstance(container, Draft):
            containers[place] = container
        else:
            attempt.fail(place, container)
    attempt.planner.workspace.lock_drafts(containers.values())
    return containers


def refuse_repetitions(attempt: BatchAttempt, targets: Mapping[int, Draft]) -> None:
    """Fail the items whose object an earlier one names."""
    seen: set[int] = set()
    for place, draft in targets.items():
        if draft.rid in seen:
            message = f"{draft.path} is named twice; send each object once."
            attempt.fail(place, BadRequest(message, causes=[Cause("object", draft.path, message, code="repeated")]))
        seen.add(draft.rid)


def require_few(planner: StorePlanner, tops: Collection[Draft], done: str = "copied or moved") -> None:
    """Raise TooLarge when some objects and their contents are more than one request may copy or move.

    `done` completes the sentence that they would be.
    """
    most = planner.context.site.most_tree
    stored = [draft for draft in tops if draft.record is not None and draft.record.rid > 0]
    holders = [draft.path for draft in stored if draft.portal_type in planner.registry.containers]
    number = len(stored) + count_below(planner.workspace.connection, holders)
    if number > most:
        message = (
            f"{number} objects would be {done}, contents included; the limit of this site is {most} "
            "(its setting OBJAPI_MAX_TREE_OBJECTS)."
        )
        raise TooLarge(message, causes=[Cause("object", stored[0].path, message)])


def within(draft: Draft, other: Draft) -> bool:
    """True for an object that is another one or lies in it."""
    return draft is other or draft.path.startswith(f"{other.path}/")

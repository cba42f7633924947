"""Taking transitions of many objects, and saying why one cannot be taken."""

from collections.abc import Mapping
from functools import partial

from objapi.store.requests import Offered
from objapi.store.writing.batch_attempt import BatchAttempt
from objapi.store.writing.draft import Draft
from objapi.store.writing.planner import StorePlanner
from workflows import offers


def take_all(attempt: BatchAttempt, targets: Mapping[int, Draft], action: str, comment: str) -> None:
    """Take a transition of every object, in order; one that a cascade of an earlier object took counts as done."""
    for place, draft in targets.items():
        attempt.drafts[place] = draft
        attempt.guarded(place, partial(attempt.planner.run.fire, draft, action, comment))


def offered(planner: StorePlanner, draft: Draft) -> Offered:
    """Transitions that the user may take on one object, and why not the others that its state offers."""
    passed: dict[str, str] = {}
    refused: dict[str, str] = {}
    for offer in offers(planner.world, planner.registry.conditions, draft):
        transition = offer.transition
        if offer.verdict.passed:
            passed.setdefault(transition.id, transition.title or transition.id)
        else:
            refused.setdefault(transition.id, offer.verdict.sentence())
    return Offered(
        draft.uid,
        draft.path,
        tuple(passed.items()),
        tuple((name, why) for name, why in refused.items() if name not in passed),
    )

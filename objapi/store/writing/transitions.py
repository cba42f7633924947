"""Taking transitions of many objects, and saying why one cannot be taken."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from objapi.store.requests import Offered, Selector, UpdateItem
from objapi.store.writing.batch_attempt import BatchAttempt
from objapi.store.writing.draft import Draft
from objapi.store.writing.editing import Editor
from objapi.store.writing.planner import StorePlanner
from workflows import offers


@dataclass(frozen=True, slots=True)
class TransitionRequest:
    """A transition that somebody asks for; `fields` are written first, to every object."""

    action: str
    comment: str
    fields: Mapping[str, object]


def plan_steps(editor: Editor, selectors: Mapping[int, Selector], asked: TransitionRequest) -> BatchAttempt:
    """The plan of a transition: fields are checked and written as by an update, then the objects move."""
    if asked.fields:
        attempt = editor.update({place: UpdateItem(target, asked.fields) for place, target in selectors.items()})
        targets = {place: draft for place, draft in attempt.drafts.items() if place not in attempt.errors}
    else:
        attempt = BatchAttempt(editor.planner)
        targets = attempt.targets(editor.resolver, selectors)
    take_all(attempt, targets, asked.action, asked.comment)
    return attempt


def take_all(attempt: BatchAttempt, targets: Mapping[int, Draft], action: str, comment: str) -> None:
    """Take a transition of every object, those first that others wait for.

    One that a cascade of another object took counts as done. An object that is refused is asked again after the others:
    a result can be verified once those are that it is calculated from. What is refused when nothing moves any more
    fails with its own reason.
    """
    attempt.drafts.update(targets)
    waiting = dict(targets)
    while waiting:
        refused = {
            place: draft for place, draft in waiting.items() if not _taken(attempt, place, draft, action, comment)
        }
        if len(refused) == len(waiting):
            for place, draft in refused.items():
                attempt.guarded(place, partial(attempt.planner.run.fire, draft, action, comment))
            return
        waiting = refused


def _taken(attempt: BatchAttempt, place: int, draft: Draft, action: str, comment: str) -> bool:
    """True when an object has taken the transition, or failed in what follows from it; False when it is refused."""
    run = attempt.planner.run
    answers: list[bool] = []
    attempt.guarded(place, lambda: answers.append(run.done(draft, action) or run.attempt(draft, action, comment)))
    return place in attempt.errors or answers == [True]


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

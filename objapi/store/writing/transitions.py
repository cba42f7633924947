"""Taking transitions of many objects, and saying why one cannot be taken."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial

from objapi.model.labels import AS_DECLARED, Labels
from objapi.store.permissions.acls import Acl
from objapi.store.requests import Blocked, BlockReason, Offered, Selector, UpdateItem
from objapi.store.writing.batch_attempt import BatchAttempt
from objapi.store.writing.draft import Draft
from objapi.store.writing.editing import Editor
from objapi.store.writing.planner import StorePlanner
from workflows import Offer, Reason, offers, state_id


@dataclass(frozen=True, slots=True)
class TransitionRequest:
    """A transition that somebody asks for; `fields` are written first, to every object."""

    action: str
    comment: str
    fields: Mapping[str, object]


def plan_steps(editor: Editor, selectors: Mapping[int, Selector], asked: TransitionRequest) -> BatchAttempt:
    """The plan of a transition: fields are checked and written as by an update, then the objects move."""
    if asked.fields:
        items = {place: UpdateItem(target, asked.fields) for place, target in selectors.items()}
        return plan_updates_and_steps(editor, items, asked.action, asked.comment)
    attempt = BatchAttempt(editor.planner)
    take_all(attempt, attempt.targets(editor.resolver, selectors), asked.action, asked.comment)
    return attempt


def plan_updates_and_steps(
    editor: Editor, items: Mapping[int, UpdateItem], action: str, comment: str = ""
) -> BatchAttempt:
    """The plan of values of their own for several objects, and of a transition that all of them take then."""
    attempt = editor.update(items)
    targets = {place: draft for place, draft in attempt.drafts.items() if place not in attempt.errors}
    take_all(attempt, targets, action, comment)
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


def offered(planner: StorePlanner, draft: Draft, labels: Labels = AS_DECLARED) -> Offered:
    """Transitions that the user may take on one object, and why not the others that its state offers.

    The latter in full where the world explains.
    """
    passed: dict[str, str] = {}
    signed: dict[str, str] = {}
    refused: dict[str, Offer] = {}
    for offer in offers(planner.world, planner.registry.conditions, draft):
        transition = offer.transition
        if offer.verdict.passed:
            # Of two workflows with such a transition the first takes it.
            if transition.signature is not None and transition.id not in passed:
                signed[transition.id] = transition.signature.meaning
            passed.setdefault(transition.id, labels.of_transition(offer.workflow, transition) or transition.id)
        else:
            refused.setdefault(transition.id, offer)
    held_back = {name: offer for name, offer in refused.items() if name not in passed}
    found = Offered(
        draft.uid,
        draft.path,
        tuple(passed.items()),
        signed,
        tuple((name, offer.verdict.sentence()) for name, offer in held_back.items()),
    )
    if not planner.world.explains:
        return found
    roles = planner.world.context(draft).roles
    return replace(
        found,
        blocked=tuple(_blocked(offer, draft, roles, labels) for offer in held_back.values()),
        roles=tuple(sorted(roles)),
    )


def _blocked(offer: Offer, draft: Draft, roles: frozenset[str], labels: Labels) -> Blocked:
    transition = offer.transition
    reasons = tuple(_block_reason(reason, draft.acl, roles) for reason in offer.verdict.reasons)
    title, new_state = labels.of_transition(offer.workflow, transition) or transition.id, transition.new_state
    return Blocked(transition.id, title, new_state or state_id(offer.workflow, draft), reasons)


def _block_reason(reason: Reason, acl: Acl, roles: frozenset[str]) -> BlockReason:
    """A reason with the roles that would do, those that the user has beside them."""
    if reason.kind not in ("permission", "role") or not reason.names:
        return BlockReason(reason.kind, reason.message, reason.remedy, reason.names)
    holders = reason.names
    if reason.kind == "permission":
        holders = tuple(sorted(frozenset[str]().union(*map(acl.roles_with, reason.names))))
    has = ", ".join(sorted(roles)) or "none"
    if not holders:
        return BlockReason(reason.kind, f"{reason.message}, which nobody has here in this state", "", reason.names)
    needs = f"one of the roles {', '.join(holders)}" if len(holders) > 1 else f"the role {holders[0]}"
    return BlockReason(reason.kind, f"{reason.message}; you have the roles {has}", needs, reason.names, holders)

"""Result of planning each item of a request, a draft or an error, and the outcome that is answered."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from objapi.errors import (
    ApiError,
    Cause,
    Conflict,
    SignatureRefused,
    SignatureRequired,
    TransitionNotAllowed,
    ValidationError,
    combine,
)
from objapi.model.item_links import NO_LINKS, ItemLinks
from objapi.store.requests import BatchFailed, ByItem, Entry, LeftOut, Outcome, Selector, VersionMatch
from objapi.store.writing.draft import Draft
from objapi.store.writing.naming import taken_ids, taken_titles
from objapi.store.writing.plan_events import Stepped
from objapi.store.writing.planner import StorePlanner
from objapi.store.writing.resolve import Resolver, is_within_reach
from objapi.store.writing.signing import PROOF, SIGNER
from workflows import TransitionNotOffered, TransitionRefused, WorkflowError


@dataclass(slots=True)
class Copied:
    """Copy of one object of a request: of what, how many objects, and what of the source is not in it."""

    source: Draft
    drafts: list[Draft] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class ItemValues:
    """Values of an item, as they were sent and in stored form, as far as they could be read."""

    sent: Mapping[str, object]
    read: Mapping[str, object]


@dataclass(slots=True)
class BatchAttempt:
    """A draft or an error for each item, by its place in the request."""

    planner: StorePlanner
    drafts: dict[int, Draft] = field(default_factory=dict)
    errors: dict[int, ApiError] = field(default_factory=dict)
    updated: dict[int, tuple[str, ...]] = field(default_factory=dict)
    copied: dict[int, Copied] = field(default_factory=dict)
    sent: dict[int, ItemValues] = field(default_factory=dict)
    chosen_ids: dict[int, str] = field(default_factory=dict)
    """Place of an item that makes an object → the id that was asked for."""
    again: bool = False
    """True when what was found out while planning makes another plan necessary."""
    links: ItemLinks = NO_LINKS
    _roots: dict[int, int] = field(default_factory=dict)
    """Place of an item that fails because of another → that of the one where it begins."""

    def fail(self, place: int, *errors: ApiError) -> None:
        """Add errors to those of an item."""
        if errors:
            known = [self.errors[place]] if place in self.errors else []
            self.errors[place] = combine([*known, *errors])

    def needs_failed(self, place: int) -> bool:
        """True when an item refers to one that has failed: it has failed, too, with the reason of that one."""
        failed = [other for other in self.links.needs.get(place, ()) if other in self.errors]
        for other in failed:
            # Of a chain the first reason is given, however long it is.
            root = self._roots[place] = self._roots.get(other, other)
            reason = self.errors[root]
            message = f"It refers to entry {root}, which cannot be done: {reason.message}"
            if root != other:
                message = f"It refers to entry {other}, and that in the end to entry {root}: {reason.message}"
            cause = Cause("object", f"entry {root}", message, code="depends")
            self.fail(place, reason.restated(message, [cause]))
        return bool(failed)

    def fail_dependents(self) -> None:
        """Let items that have no fault of their own fail with those that they refer to."""
        for place in self.links.order:
            if place not in self.errors:
                self.needs_failed(place)

    def targets(self, resolver: Resolver, selectors: Mapping[int, Selector]) -> dict[int, Draft]:
        """The objects of selectors; those that are missing are errors of their items."""
        return self._found(selectors, resolver.select(list(selectors.values())))

    def containers(self, resolver: Resolver, selectors: Mapping[int, Selector]) -> dict[int, Draft]:
        """The same of containers of what is made."""
        return self._found(selectors, resolver.select(list(selectors.values()), as_containers=True))

    def _found(self, selectors: Mapping[int, Selector], found: Sequence[Draft | ApiError]) -> dict[int, Draft]:
        targets: dict[int, Draft] = {}
        for place, draft in zip(selectors, found, strict=True):
            if isinstance(draft, ApiError):
                self.fail(place, draft)
            else:
                targets[place] = draft
        return targets

    def refuse_taken(self, places: Mapping[int, int]) -> None:
        """Fail the items whose objects would have an id or title that a sibling has, or key or log-in of another.

        `places`: row number of an object → the place of its item. Others, which behaviours made, count for the first.
        """
        first = next(iter(places.values()), 0)
        for draft, conflict in taken_ids(self.planner.workspace):
            self.fail(places.get(draft.rid, first), conflict)
        for draft, message in taken_titles(self.planner.workspace, self.planner.values):
            cause = Cause("field", "title", message, object=draft.path, code="taken")
            self.fail(places.get(draft.rid, first), ValidationError.from_causes([cause]))
        written = [
            draft
            for draft in self.planner.workspace.by_rid.values()
            if (draft.type.natural_keys or draft.type.login is not None)
            and draft.id
            and (draft.is_new or draft.changed or draft.is_moved)
            and not draft.removed
        ]
        keys = self.planner.keys if written else None
        for draft, cause in () if keys is None else (*keys.taken(written), *keys.taken_logins(written)):
            place = places.get(draft.rid, first)
            told = self.errors[place].causes if place in self.errors else ()
            if all((known.name, known.code) != (cause.name, cause.code) for known in told):
                self.fail(place, ValidationError.from_causes([cause]))

    def refuse_out_of_scope(self) -> None:
        """Fail the items whose objects the caller's API token does not reach, where they were or will be.

        They have that reason alone, and the answer does not show them.
        """
        principal = self.planner.context.principal
        if principal.token is None:
            return
        for place, draft in list(self.drafts.items()):
            if not is_within_reach(principal.token, draft):
                self.errors[place] = principal.token.refusal("An object that was named is out of reach")
                del self.drafts[place]

    def outdated(self, match: VersionMatch) -> ApiError | None:
        """The refusal of an object that has none of the expected versions: the whole request depends on it."""
        for draft in self.drafts.values():
            if match.versions is not None and draft.stored_version not in match.versions:
                if not match.versions:
                    return _without_version(draft)
                return outdated(draft, " or ".join(map(str, sorted(match.versions))))
        return None

    def guarded(self, place: int, work: Callable[[], None]) -> None:
        """Do an item's work; what goes wrong in it, or is refused by a behaviour, is the item's error."""
        problems = self.planner.problems
        before = len(problems)
        try:
            work()
        except ApiError as error:
            self.fail(place, error)
        except WorkflowError as error:
            self.fail(place, as_api_error(error))
        self.fail(place, *problems[before:])
        del problems[before:]


def raised(found: Draft | ApiError) -> Draft:
    """The object that was found. Raises the refusal that stands in its place."""
    if isinstance(found, ApiError):
        raise found
    return found


def as_api_error(error: WorkflowError) -> ApiError:
    """API error for a refusal of the engine: 409 not offered by the state, 403 refused by a guard or not signed."""
    if isinstance(error, TransitionRefused):
        kinds = {reason.kind for reason in error.verdict.reasons}
        for kind, refusal in ((SIGNER, SignatureRefused), (PROOF, SignatureRequired)):
            if kind in kinds:
                cause = Cause("object", str(error.subject.key), str(error), code="signature")
                return refusal(str(error), causes=[cause])
        return _not_allowed(error, str(error.subject.key), by_guard=True)
    if isinstance(error, TransitionNotOffered):
        return _not_allowed(error, str(error.subject.key), by_guard=False)
    return Conflict(str(error))


def _not_allowed(error: WorkflowError, path: str, *, by_guard: bool) -> ApiError:
    cause = Cause("object", path, str(error), code="refused" if by_guard else "not_offered")
    return TransitionNotAllowed(str(error), causes=[cause], refused_by_guard=by_guard)


def entries(
    selectors: Sequence[Selector | ByItem],
    attempt: BatchAttempt,
    failed: Mapping[int, ApiError],
    changed: Collection[Draft] = (),
) -> tuple[Entry, ...]:
    """One entry for each selector, in order: the planned object, or its error.

    `changed` are the objects whose version rises with the request.
    """
    rising = {draft.rid for draft in changed}
    signed = _signed_as(attempt.planner)
    return tuple(
        Entry(selector, error=failed.get(place))
        if (draft := attempt.drafts.get(place)) is None
        else _entry(attempt, place, selector, draft, failed.get(place), rising, signed)
        for place, selector in enumerate(selectors)
    )


def _entry(
    attempt: BatchAttempt,
    place: int,
    selector: Selector | ByItem,
    draft: Draft,
    error: ApiError | None,
    rising: Collection[int],
    signed: Mapping[int, str],
) -> Entry:
    planner, copied = attempt.planner, attempt.copied.get(place)
    entry = Entry(
        selector,
        uid=draft.uid,
        path=draft.path if error is None else draft.stored_path,
        id=draft.id,
        portal_type=draft.portal_type,
        version=_version(draft, rising),
        updated=attempt.updated.get(place, ()) if error is None else (),
        states=_states(planner, draft),
        signed_as=signed.get(draft.rid, "") if error is None else "",
        created=draft.is_new,
        extra_ids=_extra_ids(planner, draft) if error is None else {},
        error=error,
    )
    if copied is None or error is not None:
        return entry
    return replace(entry, source_uid=copied.source.uid, copies=len(copied.drafts), left_out=tuple(copied.left_out))


def _signed_as(planner: StorePlanner) -> dict[int, str]:
    """Row number → meaning of the last signature on an object of which the request takes a signed transition."""
    return {
        event.draft.rid: event.step.transition.signature.meaning
        for event in planner.events
        if isinstance(event, Stepped)
        and event.step.transition is not None
        and event.step.transition.signature is not None
    }


def outdated(draft: Draft, expected: object) -> Conflict:
    """The refusal of an object that has another version than the client expects."""
    path = draft.stored_path
    message = f"{path} has version {draft.stored_version}, not {expected}: it was changed meanwhile. Read it again."
    return Conflict(message, causes=[Cause("object", path, message, code="version")])


def _without_version(draft: Draft) -> Conflict:
    """The refusal of a condition that no version can meet, such as the tag of an answer to `read`."""
    path = draft.stored_path
    message = f"{path} has version {draft.stored_version}; If-Match names no version: send one, not the ETag of a read."
    return Conflict(message, causes=[Cause("object", path, message, code="version")])


def _version(draft: Draft, rising: Collection[int]) -> int:
    if draft.version_after is not None:
        return draft.version_after
    return 1 if draft.record is None else draft.record.version + (draft.rid in rising)


def _states(planner: StorePlanner, draft: Draft) -> dict[str, str]:
    names = [workflow.state_variable for workflow in planner.registry.chain(draft.portal_type)]
    return {name: str(planner.values.variable(draft, name)) for name in names}


def _extra_ids(planner: StorePlanner, draft: Draft) -> dict[str, str]:
    if not draft.is_new:
        return {}
    found = {}
    for name, relation in draft.type.extra_ids.items():
        others = planner.related(draft, relation)
        if others:
            found[name] = others[0].id
    return found


def failure(outcome: Outcome, *, as_batch: bool = False) -> ApiError:
    """The error of a request that failed as a whole: that of its one item, or one that carries every item's.

    `as_batch`: the latter for one item, too.
    """
    errors = outcome.errors
    return errors[0] if len(outcome.entries) == 1 and not as_batch else BatchFailed(outcome)

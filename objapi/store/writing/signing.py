"""Signatures of transitions: who may sign, and what a signature holds.

A signed transition is taken with a signature whoever asks for it and whatever it follows from: one that a cascade must
take fails without, one that it attempts is left. An author, where those do not sign, is who has created the object or
changed a field of it since it was last signed by somebody who was none, and who took the last transition of it. What
follows from what somebody does counts as theirs; what the gateway alone writes does not.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import orjson
from sqlalchemy import and_, func, or_, select

from objapi.model.signed_values import counts, signed_values
from objapi.store.context import RequestContext
from objapi.store.records import chunks, document_digest
from objapi.store.schema import history_entries, requests, signatures
from objapi.store.writing.draft import Draft
from objapi.store.writing.plan_events import PlanEvent, Stepped
from objapi.store.writing.workspace import Workspace
from workflows import Reason, Signature, Transition, Verdict

PROOF: Final = "proof"
"""Kind of the reason that the proof is missing."""
SIGNER: Final = "signer"
"""Kind of the reason that the caller, as they came, cannot sign at all."""
AUTHOR: Final = "author"
"""Kind of the reason that the caller has made what is signed."""

WHERE: Final = "log in as yourself, and take it in the console or by @@API, with your password"
"""What somebody does for whom another face, or a command, has asked for a transition that is signed."""

_CREATE: Final = "create"
_UPDATE: Final = "update"
_TRANSITION: Final = "transition"


@dataclass(slots=True)
class _Authors:
    """Users who are the authors of one object."""

    changed: set[str] = field(default_factory=set)
    last: tuple[int, int, str] = (0, 0, "")
    """Version, entry and actor of the last transition."""


class Signing:
    """Signatures of one request."""

    def __init__(self, context: RequestContext, workspace: Workspace, events: Sequence[PlanEvent]) -> None:
        self._context = context
        self._workspace = workspace
        self._events = events
        self._authors: dict[str, _Authors] = {}
        self._moved_by_request: set[int] = set()
        self._looked_at = 0
        """Events that are in `_moved_by_request` already: very many objects may be signed in a request."""

    def may_sign(self, draft: Draft, transition: Transition, *, taking: bool) -> Verdict:
        """Whether the user may sign a transition of an object; `taking`: now, so that the proof must be there."""
        signature = transition.signature
        if signature is None:
            return Verdict(True)
        reasons = tuple(self._reasons(draft, signature, taking=taking))
        return Verdict(not reasons, reasons)

    def _reasons(self, draft: Draft, signature: Signature, *, taking: bool) -> Iterator[Reason]:
        context = self._context
        principal, proof = context.principal, context.proof
        named = f"This is signed as {signature.meaning!r}"
        if principal.token is not None:
            yield Reason(SIGNER, f"{named}, and an API token cannot sign", "log in with your password")
        elif principal.unrestricted or principal.by_device or principal.claims is not None:
            yield Reason(SIGNER, f"{named}, which only a user of this site can do who has logged in", WHERE)
        elif (
            taking
            and signature.re_authenticate
            and not context.tries
            and (proof is None or proof.user_id != principal.user_id)
        ):
            message = f"{named}, and your request does not prove that it is you"
            yield Reason(PROOF, message, context.site.how_to_prove)
        if signature.not_the_author and self._is_author(draft):
            message = f"{named} by somebody who has not made it, and {principal.user_id} changed it or moved it last"
            yield Reason(AUTHOR, message, "somebody else has to sign")

    # Authors

    def _is_author(self, draft: Draft) -> bool:
        """True when the user is an author of the object, by what this request does to it or by its history."""
        if draft.is_new or any(counts(draft.type, name) for name in _changed(draft)):
            return True
        if draft.rid in self._moved():
            return True
        if draft.uid not in self._authors:
            self._load(draft.portal_type)
        found, user_id = self._authors[draft.uid], self._context.principal.user_id
        return user_id in found.changed or user_id == found.last[2]

    def _moved(self) -> set[int]:
        """The row numbers of the objects of which the request has taken a transition so far."""
        new = self._events[self._looked_at :]
        self._looked_at += len(new)
        steps = (event for event in new if isinstance(event, Stepped))
        self._moved_by_request.update(event.draft.rid for event in steps if event.step.transition is not None)
        return self._moved_by_request

    def _load(self, portal_type: str) -> None:
        """Load the authors of all objects of a type that are at hand, together."""
        drafts = (draft for draft in self._workspace.by_rid.values() if draft.portal_type == portal_type)
        waiting = [draft.uid for draft in drafts if draft.record is not None and draft.uid not in self._authors]
        self._authors.update((uid, _Authors()) for uid in waiting)
        entity_type = self._context.registry.types[portal_type]
        for chunk in chunks(waiting):
            for row in self._context.connection.execute(_since_signed(chunk)):
                found, place = self._authors[row.uid], (row.version or 0, row.id)
                if row.event == _TRANSITION:
                    found.last = max(found.last, (*place, row.actor))
                elif row.event == _CREATE or any(counts(entity_type, name) for name in orjson.loads(row.changes)):
                    found.changed.add(row.actor)

    # What is signed

    def document(self, draft: Draft, signature: Signature) -> dict[str, object]:
        """A signature of a transition that was taken, as its entry holds it."""
        context = self._context
        return {
            "meaning": signature.meaning,
            "user_id": context.principal.user_id,
            "fullname": context.principal.fullname,
            "time": context.now_text,
            "document": digest_of_draft(context.site.site_id, draft),
            "proof": context.proof.kind if signature.re_authenticate and context.proof is not None else "session",
            "independent": signature.not_the_author,
        }


def digest_of_draft(site_id: str, draft: Draft) -> str:
    """The digest of what is signed of an object, as it will be stored."""
    stored = orjson.loads(orjson.dumps(draft.data))
    return document_digest(site_id, draft.uid, draft.portal_type, signed_values(draft.type, stored))


def _changed(draft: Draft) -> Iterator[str]:
    return (name for name, old in draft.changed.items() if draft.data.get(name) != old)


def _since_signed(uids: list[str]) -> Any:
    """Transitions of objects, and the changes since they were last signed by somebody who was no author.

    Versions tell what came first: numbers of entries rise with the clocks of servers.
    """
    entry, signed = history_entries.c, signatures.c
    last = (
        select(signed.uid, func.max(signed.version).label("version"))
        .where(signed.uid.in_(uids), signed.independent == 1)
        .group_by(signed.uid)
        .subquery("last_signed")
    )
    since = or_(last.c.version.is_(None), entry.version > last.c.version)
    wanted = or_(
        and_(entry.event == _TRANSITION, entry.transition.is_not(None)),
        and_(entry.event.in_((_CREATE, _UPDATE)), since),
    )
    return (
        select(entry.uid, entry.id, entry.version, entry.event, entry.changes, requests.c.actor)
        .join(requests, requests.c.id == entry.request)
        .outerjoin(last, last.c.uid == entry.uid)
        .where(entry.uid.in_(uids), wanted)
    )

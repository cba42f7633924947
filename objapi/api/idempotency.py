"""Idempotency keys: a writing request that is sent again with its key is answered as the first time, and done once.

The header `Idempotency-Key` of a request that changes something names it. Its answer is stored by the transaction that
makes the changes (`objapi.store.idempotency`), and nothing is of a request that fails.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from functools import partial
from typing import Any, Final

from flask import Response

from objapi.api import responses
from objapi.api.form_records import FormRecord
from objapi.api.method import Json, Method, MethodCall, PartlyDone, Reply
from objapi.api.pairs import FormUpload
from objapi.api.parameters import IGNORED
from objapi.api.responses import Answer
from objapi.errors import ApiError, BadRequest, IdempotencyKeyReused
from objapi.http.exchange import current_exchange
from objapi.http.visitors import Visitor
from objapi.model.json_text import NumberLiteral
from objapi.site import Site
from objapi.store.idempotency import (
    LONGEST_KEY,
    AnswerToStore,
    EarlierRequest,
    FirstAnswer,
    RequestKey,
    key_in_use,
)
from objapi.store.transaction import Transaction

HEADER: Final = "Idempotency-Key"
REPLAYED: Final = "Idempotency-Replayed"
"""The header of an answer that is given again."""


class _AnsweredBefore(Exception):
    """Ends a transaction, undone, whose request an earlier one with the same key has done already."""

    def __init__(self, answer: FirstAnswer) -> None:
        super().__init__()
        self.answer = answer


def request_key(sent: str, fingerprint: str) -> RequestKey:
    """The key of a request, from its header. Raises BadRequest for an empty one, a long one, and other characters."""
    key = sent.strip()
    if not key:
        raise BadRequest(f"{HEADER}: the header is empty; send a text that none of your other requests has.")
    if len(key) > LONGEST_KEY:
        raise BadRequest(f"{HEADER}: the key has {len(key)} characters, and may have {LONGEST_KEY}.")
    if not (key.isascii() and key.isprintable()):
        raise BadRequest(f"{HEADER}: a key is of printable ASCII characters, such as a UUID.")
    return RequestKey(key, fingerprint)


def fingerprint(verb: str, segments: tuple[str, ...], if_match: str | None, parameters: Mapping[str, Any]) -> str:
    """SHA-256 in hexadecimal of what a request asks for.

    `segments` are the method and what follows it in the URL. Parameters count as they were read, in whatever order and
    part of the request they came, files by name, type and content; without those that mean nothing, credentials and
    `_authenticator` among them.
    """
    meant = {name: value for name, value in parameters.items() if name not in IGNORED}
    # json in place of orjson, which refuses half surrogates and numbers beyond 64 bits, both of which JSON can spell.
    text = json.dumps([verb, segments, if_match, meant], default=_digestible, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def _digestible(value: object) -> object:
    """A value of a form that JSON has no word for, under the name of its kind."""
    match value:
        case FormRecord():
            return value.members
        case FormUpload():
            return {"file": [value.filename, value.content_type, hashlib.sha256(value.content).hexdigest()]}
        case NumberLiteral():
            return {"number": value.text}
        case Decimal():
            return {"number": str(value)}
        case date():
            return {"date": value.isoformat()}
        case bytes():
            return {"bytes": value.hex()}
        case set() | frozenset():
            return {"set": sorted(map(str, value))}
    raise TypeError(f"{type(value).__name__} is no value of a form")


@dataclass(frozen=True, slots=True)
class KeyedRequest:
    """A request that is done once under its key: `admit` makes the call, when the caller may make it, `run` does it."""

    site: Site
    method: Method
    visitor: Visitor
    key: RequestKey
    admit: Callable[[Transaction], MethodCall]
    run: Callable[[MethodCall, Transaction], Reply]

    def respond(self) -> Response:
        """Do it, or find the answer of the earlier request with the key.

        Raises what the method does, IdempotencyKeyReused when the earlier one asked for something else, and
        IdempotencyKeyInUse when it is under way.
        """
        load = partial(self.visitor.load, key=self.key.key)
        try:
            with self.visitor.counting_failures():
                answer = self.site.run(load, self._work, write=True, source=current_exchange().source)
        except _AnsweredBefore as before:
            answer = Answer(200, before.answer.body, {**before.answer.headers, REPLAYED: "true"})
        self.visitor.renew()
        return responses.answered(answer)

    def _work(self, tx: Transaction) -> Answer:
        call = self.admit(tx)
        # The statement that loads the user has looked for the key, so that a request that is new costs no other one.
        earlier = None if self.visitor.user is None else self.visitor.user.earlier
        key = self._key_within_scope(tx)
        if earlier is not None and self._is_valid(earlier):
            self._answer_again(tx, key)
        try:
            reply = self.run(call, tx)
        except ApiError:
            # The earlier request may have been committed meanwhile, and be the reason.
            self._answer_again(tx, key)
            raise
        if not isinstance(reply, (Mapping, PartlyDone)):
            raise TypeError(f"{self.method.name}: the answer of a method that changes something is JSON, to be stored")
        frame = responses.frame_of(current_exchange())
        answer = responses.rendered(frame, reply)
        if not (isinstance(reply, PartlyDone) and reply.failed == reply.total):
            public = without_secrets(reply, self.method.secrets)
            stored = answer if public is reply else responses.rendered(frame, public)
            tx.store_answer_at_end(AnswerToStore(key, FirstAnswer(stored.headers, stored.body), replaced=earlier))
        return answer

    def _key_within_scope(self, tx: Transaction) -> RequestKey:
        """The key; to a caller whose API token is restricted it gives only what such a token was answered."""
        limits = None if tx.user.token is None else tx.user.token.document()
        if not limits:
            return self.key
        text = json.dumps([self.key.fingerprint, limits], sort_keys=True)
        return replace(self.key, fingerprint=hashlib.sha256(text.encode("ascii")).hexdigest())

    def _answer_again(self, tx: Transaction, key: RequestKey) -> None:
        """Raise _AnsweredBefore with the answer of the earlier request, if there is one."""
        found = tx.earlier_answer(key.key)
        if found is None or not self._is_valid(found[0]):
            return
        earlier, answer = found
        if earlier.fingerprint != key.fingerprint:
            raise IdempotencyKeyReused(
                f"{HEADER}: an earlier request with this key asked for something else, so nothing was done. "
                "Send another key with each request, and the same one only to repeat it."
            )
        if answer is None:
            raise key_in_use()
        raise _AnsweredBefore(answer)

    def _is_valid(self, earlier: EarlierRequest) -> bool:
        return earlier.at > self.site.answers_are_over()


def without_secrets(reply: Json | PartlyDone, secrets: tuple[str, ...]) -> Json | PartlyDone:
    """The reply as it is stored: without what only the first answer may tell, and with a warning that says so."""
    answer = reply.answer if isinstance(reply, PartlyDone) else reply
    once = [name for name in secrets if name in answer]
    if not once:
        return reply
    warning = f"{', '.join(once)}: given in the first answer alone and not stored; ask for a new one with another key."
    earlier = answer.get("warnings", ())
    warnings = [*(earlier if isinstance(earlier, (list, tuple)) else ()), warning]
    public = {**{name: value for name, value in answer.items() if name not in once}, "warnings": warnings}
    return replace(reply, answer=public) if isinstance(reply, PartlyDone) else public

"""Idempotency keys: a writing request that is sent again with its key is answered as the first time, and done once.

The header `Idempotency-Key` of a request that changes something names it. Its answer is stored by the transaction that
makes the changes (`objapi.store.idempotency`), and nothing is of a request that fails. For every face.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from functools import partial
from typing import Final, Generic, TypeVar

from objapi.errors import ApiError, BadRequest, IdempotencyKeyReused
from objapi.http.exchange import current_exchange
from objapi.http.forms.form_records import FormRecord
from objapi.http.forms.pairs import FormUpload
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

_Admitted = TypeVar("_Admitted")


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


def digest_of(meant: object) -> str:
    """SHA-256 in hexadecimal of what a request asks for: lists, records, texts, and values of a form."""
    # json in place of orjson, which refuses half surrogates and numbers beyond 64 bits, both of which JSON can spell.
    text = json.dumps(meant, default=_digestible, sort_keys=True, separators=(",", ":"))
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
class KeyedAnswer:
    """The answer to a request, and what of it is stored to be given again; None: nothing."""

    body: bytes
    headers: Mapping[str, str]
    stored: FirstAnswer | None = None
    status: int = 200


@dataclass(frozen=True, slots=True)
class KeyedRequest(Generic[_Admitted]):
    """A request that is done once under its key: `admit` says whether the caller may make it, `run` does it."""

    site: Site
    visitor: Visitor
    key: RequestKey
    admit: Callable[[Transaction], _Admitted]
    run: Callable[[_Admitted, Transaction], KeyedAnswer]

    def answer(self) -> KeyedAnswer:
        """Do it, or find the answer of the earlier request with the key.

        Raises what `run` does, IdempotencyKeyReused when the earlier one asked for something else, and
        IdempotencyKeyInUse when it is under way.
        """
        load = partial(self.visitor.load, key=self.key.key)
        try:
            with self.visitor.counting_failures():
                answer = self.site.run(load, self._work, write=True, source=current_exchange().source)
        except _AnsweredBefore as before:
            answer = KeyedAnswer(before.answer.body, {**before.answer.headers, REPLAYED: "true"})
        self.visitor.renew()
        return answer

    def _work(self, tx: Transaction) -> KeyedAnswer:
        admitted = self.admit(tx)
        # The statement that loads the user has looked for the key, so that a request that is new costs no other one.
        earlier = None if self.visitor.user is None else self.visitor.user.earlier
        key = self._key_within_scope(tx)
        if earlier is not None and self._is_valid(earlier):
            self._answer_again(tx, key)
        try:
            answer = self.run(admitted, tx)
        except ApiError:
            # The earlier request may have been committed meanwhile, and be the reason.
            self._answer_again(tx, key)
            raise
        if answer.stored is not None:
            tx.store_answer_at_end(AnswerToStore(key, answer.stored, replaced=earlier))
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

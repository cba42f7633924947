"""Answers stored under the idempotency keys of their requests, so that a request that is sent again is done once.

An answer is stored by the transaction that made the changes: either both are committed or neither. Of two requests
with one key that run at once the key of the table lets one commit; the other is repeated and finds the answer. The row
is the last that a transaction writes, so that whoever holds the key waits for no lock that the other one has.
"""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import orjson
from sqlalchemy import Connection, and_, bindparam, delete, exc, or_, select, update

from catalog.dialect import DatabaseFault, PreparedSelect, fault_of, insert_rows
from objapi.errors import IdempotencyKeyInUse
from objapi.store.mapped.schema import row_pending
from objapi.store.records import StaleWrite, chunks
from objapi.store.schema import idempotency_keys

LONGEST_KEY: Final = 255
"""Characters of a key."""

ANSWERS_TO_SWEEP: Final = 100
"""Answers that a process stores, from its first one to the next, when it deletes those that are over."""
MOST_SWEPT: Final = 1_000
"""Answers that are deleted at once, so that the deletion keeps nobody waiting."""

_RETRY_AFTER: Final = 2
"""Seconds after which a request whose twin is under way may be sent again."""
_FASTEST: Final = 1
"""Level of compression: answers repeat the names of their keys, so that a higher one gains little."""

_table = idempotency_keys.c


@dataclass(frozen=True, slots=True)
class RequestKey:
    """The key that a client gave a request, and the digest of what it asks for."""

    key: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class EarlierRequest:
    """A request of the same user with the same key; `at` in microseconds since 1970 UTC."""

    fingerprint: str
    at: int


@dataclass(frozen=True, slots=True)
class FirstAnswer:
    """An answer to be given again: headers and body."""

    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class AnswerToStore:
    """An answer that is to be stored; `replaced` is an earlier request with the same key that is over."""

    key: RequestKey
    answer: FirstAnswer
    replaced: EarlierRequest | None = None


_ANSWER = PreparedSelect(
    select(_table.fingerprint, _table.at, _table.headers, _table.body, row_pending.c.id)
    .select_from(idempotency_keys.outerjoin(row_pending, row_pending.c.id == _table.outbox))
    .where(_table.user_id == bindparam("user_id"), _table.key == bindparam("key"))
)


def find_answer(connection: Connection, user_id: str, key: str) -> tuple[EarlierRequest, FirstAnswer | None] | None:
    """The request of a user that has a key, and its answer; None: there is none.

    There is no answer yet as long as a foreign database has not committed what the request changed there.
    """
    rows = _ANSWER.rows(connection, {"user_id": user_id, "key": key})
    if not rows:
        return None
    fingerprint, at, headers, body, pending = rows[0]
    answer = FirstAnswer(orjson.loads(headers), zlib.decompress(body)) if pending is None else None
    return EarlierRequest(fingerprint, at), answer


def store_answer(connection: Connection, user_id: str, given: AnswerToStore, at: int, *, outbox: int | None) -> None:
    """Store the answer of a request of a user, as the last that its transaction does.

    `at` in microseconds since 1970 UTC; `outbox` is the number of what waits for a foreign database. Raises
    IntegrityError when another request with the key has committed, StaleWrite when it has replaced the one that is
    over, and IdempotencyKeyInUse when it does neither for as long as a lock is waited for.
    """
    key, answer, replaced = given.key, given.answer, given.replaced
    row: dict[str, object] = {
        "user_id": user_id,
        "key": key.key,
        "at": at,
        "fingerprint": key.fingerprint,
        "outbox": outbox,
        "headers": orjson.dumps(answer.headers).decode(),
        "body": zlib.compress(answer.body, _FASTEST),
    }
    try:
        if replaced is None:
            insert_rows(connection, idempotency_keys, [row])
            return
        same = (_table.user_id == user_id, _table.key == key.key, _table.at == replaced.at)
        if connection.execute(update(idempotency_keys).where(*same).values(row)).rowcount != 1:
            raise StaleWrite
    except exc.DBAPIError as error:
        if fault_of(error) is not DatabaseFault.BUSY:
            raise
        raise key_in_use() from error


def key_in_use() -> IdempotencyKeyInUse:
    """The refusal of a request whose twin is still under way."""
    return IdempotencyKeyInUse(
        "Idempotency-Key: an earlier request with this key is still under way, so this one did nothing. Send it again, "
        "with the same key, to learn the answer.",
        retry_after=_RETRY_AFTER,
    )


def sweep_answers(connection: Connection, oldest: int) -> int:
    """Delete answers stored up to an instant, so many that others need not wait; returns how many."""
    over = select(_table.user_id, _table.key, _table.at).where(_table.at <= oldest).order_by(_table.at)
    found = connection.execute(over.limit(MOST_SWEPT)).all()
    for part in chunks(found, 100):
        # By the primary key, so that no other row is locked; the instant, since a key may be used anew meanwhile.
        rows = (and_(_table.user_id == row.user_id, _table.key == row.key, _table.at == row.at) for row in part)
        connection.execute(delete(idempotency_keys).where(or_(*rows)))
    return len(found)

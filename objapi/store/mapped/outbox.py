"""State and history of rows: written with them in one transaction, or through an outbox for a foreign database.

Rows in a foreign database are committed by themselves. What the gateway stores of such a request (history, states) is
first stored as pending in its own database, and delivered from there afterwards. When a crash comes between, the rows
themselves tell which of the two happened: `deliver_abandoned` asks them.
"""

import logging
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy import Connection

from catalog.dialect import insert_rows, upsert_rows
from objapi.store.mapped.schema import row_pending, row_states, row_variables
from objapi.store.records import rowids
from objapi.store.schema import history_entries, idempotency_keys, requests

ABANDONED_AFTER = 60_000_000
"""Microseconds after which a pending outbox is no longer that of a request under way."""

_log = logging.getLogger("objapi.store.mapped")


@dataclass(slots=True)
class RowOutbox:
    """State and history to store once the foreign database has committed.

    `expected` are (type, key, stamp) of the rows as they are after the request; no stamp for a row that is gone.
    """

    states: list[dict[str, Any]] = field(default_factory=list)
    variables: list[dict[str, Any]] = field(default_factory=list)
    forgotten: list[tuple[str, int]] = field(default_factory=list)
    history: list[dict[str, Any]] = field(default_factory=list)
    requests: list[dict[str, Any]] = field(default_factory=list)
    """The request that the history belongs to, in the last outbox of each."""
    expected: list[tuple[str, int, int | None]] = field(default_factory=list)
    answer: tuple[str, str] | None = None
    """User and idempotency key under which the answer of the request is stored, which goes when it is undone."""

    def write(self, connection: Connection) -> None:
        """Write it where it belongs."""
        by_type: dict[str, list[int]] = {}
        for portal_type, key in self.forgotten:
            by_type.setdefault(portal_type, []).append(key)
        for portal_type, keys in by_type.items():
            for start in range(0, len(keys), 500):
                part = keys[start : start + 500]
                for table in (row_states, row_variables):
                    condition = sa.and_(table.c.portal_type == portal_type, table.c.row_key.in_(part))
                    connection.execute(sa.delete(table).where(condition))
        upsert_rows(connection, row_states, self.states)
        upsert_rows(connection, row_variables, self.variables)
        insert_rows(connection, requests, self.requests)
        insert_rows(connection, history_entries, self.history)

    def store_pending(self, connection: Connection, database: str, at: int) -> int:
        """Store the outbox as pending, and return its number."""
        number = rowids.next()
        document = orjson.dumps(asdict(self)).decode()
        insert_rows(connection, row_pending, [{"id": number, "at": at, "place": database, "document": document}])
        return number


def deliver(connection: Connection, notes: Sequence[int]) -> None:
    """Write pending outboxes where they belong, once their rows are committed."""
    statement = sa.select(row_pending.c.document).where(row_pending.c.id.in_(notes)).order_by(row_pending.c.id)
    for document in connection.scalars(statement).all():
        RowOutbox(**orjson.loads(document)).write(connection)
    _delete(connection, notes)


def discard(connection: Connection, notes: Sequence[int]) -> None:
    """Delete pending outboxes whose rows were not committed, and the answers that say they were."""
    statement = sa.select(row_pending.c.id, row_pending.c.document).where(row_pending.c.id.in_(notes))
    for number, document in connection.execute(statement).all():
        _forget_answer(connection, number, RowOutbox(**orjson.loads(document)))
    _delete(connection, notes)


def _forget_answer(connection: Connection, number: int, outbox: RowOutbox) -> None:
    if outbox.answer is not None:
        user_id, key = outbox.answer
        answers = idempotency_keys.c
        own = (answers.user_id == user_id, answers.key == key, answers.outbox == number)
        connection.execute(sa.delete(idempotency_keys).where(*own))


def _delete(connection: Connection, notes: Sequence[int]) -> None:
    connection.execute(sa.delete(row_pending).where(row_pending.c.id.in_(notes)))


def deliver_abandoned(
    connection: Connection,
    now: int,
    stamps: Callable[[list[tuple[str, int]]], Mapping[Any, int]],
    types: Container[str],
) -> int:
    """Deliver or discard outboxes of some types that a crash left pending, as their rows show; returns how many.

    `stamps` gives (type, key) → stamp of the rows that are there.
    """
    left = connection.execute(
        sa.select(row_pending.c.id, row_pending.c.document).where(row_pending.c.at < now - ABANDONED_AFTER)
    ).all()
    notes = [(number, RowOutbox(**orjson.loads(document))) for number, document in left]
    known = [(number, outbox) for number, outbox in notes if all(name in types for name, _, _ in outbox.expected)]
    for number, outbox in known:
        found = stamps([(portal_type, key) for portal_type, key, _ in outbox.expected])
        done = any(found.get((portal_type, key)) == stamp for portal_type, key, stamp in outbox.expected)
        _log.warning("a request to a foreign database was interrupted; it was %s", "carried out" if done else "undone")
        if done:
            outbox.write(connection)
        else:
            _forget_answer(connection, number, outbox)
        _delete(connection, [number])
    return len(known)

"""Whether a transaction was committed whose connection was lost in its commit.

A writing request leaves one row under a key that is known before the commit and stays the same when it is done again.
So any node of the database tells whether it was committed; and should a commit that was taken for lost still arrive,
only one of the two can have the row.
"""

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count
from typing import Generic, TypeVar

from sqlalchemy import Connection, Engine, Table, exc, select

from catalog.dialect import for_update, transaction
from catalog.dialect.nodes import all_commits_seen
from objapi.store.failures import outcome_unknown, pause_after

_log = logging.getLogger("objapi.site")
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Trace:
    """A row that is there when a transaction was committed, by its primary key and what else tells it from others."""

    table: Table
    key: Mapping[str, object]
    repeatable: bool = True
    """False where a request must not be done again even when the row is not there."""


@dataclass(frozen=True, slots=True)
class Doubt(Generic[_T]):
    """A commit of which nobody knows yet whether it was done: its result, and the row that tells."""

    result: _T
    trace: Trace | None


def is_done(doubt: Doubt[_T], engine: Engine, error: Exception, wait: float) -> bool:
    """True when a commit in doubt was done, False when it was not and the request may be done again.

    Raises OutcomeUnknown for anything else, also when the database does not say it for `wait` seconds; `error` is the
    failure that made the doubt.
    """
    trace = doubt.trace
    if trace is None:
        raise outcome_unknown() from error
    until = time.monotonic() + wait
    for attempt in count(1):
        try:
            with transaction(engine, write=True) as connection:
                done = _is_stored(connection, trace)
            break
        except (exc.DBAPIError, exc.TimeoutError) as reason:
            if time.monotonic() > until:
                raise outcome_unknown() from reason
            time.sleep(pause_after(attempt))
    if not (done or trace.repeatable):
        raise outcome_unknown() from error
    _log.warning("the connection was lost in a commit, which was %s", "done" if done else "not done")
    return done


def _is_stored(connection: Connection, trace: Trace) -> bool:
    """True when the row is there, after all that any node has committed, and what is just being committed."""
    table = trace.table
    same = [table.c[name] == value for name, value in trace.key.items()]
    # With a lock: a transaction that still has the row in hand, its client long gone, is waited for.
    statement = for_update(select(*table.primary_key.columns).where(*same))
    with all_commits_seen(connection):
        return connection.execute(statement).first() is not None

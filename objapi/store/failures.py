"""Failures of the database: which are retried, and the API error for the rest."""

import random
from collections.abc import Mapping
from typing import Final

from sqlalchemy import exc

from catalog.dialect import DATABASE_USE, DatabaseFault, fault_of, is_retryable, is_unavailable
from catalog.dialect.failures import is_conflict, missing_grant
from objapi.errors import Conflict, OutcomeUnknown, Unavailable
from objapi.store.records import StaleWrite

RETRY_AFTER = 2
"""Seconds after which a client may try again when the database is away."""

RETRY_LATER = 30
"""Seconds after which a client may try again when that alone does not help."""

_LONGEST_PAUSE = 1.0
_LONGEST_AFTER_CONFLICT = 0.2
_SAID: Final[Mapping[DatabaseFault, str]] = {
    DatabaseFault.OVER_TIME: (
        "The database took longer than this site lets it (OBJAPI_QUERY_TIME_LIMIT); nothing was done. "
        "Ask for less, or later."
    ),
    DatabaseFault.HANGS: "The database does not answer. Try again later.",
    DatabaseFault.FULL: "The disk of the database is full; nothing was stored. The administrator has to make room.",
    DatabaseFault.READ_ONLY: "The database can only be read at present; nothing was stored. Try again later.",
    DatabaseFault.UNREADABLE: (
        "The file of the database is damaged; nothing was done. The administrator has to restore it from a backup."
    ),
    DatabaseFault.CHANGED: (
        "The tables of the database are not those that this server was started with; nothing was done. "
        "The administrator has to restart it, which names what else there is to do."
    ),
    **dict.fromkeys(
        (DatabaseFault.REFUSED_LOGIN, DatabaseFault.NO_DATABASE, DatabaseFault.NO_RIGHT),
        "The gateway cannot use its database; nothing was done. The server log has the cause under this request id.",
    ),
}


def pause_after(attempt: int, *, conflict: bool = False) -> float:
    """Seconds to wait after a failed attempt (1, 2 …): a random part of a span that doubles, at most a second.

    After a conflict with others at most a fifth of one: who waits longer than those that begin anew loses again.
    """
    longest = _LONGEST_AFTER_CONFLICT if conflict else _LONGEST_PAUSE
    return random.uniform(0, min(0.02 * 2**attempt, longest))  # noqa: S311 - spreads contenders, no secret


def connection_lost(error: BaseException) -> bool:
    """True when the connection was lost: during a commit, its result is then unknown."""
    return isinstance(error, exc.DBAPIError) and error.connection_invalidated


def lost_to_others(error: BaseException) -> bool:
    """True when other requests have come first: to the same objects, or to the commit on another node of a cluster."""
    return isinstance(error, StaleWrite) or is_conflict(error)


def should_retry(error: BaseException) -> bool:
    """True when the transaction may succeed on a retry, or fail with a better answer.

    A key that is taken is found out by the next try, which then says what is taken.
    """
    return isinstance(error, StaleWrite | exc.IntegrityError) or is_retryable(error)


def to_api_error(error: BaseException) -> BaseException:
    """API error for a failure of the database; any other error as it is."""
    answered = _api_error(error)
    if isinstance(answered, Unavailable):
        DATABASE_USE.fault = _kind(error)
    return answered


def _kind(error: BaseException) -> str:
    """One of a few words for a failure by which the database could not be used."""
    fault = fault_of(error)
    if fault is not None:
        return fault.value
    if isinstance(error, exc.TimeoutError):
        return "no connection free"
    return "lost" if connection_lost(error) else "other"


def _api_error(error: BaseException) -> BaseException:
    if isinstance(error, StaleWrite | exc.IntegrityError):
        return Conflict("Other requests keep changing the same objects; nothing was done. Try again.")
    fault = fault_of(error)
    grant = missing_grant(error) if fault is DatabaseFault.NO_RIGHT else None
    if grant is not None:
        return Unavailable(
            f"The gateway's account lacks a right in the database. An administrator of it runs: {grant}, "
            "with the host that the account was made for, such as '%'.",
            retry_after=RETRY_LATER,
        )
    if fault is not None and fault in _SAID:
        return Unavailable(_SAID[fault], retry_after=RETRY_LATER)
    if is_retryable(error) or is_unavailable(error):
        return Unavailable("The database is away or too busy. Try again in a moment.", retry_after=RETRY_AFTER)
    return error


def streams_taken(most: int) -> Unavailable:
    """The answer when as many streamed answers are being sent as a worker may have open."""
    return Unavailable(
        f"This worker is sending {most} streamed answers or files already, as many as it may at once "
        "(its setting OBJAPI_MAX_STREAMS); nothing was read. Try again when one of them has ended, or ask for pages.",
        retry_after=RETRY_LATER,
    )


def outcome_unknown() -> OutcomeUnknown:
    """The answer when the connection was lost during a commit, and nothing tells what became of it."""
    DATABASE_USE.fault = "lost"
    return OutcomeUnknown(
        "The database was lost while the request was being committed, so it is not known whether it was carried out. "
        "Send it again with the Idempotency-Key that it had, which does nothing twice; without one, look at the "
        "objects or their history first.",
        retry_after=RETRY_AFTER,
    )

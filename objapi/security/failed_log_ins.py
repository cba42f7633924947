"""Failed log-ins in the trail, as counts: a flood of them fills neither the database nor the trail.

Failures of one account from one address in one minute are one row, whose number rises. Once the minute is over the row
becomes a request with one entry, and is linked as all others are. A name that no user has is not stored, since people
type passwords into the wrong field. Attempts that the throttle refuses without a look at them are not counted.
"""

from typing import Final, Literal, TypeAlias

from sqlalchemy import ColumnElement, Connection, and_, delete, func, select

from catalog.dialect import add_up
from objapi.security.principals import is_user_id
from objapi.security.tables import failed_log_ins, users
from objapi.security.throttle import address_key
from objapi.security.user_history import user_event
from objapi.store.context import Recorder
from objapi.store.requests import RequestSource

LogInKind: TypeAlias = Literal["password", "code", "sign-on", "token", "signature"]
"""Kinds of credentials: name and password, code of a second factor, answer of a log-in provider, API token, signed
request of a beamline."""

EVENT: Final = "log_in_failed"
"""The `event` of such an entry."""
MINUTE: Final = 60_000_000
"""Microseconds."""
MOST_A_MINUTE: Final = 1_000
"""Rows of one minute from which on addresses are left out: who has very many of them makes no further rows."""
_MANY: Final = ""
_AT_ONCE: Final = 500


def count_failure(
    connection: Connection, kind: LogInKind, account: str, address: str, at: int, *, is_known: bool = False
) -> None:
    """Count a failed log-in, in a transaction of its own; `at` in microseconds since 1970 UTC.

    `account` is what was given as the name of a user; `is_known`: it is one, as its project shows.
    """
    columns, minute = failed_log_ins.c, at // MINUTE
    known = account if is_known else None
    if not is_known and is_user_id(account):
        known = connection.scalar(select(users.c.id).where(users.c.id == account))
    there = connection.scalar(select(func.count()).select_from(failed_log_ins).where(columns.minute == minute))
    row = {
        "minute": minute,
        "kind": kind,
        "account": known or "",
        "address": address_key(address) if (there or 0) < MOST_A_MINUTE else _MANY,
        "failures": 1,
    }
    add_up(connection, failed_log_ins, columns.failures, row)


def has_over(connection: Connection, now: int) -> bool:
    """True when there are failures of minutes that are over."""
    return connection.scalar(select(failed_log_ins.c.minute).where(_is_over(now)).limit(1)) is not None


def record_failures(connection: Connection, site_id: str, now: int) -> int:
    """Turn failures of minutes that are over into requests, in a transaction of its own; returns how many rows.

    What another process is turning is left to it. A failure that is counted later, by a process whose clock is behind,
    becomes a request of its own.
    """
    key = failed_log_ins.primary_key.columns
    over = select(failed_log_ins).where(_is_over(now)).order_by(*key).limit(_AT_ONCE)
    rows = connection.execute(over.with_for_update(skip_locked=True)).all()
    for row in rows:
        connection.execute(delete(failed_log_ins).where(and_(*(column == getattr(row, column.name) for column in key))))
        # The end of the minute: everything that is counted has happened by then.
        recorder = Recorder(site_id, (row.minute + 1) * MINUTE, row.account, RequestSource(address=row.address))
        changes: dict[str, tuple[object, object]] = {"failures": (None, row.failures), "kind": (None, row.kind)}
        recorder.note(user_event(site_id, row.account, EVENT, changes))
        recorder.store(connection)
    return len(rows)


def _is_over(now: int) -> ColumnElement[bool]:
    return failed_log_ins.c.minute < now // MINUTE

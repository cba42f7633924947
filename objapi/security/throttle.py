"""Failed log-ins slow down whoever fails.

Failures are counted by login and address. Too many of one login from one address make that pair wait, each time twice
as long, up to a limit. Many failures from one address, whatever the logins, only slow it: a laboratory is one address.
Many failures of one login, wherever from, only slow it too, or anybody could lock a colleague out from any address. And
a login that lately succeeded from an address is, from there, not slowed by what others do.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from ipaddress import IPv6Address, IPv6Network, ip_address
from math import ceil
from typing import Any, Self
from unicodedata import normalize

from sqlalchemy import ColumnElement, Connection, and_, case, delete, func, or_, select, update

from catalog.dialect import for_update, insert_ignore, upsert_rows
from objapi.errors import TooManyAttempts
from objapi.security.tables import login_attempts
from objapi.settings import Settings
from objapi.store.records import from_micros, to_micros

NEVER = datetime(1970, 1, 1, tzinfo=UTC)

_CLOCK_SKEW = timedelta(minutes=1)
"""Greatest difference between the clocks of two machines that serve one site. What is further ahead was counted by a
clock that has been set back since: nobody has to wait until it is reached again."""


@dataclass(frozen=True, slots=True)
class ThrottleRules:
    """Limits and waits of failed log-ins; `from_settings` lists those that a site may set."""

    login_failures: int = 5
    """Failures of one login from one address, before that pair waits."""
    address_failures: int = 50
    """Failures from one address, before it is slowed."""
    window: timedelta = timedelta(minutes=15)
    """After which a failure is forgotten; never shorter than the longest wait."""
    wait: timedelta = timedelta(seconds=1)
    wait_limit: timedelta = timedelta(minutes=5)
    """The longest wait of a pair."""
    login_failures_anywhere: int = 50
    """Of one login, from all addresses, before it is slowed."""
    slow_limit: timedelta = timedelta(seconds=4)
    """The longest wait of a whole address, or of a login because of failures from other addresses."""
    trusted_for: timedelta = timedelta(days=30)
    """Time after a successful log-in in which the failures of others do not slow its pair."""

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """The rules that a site's settings ask for."""
        return cls(
            login_failures=settings.login_failures,
            address_failures=settings.address_failures,
            window=timedelta(seconds=settings.failure_window),
            wait=timedelta(seconds=settings.login_wait),
            wait_limit=timedelta(seconds=settings.login_wait_limit),
            login_failures_anywhere=settings.address_failures,
        )


@dataclass(frozen=True, slots=True)
class Failures:
    """Failures within the window: how many, and when the last was."""

    count: int = 0
    last: datetime = NEVER


@dataclass(frozen=True, slots=True)
class Attempts:
    """Failures that count when a login is tried from an address."""

    pair: Failures = Failures()
    address: Failures = Failures()
    login: Failures = Failures()
    succeeded: datetime = NEVER
    """Instant of the last success of this login from this address."""


def remaining_wait(attempts: Attempts, now: datetime, rules: ThrottleRules) -> timedelta:
    """Time that a log-in has still to wait; zero or less: it may be tried now."""
    waits = [_wait(attempts.pair, rules.login_failures, rules.wait_limit, now, rules)]
    if now - attempts.succeeded > rules.trusted_for:
        waits.append(_wait(attempts.address, rules.address_failures, rules.slow_limit, now, rules))
        waits.append(_wait(attempts.login, rules.login_failures_anywhere, rules.slow_limit, now, rules))
    return max(waits)


def _wait(failures: Failures, free: int, limit: timedelta, now: datetime, rules: ThrottleRules) -> timedelta:
    excess = failures.count - free
    if excess < 0:
        return timedelta(0)
    doublings: int = 2 ** min(excess, 30)
    return failures.last + min(rules.wait * doublings, limit) - now


def ensure_may_try(attempts: Attempts, now: datetime, rules: ThrottleRules) -> None:
    """Raise TooManyAttempts (429) with the seconds left when a login has to wait."""
    wait = remaining_wait(attempts, now, rules)
    if wait > timedelta(0):
        seconds = ceil(wait.total_seconds())
        raise TooManyAttempts(
            f"Too many failed log-ins; try again in {seconds} second{'s' if seconds > 1 else ''}.", retry_after=seconds
        )


def read_attempts(connection: Connection, login: str, address: str, now: datetime, rules: ThrottleRules) -> Attempts:
    """The failures that matter to a login from an address. One statement, one row."""
    columns = login_attempts.c
    of_login, of_address = columns.login == login_key(login), columns.address == address_key(address)
    recent = and_(
        columns.failed_at > to_micros(now - _window(rules)), columns.failed_at <= to_micros(now + _CLOCK_SKEW)
    )
    of_pair = and_(of_login, of_address)
    row = connection.execute(
        select(
            *_counted(and_(of_pair, recent), "pair"),
            *_counted(and_(of_address, recent), "address"),
            *_counted(and_(of_login, recent), "login"),
            func.max(case((of_pair, columns.succeeded_at), else_=0)).label("succeeded"),
        ).where(or_(of_pair, and_(of_address, recent), and_(of_login, recent)))
    ).one()
    pair, of_the_address, of_the_login = (
        Failures(int(row._mapping[f"{name}_count"] or 0), from_micros(row._mapping[f"{name}_last"] or 0))
        for name in ("pair", "address", "login")
    )
    return Attempts(pair, of_the_address, of_the_login, from_micros(row.succeeded or 0))


def _counted(condition: ColumnElement[bool], name: str) -> tuple[ColumnElement[Any], ColumnElement[Any]]:
    columns = login_attempts.c
    return (
        func.sum(case((condition, columns.failures), else_=0)).label(f"{name}_count"),
        func.max(case((condition, columns.failed_at), else_=0)).label(f"{name}_last"),
    )


def _window(rules: ThrottleRules) -> timedelta:
    return max(rules.window, rules.wait_limit)


def count_attempt(connection: Connection, login: str, address: str, now: datetime, rules: ThrottleRules) -> None:
    """Count an attempt as failed before its password is looked at, in a transaction of its own.

    Attempts that arrive at once would else all be looked at before the first of them had failed. One that succeeds, or
    is not decided, is taken back. A failure after a quiet window counts as the first. Raises TooManyAttempts (429) when
    the login has to wait; the attempt is not looked at then, and not counted.
    """
    columns, at = login_attempts.c, to_micros(now)
    key = {"login": login_key(login), "address": address_key(address)}
    blank = {"failures": 0, "failed_at": 0, "succeeded_at": 0, "touched": 0}
    insert_ignore(connection, login_attempts, [key | blank])
    # Locked before it is read: those that come at the same moment are counted one after another.
    connection.execute(for_update(select(columns.failures).where(*_of_pair(login, address))))
    ensure_may_try(read_attempts(connection, login, address, now, rules), now, rules)
    forgotten = columns.failed_at <= to_micros(now - _window(rules))
    connection.execute(
        update(login_attempts)
        .where(*_of_pair(login, address))
        .ordered_values(
            # In this order: MariaDB and MySQL see in each expression what the ones before it have set.
            (columns.failures, case((forgotten, 1), else_=columns.failures + 1)),
            (columns.failed_at, at),
            (columns.touched, at),
        )
    )


def take_back_attempt(connection: Connection, login: str, address: str) -> None:
    """Uncount an attempt of which nobody could say whether it was right."""
    failures = login_attempts.c.failures
    uncounted = case((failures > 0, failures - 1), else_=0)
    connection.execute(update(login_attempts).where(*_of_pair(login, address)).values(failures=uncounted))


def record_success(connection: Connection, login: str, address: str, now: datetime) -> None:
    """Forget the failures of a login from an address, and remember that it succeeded from there."""
    at = to_micros(now)
    key = {"login": login_key(login), "address": address_key(address)}
    success = {"failures": 0, "failed_at": 0, "succeeded_at": at, "touched": at}
    upsert_rows(connection, login_attempts, [key | success])


def _of_pair(login: str, address: str) -> tuple[ColumnElement[bool], ...]:
    columns = login_attempts.c
    return columns.login == login_key(login), columns.address == address_key(address)


def sweep_attempts(connection: Connection, now: datetime, rules: ThrottleRules) -> None:
    """Remove the rows that no longer matter; in a transaction of its own, as it locks a range of rows."""
    old = to_micros(now - max(_window(rules), rules.trusted_for))
    connection.execute(delete(login_attempts).where(login_attempts.c.touched <= old))


def login_key(login: str) -> str:
    """The digest that stands for what somebody typed as login: it may be long, or a password in the wrong field."""
    typed = normalize("NFC", login).encode("utf-8", "surrogatepass")
    return blake2b(typed, digest_size=32, person=b"objapi login").hexdigest()


def address_key(address: str) -> str:
    """The address that failures are counted by: an IPv6 address stands for its /64, which is one customer's.

    An IPv4 address written as IPv6 is that IPv4 address; text that is no address counts together as `unknown`.
    """
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return "unknown"
    if isinstance(parsed, IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(IPv6Network((int(parsed), 64), strict=False).network_address)
    return str(parsed)

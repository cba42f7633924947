"""Leases: one process at a time changes the schema, or delivers webhooks, whatever becomes of it.

It is a row that says who holds it and until when. A holder that dies leaves a lease that expires; a holder that was
too slow finds out with its next renewal and stops.
"""

import os
import secrets
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import orjson
from sqlalchemy import Connection, Engine, delete, select, update

from catalog.dialect import begin_write, insert_ignore
from objapi.store.records import from_micros, to_micros
from objapi.store.schema import site_state

LEASE_ROW = "lease"
DURATION = timedelta(minutes=5)
"""For how long a lease is good; it must outlast the longest single step, such as making a key of a large table."""
PARTS = 10
"""A lease is renewed when this part of its duration is over."""
_FREE = ""

Clock = Callable[[], datetime]


class LeaseRefused(Exception):
    """Another process holds the lease, or took it over; the message names it and says until when."""


@dataclass(frozen=True, slots=True)
class Holder:
    """Holder of the lease: host and process, in words; and the end of the lease."""

    owner: str
    until: datetime

    def __str__(self) -> str:
        return f"{self.owner}, until {self.until.isoformat(sep=' ', timespec='seconds')}"


def utc_now() -> datetime:
    """The present instant."""
    return datetime.now(UTC)


def holder_of(text: str | None, now: datetime, duration: timedelta = DURATION) -> Holder | None:
    """Holder of a lease of some duration in a row; None: nobody, or the lease has expired.

    One that would last twice as long as any does was taken by a clock that was ahead, and set back since: its holder
    renews it at once if it lives, and nobody waits for one that does not.
    """
    if not text:
        return None
    row = orjson.loads(text)
    holder = Holder(str(row["owner"]), from_micros(int(row["until"])))
    return holder if now < holder.until <= now + 2 * duration else None


class Lease:
    """A lease that this process holds; see `hold_lease`."""

    def __init__(
        self, engine: Engine, clock: Clock = utc_now, row: str = LEASE_ROW, duration: timedelta = DURATION
    ) -> None:
        self._engine = engine
        self._clock = clock
        self._row = row
        self._duration = duration
        self._owner = f"process {os.getpid()} on {socket.gethostname()}"
        self._token = secrets.token_hex(8)
        self._text = _FREE
        self._taken = clock()

    def take(self) -> None:
        """Take the lease, also one that has expired. Raises LeaseRefused."""
        with self._engine.connect() as connection, begin_write(connection):
            insert_ignore(connection, site_state, [{"name": self._row, "value": _FREE}])
            found = _read(connection, self._row)
            holder = holder_of(found, self._clock(), self._duration)
            if holder is not None or found is None or not self._replace(connection, found):
                raise LeaseRefused(_refusal(holder))

    def holder(self) -> Holder | None:
        """Holder of the lease at present, which may be this one; None: it can be taken."""
        with self._engine.connect() as connection:
            return holder_of(_read(connection, self._row), self._clock(), self._duration)

    def renew(self) -> None:
        """Prolong the lease when it has aged. Raises LeaseRefused when another process has taken it over."""
        # A clock that was set back since has to be followed: by it, the lease would last for too long.
        if timedelta(0) <= self._clock() - self._taken < self._duration / PARTS:
            return
        with self._engine.connect() as connection, begin_write(connection):
            if not self._replace(connection, self._text):
                holder = holder_of(_read(connection, self._row), self._clock(), self._duration)
                raise LeaseRefused(f"This upgrade was too slow and another took over. {_refusal(holder)}")

    def give_back(self) -> None:
        """Let others have the lease; nothing happens when it is another's by now."""
        with self._engine.connect() as connection, begin_write(connection):
            ours = (site_state.c.name == self._row) & (site_state.c.value == self._text)
            connection.execute(delete(site_state).where(ours))

    def _replace(self, connection: Connection, found: str) -> bool:
        """Write our own row in place of the one found, unless somebody else was faster."""
        now = self._clock()
        row = {"owner": self._owner, "token": self._token, "until": to_micros(now + self._duration)}
        text = orjson.dumps(row).decode()
        unchanged = (site_state.c.name == self._row) & (site_state.c.value == found)
        if connection.execute(update(site_state).where(unchanged).values(value=text)).rowcount != 1:
            return False
        self._text, self._taken = text, now
        return True


def _read(connection: Connection, row: str) -> str | None:
    return connection.scalar(select(site_state.c.value).where(site_state.c.name == row))


def _refusal(holder: Holder | None) -> str:
    who = "another process" if holder is None else str(holder)
    return f"The tables of this site are being changed by {who}. Wait for it to end, then run the command again."


@contextmanager
def hold_lease(engine: Engine, clock: Clock = utc_now) -> Iterator[Lease]:
    """Hold the lease of a database, whose `site_state` table must exist. Raises LeaseRefused."""
    lease = Lease(engine, clock)
    lease.take()
    try:
        yield lease
    finally:
        lease.give_back()

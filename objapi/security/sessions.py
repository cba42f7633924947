"""Sessions: log-ins by cookie, stored in the database, so that every process knows them and they can be ended.

The cookie holds a random key and nothing else; the database holds the key's digest, so that a copy of the database
logs nobody in. A session ends when it was not used for a while, and after a longest time in any case.
"""

import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Self

from sqlalchemy import Connection, and_, delete, insert, select, update

from objapi.security.tables import sessions, users
from objapi.settings import Settings
from objapi.store.records import to_micros

COOKIE = "__ac"
"""The name of the session cookie, that of the historic server."""

PROVED_FOR = timedelta(minutes=2)
"""Time for which a session that began by logging in anew at the provider proves, once, who signs."""

_LONGEST = timedelta(days=7)
_KEY_BYTES = 32
_KEY = re.compile(r"[A-Za-z0-9_-]{43}")


@dataclass(frozen=True, slots=True)
class SessionRules:
    """Lifetimes of sessions."""

    lifetime: timedelta = timedelta(hours=12)
    """After the last use (to within the quarter of it that `renew_after` leaves open)."""
    longest: timedelta = _LONGEST
    """After log-in, however much it is used."""
    renew_after: float = 0.25
    """The part of its lifetime that a session must have used up before using it writes a new end; so most uses of a
    session write nothing."""

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """The rules that a site's settings ask for."""
        lifetime = timedelta(seconds=settings.session_lifetime)
        return cls(lifetime=lifetime, longest=max(_LONGEST, lifetime))


@dataclass(frozen=True, slots=True)
class Session:
    """A session as the database has it."""

    digest: str
    user_id: str
    password_version: int
    created: datetime
    expires: datetime
    proved: datetime | None = None
    """Instant at which its user logged in to sign; None: they did not, or have signed since."""


@dataclass(frozen=True, slots=True)
class NewSession:
    """A session just begun, with the key that goes into the cookie and is stored nowhere."""

    key: str
    session: Session


def digest_of(key: str) -> str | None:
    """The digest under which the session of a cookie is stored; None: the text is no session key."""
    return sha256(key.encode("ascii")).hexdigest() if _KEY.fullmatch(key) else None


def begin_session(
    connection: Connection,
    user_id: str,
    password_version: int,
    now: datetime,
    rules: SessionRules,
    *,
    signs: bool = False,
) -> NewSession:
    """Begin a session of a user who has just shown who they are; `signs`: to sign something by it."""
    key = secrets.token_urlsafe(_KEY_BYTES)
    session = Session(
        sha256(key.encode("ascii")).hexdigest(),
        user_id,
        password_version,
        now,
        now + min(rules.lifetime, rules.longest),
        now if signs else None,
    )
    connection.execute(
        insert(sessions).values(
            digest=session.digest,
            user_id=user_id,
            password_version=password_version,
            created=to_micros(session.created),
            expires=to_micros(session.expires),
            proved=to_micros(now) if signs else None,
        )
    )
    return NewSession(key, session)


def spend_proof(connection: Connection, session: Session) -> bool:
    """Use the proof of a session up, in the transaction of what is signed; False when it has been used meanwhile."""
    if session.proved is None:
        return False
    same = and_(sessions.c.digest == session.digest, sessions.c.proved == to_micros(session.proved))
    return connection.execute(update(sessions).where(same).values(proved=None)).rowcount == 1


def renewed_end(session: Session, now: datetime, rules: SessionRules) -> datetime | None:
    """The new end of a session that is being used, or None when none is worth writing yet."""
    end = min(now + rules.lifetime, session.created + rules.longest)
    return end if end - session.expires >= rules.lifetime * rules.renew_after else None


def renew_session(connection: Connection, session: Session, end: datetime) -> None:
    """Write a session's new end, in a transaction of its own: reading requests do not write."""
    connection.execute(update(sessions).where(sessions.c.digest == session.digest).values(expires=to_micros(end)))


def end_session(connection: Connection, key: str) -> None:
    """End the session of a cookie; a key that is none, or of no session, ends nothing."""
    digest = digest_of(key)
    if digest is not None:
        connection.execute(delete(sessions).where(sessions.c.digest == digest))


def end_sessions_of(connection: Connection, user_id: str, *, keep: str | None = None) -> None:
    """End all sessions of a user but the one with the digest `keep`."""
    statement = delete(sessions).where(sessions.c.user_id == user_id)
    if keep is not None:
        statement = statement.where(sessions.c.digest != keep)
    connection.execute(statement)


def carry_session(connection: Connection, user_id: str, digest: str) -> None:
    """Let a session outlive the change of its user's password."""
    version = select(users.c.password_version).where(users.c.id == user_id).scalar_subquery()
    own = and_(sessions.c.digest == digest, sessions.c.user_id == user_id)
    connection.execute(update(sessions).where(own).values(password_version=version))


def sweep_sessions(connection: Connection, now: datetime) -> None:
    """Remove the sessions that are over; in a transaction of its own, as it locks a range of rows."""
    connection.execute(delete(sessions).where(sessions.c.expires <= to_micros(now)))

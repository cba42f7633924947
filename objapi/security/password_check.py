"""Log-in: a login and a password are checked, throttled, and a session or a new password comes of it.

The password check runs outside of any transaction, since it takes a tenth of a second and a transaction may hold locks;
failures are written in a transaction of their own, so that they stay when the request they belong to comes to nothing.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeVar

from sqlalchemy import Connection, update

from objapi.errors import Cause, ValidationError
from objapi.model.registry import Roles
from objapi.security.accounts import store_password
from objapi.security.credentials import Credentials
from objapi.security.passwords import Passwords, new_password_hash
from objapi.security.principals import LoadedUser, load_by_login
from objapi.security.sessions import NewSession, SessionRules, begin_session, end_session, sweep_sessions
from objapi.security.tables import users
from objapi.security.throttle import (
    Attempts,
    ThrottleRules,
    ensure_may_try,
    is_worth_recording,
    read_attempts,
    record_failure,
    record_success,
    sweep_attempts,
)

T = TypeVar("T")
_log = logging.getLogger(__name__)


class Transactions(Protocol):
    """Runs a function in a short transaction of its own, commits, and runs it again after a deadlock."""

    def __call__(self, work: Callable[[Connection], T], *, write: bool) -> T:
        """The function's result; `write=False` promises that it only reads."""
        ...


@dataclass(frozen=True, slots=True)
class PasswordCheck:
    """Checks logins and passwords of one site, throttled."""

    run: Transactions
    roles: Roles
    passwords: Passwords
    rules: ThrottleRules

    def verify(self, credentials: Credentials, address: str, now: datetime) -> LoadedUser | None:
        """The active user whose credentials these are, or None.

        An unknown user, an inactive one and a wrong password take the same time and tell no difference. Raises
        TooManyAttempts when the login has to wait; the password is not looked at then.
        """
        attempts, user = self.run(lambda connection: self._read(connection, credentials, address, now), write=False)
        known = user if user is not None and user.active else None
        if not self.passwords.verify(known.password_hash if known else None, credentials.password) or known is None:
            name = "an unknown or inactive user" if known is None else repr(known.principal.user_id)
            _log.warning("Failed log-in of %s from %s", name, address)
            self.run(
                lambda connection: record_failure(connection, credentials.login, address, now, self.rules), write=True
            )
            return None
        self._note_success(known, credentials, address, attempts, now)
        return known

    def _read(
        self, connection: Connection, credentials: Credentials, address: str, now: datetime
    ) -> tuple[Attempts, LoadedUser | None]:
        attempts = read_attempts(connection, credentials.login, address, now, self.rules)
        ensure_may_try(attempts, now, self.rules)
        return attempts, load_by_login(connection, credentials.login, self.roles)

    def _note_success(
        self, user: LoadedUser, credentials: Credentials, address: str, attempts: Attempts, now: datetime
    ) -> None:
        news = is_worth_recording(attempts, now, self.rules)
        newer = self.passwords.hash(credentials.password) if self.passwords.is_outdated(user.password_hash) else None
        if not news and newer is None:
            return

        def write(connection: Connection) -> None:
            if news:
                record_success(connection, credentials.login, address, now)
            if newer is not None:
                replace_hash(connection, user, newer)

        self.run(write, write=True)


def replace_hash(connection: Connection, user: LoadedUser, password_hash: str) -> None:
    """Store another hash of the same password, unless the password was changed in the meantime."""
    same = (users.c.id == user.principal.user_id, users.c.password_version == user.password_version)
    connection.execute(update(users).where(*same).values(password_hash=password_hash))


@dataclass(frozen=True, slots=True)
class LoginFailed:
    """The login or the password is wrong, or the user is not active; nobody learns which."""


def log_in(
    password_check: PasswordCheck, credentials: Credentials, address: str, now: datetime, rules: SessionRules
) -> NewSession | LoginFailed:
    """Begin a session for whoever gives the right password; its key belongs into the cookie.

    Raises TooManyAttempts (429) when the login has to wait. What is over by now, of sessions and of failed log-ins,
    is swept away by those that succeed.
    """
    user = password_check.verify(credentials, address, now)
    if user is None:
        return LoginFailed()
    user_id, version, run = user.principal.user_id, user.password_version, password_check.run
    begun = run(lambda connection: begin_session(connection, user_id, version, now, rules), write=True)
    run(lambda connection: sweep_sessions(connection, now), write=True)
    run(lambda connection: sweep_attempts(connection, now, password_check.rules), write=True)
    return begun


def log_out(run: Transactions, key: str | None) -> None:
    """End the session of a cookie, if there is one; an unknown key is no error."""
    if key:
        run(lambda connection: end_session(connection, key), write=True)


def change_password(
    password_check: PasswordCheck, old: Credentials, new: str, address: str, now: datetime, *, keep_session: str | None
) -> None:
    """Change one's own password, knowing the old one, and end one's other sessions.

    `keep_session` is the digest of the session that asks. Raises ValidationError for a wrong old password, which
    counts as a failed log-in, and for a new one that the rules refuse; TooManyAttempts (429).
    """
    user = password_check.verify(old, address, now)
    if user is None:
        raise ValidationError.from_causes([Cause("field", "old_password", "The old password is wrong.")])
    user_id = user.principal.user_id
    password_hash = new_password_hash(new, user_id, password_check.passwords)
    password_check.run(
        lambda connection: store_password(connection, user_id, password_hash, now=now, keep_session=keep_session),
        write=True,
    )

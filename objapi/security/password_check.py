"""Checking a login and a password: throttle, password, and what is to be written down, each in its own transaction.

The password check runs outside of any transaction, since it takes a tenth of a second and a transaction may hold locks;
failures are written in a transaction of their own, so that they stay when the request they belong to comes to nothing.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeVar

from sqlalchemy import Connection, update

from objapi.model.registry import Roles
from objapi.security.credentials import Credentials
from objapi.security.passwords import Passwords
from objapi.security.principals import LoadedUser, load_by_login
from objapi.security.tables import users
from objapi.security.throttle import (
    Attempts,
    ThrottleRules,
    ensure_may_try,
    read_attempts,
    record_failure,
    record_success,
    success_is_news,
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
        news = success_is_news(attempts, now, self.rules)
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

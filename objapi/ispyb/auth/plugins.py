"""Log-in plugins: each says who somebody is, by a login and a password or by a token of its own.

What a person may do never comes from a plugin, only from the groups in the database.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from sqlalchemy import Connection

from objapi.security.credentials import Credentials
from objapi.security.password_check import PasswordCheck, Transactions
from objapi.security.throttle import ThrottleRules, ensure_may_try, read_attempts, record_failure, record_success


@dataclass(frozen=True, slots=True)
class LoginAttempt:
    """Values sent to log in, from which address and when."""

    login: str | None
    password: str | None
    token: str | None
    address: str
    now: datetime


@dataclass(frozen=True, slots=True)
class Identity:
    """Login of a person, and what is known of them should they be new."""

    login: str
    given_name: str | None = None
    family_name: str | None = None
    email: str | None = None
    phone: str | None = None
    site_id: int | None = None


class Plugin(Protocol):
    """One way to log in. `exported` are the settings that a web page may see; no secret is among them."""

    @property
    def exported(self) -> Mapping[str, str]:
        """The settings that `/auth/config` shows."""
        ...

    def identify(self, attempt: LoginAttempt) -> Identity | None:
        """Check who somebody is; None when the attempt does not show it. Raises ApiError when none can say now."""
        ...


@dataclass(frozen=True)
class Dummy:
    """Believes every login, whatever the password: for trials and tests."""

    exported: Mapping[str, str] = field(default_factory=dict)

    def identify(self, attempt: LoginAttempt) -> Identity | None:
        """Identity of the given login, unchecked."""
        return Identity(attempt.login) if attempt.login else None


@dataclass(frozen=True)
class GatewayUsers:
    """The gateway's own users and their passwords; wrong ones make the next attempt wait."""

    password_check: PasswordCheck
    exported: Mapping[str, str] = field(default_factory=dict)

    def identify(self, attempt: LoginAttempt) -> Identity | None:
        """The active user with the login and the password."""
        if not attempt.login or attempt.password is None:
            return None
        credentials = Credentials(attempt.login, attempt.password)
        user = self.password_check.verify(credentials, attempt.address, attempt.now)
        if user is None:
            return None
        return Identity(user.principal.user_id, family_name=user.principal.fullname or None)


@dataclass(frozen=True)
class Throttled:
    """Another plugin, which asks a server for passwords; wrong ones make the next attempt wait here too."""

    plugin: Plugin
    run: Transactions
    rules: ThrottleRules

    @property
    def exported(self) -> Mapping[str, str]:
        """Settings of the other plugin."""
        return self.plugin.exported

    def identify(self, attempt: LoginAttempt) -> Identity | None:
        """Ask the other plugin. Raises TooManyAttempts (429) when the login has to wait."""
        login = attempt.login
        if not login or not attempt.password:
            return None
        attempts = self.run(
            lambda connection: read_attempts(connection, login, attempt.address, attempt.now, self.rules), write=False
        )
        ensure_may_try(attempts, attempt.now, self.rules)
        identity = self.plugin.identify(attempt)
        self.run(lambda connection: self._note(connection, login, attempt, known=identity is not None), write=True)
        return identity

    def _note(self, connection: Connection, login: str, attempt: LoginAttempt, *, known: bool) -> None:
        if known:
            record_success(connection, login, attempt.address, attempt.now)
        else:
            record_failure(connection, login, attempt.address, attempt.now, self.rules)

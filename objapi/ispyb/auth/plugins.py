"""Log-in plugins: each says who somebody is, by a login and a password or by a token of its own.

What a person may do never comes from a plugin, only from the groups in the database.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from objapi.security.credentials import Credentials
from objapi.security.failed_log_ins import count_failure
from objapi.security.password_check import PasswordCheck, ThrottledChecks, Transactions
from objapi.store.records import to_micros


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
    password_version: int | None = None
    """Version of the password that was found right, for a user of the gateway; its tokens end with it."""


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
        name = user.principal.fullname or None
        return Identity(user.principal.user_id, family_name=name, password_version=user.password_version)


@dataclass(frozen=True)
class Counted:
    """Another plugin, which asks a server about tokens; those that it refuses are counted as failed log-ins."""

    plugin: Plugin
    run: Transactions

    @property
    def exported(self) -> Mapping[str, str]:
        """Settings of the other plugin."""
        return self.plugin.exported

    def identify(self, attempt: LoginAttempt) -> Identity | None:
        """Ask the other plugin."""
        identity = self.plugin.identify(attempt)
        if identity is None and attempt.token:
            at = to_micros(attempt.now)
            self.run(lambda connection: count_failure(connection, "token", "", attempt.address, at), write=True)
        return identity


@dataclass(frozen=True)
class Throttled:
    """Another plugin, which asks a server for passwords; wrong ones make the next attempt wait here too."""

    plugin: Plugin
    checks: ThrottledChecks

    @property
    def exported(self) -> Mapping[str, str]:
        """Settings of the other plugin."""
        return self.plugin.exported

    def identify(self, attempt: LoginAttempt) -> Identity | None:
        """Ask the other plugin. Raises TooManyAttempts (429) when the login has to wait."""
        if not attempt.login or not attempt.password:
            return None
        credentials = Credentials(attempt.login, attempt.password)
        return self.checks.check(credentials, attempt.address, attempt.now, lambda _: self.plugin.identify(attempt))

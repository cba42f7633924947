"""Identification of a caller: from the `Authorization` header or the session cookie to the user of this moment.

It goes in two steps. `Authentication.identify` runs before the request's transaction: it reads the header and, when
this process does not remember the credential, checks the password. `Identified.load` is the first statement inside the
transaction. So no lock is held while a password is checked, and the user's rights belong to the transaction's state of
the database.
"""

import logging
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, Protocol

from sqlalchemy import Connection

from objapi.errors import InvalidToken, Unauthorized
from objapi.model.registry import Roles
from objapi.security.api_tokens import is_use_due, note_use, prefix_of_token
from objapi.security.code_log_in import CodeCheck
from objapi.security.credentials import Credentials, Verified, VerifiedCredentials, parse_basic, parse_bearer
from objapi.security.failed_log_ins import count_failure
from objapi.security.origins import AuthenticationKind
from objapi.security.password_check import PasswordCheck, Transactions, open_password_check
from objapi.security.passwords import Passwords
from objapi.security.principals import LoadedUser, load_by_login, load_by_session, load_by_token
from objapi.security.sealing import Seal
from objapi.security.sessions import SessionRules, digest_of, renew_session, renewed_end
from objapi.security.shared_checks import SharedChecks
from objapi.security.throttle import count_attempt, ensure_may_try, read_attempts
from objapi.settings import Settings
from objapi.store.records import to_micros

_log = logging.getLogger(__name__)

# No user has this id: invalid tokens name nobody, so they are counted under it, by address.
_TOKEN_LOGIN: Final = "@@tokens"  # noqa: S105 - a name, no secret

NOT_LOGGED_IN: Final = "Nobody is logged in; log in by the form, send Basic credentials or an API token."
"""The message of a refusal (401) to a caller without credentials."""


class Identified(Protocol):
    """Credentials that were read and, where that takes a password, found right."""

    @property
    def kind(self) -> AuthenticationKind:
        """Kind of the credentials, for the cross-site check."""
        ...

    def load(self, connection: Connection, key: str | None = None) -> LoadedUser:
        """The user of this moment, active, in one statement, with the earlier request of an idempotency key.

        Raises Unauthorized (401).
        """
        ...

    def at(self, now: datetime) -> "Identified":
        """The same credentials at a later instant, by which they may have expired."""
        ...


@dataclass(frozen=True, slots=True)
class Authentication:
    """Identifies the callers of one site, in one process."""

    password_check: PasswordCheck
    remembered: VerifiedCredentials
    sessions: SessionRules
    seal: Seal | None = None
    """Encrypts secrets of authenticator apps; None: users are offered none."""
    _checks: SharedChecks = field(default_factory=SharedChecks)

    @property
    def codes(self) -> CodeCheck:
        """Checks the second step of log-ins."""
        return CodeCheck(self.password_check, self.seal)

    def identify(
        self,
        authorization: str | None,
        cookie: str | None,
        address: str,
        now: datetime,
        *,
        bearer_sessions: bool = False,
    ) -> Identified:
        """Read a request's credentials: those of the header alone when there is one, else the cookie's.

        With `bearer_sessions` a bearer token that is no API token is the key of a session, as a log-in gave it.

        `address` is the client's, behind trusted proxies. Raises Unauthorized (401) for wrong or unreadable
        credentials in the header, whatever the cookie says, and TooManyAttempts (429).
        """
        if authorization is not None:
            token = parse_bearer(authorization)
            if token is not None and bearer_sessions and digest_of(token) is not None:
                return _BySession(token, self.password_check.roles, now, kind="token")
            if token is not None:
                return _ByToken(token, self.password_check.roles, now)
            credentials = parse_basic(authorization)
            if not self.password_check.taken:
                self.password_check.require_taken()
            return self._by_password(credentials, address, now)
        if cookie:
            return _BySession(cookie, self.password_check.roles, now)
        return _Nobody()

    def count_invalid_token(self, address: str, now: datetime) -> None:
        """Count a request with an invalid token as a failed log-in from its address, after its transaction has ended.

        Raises TooManyAttempts (429) when the address has to wait. Valid tokens never do, and neither do other
        log-ins but as the failures of an address slow them: a script with an old token keeps nobody else out.
        """
        check = self.password_check
        # Asked first without a lock: while the address waits its requests cost no writer anything.
        attempts = check.run(
            lambda connection: read_attempts(connection, _TOKEN_LOGIN, address, now, check.rules), write=False
        )
        ensure_may_try(attempts, now, check.rules)

        def count(connection: Connection) -> None:
            count_attempt(connection, _TOKEN_LOGIN, address, now, check.rules)
            count_failure(connection, "token", "", address, to_micros(now))

        check.run(count, write=True, repeatable=True)

    def note_use(self, user: LoadedUser, now: datetime) -> None:
        """After a request: write the use of its session or API token when that is due, in a transaction of its own.

        Most requests write nothing.
        """
        token = user.token
        if token is not None and is_use_due(token, now):
            self.password_check.run(lambda connection: note_use(connection, token, now), write=True, repeatable=True)
        self.renew(user, now)

    def renew(self, user: LoadedUser, now: datetime) -> datetime | None:
        """Give a session a later end when that is due. Returns the new end, if any."""
        session = user.session
        end = None if session is None else renewed_end(session, now, self.sessions)
        if session is None or end is None:
            return None
        self.password_check.run(lambda connection: renew_session(connection, session, end), write=True, repeatable=True)
        return end

    def _by_password(self, credentials: Credentials, address: str, now: datetime) -> "_ByPassword":
        digest = self.remembered.digest(credentials)
        verified = self.remembered.recall(digest) or self._checks.run(
            (digest, address), lambda: self._verified(digest, credentials, address, now)
        )
        return _ByPassword(credentials, digest, verified, self)

    def _verified(self, digest: bytes, credentials: Credentials, address: str, now: datetime) -> Verified:
        # One that was equal may have ended between the look into the memory and this check.
        remembered = self.remembered.recall(digest)
        if remembered is not None:
            return remembered
        # Remembered for users with a second factor, too, so that their scripts cost one check and not one each time;
        # they are refused when they are loaded.
        user = self.password_check.verify(credentials, address, now, code_follows=True)
        if user is None:
            raise wrong_credentials()
        verified = Verified(user.principal.user_id, user.password_version)
        self.remembered.remember(digest, verified)
        return verified


@dataclass(frozen=True, slots=True)
class _ByPassword:
    credentials: Credentials
    digest: bytes
    verified: Verified
    site: Authentication
    kind: AuthenticationKind = "basic"

    def load(self, connection: Connection, key: str | None = None) -> LoadedUser:
        """The user, provided the account is active and the password still the one that was verified, and enough."""
        user = load_by_login(connection, self.verified.user_id, self.site.password_check.roles, key)
        if user is None or not user.active:
            self.site.remembered.forget(self.digest)
            raise wrong_credentials()
        if user.password_version != self.verified.password_version:
            self._verify_again(user, self.site.password_check.passwords)
        user.require_no_second_factor()
        return user

    def at(self, now: datetime) -> Identified:
        """The same: passwords do not expire."""
        return self

    def _verify_again(self, user: LoadedUser, passwords: Passwords) -> None:
        """The password was changed since it was remembered, perhaps to the same one.

        This happens at most once for each change and only to who knew the old password, so it may cost its time
        inside the transaction and needs no throttle.
        """
        self.site.remembered.forget(self.digest)
        if not passwords.verify(user.password_hash, self.credentials.password):
            raise wrong_credentials()
        self.site.remembered.remember(self.digest, Verified(user.principal.user_id, user.password_version))


@dataclass(frozen=True, slots=True)
class _BySession:
    key: str
    roles: Roles
    now: datetime
    kind: AuthenticationKind = "cookie"

    def load(self, connection: Connection, key: str | None = None) -> LoadedUser:
        """The user of the session."""
        user = load_by_session(connection, self.key, self.roles, self.now, key)
        if user is None:
            raise Unauthorized("The session has ended; log in again.")
        return user

    def at(self, now: datetime) -> Identified:
        """The same session at a later instant."""
        return replace(self, now=now)


@dataclass(frozen=True, slots=True)
class _ByToken:
    text: str = field(repr=False)
    roles: Roles
    now: datetime
    kind: AuthenticationKind = "token"

    def load(self, connection: Connection, key: str | None = None) -> LoadedUser:
        """The user of the token, restricted to its scope."""
        user = load_by_token(connection, self.text, self.roles, self.now, key)
        if user is None:
            _log.info("Refused an API token: %s", prefix_of_token(self.text) or "no token of this gateway")
            raise invalid_token()
        return user

    def at(self, now: datetime) -> Identified:
        """The same token at a later instant."""
        return replace(self, now=now)


@dataclass(frozen=True, slots=True)
class _Nobody:
    kind: AuthenticationKind = "none"

    def load(self, connection: Connection, key: str | None = None) -> LoadedUser:
        """Nobody is logged in."""
        raise Unauthorized(NOT_LOGGED_IN)

    def at(self, now: datetime) -> Identified:
        """The same: nobody."""
        return self


def open_authentication(settings: Settings, roles: Roles, run: Transactions) -> Authentication:
    """The authentication of a site, as its settings and declared roles have it; one for each process.

    Raises SettingsError for a file of keys that cannot be used.
    """
    return Authentication(
        open_password_check(settings, roles, run),
        VerifiedCredentials(seconds=settings.basic_cache),
        SessionRules.from_settings(settings),
        Seal.from_settings(settings),
    )


def invalid_token() -> InvalidToken:
    """The refusal of an API token; it does not say whether there ever was one."""
    return InvalidToken("The API token is not valid: it is unknown, has expired or was revoked.")


def wrong_credentials() -> Unauthorized:
    """The refusal of a wrong login or password; it does not say which of the two."""
    return Unauthorized("The login or the password is wrong.")

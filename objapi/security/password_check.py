"""Log-in: a login and a password are checked, throttled, and a session or a new password comes of it.

The password check runs outside of any transaction, since it takes a tenth of a second and a transaction may hold locks;
attempts are counted in a transaction of their own before it, so that they stay when the request they belong to comes to
nothing.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from threading import BoundedSemaphore
from typing import Final, Protocol, TypeVar

from sqlalchemy import Connection, update

from objapi.errors import Cause, PasswordNotEnough, TooManyAttempts, Unavailable, ValidationError
from objapi.model.registry import Roles
from objapi.security.accounts import password_version, store_password
from objapi.security.credentials import Credentials
from objapi.security.failed_log_ins import LogInKind, count_failure
from objapi.security.passwords import CheckTurns, Passwords, new_password_hash
from objapi.security.principals import LoadedUser, load_by_login
from objapi.security.sessions import NewSession, SessionRules, begin_session, end_session, sweep_sessions
from objapi.security.shared_checks import SharedChecks
from objapi.security.tables import users
from objapi.security.throttle import (
    ThrottleRules,
    count_attempt,
    record_success,
    sweep_attempts,
    take_back_attempt,
)
from objapi.security.user_history import record_own_change
from objapi.settings import Settings
from objapi.store.records import to_micros
from objapi.store.requests import RequestSource

T = TypeVar("T")
_log = logging.getLogger(__name__)

_SECOND_LOOK_AFTER: Final = 0.5
# Refused attempts that wait for a second look at once, in one process: a stranger may not hold its threads.
_SECOND_LOOKS: Final = 8


class Transactions(Protocol):
    """Runs a function in a short transaction of its own, commits, and runs it again after a deadlock."""

    def __call__(self, work: Callable[[Connection], T], *, write: bool, repeatable: bool = False) -> T:
        """The function's result; `write=False` promises that it only reads, `repeatable` that twice does no harm."""
        ...


@dataclass(frozen=True, slots=True)
class ThrottledChecks:
    """Checks of credentials, whoever makes them.

    A bounded number runs and waits; each attempt is counted before it is looked at, and equal ones share one check.
    """

    run: Transactions
    rules: ThrottleRules
    turns: CheckTurns
    _shared: SharedChecks = field(default_factory=SharedChecks)
    _second_looks: BoundedSemaphore = field(default_factory=lambda: BoundedSemaphore(_SECOND_LOOKS))

    def check(
        self,
        credentials: Credentials,
        address: str,
        now: datetime,
        look: Callable[[Credentials], T | None],
        *,
        kind: LogInKind = "password",
        account: str | None = None,
    ) -> T | None:
        """Return what `look` finds for credentials; None, after which the attempt stays counted, means wrong.

        `kind` and `account` are those of a failure in the trail; None: the login of the credentials.

        Raises TooManyAttempts (429) when the login has to wait, or too many log in at once; `look` is not called then.
        What `look` raises is no failure of the caller, and takes the attempt back.
        """

        def check() -> T | None:
            with self.turns.place():
                return self._check(credentials, address, now, look, kind, account or credentials.login)

        return self._shared.run((credentials, address), check)

    def _check(
        self,
        credentials: Credentials,
        address: str,
        now: datetime,
        look: Callable[[Credentials], T | None],
        kind: LogInKind,
        account: str,
    ) -> T | None:
        login = credentials.login
        self._count(login, address, now)
        try:
            found = look(credentials)
        except BaseException:
            self.run(lambda connection: take_back_attempt(connection, login, address), write=True, repeatable=True)
            raise
        if found is None:
            at = to_micros(now)
            self.run(
                lambda connection: count_failure(connection, kind, account, address, at), write=True, repeatable=True
            )
        else:
            self.run(lambda connection: record_success(connection, login, address, now), write=True, repeatable=True)
        return found

    def _count(self, login: str, address: str, now: datetime) -> None:
        def count(connection: Connection) -> None:
            count_attempt(connection, login, address, now, self.rules)

        try:
            self.run(count, write=True, repeatable=True)
        except Unavailable as error:
            raise error.restated(
                f"{error.message} Nobody can log in by a password meanwhile: each attempt has to be counted first.",
                error.causes,
            ) from error.__cause__
        except TooManyAttempts:
            # Other processes may be checking the same credentials just now, as they do for a script with many
            # connections. Once they are found right their attempts are taken back, so it is worth a second look.
            if not self._second_looks.acquire(blocking=False):
                raise
            try:
                time.sleep(_SECOND_LOOK_AFTER)
            finally:
                self._second_looks.release()
            self.run(count, write=True, repeatable=True)


@dataclass(frozen=True, slots=True)
class PasswordCheck:
    """Checks logins and passwords of one site, throttled."""

    run: Transactions
    roles: Roles
    passwords: Passwords
    rules: ThrottleRules
    taken: bool = True
    """False where users log in by the log-in provider alone: no password is looked at then."""
    checks: ThrottledChecks = field(init=False)

    def __post_init__(self) -> None:
        """Throttle by the rules."""
        object.__setattr__(self, "checks", ThrottledChecks(self.run, self.rules, self.passwords.turns))

    def verify(
        self, credentials: Credentials, address: str, now: datetime, *, code_follows: bool = False
    ) -> LoadedUser | None:
        """The active user whose credentials these are, or None.

        An unknown user, an inactive one and a wrong password take the same time and tell no difference. Raises
        TooManyAttempts when the login has to wait, or when too many log in at once; the password is not looked at then.
        Raises PasswordNotEnough where passwords are not taken, and for a user with a second factor, unless the caller
        asks for it: `code_follows`.
        """
        self.require_taken()
        user = self.checks.check(credentials, address, now, lambda typed: self._look(typed, address))
        if user is not None and not code_follows:
            user.require_no_second_factor()
        return user

    def require_taken(self) -> None:
        """Raise PasswordNotEnough where users log in by the log-in provider alone."""
        if not self.taken:
            raise PasswordNotEnough(
                "Passwords are not taken here: users log in by the log-in provider. Programs use an API token."
            )

    def _look(self, credentials: Credentials, address: str) -> LoadedUser | None:
        user = self.run(lambda connection: load_by_login(connection, credentials.login, self.roles), write=False)
        known = user if user is not None and user.active else None
        if not self.passwords.verify(known.password_hash if known else None, credentials.password) or known is None:
            name = "an unknown or inactive user" if known is None else repr(known.principal.user_id)
            _log.warning("Failed log-in of %s from %s", name, address)
            return None
        if self.passwords.is_outdated(known.password_hash):
            newer = self.passwords.hash(credentials.password)
            self.run(lambda connection: replace_hash(connection, known, newer), write=True, repeatable=True)
        return known


def open_password_check(settings: Settings, roles: Roles, run: Transactions) -> PasswordCheck:
    """The password check of a site, as its settings have it."""
    return PasswordCheck(run, roles, Passwords(), ThrottleRules.from_settings(settings), settings.takes_passwords)


def replace_hash(connection: Connection, user: LoadedUser, password_hash: str) -> None:
    """Store another hash of the same password, unless the password was changed in the meantime."""
    same = (users.c.id == user.principal.user_id, users.c.password_version == user.password_version)
    connection.execute(update(users).where(*same).values(password_hash=password_hash))


@dataclass(frozen=True, slots=True)
class LoginFailed:
    """The login or the password is wrong, or the user is not active; nobody learns which."""


@dataclass(frozen=True, slots=True)
class CodeRequired:
    """The password is right, and the user's log-in takes a code beside it."""

    user_id: str
    password_version: int


def log_in(
    password_check: PasswordCheck, credentials: Credentials, address: str, now: datetime, rules: SessionRules
) -> NewSession | LoginFailed | CodeRequired:
    """Begin a session for whoever gives the right password; its key belongs into the cookie.

    Raises TooManyAttempts (429) when the login has to wait.
    """
    user = password_check.verify(credentials, address, now, code_follows=True)
    if user is None:
        return LoginFailed()
    if user.second_factor:
        return CodeRequired(user.principal.user_id, user.password_version)
    return begin_checked(password_check, user.principal.user_id, user.password_version, now, rules)


def begin_checked(
    password_check: PasswordCheck,
    user_id: str,
    version: int,
    now: datetime,
    rules: SessionRules,
    *,
    signs: bool = False,
) -> NewSession | LoginFailed:
    """Begin a session for a user whose password, of this version, was right; `signs`: who has logged in to sign.

    What is over by now, of sessions and of failed log-ins, is swept away by log-ins that succeed.
    """
    run = password_check.run

    def begin(connection: Connection) -> NewSession | None:
        # The check took its time: whoever was disabled or given another password meanwhile gets no session, which
        # would hold again when the user is enabled.
        current = password_version(connection, user_id, lock=True) == version
        return begin_session(connection, user_id, version, now, rules, signs=signs) if current else None

    begun = run(begin, write=True, repeatable=True)
    if begun is None:
        return LoginFailed()
    run(lambda connection: sweep_sessions(connection, now), write=True, repeatable=True)
    run(lambda connection: sweep_attempts(connection, now, password_check.rules), write=True, repeatable=True)
    return begun


def log_out(run: Transactions, key: str | None) -> None:
    """End the session of a cookie, if there is one; an unknown key is no error."""
    if key:
        run(lambda connection: end_session(connection, key), write=True, repeatable=True)


def change_password(
    password_check: PasswordCheck,
    old: Credentials,
    new: str,
    now: datetime,
    *,
    site_id: str,
    source: RequestSource,
    keep_session: str | None,
) -> None:
    """Change one's own password, knowing the old one, and end one's other sessions.

    `source` is the request, `keep_session` the digest of the session that asks. Raises ValidationError for a wrong old
    password, which counts as a failed log-in, and for a new one that the rules refuse; TooManyAttempts (429).
    """
    user = password_check.verify(old, source.address, now, code_follows=True)
    if user is None:
        raise ValidationError.from_causes([Cause("field", "old_password", "The old password is wrong.")])
    user_id = user.principal.user_id
    password_hash = new_password_hash(new, user_id, password_check.passwords)

    def store(connection: Connection) -> None:
        store_password(connection, user_id, password_hash, now=now, keep_session=keep_session)
        record_own_change(connection, site_id, user_id, "password", source=source, now=now)

    password_check.run(store, write=True)

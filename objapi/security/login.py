"""Log-in and log-out by the form: a session for a login and a password."""

from dataclasses import dataclass
from datetime import datetime

from objapi.errors import Cause, ValidationError
from objapi.security.accounts import store_password
from objapi.security.credentials import Credentials
from objapi.security.password_check import PasswordCheck, Transactions
from objapi.security.passwords import new_password_hash
from objapi.security.sessions import NewSession, SessionRules, begin_session, end_session, sweep_sessions
from objapi.security.throttle import sweep_attempts


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

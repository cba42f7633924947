"""Password hashes: argon2id by argon2-cffi, and the rules for new passwords.

A check costs about a tenth of a second on purpose; `objapi.security.credentials` sees to it that it is paid once.
Passwords are compared in Unicode normal form C, so that a keyboard's way of composing an accent does not matter
(RFC 8265, OpaqueString).
"""

import secrets
from functools import cache
from unicodedata import normalize

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from objapi.errors import Cause, ValidationError

LONGEST_CHECKED = 1024
"""Characters of a password that is looked at at all; a longer one is wrong without being hashed."""

DEFAULT_HASHER = PasswordHasher()
"""The second parameter set that RFC 9106 recommends: 64 MiB, three passes."""


class Passwords:
    """Makes and checks password hashes with one set of argon2 parameters. Safe to use from several threads."""

    def __init__(self, hasher: PasswordHasher = DEFAULT_HASHER) -> None:
        self._hasher = hasher

    def hash(self, password: str) -> str:
        """The hash to store: parameters, salt and digest in one ASCII string of about 100 characters."""
        return self._hasher.hash(normalize("NFC", password))

    def verify(self, stored: str | None, password: str) -> bool:
        """Compare a password with a stored hash; true when it fits.

        None stands for an unknown user: a dummy hash is checked then, so that the time taken tells nobody whether a
        user exists. A stored text that is no hash (a disabled log-in) fits no password and takes as long too.
        """
        if len(password) > LONGEST_CHECKED:
            return False
        try:
            return self._matches(stored or "", password)
        except InvalidHashError:
            self._matches(_dummy(self._hasher), password)
            return False

    def is_outdated(self, stored: str) -> bool:
        """True for a valid hash made with other parameters than today's, which should be made anew."""
        return self._hasher.check_needs_rehash(stored)

    def _matches(self, stored: str, password: str) -> bool:
        try:
            return self._hasher.verify(stored, normalize("NFC", password))
        except VerificationError:
            return False


@cache
def _dummy(hasher: PasswordHasher) -> str:
    """A hash of an unguessable password, with the parameters of `hasher`."""
    return hasher.hash(secrets.token_hex(32))


def password_problems(password: str, user_id: str, *, shortest: int = 8, longest: int = 128) -> list[Cause]:
    """List the faults of a new password; lengths are in characters.

    Length counts, composition does not (NIST SP 800-63B section 3.1.1); the user's own id is no password.
    """
    problems: list[str] = []
    if len(password) < shortest:
        problems.append(f"The password has {len(password)} characters; it needs at least {shortest}.")
    if len(password) > longest:
        problems.append(f"The password has {len(password)} characters; at most {longest} are allowed.")
    if any(ord(character) < 32 or ord(character) == 127 for character in password):
        problems.append("The password contains control characters; leave them out.")
    if password and password.casefold() == user_id.casefold():
        problems.append("The password is the user's id; choose another one.")
    return [Cause("field", "password", problem) for problem in problems]


def new_password_hash(password: str, user_id: str, passwords: Passwords) -> str:
    """The hash of a new password; raises ValidationError with all that is wrong with it."""
    problems = password_problems(password, user_id)
    if problems:
        raise ValidationError.from_causes(problems)
    return passwords.hash(password)

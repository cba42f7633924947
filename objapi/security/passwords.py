"""Password hashes: argon2id by argon2-cffi, and the rules for new passwords.

A check costs about a tenth of a second and 64 MiB on purpose; `objapi.security.credentials` sees to it that it is paid
once, and `CheckTurns` that a process pays for one at a time, whoever asks.
Passwords are compared in Unicode normal form C, so that a keyboard's way of composing an accent does not matter
(RFC 8265, OpaqueString).
"""

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from threading import BoundedSemaphore, Lock
from unicodedata import normalize

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from objapi.errors import Cause, TooManyAttempts, ValidationError

LONGEST_CHECKED = 1024
"""Characters of a password that is looked at at all; a longer one is wrong without being hashed."""

DEFAULT_HASHER = PasswordHasher()
"""The second parameter set that RFC 9106 recommends: 64 MiB, three passes."""


class CheckTurns:
    """Turns of those who compute password hashes: one at a time, a few wait, the others are refused (429).

    A hash takes memory and every core, so that without a bound a hundred strangers with wrong passwords would take
    gigabytes and keep everybody else waiting. A site has one worker process a core, and so one check a core.
    """

    def __init__(self, *, waiting: int = 24, patience: float = 5.0) -> None:
        self._places = BoundedSemaphore(1 + waiting)
        self._turn = Lock()
        self._patience = patience
        self._held = 0
        self._counting = Lock()
        self._tell: Callable[[int], None] | None = None

    def tell(self, listener: Callable[[int], None]) -> None:
        """Have a function told, from now on, how many places are held whenever one is taken or given back."""
        self._tell = listener

    def _count(self, difference: int) -> None:
        with self._counting:
            self._held += difference
            if self._tell is not None:
                self._tell(self._held)

    @contextmanager
    def place(self) -> Iterator[None]:
        """Hold a place in the queue, to be taken before a check costs anything; TooManyAttempts when it is full."""
        if not self._places.acquire(blocking=False):
            raise _too_many_at_once()
        self._count(1)
        try:
            yield
        finally:
            self._count(-1)
            self._places.release()

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait for the turn and hold it; TooManyAttempts when it does not come in time."""
        if not self._turn.acquire(timeout=self._patience):
            raise _too_many_at_once()
        try:
            yield
        finally:
            self._turn.release()


def _too_many_at_once() -> TooManyAttempts:
    return TooManyAttempts("Too many log-ins at once; try again in a second.", retry_after=1)


PROCESS_TURNS = CheckTurns()
"""The turns of this process, whatever the face or plugin that asks."""


class Passwords:
    """Makes and checks password hashes with one set of argon2 parameters. Safe to use from several threads.

    `hash` and `verify` raise TooManyAttempts (429) when too many others are waiting to do the same.
    """

    def __init__(self, hasher: PasswordHasher = DEFAULT_HASHER, turns: CheckTurns = PROCESS_TURNS) -> None:
        self._hasher = hasher
        self.turns = turns

    def hash(self, password: str) -> str:
        """The hash to store: parameters, salt and digest in one ASCII string of about 100 characters."""
        with self.turns.turn():
            return self._hasher.hash(normalize("NFC", password))

    def verify(self, stored: str | None, password: str) -> bool:
        """Compare a password with a stored hash; true when it fits.

        None stands for an unknown user: a dummy hash is checked then, so that the time taken tells nobody whether a
        user exists. A stored text that is no hash (a disabled log-in) fits no password and takes as long too.
        """
        if len(password) > LONGEST_CHECKED:
            return False
        with self.turns.turn():
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

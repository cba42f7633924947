"""HTTP Basic and Bearer: reading the header, and remembering for a short time which passwords were right.

Scripts send Basic with every call and a password check costs a tenth of a second, so a verified credential is
remembered in the process: as a digest under a random key of the process, never as a password.
"""

import binascii
import secrets
from base64 import b64decode
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import blake2b
from threading import Lock
from time import monotonic

from objapi.errors import InvalidToken, Unauthorized

LONGEST_HEADER = 8192
"""Characters of an `Authorization` header that is read at all."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """A login and a password as somebody sent them; the password is in no `repr`."""

    login: str
    password: str = field(repr=False)


def parse_basic(header: str) -> Credentials:
    """The credentials in an `Authorization` header of the scheme Basic (RFC 7617).

    The bytes are UTF-8, else Latin-1, which older clients send. Raises Unauthorized for another scheme and for
    anything that is not exactly base64 of `login:password`: a broken header is never taken for no header.
    """
    scheme, _, encoded = header.strip().partition(" ")
    if scheme.lower() != "basic":
        raise Unauthorized(
            "The Authorization header has a scheme that is not known here; send Basic credentials, or a Bearer token."
        )
    if len(header) > LONGEST_HEADER:
        raise Unauthorized(f"The Authorization header is longer than {LONGEST_HEADER} characters.")
    try:
        decoded = b64decode(encoded.strip(), validate=True)
    except (binascii.Error, ValueError):
        raise Unauthorized("The Authorization header is not base64; send base64 of login:password.") from None
    login, colon, password = _text(decoded).partition(":")
    if not colon:
        raise Unauthorized("The Authorization header holds no colon; send base64 of login:password.")
    if any(ord(character) < 32 or ord(character) == 127 for character in login + password):
        raise Unauthorized("The Authorization header holds control characters; send base64 of login:password.")
    return Credentials(login, password)


def parse_bearer(header: str) -> str | None:
    """The token in an `Authorization` header of the scheme Bearer (RFC 6750); None for a header of another scheme.

    Raises InvalidToken for one that is too long to be looked at.
    """
    scheme, _, token = header.strip().partition(" ")
    if scheme.lower() != "bearer":
        return None
    if len(header) > LONGEST_HEADER:
        raise InvalidToken(f"The Authorization header is longer than {LONGEST_HEADER} characters.")
    return token.strip()


def _text(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


@dataclass(frozen=True, slots=True)
class Verified:
    """User whose credential was right, and the version of the password that it was right for."""

    user_id: str
    password_version: int


class VerifiedCredentials:
    """The credentials verified in this process lately. Safe to use from several threads.

    At most `size` are remembered, each for `seconds`; `seconds=0` remembers nothing. A changed password,
    role or account is noticed by comparing `Verified.password_version` with the user's row, which every request reads.
    """

    def __init__(self, *, seconds: float = 60.0, size: int = 1024, clock: Callable[[], float] = monotonic) -> None:
        self._seconds = seconds
        self._size = size
        self._clock = clock
        self._key = secrets.token_bytes(32)
        self._entries: OrderedDict[bytes, tuple[float, Verified]] = OrderedDict()
        self._lock = Lock()

    def digest(self, credentials: Credentials) -> bytes:
        """The key under which a credential is remembered; it is worth nothing outside this process."""
        login = credentials.login.encode("utf-8", "surrogatepass")
        hashed = blake2b(len(login).to_bytes(8, "big"), key=self._key, digest_size=32)
        hashed.update(login)
        hashed.update(credentials.password.encode("utf-8", "surrogatepass"))
        return hashed.digest()

    def recall(self, digest: bytes) -> Verified | None:
        """Look a credential up; None when it is not remembered, or no longer."""
        with self._lock:
            entry = self._entries.get(digest)
            if entry is None:
                return None
            if self._clock() >= entry[0]:
                del self._entries[digest]
                return None
            return entry[1]

    def remember(self, digest: bytes, verified: Verified) -> None:
        """Add a credential that was just verified; the oldest makes room."""
        with self._lock:
            self._entries[digest] = (self._clock() + self._seconds, verified)
            self._entries.move_to_end(digest)
            while len(self._entries) > self._size:
                self._entries.popitem(last=False)

    def forget(self, digest: bytes) -> None:
        """Drop a credential that no longer holds."""
        with self._lock:
            self._entries.pop(digest, None)

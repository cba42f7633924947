"""Signed tokens: the first path segment of a call, `<user>:<time stamp>:<signature>`. Pure.

What is signed is a fixed word, the user name and the time stamp; neither path nor body is covered, so a token is good
for any call of its user until it is too old.
"""

import base64
import binascii
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from objapi.errors import Forbidden
from objapi.profiles.mxlive.keys import holds

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.dsa import DSAPublicKey

SALT: Final = "ca.clsi.cmcf"
LONGEST: Final = 1024
"""Characters of a token; good ones have about a hundred."""
_DIGITS: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_VALUES: Final = {digit: value for value, digit in enumerate(_DIGITS)}
_MOST_DIGITS: Final = 8


class BadToken(Forbidden):
    """A token that gives no access. It is never answered with 401: a browser or proxy would ask for a password."""


class Malformed(BadToken):
    """A text without the form of a token."""


class BadSignature(BadToken):
    """A token that was not signed with the account's key."""


class OutOfTime(BadToken):
    """A token that is too old, or from the future."""


class WrongUser(BadToken):
    """A token that was signed for another user than the URL names."""


@dataclass(frozen=True, slots=True)
class TimeLimits:
    """Longest age of a token, and how far the clock of its signer may be ahead, in seconds."""

    age: float = 60.0
    lead: float = 60.0


@dataclass(frozen=True, slots=True)
class Token:
    """A parsed token. Its text is a secret while it is valid, so messages and repr never show it."""

    value: str
    """The signed value, which must be the user name."""
    stamp: str
    signature: bytes

    def __repr__(self) -> str:
        return f"<Token of {self.value[:64]!a}>"

    @classmethod
    def read(cls, text: str) -> "Token":
        """Split at the last two colons. Raises Malformed."""
        parts = text.rsplit(":", 2)
        if len(text) > LONGEST or len(parts) != 3:
            raise Malformed("The token is not made of user name, time stamp and signature.")
        value, stamp, signature = parts
        from_base62(stamp)
        try:
            return cls(value, stamp, base64.b64decode(signature, altchars=b"-_", validate=True))
        except (binascii.Error, ValueError):
            raise Malformed("The signature of the token is not URL-safe base64.") from None

    def verify(self, key: "DSAPublicKey", username: str, now: datetime, limits: TimeLimits) -> None:
        """Verify that the token was signed with a key, for a user, at about this time.

        Raises BadSignature, OutOfTime or WrongUser.
        """
        if not holds(key, self.signature, f"{SALT}:{self.value}:{self.stamp}".encode()):
            raise BadSignature("The signature of the token was not made with the key of this account.")
        age = now.timestamp() - from_base62(self.stamp)
        if age > limits.age or age < -limits.lead:
            raise OutOfTime(
                f"The time stamp of the token is {abs(age):.0f} s {'old' if age > 0 else 'ahead'}; "
                "sign each request anew, and see that the clock is right."
            )
        if self.value != username:
            raise WrongUser("The token was signed for another user than the URL names.")


def from_base62(text: str) -> int:
    """The number that base-62 digits write (0-9, A-Z, a-z, most significant first). Raises Malformed."""
    if not text or len(text) > _MOST_DIGITS or any(digit not in _VALUES for digit in text):
        raise Malformed("The time stamp of the token is not a base-62 number.")
    number = 0
    for digit in text:
        number = number * len(_DIGITS) + _VALUES[digit]
    return number

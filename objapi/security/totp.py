"""Codes of authenticator apps (TOTP, RFC 6238), by `cryptography`, and recovery codes. Pure.

Six digits of HMAC-SHA-1 over the half minute since 1970: what every authenticator app knows.
"""

import secrets
from base64 import b32encode
from datetime import datetime
from hashlib import sha256
from hmac import compare_digest
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.twofactor.totp import TOTP

STEP: Final = 30
"""Seconds for which a code is shown."""
RECOVERY_CODES: Final = 10
"""Recovery codes that a user gets."""

_SECRET_BYTES: Final = 20
_DIGITS: Final = 6
# No letters that are mistaken for one another.
_LETTERS: Final = "abcdefghjkmnpqrstuvwxyz23456789"
_RECOVERY_LENGTH: Final = 16


def new_secret() -> bytes:
    """A random secret, of the length that RFC 4226 recommends."""
    return secrets.token_bytes(_SECRET_BYTES)


def readable(secret: bytes) -> str:
    """A secret as apps take it when it is typed: base32, in groups of four."""
    return _grouped(b32encode(secret).decode().rstrip("="), " ")


def otpauth_uri(secret: bytes, user_id: str, issuer: str) -> str:
    """The URI by which an app takes a secret over, with the names that it shows."""
    return _totp(secret).get_provisioning_uri(user_id, issuer)


def step_of_code(secret: bytes, code: str, now: datetime, after: int) -> int | None:
    """The step of time whose code it is: this one, the last or the next, if it is later than `after`; else None.

    Clocks of telephones differ, and typing takes time; so one step each way is taken (RFC 6238 section 5.2).
    """
    if len(code) != _DIGITS or not (code.isascii() and code.isdigit()):
        return None
    totp, current, found = _totp(secret), int(now.timestamp()) // STEP, None
    for step in (current - 1, current, current + 1):
        # All three are compared, whichever fits.
        if compare_digest(totp.generate(step * STEP), code.encode()) and step > after:
            found = step
    return found


def plain_code(text: str) -> str:
    """A code as it was typed, without blanks and hyphens, in lower case."""
    return "".join(text.split()).replace("-", "").lower()


def new_recovery_codes() -> tuple[str, ...]:
    """Recovery codes as they are shown: 16 letters and digits each, 79 bits, which nobody guesses."""
    return tuple(
        _grouped("".join(secrets.choice(_LETTERS) for _ in range(_RECOVERY_LENGTH)), "-") for _ in range(RECOVERY_CODES)
    )


def recovery_digest(user_id: str, code: str) -> str | None:
    """The digest under which a plain recovery code of a user is stored; None: the text is none.

    A fast hash suffices, as for API tokens: a slow one protects what can be guessed.
    """
    if len(code) != _RECOVERY_LENGTH or not code.isascii():
        return None
    return sha256(f"{user_id}\0{code}".encode()).hexdigest()


def _grouped(text: str, between: str) -> str:
    return between.join(text[at : at + 4] for at in range(0, len(text), 4))


def _totp(secret: bytes) -> "TOTP":
    from cryptography.hazmat.primitives.hashes import SHA1  # noqa: PLC0415 - for sites that have second factors
    from cryptography.hazmat.primitives.twofactor.totp import TOTP  # noqa: PLC0415

    return TOTP(secret, _DIGITS, SHA1(), STEP)  # noqa: S303 - HMAC-SHA-1 is what apps compute

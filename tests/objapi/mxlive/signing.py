"""The signing half of the scheme, as the client has it."""

import base64
from datetime import UTC, datetime

from cryptography.hazmat.primitives.asymmetric import dsa
from cryptography.hazmat.primitives.hashes import SHA256

from objapi.mxlive.tokens import SALT

_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def public_line(key: dsa.DSAPrivateKey) -> str:
    """The public half in OpenSSH's one-line form (RFC 4253 section 6.6)."""
    numbers = key.public_key().public_numbers()
    parameters = numbers.parameter_numbers
    blob = b"".join(
        len(field).to_bytes(4, "big") + field
        for field in (
            b"ssh-dss",
            *(
                number.to_bytes(number.bit_length() // 8 + 1, "big")
                for number in (parameters.p, parameters.q, parameters.g, numbers.y)
            ),
        )
    )
    return f"ssh-dss {base64.b64encode(blob).decode()}"


_KEY = dsa.generate_private_key(1024)
PUBLIC_KEY = public_line(_KEY)


class Signer:
    """Signs as the owner of a key; without one given, of that which `PUBLIC_KEY` is the other half of."""

    def __init__(self, key: dsa.DSAPrivateKey | None = None) -> None:
        self.key = key or _KEY

    @property
    def public(self) -> str:
        return public_line(self.key)

    def token(self, value: str, *, at: datetime | None = None) -> str:
        stamp = to_base62(int((at or datetime.now(UTC)).timestamp()))
        signature = self.key.sign(f"{SALT}:{value}:{stamp}".encode(), SHA256())
        return f"{value}:{stamp}:{base64.urlsafe_b64encode(signature).decode()}"


def new_signer() -> Signer:
    """The owner of a key of his own; the parameters are shared, which makes it fast."""
    return Signer(_KEY.parameters().generate_private_key())


def to_base62(number: int) -> str:
    """A number of at least 0 in base-62 digits."""
    digits = ""
    while number or not digits:
        number, digit = divmod(number, len(_DIGITS))
        digits = _DIGITS[digit] + digits
    return digits

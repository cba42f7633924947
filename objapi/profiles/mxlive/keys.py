"""Public keys as clients of the beamlines have them: DSA of 1024 bits, in one line as OpenSSH writes it (RFC 4253).

The key is built from its numbers. Libraries are about to give up the OpenSSH form of DSA, not the algorithm.
"""

import base64
import binascii
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.dsa import DSAPublicKey

# Imported where a key is met: seven megabytes in each worker process, for sites that have beamlines.

LONGEST: Final = 2000
"""Characters of a key as text, comment included; one of 1024 bits has about 600."""
_ALGORITHM: Final = b"ssh-dss"
_BITS: Final = 1024
_SUBGROUP_BITS: Final = 160


class KeyProblem(ValueError):
    """A text that cannot be used as a public key; the message says why."""


def read_key(line: str) -> "DSAPublicKey":
    """The key in a line `ssh-dss <base64>`, with or without a comment or line end. Raises KeyProblem."""
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric.dsa import (  # noqa: PLC0415
        DSAParameterNumbers,
        DSAPublicNumbers,
    )

    if len(line) > LONGEST:
        raise KeyProblem(f"a public key has at most {LONGEST} characters")
    parts = line.split(maxsplit=2)
    if len(parts) < 2 or parts[0] != _ALGORITHM.decode():
        raise KeyProblem("a public key is written 'ssh-dss <base64>'; only DSA keys are taken")
    try:
        blob = base64.b64decode(parts[1], validate=True)
    except (binascii.Error, ValueError):
        raise KeyProblem("the part behind ssh-dss is not base64") from None
    p, q, g, y = _numbers(blob)
    if p.bit_length() != _BITS or q.bit_length() != _SUBGROUP_BITS or not (1 < g < p and 1 < y < p):
        raise KeyProblem(f"the DSA key has not {_BITS} bits with a subgroup of {_SUBGROUP_BITS}")
    try:
        return DSAPublicNumbers(y, DSAParameterNumbers(p, q, g)).public_key()
    except (ValueError, UnsupportedAlgorithm):
        raise KeyProblem("the numbers of the DSA key do not fit together") from None


def holds(key: "DSAPublicKey", signature: bytes, signed: bytes) -> bool:
    """Verify a signature (DER sequence of r and s, over SHA-256) of bytes with a public key."""
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415
    from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415

    try:
        key.verify(signature, signed, SHA256())
    except (InvalidSignature, ValueError):
        return False
    return True


def _numbers(blob: bytes) -> tuple[int, int, int, int]:
    """The four numbers behind the algorithm's name; each field has its length in four bytes before it."""
    fields: list[bytes] = []
    place = 0
    while place < len(blob) and len(fields) < 5:
        length = int.from_bytes(blob[place : place + 4], "big")
        fields.append(blob[place + 4 : place + 4 + length])
        if len(fields[-1]) != length:
            raise KeyProblem("the key is cut short")
        place += 4 + length
    if place != len(blob) or len(fields) != 5 or fields[0] != _ALGORITHM:
        raise KeyProblem("the key does not consist of ssh-dss and four numbers")
    p, q, g, y = (int.from_bytes(field, "big") for field in fields[1:])
    return p, q, g, y

"""The key that signs the head of the trail: Ed25519 (RFC 8032), in a file beside the database and not in it.

Whoever can write the database can compute all links of the trail anew, but cannot sign what comes of it without this
file. Whoever has both can; only heads that were taken away before show it then.
"""

import os
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from objapi.settings import Settings
from objapi.store.trail.chain import Head

FORMAT: Final = "objapi head 1"
"""Domain and version of what is signed, so that no other text can be taken for a head."""
KEY_FILE: Final = "audit.key"


class AuditKeyError(Exception):
    """A key file, or the file of a head, that cannot be used; the message says what to do."""


@dataclass(frozen=True, slots=True)
class SignedHead:
    """A head with site, time and signature, as it is exported."""

    site: str
    head: Head
    time: str
    key: str
    """The public key, raw, in base64; for who looks for the key, not as a proof."""
    signature: str

    def document(self) -> dict[str, object]:
        """The head as JSON has it."""
        return _signed_part(self.site, self.head, self.time) | {"key": self.key, "signature": self.signature}

    def is_signed_by(self, key: Ed25519PublicKey) -> bool:
        """True when the signature was made with the key."""
        try:
            key.verify(b64decode(self.signature, validate=True), _signed_bytes(self.site, self.head, self.time))
        except (InvalidSignature, NotBase64):
            return False
        return True


def key_file(settings: Settings) -> Path:
    """The file of the private key."""
    return settings.audit_key_file or settings.data_dir / KEY_FILE


def load_key(file: Path, *, make: bool = False) -> Ed25519PrivateKey:
    """The private key in a file, made there for the owner alone if there is none yet and `make` says so.

    Raises AuditKeyError.
    """
    if make:
        _make_key(file)
    try:
        key = load_pem_private_key(file.read_bytes(), password=None)
    except OSError as error:
        raise AuditKeyError(f"The key of the trail cannot be read from {file}: {error.strerror}.") from error
    except (ValueError, TypeError) as error:
        raise AuditKeyError(f"{file} holds no private key (PEM, without a password).") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise AuditKeyError(f"{file} holds a key of another kind; the trail is signed with Ed25519.")
    return key


def _make_key(file: Path) -> None:
    """Write a new key, unless there is a file already; another process may do the same at once."""
    text = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    made = file.with_name(f"{file.name}.{os.getpid()}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        if file.exists():
            return
        descriptor = os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(descriptor)
        try:
            # A link, unlike a renaming, leaves a file that came in the meantime as it is.
            os.link(made, file)
        finally:
            made.unlink()
    except FileExistsError:
        return
    except OSError as error:
        raise AuditKeyError(f"The key of the trail cannot be written to {file}: {error.strerror}.") from error


def load_public_key(file: Path) -> Ed25519PublicKey:
    """The public key in a PEM file. Raises AuditKeyError."""
    try:
        key = load_pem_public_key(file.read_bytes())
    except OSError as error:
        raise AuditKeyError(f"{file} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise AuditKeyError(f"{file} holds no public key (PEM).") from error
    if not isinstance(key, Ed25519PublicKey):
        raise AuditKeyError(f"{file} holds a key of another kind; the trail is signed with Ed25519.")
    return key


def public_pem(key: Ed25519PrivateKey) -> str:
    """The public key as PEM."""
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def sign_head(key: Ed25519PrivateKey, site: str, head: Head, now: datetime) -> SignedHead:
    """Sign the head of a site at an instant."""
    time = now.isoformat(timespec="seconds")
    raw = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    signature = key.sign(_signed_bytes(site, head, time))
    return SignedHead(site, head, time, b64encode(raw).decode(), b64encode(signature).decode())


def read_heads(file: Path) -> list[SignedHead]:
    """The heads in a file, one JSON object a line. Raises AuditKeyError for a file without any."""
    try:
        lines = file.read_bytes().splitlines()
    except OSError as error:
        raise AuditKeyError(f"{file} cannot be read: {error.strerror}.") from error
    heads = [_read_head(file, number, line) for number, line in enumerate(lines, 1) if line.strip()]
    if not heads:
        raise AuditKeyError(f"{file} holds no head; `objapi audit head` writes one.")
    return heads


def _read_head(file: Path, number: int, line: bytes) -> SignedHead:
    try:
        found = orjson.loads(line)
    except orjson.JSONDecodeError:
        found = None
    if not isinstance(found, Mapping) or found.get("format") != FORMAT or not isinstance(found.get("seq"), int):
        raise AuditKeyError(f"{file}: line {number} is no head as `objapi audit head` writes it.")
    texts = {name: found.get(name) for name in ("site", "link", "time", "key", "signature")}
    if not all(isinstance(text, str) for text in texts.values()):
        raise AuditKeyError(f"{file}: line {number} lacks a part of a head.")
    given = {name: str(text) for name, text in texts.items()}
    head = Head(found["seq"], given["link"])
    return SignedHead(given["site"], head, given["time"], given["key"], given["signature"])


def _signed_part(site: str, head: Head, time: str) -> dict[str, object]:
    return {"format": FORMAT, "site": site, "seq": head.seq, "link": head.link, "time": time}


def _signed_bytes(site: str, head: Head, time: str) -> bytes:
    """Canonical JSON (RFC 8785) of texts."""
    part = {name: str(value) for name, value in _signed_part(site, head, time).items()}
    return orjson.dumps(part, option=orjson.OPT_SORT_KEYS)

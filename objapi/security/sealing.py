"""Encryption of secrets that the gateway has to know in clear: by Fernet (AES-CBC and HMAC), of `cryptography`.

The key is in a file beside the database, so that a copy of the database alone gives no secret away. Of several lines
the first encrypts and every one decrypts: that is how a key is replaced.
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from objapi.settings import Settings, SettingsError

if TYPE_CHECKING:
    from cryptography.fernet import MultiFernet

SHORTEST_KEY: Final = 32
"""Characters of a key."""


class SealBroken(Exception):
    """A sealed secret that none of the keys opens."""


@dataclass(frozen=True)
class Seal:
    """Encrypts under the first of its keys, and decrypts under any."""

    keys: tuple[str, ...]

    @classmethod
    def from_settings(cls, settings: Settings) -> Self | None:
        """The seal whose keys are in the file that the settings name; None: they name none. Raises SettingsError."""
        file = settings.totp_key_file
        return None if file is None else cls(tuple(read_secret_lines(file, "OBJAPI_TOTP_KEY_FILE", SHORTEST_KEY)))

    def close(self, secret: bytes) -> str:
        """Encrypt a secret."""
        return self._fernet.encrypt(secret).decode("ascii")

    def open(self, sealed: str) -> bytes:
        """Decrypt what `close` has made. Raises SealBroken."""
        from cryptography.fernet import InvalidToken  # noqa: PLC0415 - for sites that have second factors

        try:
            return self._fernet.decrypt(sealed.encode("ascii"))
        except InvalidToken:
            raise SealBroken from None

    @cached_property
    def _fernet(self) -> "MultiFernet":
        from base64 import urlsafe_b64encode  # noqa: PLC0415 - as above
        from hashlib import sha256  # noqa: PLC0415

        from cryptography.fernet import Fernet, MultiFernet  # noqa: PLC0415

        # A line of 32 random characters is a key; the digest brings it to the length and letters that Fernet takes.
        return MultiFernet(
            [Fernet(urlsafe_b64encode(sha256(b"objapi seal\0" + key.encode()).digest())) for key in self.keys]
        )


def read_secret_lines(file: Path, setting: str, shortest: int = 1) -> list[str]:
    """The lines of a file that a setting names, blank ones left out, one at least.

    Raises SettingsError for a file that cannot be read, an empty one and a line that is too short; it shows none.
    """
    try:
        lines = [line.strip() for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise SettingsError([f"{setting}: {file} cannot be read: {reason}."]) from error
    if not lines or any(len(line) < shortest for line in lines):
        raise SettingsError([f"{setting}: {file} must hold a line of at least {shortest} characters."])
    return lines

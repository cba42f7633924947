"""`_authenticator` tokens: proof that a form or script read from this site before it writes.

A token is an instant and an HMAC over the instant, the user and the session, under a secret of the site; it is valid
for a day. Nothing is stored for it.
"""

import re
import secrets
from datetime import datetime, timedelta
from hashlib import sha256
from hmac import compare_digest, new

from sqlalchemy import Connection, insert, select

from objapi.security.tables import site_secrets
from objapi.store.instants import from_micros, to_micros

SECRET_NAME = "authenticator"  # noqa: S105 - the name of a row, no secret
VALID_FOR = timedelta(days=1)

_TOKEN = re.compile(r"([0-9a-f]{1,16})\.([0-9a-f]{64})")


class Authenticators:
    """Issues and checks the tokens of one site."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def issue(self, user_id: str, session_digest: str | None, now: datetime) -> str:
        """A token for a user and, when logged in by cookie, that session."""
        at = f"{to_micros(now):x}"
        return f"{at}.{self._signature(at, user_id, session_digest)}"

    def check(self, token: str, user_id: str, session_digest: str | None, now: datetime) -> bool:
        """Whether a token was issued here, for this user and session, within the last day."""
        parts = _TOKEN.fullmatch(token)
        if parts is None:
            return False
        at, signature = parts.groups()
        if not compare_digest(signature, self._signature(at, user_id, session_digest)):
            return False
        return timedelta(0) <= now - from_micros(int(at, 16)) + _CLOCK_SKEW <= VALID_FOR + _CLOCK_SKEW

    def _signature(self, at: str, user_id: str, session_digest: str | None) -> str:
        signed = "\0".join((at, user_id, session_digest or ""))
        return new(self._secret, signed.encode(), sha256).hexdigest()


_CLOCK_SKEW = timedelta(minutes=1)
"""How far the clocks of two machines that serve one site may differ."""


def make_secret(connection: Connection, now: datetime, name: str = SECRET_NAME) -> None:
    """Make a site's secret when it has none yet; part of setting a site up, and repeatable."""
    if connection.execute(select(site_secrets.c.name).where(site_secrets.c.name == name)).first() is None:
        connection.execute(insert(site_secrets).values(name=name, secret=secrets.token_hex(32), created=to_micros(now)))


def derived_key(connection: Connection, purpose: str, name: str = SECRET_NAME) -> str:
    """A key for one purpose, derived from a site's secret: it tells nothing of the secret nor of keys for others."""
    return new(_load_secret(connection, name), f"key for {purpose}".encode(), sha256).hexdigest()


def load_authenticators(connection: Connection, name: str = SECRET_NAME) -> Authenticators:
    """The tokens of this site, from its secret; raises LookupError when the site was never set up."""
    return Authenticators(_load_secret(connection, name))


def _load_secret(connection: Connection, name: str) -> bytes:
    secret = connection.execute(select(site_secrets.c.secret).where(site_secrets.c.name == name)).scalar()
    if secret is None:
        raise LookupError(f"The database holds no secret {name!r}; run `objapi init` or `objapi upgrade`.")
    return bytes.fromhex(secret)

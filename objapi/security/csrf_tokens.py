"""`_authenticator` tokens: proof that a form or script read from this site before it writes.

A token is a signed instant: itsdangerous' TimestampSigner under a secret of the site, salted with the user and the
session; it is valid for a day. Nothing is stored for it.
"""

import secrets
from datetime import datetime, timedelta
from functools import lru_cache
from hashlib import sha256
from hmac import new

from itsdangerous import BadSignature, TimestampSigner
from sqlalchemy import Connection, insert, select

from objapi.security.tables import site_secrets
from objapi.store.records import to_micros

SECRET_NAME = "authenticator"  # noqa: S105 - the name of a row, no secret
VALID_FOR = timedelta(days=1)

_CLOCK_SKEW = timedelta(minutes=1)
"""Greatest difference between the clocks of two machines that serve one site."""
_SIGNED = "csrf"


class CsrfTokens:
    """Issues and checks the tokens of one site."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def issue(self, user_id: str, session_digest: str | None, now: datetime) -> str:
        """Return a token for a user and, when logged in by cookie, that session."""
        return _issued(self._secret, user_id, session_digest, now.replace(microsecond=0))

    def check(self, token: str, user_id: str, session_digest: str | None, now: datetime) -> bool:
        """Check that a token was issued here, for this user and session, within the last day."""
        # Checked by a clock that is a minute ahead: a token from a machine whose clock is, is not yet "of the future".
        signer = _Signer(self._secret, user_id, session_digest, now + _CLOCK_SKEW)
        longest = int((VALID_FOR + _CLOCK_SKEW).total_seconds())
        try:
            return signer.unsign(token, max_age=longest) == _SIGNED.encode()
        except (BadSignature, UnicodeEncodeError):
            return False


@lru_cache(maxsize=512)
def _issued(secret: bytes, user_id: str, session_digest: str | None, second: datetime) -> str:
    """A token; it is the same for all requests of a second, and signing costs as much as reading an object."""
    return _Signer(secret, user_id, session_digest, second).sign(_SIGNED).decode()


class _Signer(TimestampSigner):
    """Signs with the clock of the request, in whole seconds."""

    def __init__(self, secret: bytes, user_id: str, session_digest: str | None, now: datetime) -> None:
        # A user's id holds no NUL, so no two pairs of user and session share a salt.
        salt = f"{user_id}\0{session_digest or ''}".encode()
        super().__init__(secret, salt, key_derivation="hmac", digest_method=sha256)
        self._now = now

    def get_timestamp(self) -> int:
        """Return the request's instant, in seconds since 1970 UTC."""
        return int(self._now.timestamp())


def make_secret(connection: Connection, now: datetime, name: str = SECRET_NAME) -> None:
    """Create a site's secret when it has none yet; part of setting a site up, and repeatable."""
    if connection.execute(select(site_secrets.c.name).where(site_secrets.c.name == name)).first() is None:
        connection.execute(insert(site_secrets).values(name=name, secret=secrets.token_hex(32), created=to_micros(now)))


def derived_key(connection: Connection, purpose: str, name: str = SECRET_NAME) -> str:
    """Derive a key for one purpose from a site's secret: it gives nothing away of the secret or of other keys."""
    return new(_load_secret(connection, name), f"key for {purpose}".encode(), sha256).hexdigest()


def load_csrf_tokens(connection: Connection, name: str = SECRET_NAME) -> CsrfTokens:
    """Load the tokens of this site, from its secret; raises LookupError when the site was never set up."""
    return CsrfTokens(_load_secret(connection, name))


def _load_secret(connection: Connection, name: str) -> bytes:
    secret = connection.execute(select(site_secrets.c.secret).where(site_secrets.c.name == name)).scalar()
    if secret is None:
        raise LookupError(f"The database holds no secret {name!r}; run `objapi init` or `objapi upgrade`.")
    return bytes.fromhex(secret)

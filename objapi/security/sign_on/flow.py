"""One log-in under way: what ties the answer of the provider to the browser that set out.

State, nonce and the verifier of PKCE are random, and wait in a signed cookie of that browser; nothing is stored.
"""

import secrets
from dataclasses import astuple, dataclass, field
from datetime import datetime, timedelta
from hmac import compare_digest
from typing import Final, Self

from itsdangerous import BadData, URLSafeSerializer

from objapi.errors import SignOnFailed

COOKIE: Final = "__sign_on"
PURPOSE: Final = "sign-on"
"""What the key of the signature is derived for."""
LIFETIME: Final = timedelta(minutes=10)
_CLOCK_SKEW: Final = timedelta(minutes=1)
_OVER: Final = "This log-in was not begun in this browser, or too long ago. Begin again."


@dataclass(frozen=True, slots=True)
class Flow:
    """A log-in under way, with the page it leads to and, for a first one, the key of a one-time link.

    `anew`: it is to be a log-in by all that the provider asks for, whoever is logged in there, so that they may sign.
    """

    state: str
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)
    came_from: str
    link: str = field(repr=False)
    begun: int
    anew: bool = False

    @classmethod
    def begin(cls, now: datetime, *, came_from: str = "", link: str = "", anew: bool = False) -> Self:
        """A flow that begins now."""
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        return cls(state, nonce, verifier, came_from, link, int(now.timestamp()), anew)

    def cookie(self, key: str) -> str:
        """The text that the browser holds meanwhile."""
        return _signer(key).dumps(astuple(self))

    @classmethod
    def read(cls, cookie: str, state: str, key: str, now: datetime) -> Self:
        """The flow of a cookie that an answer with this state belongs to. Raises SignOnFailed."""
        try:
            flow = cls(*_signer(key).loads(cookie))
        except (BadData, UnicodeEncodeError):
            raise SignOnFailed(_OVER) from None
        age = now - datetime.fromtimestamp(flow.begun, now.tzinfo)
        if not -_CLOCK_SKEW <= age <= LIFETIME or not compare_digest(flow.state.encode(), state.encode()):
            raise SignOnFailed(_OVER)
        return flow


def _signer(key: str) -> URLSafeSerializer:
    return URLSafeSerializer(key, salt=PURPOSE, signer_kwargs={"key_derivation": "hmac"})

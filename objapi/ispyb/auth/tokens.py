"""The tokens of this face: JWT signed by HS256, with the claims that its clients read.

They are valid below the face's own root only; nothing else of the gateway takes them.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import jwt

from objapi.ispyb.auth.caller import Caller
from objapi.ispyb.values.errors import NotAuthenticated

_ALGORITHM: Final = "HS256"
_INVALID: Final = "Invalid token"
_GATEWAY_USER: Final = "gatewayUser"


def _anybody(login: str) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Tokens:
    """Makes and reads tokens under one key; `lifetime` in seconds."""

    key: str
    lifetime: float
    is_active: Callable[[str], bool] = _anybody
    """Asks whether a user of the gateway, by id, may still log in; called for tokens of such users alone."""

    def issue(self, caller: Caller, *, gateway_user: bool = False) -> str:
        """Issue a token to a caller, with the permissions of this moment.

        That of a user of the gateway is refused from the moment when the user is disabled.
        """
        now = int(time.time())
        claims = {
            "login": caller.login,
            "personId": caller.person_id,
            "permissions": list(caller.permissions),
            "iat": now,
            "exp": now + int(self.lifetime),
        }
        if gateway_user:
            claims[_GATEWAY_USER] = True
        return jwt.encode(claims, self.key, algorithm=_ALGORITHM)

    def caller(self, token: str) -> Caller:
        """The caller whom a token names; raises NotAuthenticated for one that is not ours, expired or revoked."""
        try:
            claims = jwt.decode(token, self.key, algorithms=[_ALGORITHM], options={"require": ["exp"]})
        except jwt.ExpiredSignatureError:
            raise NotAuthenticated("Token expired. Please log in again") from None
        except (jwt.InvalidTokenError, ValueError):
            raise NotAuthenticated(_INVALID) from None
        caller = _caller(claims)
        if claims.get(_GATEWAY_USER) and not self.is_active(caller.login):
            raise NotAuthenticated("Token revoked. Please log in again")
        return caller


def _caller(claims: dict[str, Any]) -> Caller:
    login, person_id, permissions = claims.get("login"), claims.get("personId"), claims.get("permissions")
    if not isinstance(login, str) or not isinstance(person_id, int) or not _are_texts(permissions):
        raise NotAuthenticated(_INVALID)
    return Caller(person_id, login, tuple(permissions or ()))


def _are_texts(values: Any) -> bool:
    return isinstance(values, Sequence) and all(isinstance(value, str) for value in values)

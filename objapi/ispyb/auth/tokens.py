"""The tokens of this face: JWT signed by HS256, with the claims that its clients read.

They are valid below the face's own root only; nothing else of the gateway takes them.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import jwt

from objapi.ispyb.auth.caller import Caller
from objapi.ispyb.values.errors import NotAuthenticated

_ALGORITHM: Final = "HS256"
_INVALID: Final = "Invalid token"


@dataclass(frozen=True, slots=True)
class Tokens:
    """Makes and reads tokens under one key; `lifetime` in seconds."""

    key: str
    lifetime: float

    def issue(self, caller: Caller) -> str:
        """A token for a caller, with the permissions of this moment."""
        now = int(time.time())
        claims = {
            "login": caller.login,
            "personId": caller.person_id,
            "permissions": list(caller.permissions),
            "iat": now,
            "exp": now + int(self.lifetime),
        }
        return jwt.encode(claims, self.key, algorithm=_ALGORITHM)

    def caller(self, token: str) -> Caller:
        """The caller whom a token names; raises NotAuthenticated for one that is not ours or has expired."""
        try:
            claims = jwt.decode(token, self.key, algorithms=[_ALGORITHM], options={"require": ["exp"]})
        except jwt.ExpiredSignatureError:
            raise NotAuthenticated("Token expired. Please log in again") from None
        except (jwt.InvalidTokenError, ValueError):
            raise NotAuthenticated(_INVALID) from None
        return _caller(claims)


def _caller(claims: dict[str, Any]) -> Caller:
    login, person_id, permissions = claims.get("login"), claims.get("personId"), claims.get("permissions")
    if not isinstance(login, str) or not isinstance(person_id, int) or not _are_texts(permissions):
        raise NotAuthenticated(_INVALID)
    return Caller(person_id, login, tuple(permissions or ()))


def _are_texts(values: Any) -> bool:
    return isinstance(values, Sequence) and all(isinstance(value, str) for value in values)

"""Tokens of this face: JWT signed by HS256, with the claims that its clients read, and tokens for one call.

They are valid below the face's own root only; nothing else of the gateway takes them. A token for one call is for
downloads and pictures, where no header can be sent: it belongs to a person and a path, lives for seconds, and acts with
the permissions that the person then has.
"""

import re
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlsplit

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from objapi.ispyb import API_ROOT
from objapi.ispyb.auth.caller import Caller, caller_of_person
from objapi.ispyb.values.errors import NotAuthenticated
from objapi.profiles.ispyb.tables import SW_onceToken

_ALGORITHM: Final = "HS256"
_INVALID: Final = "Invalid token"
_VERSION: Final = "passwordVersion"


def _no_user(login: str) -> None:
    return None


@dataclass(frozen=True, slots=True)
class Tokens:
    """Makes and reads tokens under one key; `lifetime` in seconds."""

    key: str
    lifetime: float
    password_version: Callable[[str], int | None] = _no_user
    """Finds the version of the password of an active user of the gateway, by id; None for anybody else. Called for
    tokens of such users alone."""

    def issue(self, caller: Caller) -> str:
        """Issue a token to a caller, with the permissions of this moment.

        That of a user of the gateway is refused from the moment when the user is disabled or has another password.
        """
        import jwt  # noqa: PLC0415 - with what it imports ten megabytes, for sites that use this face

        now = int(time.time())
        claims = {
            "login": caller.login,
            "personId": caller.person_id,
            "permissions": list(caller.permissions),
            "iat": now,
            "exp": now + int(self.lifetime),
        }
        if caller.password_version is not None:
            claims[_VERSION] = caller.password_version
        return jwt.encode(claims, self.key, algorithm=_ALGORITHM)

    def caller(self, token: str) -> Caller:
        """The caller whom a token names; raises NotAuthenticated for one that is not ours, expired or revoked."""
        import jwt  # noqa: PLC0415

        try:
            # When it was issued is not looked at: the clock of another gateway may be ahead, or this one set back.
            options: jwt.types.Options = {"require": ["exp"], "verify_iat": False}
            claims = jwt.decode(token, self.key, algorithms=[_ALGORITHM], options=options)
        except jwt.ExpiredSignatureError:
            raise NotAuthenticated("Token expired. Please log in again") from None
        except (jwt.InvalidTokenError, ValueError):
            raise NotAuthenticated(_INVALID) from None
        return self.checked(_caller(claims))

    def checked(self, caller: Caller) -> Caller:
        """The caller of a token that is in order.

        Raises NotAuthenticated for a user of the gateway who is disabled, or whose password was changed since.
        """
        if caller.password_version is not None and caller.password_version != self.password_version(caller.login):
            raise NotAuthenticated("Token revoked. Please log in again")
        return caller


def _caller(claims: dict[str, Any]) -> Caller:
    login, person_id, permissions = claims.get("login"), claims.get("personId"), claims.get("permissions")
    version = claims.get(_VERSION)
    if not isinstance(login, str) or not isinstance(person_id, int) or not _are_texts(permissions):
        raise NotAuthenticated(_INVALID)
    return Caller(person_id, login, tuple(permissions or ()), None if version is None else int(version))


def _are_texts(values: Any) -> bool:
    return isinstance(values, Sequence) and all(isinstance(value, str) for value in values)


LIFETIME: Final = timedelta(seconds=15)
_LENGTH: Final = 128
_MARK: Final = re.compile(r"gateway-user-(\d+)-")
"""Beginning of the tokens of users of the gateway, with the version of the password: the table, which other programs
share, has no column for it."""


def path_to_sign(url: str) -> str:
    """The path that a token is good for: the path of a URL without the root of the API; host and query are dropped."""
    try:
        path = urlsplit(url).path
    except ValueError:
        path = url
    return path.removeprefix(API_ROOT)


def make_onetime_token(connection: Connection, caller: Caller, path: str, now: datetime) -> str:
    """Store a new token for a path of at most 200 characters; those that have expired are cleared away."""
    version = caller.password_version
    token = ("" if version is None else f"gateway-user-{version}-") + secrets.token_urlsafe(_LENGTH)
    token = token[:_LENGTH]
    connection.execute(sa.delete(SW_onceToken).where(SW_onceToken.c.recordTimeStamp < now - LIFETIME))
    values = {"token": token, "personId": caller.person_id, "validity": path, "recordTimeStamp": now}
    connection.execute(sa.insert(SW_onceToken).values(values))
    return token


def use_onetime_token(connection: Connection, token: str, path: str, now: datetime) -> Caller:
    """Use up a token of a signed path; returns its caller, for `Tokens.checked`.

    Raises NotAuthenticated, which does not use it up.
    """
    table = SW_onceToken.c
    found = connection.execute(
        sa.select(table.onceTokenId, table.token, table.personId, table.validity).where(
            table.token == token, table.recordTimeStamp >= now - LIFETIME
        )
    ).first()
    # The database compares without regard to case.
    if found is None or found.token != token or path != API_ROOT + (found.validity or ""):
        raise NotAuthenticated("Invalid one time token.")
    deleted = connection.execute(sa.delete(SW_onceToken).where(table.onceTokenId == found.onceTokenId))
    caller = caller_of_person(connection, found.personId) if deleted.rowcount == 1 else None
    if caller is None:
        raise NotAuthenticated("Invalid one time token.")
    mark = _MARK.match(token)
    return caller if mark is None else replace(caller, password_version=int(mark[1]))

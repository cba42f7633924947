"""Tokens for one call, where no header can be sent: downloads and pictures.

A token belongs to a person and a path, lives for seconds, and acts with the permissions that the person then has.
"""

import secrets
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlsplit

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from objapi.ispyb import API_ROOT
from objapi.ispyb.auth.caller import Caller
from objapi.ispyb.auth.people import caller_of_person
from objapi.ispyb.values.errors import NotAuthenticated
from objapi.profiles.ispyb.tables import SW_onceToken

LIFETIME: Final = timedelta(seconds=15)
_BYTES: Final = 96


def path_to_sign(url: str) -> str:
    """The path that a token is good for: the path of a URL without the root of the API; host and query are dropped."""
    try:
        path = urlsplit(url).path
    except ValueError:
        path = url
    return path.removeprefix(API_ROOT)


def make_onetime_token(connection: Connection, caller: Caller, path: str, now: datetime) -> str:
    """Store a new token for a path of at most 200 characters; those that have expired are cleared away."""
    token = secrets.token_urlsafe(_BYTES)
    connection.execute(sa.delete(SW_onceToken).where(SW_onceToken.c.recordTimeStamp < now - LIFETIME))
    values = {"token": token, "personId": caller.person_id, "validity": path, "recordTimeStamp": now}
    connection.execute(sa.insert(SW_onceToken).values(values))
    return token


def use_onetime_token(connection: Connection, token: str, path: str, now: datetime) -> Caller:
    """Whoever signed the path; the token is used up. Raises NotAuthenticated, which does not use it up."""
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
    return caller

"""API tokens: made once, shown once, and known afterwards by the digest of their text alone.

A token reads `oat_<prefix>_<secret>`. The prefix names it in lists, the log and the history; the secret is random, of
40 letters and digits (238 bits). So a fast hash, SHA-256, suffices to store it: passwords need a slow one because they
can be guessed, and nobody guesses among 2^238. Each request looks its token up anew, together with the user, so that
one which is revoked has no further request.
"""

import re
import secrets
import string
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Final

import orjson
from sqlalchemy import Connection, Row, and_, delete, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from objapi.errors import Conflict
from objapi.model.token_scope import TokenScope
from objapi.security.tables import api_tokens
from objapi.store.records import StaleWrite, from_micros, to_micros

MARK: Final = "oat_"
"""Beginning of every token, by which it is told from tokens of other makers, and found where it should not be."""

MOST_TOKENS: Final = 100
"""Tokens of one user."""

LONGEST_NAME: Final = 200
"""Characters of the name of a token."""

_PREFIX_LETTERS: Final = "abcdefghijkmnpqrstuvwxyz23456789"
_PREFIX_LENGTH: Final = 8
_SECRET_LETTERS: Final = string.ascii_letters + string.digits
_SECRET_LENGTH: Final = 40
_TOKEN: Final = re.compile(rf"{MARK}([a-z0-9]{{{_PREFIX_LENGTH}}})_[A-Za-z0-9]{{{_SECRET_LENGTH}}}")
_PREFIX: Final = re.compile(rf"(?:{MARK})?([a-z0-9]{{{_PREFIX_LENGTH}}})_?")

_NOTED_AFTER: Final = timedelta(minutes=1)
_KEPT_EXPIRED: Final = timedelta(days=30)
"""Time for which an expired token stays in lists, so that it is seen why a script stopped."""


@dataclass(frozen=True, slots=True)
class TokenInUse:
    """The token by which a request came, as far as it is needed to note its use."""

    digest: str
    expires: datetime | None
    last_used: datetime | None


@dataclass(frozen=True, slots=True)
class ApiToken:
    """A token as lists show it."""

    user_id: str
    name: str
    scope: TokenScope
    created: datetime
    expires: datetime | None = None
    last_used: datetime | None = None

    @property
    def prefix(self) -> str:
        """The part of its text that may be shown."""
        return self.scope.prefix


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token just made; its text is stored nowhere, and in no `repr`."""

    text: str = field(repr=False)
    token: ApiToken


def digest_of_token(text: str) -> str | None:
    """The digest under which a token is stored; None: the text is no token."""
    return sha256(text.encode("ascii")).hexdigest() if _TOKEN.fullmatch(text) else None


def prefix_of_token(text: str) -> str:
    """The prefix of a token, for the log; empty for a text that is none."""
    found = _TOKEN.fullmatch(text)
    return "" if found is None else found[1]


def read_prefix(text: str) -> str | None:
    """The prefix that somebody names a token by, with or without the beginning `oat_`; None: it cannot be one."""
    found = _PREFIX.fullmatch(text.strip())
    return None if found is None else found[1]


def add_api_token(
    connection: Connection, user_id: str, name: str, scope: TokenScope, now: datetime, expires: datetime | None
) -> NewToken:
    """Make a token of a user; those that expired long ago go. Raises Conflict when the user has too many."""
    own = api_tokens.c.user_id == user_id
    connection.execute(delete(api_tokens).where(own, api_tokens.c.expires <= to_micros(now - _KEPT_EXPIRED)))
    if count_tokens(connection, user_id) >= MOST_TOKENS:
        raise Conflict(f"{user_id} has {MOST_TOKENS} tokens, which is the most; revoke one that is no longer used.")
    prefix = "".join(secrets.choice(_PREFIX_LETTERS) for _ in range(_PREFIX_LENGTH))
    secret = "".join(secrets.choice(_SECRET_LETTERS) for _ in range(_SECRET_LENGTH))
    text = f"{MARK}{prefix}_{secret}"
    row = {
        "digest": digest_of_token(text),
        "prefix": prefix,
        "user_id": user_id,
        "name": name,
        "scope": orjson.dumps(scope.document()).decode(),
        "created": to_micros(now),
        "expires": None if expires is None else to_micros(expires),
        "last_used": None,
    }
    try:
        with connection.begin_nested():
            connection.execute(insert(api_tokens).values(row))
    except IntegrityError as error:
        # Another token has the prefix, one of a million millions: the request is run again, with another.
        raise StaleWrite from error
    made = TokenScope.from_document(prefix, scope.document())
    return NewToken(text, ApiToken(user_id, name, made, now, expires))


def list_tokens(connection: Connection, user_id: str | None = None) -> list[ApiToken]:
    """The tokens of a user, or all of them: by user, then the oldest first; expired ones are among them for a while."""
    statement = select(api_tokens).order_by(api_tokens.c.user_id, api_tokens.c.created, api_tokens.c.prefix)
    if user_id is not None:
        statement = statement.where(api_tokens.c.user_id == user_id)
    return [_token(row) for row in connection.execute(statement)]


def find_tokens(connection: Connection, prefixes: Collection[str]) -> list[ApiToken]:
    """The tokens with these prefixes."""
    found = connection.execute(select(api_tokens).where(api_tokens.c.prefix.in_(list(prefixes))))
    return [_token(row) for row in found]


def count_tokens(connection: Connection, user_id: str, now: datetime | None = None) -> int:
    """Number of a user's tokens; with `now` of those alone that have not expired."""
    statement = select(func.count()).select_from(api_tokens).where(api_tokens.c.user_id == user_id)
    if now is not None:
        lasting = or_(api_tokens.c.expires.is_(None), api_tokens.c.expires > to_micros(now))
        statement = statement.where(lasting)
    return connection.scalar(statement) or 0


def remove_tokens(connection: Connection, prefixes: Sequence[str]) -> None:
    """Revoke the tokens with these prefixes."""
    connection.execute(delete(api_tokens).where(api_tokens.c.prefix.in_(list(prefixes))))


def is_use_due(token: TokenInUse, now: datetime) -> bool:
    """True when the last use that is noted was so long ago that this one is worth a write."""
    # A use that lies ahead was noted by a clock that has been set back since.
    return token.last_used is None or not timedelta(0) <= now - token.last_used < _NOTED_AFTER


def note_use(connection: Connection, token: TokenInUse, now: datetime) -> None:
    """Write that a token was used, unless another request has done so; in a transaction of its own."""
    used = api_tokens.c.last_used
    long_ago = or_(used.is_(None), used <= to_micros(now - _NOTED_AFTER), used > to_micros(now))
    due = and_(api_tokens.c.digest == token.digest, long_ago)
    connection.execute(update(api_tokens).where(due).values(last_used=to_micros(now)))


def _token(row: Row[Any]) -> ApiToken:
    return ApiToken(
        row.user_id,
        row.name,
        TokenScope.from_document(row.prefix, orjson.loads(row.scope)),
        from_micros(row.created),
        instant(row.expires),
        instant(row.last_used),
    )


def instant(micros: int | None) -> datetime | None:
    """The stored form of an instant that there may not be."""
    return None if micros is None else from_micros(micros)

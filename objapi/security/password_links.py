"""One-time links by which a user sets a password, or links an account of the log-in provider.

They are made by who manages users, used once, and over after a while. The link holds a random key and the database the
key's digest. Whoever has the link is believed to be the user, so it is answered to who asked for it and to nobody else;
mailing it is the site's matter.
"""

import re
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final

from sqlalchemy import Connection, and_, delete, insert, or_, select

from objapi.errors import NotFound
from objapi.model.registry import Roles
from objapi.security.accounts import store_password
from objapi.security.credentials import Credentials
from objapi.security.principals import LoadedUser, load_by_login
from objapi.security.tables import password_links, users
from objapi.security.user_history import user_event
from objapi.store.records import to_micros
from objapi.store.transaction import Transaction

PAGE: Final = "new_password"
"""Name of the page below the site on which a link is used."""
OVER: Final = (
    "This link is not valid: it has been used, it has expired, or a newer one has been made. Ask for another one."
)
_KEY: Final = re.compile(r"[A-Za-z0-9_-]{43}")
# No user has this id. Guesses are counted under it, so that they slow those who guess and no user.
_LOGIN: Final = "@@links"


@dataclass(frozen=True, slots=True)
class PasswordLink:
    """A link just made; its key is stored nowhere."""

    key: str
    expires: datetime

    @property
    def path(self) -> str:
        """The end of its URL, below the site's."""
        return f"/{PAGE}?key={self.key}"


def issue_link(
    connection: Connection, user_id: str, version: int, *, issuer: str, now: datetime, lifetime: timedelta
) -> PasswordLink:
    """Make a link for a user whose password has a version; earlier ones of the user, and expired ones, are over."""
    link = PasswordLink(secrets.token_urlsafe(32), now + lifetime)
    over = or_(password_links.c.user_id == user_id, password_links.c.expires <= to_micros(now))
    connection.execute(delete(password_links).where(over))
    connection.execute(
        insert(password_links).values(
            digest=_digest(link.key),
            user_id=user_id,
            password_version=version,
            issuer=issuer,
            created=to_micros(now),
            expires=to_micros(link.expires),
        )
    )
    return link


def void_links(connection: Connection, user_ids: Collection[str], *, but_of: str | None = None) -> None:
    """Make the links of users void, but those that `but_of` has made.

    Whoever made a link could use it; what its user is given later must not come to its maker.
    """
    statement = delete(password_links).where(password_links.c.user_id.in_(user_ids))
    if but_of is not None:
        statement = statement.where(password_links.c.issuer != but_of)
    connection.execute(statement)


def as_credentials(key: str) -> Credentials:
    """The key as credentials, for a throttled check."""
    return Credentials(_LOGIN, key)


def user_of_link(connection: Connection, key: str, now: datetime) -> str | None:
    """The active user whom a key is for; None for a key that is none, has been used or has expired."""
    if not _KEY.fullmatch(key):
        return None
    found: str | None = connection.scalar(
        select(users.c.id)
        .join(password_links, password_links.c.user_id == users.c.id)
        .where(
            password_links.c.digest == _digest(key),
            password_links.c.password_version == users.c.password_version,
            password_links.c.expires > to_micros(now),
            users.c.active == 1,
        )
    )
    return found


def load_by_link(connection: Connection, key: str, roles: Roles, now: datetime) -> LoadedUser:
    """The user whom a key is for. Raises NotFound when it is for nobody, or no more."""
    user_id = user_of_link(connection, key, now)
    user = None if user_id is None else load_by_login(connection, user_id, roles)
    if user is None:
        raise NotFound(OVER)
    return user


def use_link(tx: Transaction, key: str, password_hash: str) -> None:
    """Give the acting user, whom the key is for, a new password; their sessions and links end.

    Raises NotFound when another request has used the link meanwhile.
    """
    user_id = tx.user.user_id
    take_link(tx, key)
    store_password(tx.connection, user_id, password_hash, now=tx.now)
    tx.record(user_event(tx.site_id, user_id, "password", {}))


def take_link(tx: Transaction, key: str) -> None:
    """Use a link of the acting user up; the others end, too. Raises NotFound when it has been used meanwhile."""
    user_id = tx.user.user_id
    own = and_(password_links.c.digest == _digest(key), password_links.c.user_id == user_id)
    if not tx.connection.execute(delete(password_links).where(own)).rowcount:
        raise NotFound(OVER)
    void_links(tx.connection, [user_id])


def _digest(key: str) -> str:
    return sha256(key.encode("ascii")).hexdigest()

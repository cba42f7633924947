"""Accounts of a provider that are linked to users: by issuer and subject, never by a name or an address.

A subject belongs to one user. Links are made by a one-time link that the user was given, by who manages users, or along
with the user where the site lets newcomers in.
"""

from hashlib import sha256

from sqlalchemy import Connection, delete, insert, select
from sqlalchemy.exc import IntegrityError

from objapi.errors import Cause, Conflict, Forbidden, ValidationError
from objapi.security.accounts import renew_password_version
from objapi.security.administration import UserAdministration
from objapi.security.sign_on.provider_account import LONGEST_SUBJECT
from objapi.security.tables import sign_on_links
from objapi.security.user_history import user_event
from objapi.store.records import StaleWrite, to_micros
from objapi.store.requests import AccessEvent
from objapi.store.transaction import Transaction


def user_of_subject(connection: Connection, issuer: str, subject: str) -> str | None:
    """The user whom an account of a provider is linked to."""
    found: str | None = connection.scalar(
        select(sign_on_links.c.user_id).where(sign_on_links.c.digest == _digest(issuer, subject))
    )
    return found


def links_of(connection: Connection, user_id: str) -> list[tuple[str, str]]:
    """Issuer and subject of the accounts that are linked to a user, the oldest first."""
    columns = sign_on_links.c
    statement = (
        select(columns.issuer, columns.subject)
        .where(columns.user_id == user_id)
        .order_by(columns.created, columns.digest)
    )
    return [(row.issuer, row.subject) for row in connection.execute(statement)]


def add_link(tx: Transaction, user_id: str, issuer: str, subject: str, *, dry_run: bool = False) -> list[AccessEvent]:
    """Link an account of a provider to a user; no event when it is. Raises Conflict when it is another user's."""
    linked = user_of_subject(tx.connection, issuer, subject)
    if linked == user_id:
        return []
    if linked is not None:
        raise Conflict("This account of the log-in provider is linked to another user; unlink it there first.")
    event = user_event(tx.site_id, user_id, "sign_on_link", {"sign_on": (None, _shown(issuer, subject))})
    if dry_run:
        return [event]
    row = {"digest": _digest(issuer, subject), "issuer": issuer, "subject": subject, "user_id": user_id}
    try:
        with tx.connection.begin_nested():
            tx.connection.execute(insert(sign_on_links).values(row | {"created": to_micros(tx.now)}))
    except IntegrityError as error:
        # Linked by another request just now: this one is run again, and finds it.
        raise StaleWrite from error
    tx.record(event)
    return [event]


def link_sign_on(
    tx: Transaction,
    administration: UserAdministration,
    user_id: str,
    issuer: str | None,
    subject: str,
    *,
    dry_run: bool = False,
) -> list[AccessEvent]:
    """Link an account of the provider to a user, who then logs in by it; no event when it is linked.

    Raises NotFound, ValidationError, Conflict when the account is another user's or the site has no provider, and
    Forbidden for who is no Manager, and for a caller who came by a token: whoever has the account can then log in.
    """
    administration.require_no_token()
    if not administration.is_manager:
        raise Forbidden("A Manager links accounts of the log-in provider; make a one-time link for the user instead.")
    if issuer is None:
        raise Conflict("This site has no log-in provider: OBJAPI_OIDC_ISSUER is not set.")
    if not 0 < len(subject) <= LONGEST_SUBJECT or not subject.isprintable():
        message = f"subject: one line of at most {LONGEST_SUBJECT} characters is expected."
        raise ValidationError.from_causes([Cause("parameter", "subject", message)])
    return add_link(tx, administration.account(user_id).id, issuer, subject, dry_run=dry_run)


def unlink_sign_on(
    tx: Transaction, administration: UserAdministration, user_id: str, *, dry_run: bool = False
) -> list[AccessEvent]:
    """Take all accounts of providers from a user, and end the user's sessions; no event when there are none.

    Raises NotFound, and Forbidden for a user with roles beyond the caller's and for a caller who came by a token.
    """
    administration.require_no_token()
    account = administration.account(user_id)
    administration.require_within(administration.roles_at_root(account), f"unlink {user_id}, who has")
    linked = links_of(tx.connection, user_id)
    if linked and not dry_run:
        tx.connection.execute(delete(sign_on_links).where(sign_on_links.c.user_id == user_id))
        renew_password_version(tx.connection, user_id, now=tx.now)
    changes = [{"sign_on": (_shown(issuer, subject), None)} for issuer, subject in linked]
    return [administration.record("sign_on_unlink", user_id, change, dry_run=dry_run) for change in changes]


def _shown(issuer: str, subject: str) -> dict[str, str]:
    return {"issuer": issuer, "subject": subject}


def _digest(issuer: str, subject: str) -> str:
    """The key of an account: together the two may be longer than a key of a database."""
    return sha256(f"{issuer}\0{subject}".encode()).hexdigest()

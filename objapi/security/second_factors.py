"""Second factors of users: an authenticator app, set up by its user, and recovery codes for when it is lost.

An app counts once a first code has shown that it has the secret. From then on a password by itself opens nothing, and
what it had opened before is closed. A code is good once, and so is a recovery code.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, delete, func, select, update

from catalog.dialect import for_update, insert_rows, upsert_rows
from objapi.errors import Conflict, Unavailable
from objapi.security.accounts import renew_password_version
from objapi.security.administration import UserAdministration
from objapi.security.sealing import Seal, SealBroken
from objapi.security.tables import recovery_codes, second_factors
from objapi.security.totp import new_recovery_codes, new_secret, plain_code, recovery_digest, step_of_code
from objapi.security.user_history import user_event
from objapi.store.records import to_micros
from objapi.store.requests import AccessEvent
from objapi.store.transaction import Transaction

MOST_FAILURES: Final = 100
"""Wrong codes in a row, from wherever, after which only a recovery code, or a reset, lets a user in (NIST SP 800-63B
section 3.2.2). Only who knows the password gets to send one."""

_RETRY_AFTER: Final = 60


@dataclass(frozen=True, slots=True)
class SecondFactor:
    """The second factor of a user, as its page shows it."""

    confirmed: bool
    """True once it counts."""
    codes_left: int
    """Recovery codes that were not used yet."""


def second_factor_of(connection: Connection, user_id: str) -> SecondFactor | None:
    """The second factor of a user, if it was begun to be set up."""
    left = select(func.count()).select_from(recovery_codes).where(recovery_codes.c.user_id == user_id)
    found = connection.execute(
        select(second_factors.c.confirmed, left.scalar_subquery().label("left")).where(
            second_factors.c.user_id == user_id
        )
    ).first()
    return None if found is None else SecondFactor(bool(found.confirmed), found.left)


def begin_set_up(connection: Connection, user_id: str, seal: Seal, now: datetime) -> bytes:
    """Give a user a secret, which does not count yet; an earlier one that never did is forgotten.

    Raises Conflict when the user has a second factor.
    """
    own = second_factors.c.user_id == user_id
    if connection.scalar(for_update(select(second_factors.c.confirmed).where(own))):
        raise Conflict("You have a second factor already; turn it off first.")
    secret = new_secret()
    row = {"user_id": user_id, "secret": seal.close(secret), "confirmed": 0, "last_step": 0, "failures": 0}
    upsert_rows(connection, second_factors, [row | {"created": to_micros(now)}])
    return secret


def confirm(tx: Transaction, code: str, seal: Seal, keep_session: str | None) -> tuple[str, ...] | None:
    """Let the secret of the acting user count, once a code shows that the app has it; returns the recovery codes.

    None: the code is wrong. Whatever the password alone had opened, but the session with the digest `keep_session`,
    ends. Raises Conflict when nothing was begun, and Unavailable when the secret cannot be read.
    """
    user_id, connection = tx.user.user_id, tx.connection
    own = second_factors.c.user_id == user_id
    row = connection.execute(for_update(select(second_factors).where(own))).first()
    if row is None or row.confirmed:
        raise Conflict("There is no second factor that waits to be confirmed; begin again.")
    step = step_of_code(_opened(seal, row.secret), plain_code(code), tx.now, 0)
    if step is None:
        return None
    connection.execute(update(second_factors).where(own).values(confirmed=1, last_step=step, failures=0))
    renew_password_version(connection, user_id, now=tx.now, keep_session=keep_session)
    tx.record(user_event(tx.site_id, user_id, "second_factor", {"second_factor": ("off", "on")}))
    return _replace_codes(connection, user_id)


def use_code(connection: Connection, user_id: str, text: str, seal: Seal | None, now: datetime) -> bool:
    """Use up a code of the app, or a recovery code: true when it was one. A wrong one is counted.

    To be called in a writing transaction. Raises Unavailable when the secret cannot be read.
    """
    own, code = second_factors.c.user_id == user_id, plain_code(text)
    # Locked: two requests with one code come one after the other, and the second finds it used.
    row = connection.execute(for_update(select(second_factors).where(own, second_factors.c.confirmed == 1))).first()
    if row is None:
        return False
    digest = recovery_digest(user_id, code)
    if digest is not None:
        used = delete(recovery_codes).where(recovery_codes.c.digest == digest, recovery_codes.c.user_id == user_id)
        step = row.last_step if connection.execute(used).rowcount else None
    elif row.failures >= MOST_FAILURES:
        step = None
    else:
        step = step_of_code(_opened(seal, row.secret), code, now, row.last_step)
    values = {"failures": row.failures + 1} if step is None else {"failures": 0, "last_step": step}
    connection.execute(update(second_factors).where(own).values(values))
    return step is not None


def renew_recovery_codes(tx: Transaction) -> tuple[str, ...]:
    """Give the acting user new recovery codes; the former are void."""
    tx.record(user_event(tx.site_id, tx.user.user_id, "recovery_codes", {}))
    return _replace_codes(tx.connection, tx.user.user_id)


def turn_off(tx: Transaction, keep_session: str | None) -> None:
    """Take the second factor of the acting user away, who has just shown a code."""
    _remove(tx.connection, tx.user.user_id, tx.now, keep_session)
    tx.record(user_event(tx.site_id, tx.user.user_id, "second_factor", {"second_factor": ("on", "off")}))


def reset_second_factor(
    tx: Transaction, administration: UserAdministration, user_id: str, *, dry_run: bool = False
) -> list[AccessEvent]:
    """Take the second factor of a user away, who has lost it, and end the user's sessions; no event without one.

    Raises NotFound, and Forbidden for a user with roles beyond the caller's and for a caller who came by a token.
    """
    administration.require_no_token()
    account = administration.account(user_id)
    administration.require_within(
        administration.roles_at_root(account), f"take the second factor of {user_id}, who has"
    )
    found = second_factor_of(tx.connection, user_id)
    if found is None or not found.confirmed:
        return []
    if not dry_run:
        _remove(tx.connection, user_id, tx.now, None)
    return [administration.record("second_factor", user_id, {"second_factor": ("on", "off")}, dry_run=dry_run)]


def _remove(connection: Connection, user_id: str, now: datetime, keep_session: str | None) -> None:
    for table in (recovery_codes, second_factors):
        connection.execute(delete(table).where(table.c.user_id == user_id))
    renew_password_version(connection, user_id, now=now, keep_session=keep_session)


def _replace_codes(connection: Connection, user_id: str) -> tuple[str, ...]:
    connection.execute(delete(recovery_codes).where(recovery_codes.c.user_id == user_id))
    codes = new_recovery_codes()
    rows = [{"digest": recovery_digest(user_id, plain_code(code)), "user_id": user_id} for code in codes]
    insert_rows(connection, recovery_codes, rows)
    return codes


def _opened(seal: Seal | None, sealed: str) -> bytes:
    """The secret of an app. Raises Unavailable: a password alone must not do because a setting is wrong."""
    try:
        if seal is not None:
            return seal.open(sealed)
    except SealBroken:
        pass
    raise Unavailable(
        "The codes of authenticator apps cannot be checked: OBJAPI_TOTP_KEY_FILE is not set, or has another key. A "
        "recovery code is taken.",
        retry_after=_RETRY_AFTER,
    )

"""User accounts and local roles, for the command line and the API alike; all in the caller's transaction."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Connection, Row, Select, and_, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from catalog.dialect import for_update, insert_ignore, insert_rows
from objapi.errors import Cause, Conflict, NotFound, ValidationError
from objapi.model.registry import Roles
from objapi.security.passwords import Passwords, password_problems
from objapi.security.principals import GROUP_PREFIX, USER_ID_RULE, group_principal, is_user_id, roles_of_groups
from objapi.security.sessions import carry_session, end_sessions_of
from objapi.security.tables import memberships, users
from objapi.store.records import to_micros
from objapi.store.schema import local_roles


@dataclass(frozen=True, slots=True)
class Account:
    """A user as lists and forms show one; the password is not part of it."""

    id: str
    fullname: str = ""
    email: str = ""
    active: bool = True
    roles: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()


def add_user(
    connection: Connection, account: Account, password: str, *, roles: Roles, passwords: Passwords, now: datetime
) -> None:
    """Add a user with a password.

    Raises ValidationError with all that is wrong (id, password, unknown roles and groups) and Conflict when the id,
    or one that differs from it only in case, is taken.
    """
    _require_valid(account, roles, password_problems(password, account.id))
    insert_user(connection, account, passwords.hash(password), now)


def add_pending_user(
    connection: Connection, account: Account, *, roles: Roles, now: datetime, dry_run: bool = False
) -> None:
    """Add a user whom no password lets in yet; with `dry_run` the checks alone. Raises as `add_user` does."""
    _require_valid(account, roles)
    if dry_run:
        _refuse_taken(connection, account.id)
    else:
        insert_user(connection, account, "", now)


def _require_valid(account: Account, roles: Roles, others: Sequence[Cause] = ()) -> None:
    causes = [*_account_problems(account, roles), *others]
    if not is_user_id(account.id):
        causes.insert(0, Cause("field", "userid", f"{account.id!r} cannot be a user's id; allowed are {USER_ID_RULE}."))
    if causes:
        raise ValidationError.from_causes(causes)


def _refuse_taken(connection: Connection, user_id: str) -> None:
    taken = connection.execute(select(users.c.id).where(func.lower(users.c.id) == user_id.lower())).scalar()
    if taken is not None:
        raise _taken(user_id, taken)


def insert_user(connection: Connection, account: Account, password_hash: str, now: datetime) -> None:
    """Add a user whose password hash is at hand and whose account is known to be right; else as `add_user`."""
    at = to_micros(now)
    _refuse_taken(connection, account.id)
    row = _columns(account) | {"id": account.id, "password_hash": password_hash, "password_version": 1}
    try:
        with connection.begin_nested():
            connection.execute(insert(users).values(row | {"created": at, "modified": at}))
    except IntegrityError:
        raise _taken(account.id, account.id) from None
    _write_memberships(connection, account)


def change_user(
    connection: Connection, account: Account, *, roles: Roles, now: datetime, dry_run: bool = False
) -> None:
    """Write a user's name, address, roles, groups and activity; ending the sessions of one who is no longer active.

    With `dry_run` the checks alone. Raises ValidationError for unknown roles and groups that the user did not have
    before (a profile may have dropped some), and NotFound.
    """
    stored = find_account(connection, account.id)
    added = replace(
        account,
        roles=tuple(role for role in account.roles if role not in stored.roles),
        groups=tuple(group for group in account.groups if group not in stored.groups),
    )
    causes = _account_problems(added, roles)
    if causes:
        raise ValidationError.from_causes(causes)
    if dry_run:
        return
    _update(connection, account.id, _columns(account) | {"modified": to_micros(now)})
    connection.execute(delete(memberships).where(memberships.c.user_id == account.id))
    _write_memberships(connection, account)
    if not account.active:
        end_sessions_of(connection, account.id)


def store_password(
    connection: Connection, user_id: str, password_hash: str, *, now: datetime, keep_session: str | None = None
) -> None:
    """Give a user a new password and end the user's sessions but the one with the digest `keep_session`.

    `password_hash` is from `new_password_hash`, which takes a tenth of a second: call it before the transaction, which
    holds locks. What was verified with the old password no longer holds anywhere. Raises NotFound.
    """
    _update(connection, user_id, {"password_hash": password_hash})
    renew_password_version(connection, user_id, now=now, keep_session=keep_session)


def renew_password_version(
    connection: Connection, user_id: str, *, now: datetime, keep_session: str | None = None
) -> None:
    """End whatever a user's password has opened, but the session with the digest `keep_session`. Raises NotFound.

    Sessions and one-time links end, remembered credentials are checked anew, and tokens that a log-in gave are refused.
    """
    _update(connection, user_id, {"password_version": users.c.password_version + 1, "modified": to_micros(now)})
    end_sessions_of(connection, user_id, keep=keep_session)
    if keep_session is not None:
        carry_session(connection, user_id, keep_session)


def set_active(connection: Connection, user_id: str, active: bool, *, now: datetime) -> None:
    """Let a user in again, or keep the user out from this moment on. Raises NotFound."""
    _update(connection, user_id, {"active": int(active), "modified": to_micros(now)})
    if not active:
        end_sessions_of(connection, user_id)


def find_account(connection: Connection, user_id: str) -> Account:
    """One account; raises NotFound."""
    row = connection.execute(_ACCOUNTS.where(users.c.id == user_id)).first() if is_user_id(user_id) else None
    if row is None:
        raise _missing(user_id)
    return _account(row)


def password_version(connection: Connection, user_id: str, *, lock: bool = False) -> int | None:
    """Version of the password of an active user; None for one who is disabled, and for an unknown one.

    With `lock` the user stays as it is until the end of the transaction.
    """
    found = select(users.c.password_version).where(users.c.id == user_id, users.c.active == 1)
    version: int | None = connection.scalar(for_update(found) if lock else found)
    return version


def list_accounts(connection: Connection, *, lock: bool = False) -> list[Account]:
    """All accounts, those that are not active included, by id; with `lock` until the end of the transaction."""
    return [_account(row) for row in connection.execute(for_update(_ACCOUNTS) if lock else _ACCOUNTS)]


def users_with_roles(connection: Connection, roles: Roles, wanted: Collection[str]) -> list[tuple[str, str]]:
    """Id and full name of the active users who have one of the wanted roles, themselves or through a group.

    One statement. Roles held locally do not count. By full name, then id.
    """
    asked = frozenset(wanted)
    found = [
        (account.id, account.fullname or account.id)
        for account in map(_account, connection.execute(_ACCOUNTS.where(users.c.active == 1)))
        if "Authenticated" in asked or asked & {*account.roles, *roles_of_groups(account.groups, roles)}
    ]
    return sorted(found, key=lambda user: (user[1].casefold(), user[0]))


def grant_local_roles(connection: Connection, scope: int, principal: str, granted: Iterable[str]) -> None:
    """Grant roles in a scope to a user (by id) or a group (by `group_principal`); what is granted already stays.

    `scope` is the number of the object the roles are granted on. One row is touched for each role and no object.
    """
    rows = [{"scope": scope, "principal": principal, "role": role} for role in dict.fromkeys(granted)]
    insert_ignore(connection, local_roles, rows)


def local_roles_of(connection: Connection, scope: int, principal: str) -> tuple[str, ...]:
    """Roles granted in a scope to a user or group, sorted; those of scopes that contain it are not among them."""
    return tuple(sorted(connection.scalars(select(local_roles.c.role).where(_grant(scope, principal)))))


def revoke_local_roles(
    connection: Connection, scope: int, principal: str, revoked: Iterable[str] | None = None
) -> None:
    """Take roles in a scope away from a user or group; None: all of them. Roles that are not held are no error."""
    statement = delete(local_roles).where(_grant(scope, principal))
    if revoked is not None:
        statement = statement.where(local_roles.c.role.in_(list(revoked)))
    connection.execute(statement)


_ACCOUNTS: Select[Any] = select(
    users.c.id, users.c.fullname, users.c.email, users.c.active, users.c.roles, users.c.groups
).order_by(users.c.id)

_IMPLIED_ROLES = frozenset({"Anonymous", "Authenticated"})


def _account(row: Row[Any]) -> Account:
    roles, groups = orjson.loads(row.roles), orjson.loads(row.groups)
    return Account(row.id, row.fullname, row.email, bool(row.active), tuple(roles), tuple(groups))


def _columns(account: Account) -> dict[str, Any]:
    return {
        "fullname": account.fullname,
        "email": account.email,
        "active": int(account.active),
        "roles": _json_list(account.roles),
        "groups": _json_list(account.groups),
    }


def _json_list(names: Sequence[str]) -> str:
    return orjson.dumps(list(dict.fromkeys(names))).decode()


def _write_memberships(connection: Connection, account: Account) -> None:
    principals = [account.id, *(group_principal(group) for group in dict.fromkeys(account.groups))]
    rows = [{"user_id": account.id, "principal": principal} for principal in principals]
    insert_rows(connection, memberships, rows)


def _account_problems(account: Account, roles: Roles) -> list[Cause]:
    causes = _role_problems("roles", account.roles, roles)
    for group in dict.fromkeys(account.groups):
        causes += _group_problems("groups", group, roles)
    for name, value in (("fullname", account.fullname), ("email", account.email)):
        if len(value) > _LONGEST_TEXT or any(ord(character) < 32 for character in value):
            causes.append(Cause("field", name, f"{name} must be one line of at most {_LONGEST_TEXT} characters."))
    return causes


def local_role_problems(names: Iterable[str], roles: Roles) -> list[Cause]:
    """List the faults of roles that are to be granted on an object."""
    return _role_problems("local_roles", names, roles)


def principal_problems(principal: str, roles: Roles) -> list[Cause]:
    """List the faults of a `group:` name that is to be granted local roles."""
    return _group_problems("userid", principal.removeprefix(GROUP_PREFIX), roles)


def _role_problems(field: str, names: Iterable[str], roles: Roles) -> list[Cause]:
    causes = []
    for role in dict.fromkeys(names):
        if role in _IMPLIED_ROLES:
            causes.append(Cause("field", field, f"The role {role!r} is never given; it comes by itself."))
        elif role not in roles.roles:
            causes.append(Cause("field", field, f"There is no role {role!r}; there are {_listed(roles.roles)}."))
    return causes


def _group_problems(field: str, group: str, roles: Roles) -> list[Cause]:
    if group in roles.groups:
        return []
    return [Cause("field", field, f"There is no group {group!r}; there are {_listed(roles.groups)}.")]


_LONGEST_TEXT = 200


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "none"


def _update(connection: Connection, user_id: str, values: dict[str, Any]) -> None:
    found = (
        is_user_id(user_id) and connection.execute(update(users).where(users.c.id == user_id).values(values)).rowcount
    )
    if not found:
        raise _missing(user_id)


def _missing(user_id: str) -> NotFound:
    return NotFound(f"There is no user {user_id!r}.")


def _taken(user_id: str, taken: str) -> Conflict:
    near = "" if user_id == taken else f" as {taken!r}, which differs only in case"
    message = f"The user {user_id!r} exists already{near}; choose another id."
    return Conflict(message, causes=[Cause("field", "userid", message)])


def _grant(scope: int, principal: str) -> ColumnElement[bool]:
    return and_(local_roles.c.scope == scope, local_roles.c.principal == principal)

"""Callers, as their token or a log-in names them, with the permissions of their groups."""

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from objapi.model.principal import ANONYMOUS, Principal, TokenClaims
from objapi.model.token_scope import TokenScope
from objapi.profiles.ispyb.tables import Permission, Person, UserGroup_has_Permission, UserGroup_has_Person


@dataclass(frozen=True, slots=True)
class Caller:
    """A person who has logged in, with the permissions of the moment when the token was made."""

    person_id: int
    login: str
    permissions: tuple[str, ...] = ()
    password_version: int | None = None
    """Version of the password by which a user of the gateway logged in; None for everybody else."""
    token: TokenScope | None = None
    """Scope of the API token by which a user of the gateway came."""

    def may(self, permission: str) -> bool:
        """Check whether the token holds a permission."""
        return permission in self.permissions


def principal_of(caller: Caller | None) -> Principal:
    """The user that a caller is in a transaction: the login of the person, whom the log-in vouches for."""
    if caller is None:
        return ANONYMOUS
    claims = TokenClaims(caller.person_id, frozenset(caller.permissions))
    return Principal(caller.login, roles=frozenset({"Authenticated"}), claims=claims, token=caller.token)


def caller_of_login(connection: Connection, login: str) -> Caller | None:
    """The first person with a login, with the permissions of this moment."""
    return _caller(connection, Person.c.login == login)


def caller_of_person(connection: Connection, person_id: int) -> Caller | None:
    """The person with a key, with the permissions of this moment."""
    return _caller(connection, Person.c.personId == person_id)


def _caller(connection: Connection, condition: sa.ColumnElement[Any]) -> Caller | None:
    person = connection.execute(
        sa.select(Person.c.personId, Person.c.login).where(condition).order_by(Person.c.personId).limit(1)
    ).first()
    if person is None:
        return None
    permissions = connection.execute(
        sa.select(Permission.c.type)
        .join(UserGroup_has_Permission, UserGroup_has_Permission.c.permissionId == Permission.c.permissionId)
        .join(UserGroup_has_Person, UserGroup_has_Person.c.userGroupId == UserGroup_has_Permission.c.userGroupId)
        .where(UserGroup_has_Person.c.personId == person.personId)
        .order_by(Permission.c.permissionId)
    ).scalars()
    return Caller(person.personId, person.login or "", tuple(dict.fromkeys(permissions)))

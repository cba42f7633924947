"""People as callers: found by login or key, with the permissions of their groups."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from objapi.ispyb.auth.caller import Caller
from objapi.profiles.ispyb.tables import Permission, Person, UserGroup_has_Permission, UserGroup_has_Person


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

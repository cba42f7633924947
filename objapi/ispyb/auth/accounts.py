"""Accounts made outside of the API: the first one, which can then make the others."""

from collections.abc import Sequence
from typing import Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from objapi.ispyb.auth.caller import caller_of_login
from objapi.ispyb.auth.login import add_person
from objapi.ispyb.auth.plugins import Identity
from objapi.ispyb.database import Database, connection_of, writing
from objapi.profiles.ispyb.tables import Permission, Person, UserGroup, UserGroup_has_Permission, UserGroup_has_Person
from objapi.store.transaction import Transaction

FIRST_PERMISSIONS: Final = ("manage_groups", "manage_perms")
"""Permissions of the first account, enough to give all others to itself and to other people."""

WRITES: Final = writing("accounts", Person, UserGroup, Permission, UserGroup_has_Permission, UserGroup_has_Person)

_GROUP_NAME_LENGTH: Final = 31


def add_account(
    transaction: Transaction, database: Database, identity: Identity, permissions: Sequence[str]
) -> tuple[str, ...]:
    """Give permissions to the person with a login, who is added when there is none; returns all that they now hold.

    The permissions are put into a group of the person's own, named like the login. Repeatable.
    """
    known = caller_of_login(connection_of(transaction), identity.login)
    person = add_person(transaction, database, identity) if known is None else known.person_id
    permissions_before = () if known is None else known.permissions
    new = [name for name in dict.fromkeys(permissions) if name not in permissions_before]
    if new:
        group = _key(transaction, database, UserGroup.c.name, identity.login[:_GROUP_NAME_LENGTH])
        _link(transaction, database, UserGroup_has_Person, group, "personId", person)
        for name in new:
            permission = _key(transaction, database, Permission.c.type, name)
            _link(transaction, database, UserGroup_has_Permission, group, "permissionId", permission)
    return (*permissions_before, *new)


def lacks_first_account(connection: Connection) -> bool:
    """Check whether nobody can give permissions yet."""
    statement = (
        sa.select(UserGroup_has_Person.c.personId)
        .join(UserGroup_has_Permission, UserGroup_has_Permission.c.userGroupId == UserGroup_has_Person.c.userGroupId)
        .join(Permission, Permission.c.permissionId == UserGroup_has_Permission.c.permissionId)
        .where(Permission.c.type == FIRST_PERMISSIONS[0])
    )
    return connection.execute(statement.limit(1)).first() is None


def _key(transaction: Transaction, database: Database, column: sa.Column[str], value: str) -> int:
    """The key of the first row with a value, which is added when there is none."""
    table = column.table
    (primary,) = table.primary_key.columns
    statement = sa.select(primary).where(column == value).order_by(primary).limit(1)
    found = connection_of(transaction).execute(statement).scalar()
    return database.insert(transaction, table, {column.name: value}) if found is None else int(found)


def _link(transaction: Transaction, database: Database, table: sa.Table, group: int, column: str, value: int) -> None:
    condition = (table.c.userGroupId == group, table.c[column] == value)
    if connection_of(transaction).execute(sa.select(table).where(*condition)).first() is None:
        database.insert(transaction, table, {"userGroupId": group, column: value})

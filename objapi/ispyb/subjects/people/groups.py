"""Groups of people, and the permissions that groups give."""

from collections.abc import Sequence
from typing import Any, Final

import sqlalchemy as sa

from catalog.dialect import among
from objapi.errors import NotFound
from objapi.ispyb.database import writing
from objapi.ispyb.subjects.people.schemas import (
    NewPermission,
    NewPermissionOptional,
    NewUserGroup,
    NewUserGroupOptional,
    NewUserGroupPermission,
    NewUserGroupPerson,
)
from objapi.ispyb.subjects.people.schemas import Permission as PermissionAnswer
from objapi.ispyb.subjects.people.schemas import UserGroup as UserGroupAnswer
from objapi.ispyb.values.errors import BadCall, ResourceNotFound
from objapi.ispyb.values.schema import optional
from objapi.ispyb.values.types import INT, TEXT
from objapi.ispyb.wire.call import Call, Page
from objapi.ispyb.wire.response import Paged
from objapi.ispyb.wire.routes import Group, holder
from objapi.profiles.ispyb.tables import Permission, Person, UserGroup, UserGroup_has_Permission, UserGroup_has_Person

group: Final = Group("Admin")

_ACCESS: Final = holder("manage_groups")
_WRITES: Final = writing("groups", UserGroup, UserGroup_has_Permission, UserGroup_has_Person)


@group.get("/admin/groups", access=_ACCESS, query={"userGroupId": optional(INT)}, answer=Paged(UserGroupAnswer))
def list_groups(call: Call) -> Page:
    """User groups."""
    statement = call.filtered(sa.select(UserGroup).order_by(UserGroup.c.userGroupId), UserGroup.c.userGroupId)
    rows, total = call.page(statement)
    return call.paged(_answers(call, rows), total)


@group.post("/admin/groups", access=_ACCESS, writes=_WRITES, body=NewUserGroup, answer=UserGroupAnswer)
def add_group(call: Call) -> dict[str, Any]:
    """Add a group.

    Raises BadCall when the name is taken.
    """
    if _named(call, call.body["name"]):
        raise BadCall("Could not add group: the name is taken")
    return _one_group(call, call.insert(UserGroup, call.body))


@group.patch(
    "/admin/groups/{userGroupId:int}", access=_ACCESS, writes=_WRITES, body=NewUserGroupOptional, answer=UserGroupAnswer
)
def rename_group(call: Call) -> dict[str, Any]:
    """Rename a group.

    Raises ResourceNotFound, and BadCall when the name is taken.
    """
    key = call.path["userGroupId"]
    known = _one_group(call, key)
    if "name" in call.body:
        name = call.body["name"]
        if not name or any(other != key for other in _named(call, name)):
            raise BadCall("Could not update group")
        call.update(UserGroup, key, {"name": name})
        known = _one_group(call, key)
    return known


@group.post(
    "/admin/groups/{userGroupId:int}/permission",
    access=_ACCESS,
    writes=_WRITES,
    body=NewUserGroupPermission,
    status=204,
)
def give_permission(call: Call) -> None:
    """Give a permission to a group."""
    _put_in(call, UserGroup_has_Permission, Permission.c.permissionId, call.body["permissionId"], "permission")


@group.delete(
    "/admin/groups/{userGroupId:int}/permission/{permissionId:int}", access=_ACCESS, writes=_WRITES, status=204
)
def take_permission(call: Call) -> None:
    """Take a permission from a group."""
    _take_out(call, UserGroup_has_Permission, "permissionId", "permission")


@group.post(
    "/admin/groups/{userGroupId:int}/person", access=_ACCESS, writes=_WRITES, body=NewUserGroupPerson, status=204
)
def add_member(call: Call) -> None:
    """Put a person into a group."""
    _put_in(call, UserGroup_has_Person, Person.c.personId, call.body["personId"], "person")


@group.delete("/admin/groups/{userGroupId:int}/person/{personId:int}", access=_ACCESS, writes=_WRITES, status=204)
def remove_member(call: Call) -> None:
    """Take a person out of a group."""
    _take_out(call, UserGroup_has_Person, "personId", "person")


def _named(call: Call, name: str) -> list[int]:
    found = call.connection.execute(sa.select(UserGroup.c.userGroupId).where(UserGroup.c.name == name))
    return list(found.scalars())


def _one_group(call: Call, key: int) -> dict[str, Any]:
    rows = call.rows(sa.select(UserGroup).where(UserGroup.c.userGroupId == key))
    if not rows:
        raise ResourceNotFound("No such group")
    return _answers(call, rows)[0]


def _answers(call: Call, rows: Sequence[sa.RowMapping]) -> list[dict[str, Any]]:
    ids = [row["userGroupId"] for row in rows]
    counted = {
        name: call.counts(table.c.userGroupId, sa.select().select_from(table).where(among(table.c.userGroupId, ids)))
        for name, table in (("permissions", UserGroup_has_Permission), ("people", UserGroup_has_Person))
    }
    return [
        {**row, "_metadata": {name: numbers.get(row["userGroupId"], 0) for name, numbers in counted.items()}}
        for row in rows
    ]


def _put_in(call: Call, table: sa.Table, key: sa.Column[Any], value: int, kind: str) -> None:
    """Put something into a group; raises BadCall when either is unknown, or when it is in the group."""
    group_id = call.path["userGroupId"]
    known = call.first(
        sa.select(
            sa.exists().where(UserGroup.c.userGroupId == group_id).label("has_group"),
            sa.exists().where(key == value).label("has_thing"),
            sa.exists().where(table.c.userGroupId == group_id, table.c[key.name] == value).label("is_in"),
        )
    )
    if known is None or not known["has_group"] or not known["has_thing"]:
        raise BadCall(f"No such group or {kind}")
    if known["is_in"]:
        raise BadCall(f"The {kind} is in the group already")
    call.insert(table, {"userGroupId": group_id, key.name: value})


def _take_out(call: Call, table: sa.Table, key: str, kind: str) -> None:
    try:
        call.remove(table, call.path["userGroupId"], call.path[key])
    except NotFound:
        raise BadCall(f"No such {kind} in the group") from None


permissions_group: Final = Group("Admin")

_MANAGE: Final = holder("manage_perms")
_WRITES_PERMISSIONS: Final = writing("permissions", Permission)
_PERMISSION_QUERY: Final = {"permissionId": optional(INT), "userGroupId": optional(INT), "search": optional(TEXT)}


@permissions_group.get("/admin/permissions", access=_MANAGE, query=_PERMISSION_QUERY, answer=Paged(PermissionAnswer))
def list_permissions(call: Call) -> Page:
    """Permissions."""
    query = call.query
    statement = sa.select(Permission).order_by(Permission.c.permissionId)
    if query["permissionId"] is not None:
        statement = statement.where(Permission.c.permissionId == query["permissionId"])
    if query["userGroupId"] is not None:
        link = UserGroup_has_Permission.c
        in_group = sa.exists().where(
            link.permissionId == Permission.c.permissionId, link.userGroupId == query["userGroupId"]
        )
        statement = statement.where(in_group)
    if query["search"]:
        statement = statement.where(Permission.c.type.like(f"%{query['search']}%"))
    return call.paged(*call.page(statement))


@permissions_group.post(
    "/admin/permissions", access=_MANAGE, writes=_WRITES_PERMISSIONS, body=NewPermission, answer=PermissionAnswer
)
def add_permission(call: Call) -> sa.RowMapping:
    """Add a permission.

    Raises BadCall when the type is taken.
    """
    if _with_type(call, call.body["type"]):
        raise BadCall("Could not add permission: the type is taken")
    return _one_permission(call, call.insert(Permission, call.body))


@permissions_group.patch(
    "/admin/permissions/{permissionId:int}",
    access=_MANAGE,
    writes=_WRITES_PERMISSIONS,
    body=NewPermissionOptional,
    answer=PermissionAnswer,
)
def change_permission(call: Call) -> sa.RowMapping:
    """Change the type or the description of a permission.

    Raises BadCall, also when the type is taken.
    """
    key = call.path["permissionId"]
    known, changes = _one_permission(call, key), dict(call.body)
    if "type" in changes and (not changes["type"] or any(other != key for other in _with_type(call, changes["type"]))):
        raise BadCall("Could not update permission: the type is empty or taken")
    if not changes:
        return known
    call.update(Permission, key, changes)
    return _one_permission(call, key)


def _with_type(call: Call, type_: str) -> list[int]:
    statement = sa.select(Permission.c.permissionId).where(Permission.c.type == type_)
    return list(call.connection.execute(statement).scalars())


def _one_permission(call: Call, key: int) -> sa.RowMapping:
    row = call.first(sa.select(Permission).where(Permission.c.permissionId == key))
    if row is None:
        raise BadCall("No such permission")
    return row

"""Permissions: what groups can be given."""

from typing import Final

import sqlalchemy as sa

from objapi.ispyb.subjects.people.schemas import NewPermission, NewPermissionOptional
from objapi.ispyb.subjects.people.schemas import Permission as PermissionAnswer
from objapi.ispyb.values.errors import BadCall
from objapi.ispyb.values.schema import optional
from objapi.ispyb.values.types import INT, TEXT
from objapi.ispyb.wire.call import Call, Page
from objapi.ispyb.wire.response import Paged
from objapi.ispyb.wire.routes import Group, holder
from objapi.profiles.ispyb.tables import Permission, UserGroup_has_Permission

group: Final = Group("Admin")

_ACCESS: Final = holder("manage_perms")
_FILTERS: Final = {"permissionId": optional(INT), "userGroupId": optional(INT), "search": optional(TEXT)}


@group.get("/admin/permissions", access=_ACCESS, query=_FILTERS, answer=Paged(PermissionAnswer))
def list_permissions(call: Call) -> Page:
    """Permissions."""
    query = call.query
    statement = sa.select(Permission).order_by(Permission.c.permissionId)
    if query["permissionId"] is not None:
        statement = statement.where(Permission.c.permissionId == query["permissionId"])
    if query["userGroupId"] is not None:
        held = UserGroup_has_Permission.c
        in_group = sa.exists().where(
            held.permissionId == Permission.c.permissionId, held.userGroupId == query["userGroupId"]
        )
        statement = statement.where(in_group)
    if query["search"]:
        statement = statement.where(Permission.c.type.like(f"%{query['search']}%"))
    return call.paged(*call.page(statement))


@group.post("/admin/permissions", access=_ACCESS, body=NewPermission, answer=PermissionAnswer)
def add_permission(call: Call) -> sa.RowMapping:
    """Add a permission."""
    if _with_type(call, call.body["type"]):
        raise BadCall("Could not add permission: the type is taken")
    return _one(call, call.insert(Permission, call.body))


@group.patch(
    "/admin/permissions/{permissionId:int}", access=_ACCESS, body=NewPermissionOptional, answer=PermissionAnswer
)
def change_permission(call: Call) -> sa.RowMapping:
    """Change the type or the description of a permission."""
    key = call.path["permissionId"]
    known, changes = _one(call, key), dict(call.body)
    if "type" in changes and (not changes["type"] or any(other != key for other in _with_type(call, changes["type"]))):
        raise BadCall("Could not update permission: the type is empty or taken")
    if not changes:
        return known
    call.connection.execute(sa.update(Permission).where(Permission.c.permissionId == key).values(changes))
    return _one(call, key)


def _with_type(call: Call, type_: str) -> list[int]:
    statement = sa.select(Permission.c.permissionId).where(Permission.c.type == type_)
    return list(call.connection.execute(statement).scalars())


def _one(call: Call, key: int) -> sa.RowMapping:
    row = call.first(sa.select(Permission).where(Permission.c.permissionId == key))
    if row is None:
        raise BadCall("No such permission")
    return row

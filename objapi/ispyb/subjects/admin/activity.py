"""The log of what administrators did."""

from typing import Final

import sqlalchemy as sa

from objapi.ispyb.options.schema import AdminActivity as AdminActivityAnswer
from objapi.ispyb.values.schema import optional
from objapi.ispyb.values.types import enum
from objapi.ispyb.wire.call import Call, Page
from objapi.ispyb.wire.response import Paged
from objapi.ispyb.wire.routes import Group, holder
from objapi.profiles.ispyb.tables import AdminActivity

group: Final = Group("Admin")

_FILTERS: Final = {"action_type": optional(enum("ActionType", "db_options", "online"))}


@group.get("/admin/activity", access=holder("view_activity"), query=_FILTERS, answer=Paged(AdminActivityAnswer))
def list_activity(call: Call) -> Page:
    """Activity log, newest first."""
    table = AdminActivity.c
    statement = sa.select(AdminActivity).order_by(table.dateTime.desc(), table.adminActivityId.desc())
    if call.query["action_type"] is not None:
        statement = statement.where(table.action == call.query["action_type"])
    return call.paged(*call.page(statement))

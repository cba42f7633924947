"""Options of the installation, the log of what administrators did, and the description of the routes."""

import logging
from typing import Any, Final

import sqlalchemy as sa

from objapi.ispyb.database import writing
from objapi.ispyb.options.load import load_options
from objapi.ispyb.options.schema import AdminActivity as AdminActivityAnswer
from objapi.ispyb.options.schema import Options, UIOptions
from objapi.ispyb.values.schema import optional
from objapi.ispyb.values.types import enum
from objapi.ispyb.wire.call import Call, Page
from objapi.ispyb.wire.response import Paged, RawContent, encode
from objapi.ispyb.wire.routes import ANYBODY, BEARER, Group, holder
from objapi.profiles.ispyb.tables import AdminActivity, AdminVar

options_group: Final = Group("Options")

_SHOWN_CHARACTERS: Final = 80
_WRITES: Final = writing("options", AdminVar, AdminActivity)

_log = logging.getLogger("objapi.ispyb")


@options_group.get("/options/ui", access=BEARER, answer=UIOptions)
def read_ui_options(call: Call) -> dict[str, Any]:
    """The options that every signed-in user may read."""
    return call.options


@options_group.get("/options", access=holder("manage_options"), answer=Options)
def read_options(call: Call) -> dict[str, Any]:
    """All options."""
    return call.options


@options_group.patch("/options", access=holder("manage_options"), writes=_WRITES, body=Options, answer=Options)
def change_options(call: Call) -> dict[str, Any]:
    """Change the options that are given."""
    for name, value in call.body.items():
        if encode(value) != encode(call.options[name]):
            _store(call, name, encode(value).decode())
            _record(call, name, value)
    return load_options(call.connection)


def _store(call: Call, name: str, text: str) -> None:
    found = call.connection.execute(sa.select(AdminVar.c.varId).where(AdminVar.c.name == name)).scalars().all()
    for key in found:
        call.update(AdminVar, key, {"value": text})
    if not found:
        call.insert(AdminVar, {"name": name, "value": text})


def _record(call: Call, name: str, value: Any) -> None:
    """Write a change into the activity log."""
    new_value = "" if isinstance(value, (list, tuple, dict)) else f" to `{str(value)[:_SHOWN_CHARACTERS]}`"
    row = {
        "username": call.caller.login,
        "action": "db_options",
        "comments": f"changed `{name}`{new_value}",
        "dateTime": call.now,
    }
    try:
        with call.connection.begin_nested():
            call.insert(AdminActivity, row)
    except sa.exc.IntegrityError:
        # An existing database may allow one row a user; the newest change is then what it keeps.
        _log.warning("AdminActivity.username is unique in this database: only the last change of each user is kept")
        own = sa.select(AdminActivity.c.adminActivityId).where(AdminActivity.c.username == call.caller.login)
        for key in call.connection.execute(own).scalars().all():
            call.update(AdminActivity, key, row)


activity_group: Final = Group("Admin")

_ACTIONS: Final = {"action_type": optional(enum("ActionType", "db_options", "online"))}


@activity_group.get(
    "/admin/activity", access=holder("view_activity"), query=_ACTIONS, answer=Paged(AdminActivityAnswer)
)
def list_activity(call: Call) -> Page:
    """Activity log, newest first."""
    table = AdminActivity.c
    statement = sa.select(AdminActivity).order_by(table.dateTime.desc(), table.adminActivityId.desc())
    if call.query["action_type"] is not None:
        statement = statement.where(table.action == call.query["action_type"])
    return call.paged(*call.page(statement))


description_group: Final = Group("Description")


@description_group.get("/openapi.json", access=ANYBODY)
def read_description(call: Call) -> RawContent:
    """All routes with what they take and give, as OpenAPI 3."""
    return RawContent(call.services.description, "application/json")

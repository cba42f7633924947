"""The description of the routes themselves."""

from typing import Final

from objapi.ispyb.wire.call import Call
from objapi.ispyb.wire.response import RawContent
from objapi.ispyb.wire.routes import ANYBODY, Group

group: Final = Group("Description")


@group.get("/openapi.json", access=ANYBODY)
def read_description(call: Call) -> RawContent:
    """All routes with what they take and give, as OpenAPI 3."""
    return RawContent(call.services.description, "application/json")

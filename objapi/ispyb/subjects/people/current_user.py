"""The caller, and tokens for one call."""

from typing import Any, Final

import sqlalchemy as sa

from objapi.ispyb.auth.onetime import make_onetime_token, path_to_sign
from objapi.ispyb.subjects.people.schemas import CurrentUser, OneTimeToken
from objapi.ispyb.values.errors import Fault, Invalid
from objapi.ispyb.values.types import short_text
from objapi.ispyb.wire.call import Call
from objapi.ispyb.wire.routes import BEARER, Group
from objapi.profiles.ispyb.tables import Person

group: Final = Group("Current User")

_SIGNED_PATH: Final = short_text(200)


@group.get("/user/current", access=BEARER, answer=CurrentUser)
def read_current_user(call: Call) -> dict[str, Any]:
    """The caller."""
    caller = call.caller
    names = sa.select(Person.c.givenName, Person.c.familyName).where(Person.c.personId == caller.person_id)
    person = call.first(names)
    held = [group for group in call.beamline_groups if caller.may(group.permission)]
    return {
        "givenName": None if person is None else person["givenName"],
        "familyName": None if person is None else person["familyName"],
        "login": caller.login,
        "personId": caller.person_id,
        "Permissions": caller.permissions,
        "beamLineGroups": [group.name for group in held],
        "beamLines": list(dict.fromkeys(name for group in held for name in group.beamlines)),
    }


@group.post("/user/sign", access=BEARER, body=OneTimeToken, answer=OneTimeToken)
def sign_path(call: Call) -> dict[str, Any]:
    """Make a one-time token for a path."""
    validity = call.body["validity"]
    path = path_to_sign(validity)
    try:
        _SIGNED_PATH.read(path)
    except Fault as fault:
        raise Invalid([fault.at(("body", "validity"))]) from None
    return {"validity": validity, "token": make_onetime_token(call.connection, call.caller, path, call.now)}

"""Logging in by one of the plugins, the caller, and tokens for one call."""

from typing import Any, Final

import sqlalchemy as sa

from objapi.ispyb.auth.login import WRITES, log_in
from objapi.ispyb.auth.plugins import LoginAttempt
from objapi.ispyb.auth.tokens import make_onetime_token, path_to_sign
from objapi.ispyb.database import writing
from objapi.ispyb.subjects.people.schemas import AuthConfig, CurrentUser, Login, OneTimeToken, TokenResponse
from objapi.ispyb.values.errors import Fault, Invalid
from objapi.ispyb.values.types import short_text
from objapi.ispyb.wire.call import Call
from objapi.ispyb.wire.response import Later
from objapi.ispyb.wire.routes import ANYBODY, BEARER, Group
from objapi.profiles.ispyb.tables import Person

group: Final = Group("Authentication")


@group.get("/auth/config", access=ANYBODY, answer=AuthConfig)
def read_plugins(call: Call) -> dict[str, Any]:
    """Login plugins that are switched on."""
    plugins = call.services.plugins
    return {"plugins": [{"name": name, "config": dict(plugin.exported)} for name, plugin in plugins.items()]}


@group.post("/auth/login", access=ANYBODY, body=Login, answer=TokenResponse, status=201, writes=WRITES, deferred=True)
def log_in_by_plugin(call: Call) -> Later:
    """Log in by one of the plugins and get a token."""
    body, services = call.body, call.services
    attempt = LoginAttempt(body["login"], body["password"], body["token"], call.source.address, services.site.now())

    def work() -> dict[str, Any]:
        plugin = services.plugins.get(body["plugin"] or "")
        caller = log_in(services.database, plugin, attempt, call.source)
        token = services.tokens.issue(caller)
        return {"login": caller.login, "token": token, "permissions": caller.permissions}

    return Later(work)


user_group: Final = Group("Current User")

# Tokens are secrets that live for seconds: no type has them, and no history holds them.
_WRITES_TOKENS: Final = writing("one-time tokens")
_SIGNED_PATH: Final = short_text(200)


@user_group.get("/user/current", access=BEARER, answer=CurrentUser)
def read_current_user(call: Call) -> dict[str, Any]:
    """The caller."""
    caller = call.caller
    names = sa.select(Person.c.givenName, Person.c.familyName).where(Person.c.personId == caller.person_id)
    person = call.first(names)
    opened = [user_group for user_group in call.beamline_groups if caller.may(user_group.permission)]
    return {
        "givenName": None if person is None else person["givenName"],
        "familyName": None if person is None else person["familyName"],
        "login": caller.login,
        "personId": caller.person_id,
        "Permissions": caller.permissions,
        "beamLineGroups": [user_group.name for user_group in opened],
        "beamLines": list(dict.fromkeys(name for user_group in opened for name in user_group.beamlines)),
    }


@user_group.post("/user/sign", access=BEARER, writes=_WRITES_TOKENS, body=OneTimeToken, answer=OneTimeToken)
def sign_path(call: Call) -> dict[str, Any]:
    """Make a one-time token for a path.

    Raises Invalid for a path that is too long.
    """
    validity = call.body["validity"]
    path = path_to_sign(validity)
    try:
        _SIGNED_PATH.read(path)
    except Fault as fault:
        raise Invalid([fault.at(("body", "validity"))]) from None
    return {"validity": validity, "token": make_onetime_token(call.connection, call.caller, path, call.now)}

"""Logging in: which plugins there are, and a token for who is known to one of them."""

from typing import Any, Final

from objapi.ispyb.auth.login import log_in
from objapi.ispyb.auth.plugins import GatewayUsers, LoginAttempt
from objapi.ispyb.subjects.people.schemas import AuthConfig, Login, TokenResponse
from objapi.ispyb.wire.call import Call
from objapi.ispyb.wire.response import Later
from objapi.ispyb.wire.routes import ANYBODY, Group

group: Final = Group("Authentication")


@group.get("/auth/config", access=ANYBODY, answer=AuthConfig)
def read_plugins(call: Call) -> dict[str, Any]:
    """Login plugins that are switched on."""
    plugins = call.services.plugins
    return {"plugins": [{"name": name, "config": dict(plugin.exported)} for name, plugin in plugins.items()]}


@group.post("/auth/login", access=ANYBODY, body=Login, answer=TokenResponse, status=201, writes=False)
def log_in_by_plugin(call: Call) -> Later:
    """Log in by one of the plugins and get a token."""
    body, services = call.body, call.services
    attempt = LoginAttempt(body["login"], body["password"], body["token"], call.address, services.site.now())

    def work() -> dict[str, Any]:
        plugin = services.plugins.get(body["plugin"] or "")
        caller = log_in(services.database, plugin, attempt)
        token = services.tokens.issue(caller, gateway_user=isinstance(plugin, GatewayUsers))
        return {"login": caller.login, "token": token, "permissions": caller.permissions}

    return Later(work)

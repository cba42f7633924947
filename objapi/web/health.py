"""`/healthz` and `/readyz`: whether the process is alive, and whether it can do its work, for whoever watches it."""

import logging
from typing import Final

import orjson
from flask import Blueprint, Response
from sqlalchemy import exc

from objapi.errors import ApiError
from objapi.http.access import PUBLIC, access
from objapi.site import Site
from objapi.store.failures import to_api_error
from objapi.store.upgrade.versions import state_problem

NOT_IN_STEP: Final = "The database is not in the form that this server needs. Its log has the reason and the remedy."

_log = logging.getLogger("objapi")


def make_health_blueprint(site: Site) -> Blueprint:
    """The blueprint of both routes, at the root of the server. They are open, so the log alone has the whole reason."""
    health = Blueprint("health", __name__)
    noted: list[str | None] = [None]

    @health.get("/healthz")
    @access(PUBLIC)
    def alive() -> Response:
        """The process answers; nothing else is looked at."""
        return _answer(200, {"status": "ok"})

    @health.get("/readyz")
    @access(PUBLIC)
    def ready() -> Response:
        """The database answers and holds this site, in the form that this version and these declarations need.

        Tables of other programs in databases of their own are not looked at: without them the rest goes on working.
        """
        reason, logged = _problem(site)
        # Watchers ask every few seconds: what stays as it was is not logged again.
        if logged != noted[0]:
            noted[0] = logged
            _log.warning("not ready: %s", logged) if logged else _log.warning("ready again")
        return _answer(503, {"status": "unavailable", "reason": reason}) if reason else _answer(200, {"status": "ok"})

    return health


def _problem(site: Site) -> tuple[str, str]:
    """Why the site cannot be served, for everybody and for the log; empty texts: it can."""
    try:
        found = state_problem(site.engine, site.registry, site.settings.site_id, site.settings.profiles or ())
    except (exc.DBAPIError, exc.TimeoutError) as error:
        failure = to_api_error(error)
        if not isinstance(failure, ApiError):
            raise
        return failure.message, f"{failure.message} ({error})"
    return (NOT_IN_STEP, found) if found else ("", "")


def _answer(status: int, body: dict[str, str]) -> Response:
    return Response(orjson.dumps(body), status, content_type="application/json")

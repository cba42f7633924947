"""`/healthz` and `/readyz`: whether the process is alive, and whether it can do its work, for whoever watches it."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Final

import orjson
from flask import Blueprint, Response
from sqlalchemy import Engine, exc, text

from catalog.dialect import is_read_only
from objapi.errors import ApiError
from objapi.http.access import PUBLIC, access
from objapi.http.looks import Looks
from objapi.site import Site
from objapi.store.failures import to_api_error
from objapi.store.upgrade.versions import state_problem

NOT_IN_STEP: Final = "The database is not in the form that this server needs. Its log has the reason and the remedy."
READ_ONLY: Final = "The database can only be read at present: what writes is refused, log-ins by password too."

SILENT: Final = "A database does not answer."

ANSWER_SECONDS: Final = 3.0
"""Time after which readiness is answered, whatever a database does; those who watch wait for five seconds or so."""

_log = logging.getLogger("objapi")


@dataclass(frozen=True, slots=True)
class Readiness:
    """What the databases of a site allow: `status` and `reason` are for everybody, `logged` for the log."""

    status: str = "ok"
    reason: str = ""
    logged: str = ""
    away: tuple[str, ...] = ()
    """Names of the databases that cannot be used."""

    def answer(self) -> Response:
        """The answer to a watcher: 503 when something cannot be used at all."""
        body: dict[str, object] = {"status": self.status}
        if self.reason:
            body["reason"] = self.reason
        if self.away:
            body["databases"] = self.away
        return Response(
            orjson.dumps(body), 503 if self.status == "unavailable" else 200, content_type="application/json"
        )


def make_health_blueprint(site: Site) -> Blueprint:
    """The blueprint of both routes, at the root of the server. They are open, so the log alone has the whole reason."""
    health = Blueprint("health", __name__)
    noted: list[str] = [""]
    # A database may hang for longer than those who watch wait.
    looks = Looks("readiness", partial(_readiness, site))

    @health.get("/healthz")
    @access(PUBLIC)
    def alive() -> Response:
        """The process answers; nothing else is looked at."""
        return Readiness().answer()

    @health.get("/readyz")
    @access(PUBLIC)
    def ready() -> Response:
        """The databases answer, and the own one holds this site in the form that this version and its profiles need."""
        try:
            found = looks.found(ANSWER_SECONDS)
        except TimeoutError:
            found = Readiness("unavailable", SILENT, SILENT)
        # Watchers ask every few seconds: what stays as it was is not logged again.
        if found.logged != noted[0]:
            noted[0] = found.logged
            _log.warning("not ready: %s", found.logged) if found.logged else _log.warning("ready again")
        return found.answer()

    return health


def _readiness(site: Site) -> Readiness:
    try:
        # By a connection of those for streams: the others may all be at work.
        engine = site.stream_engine
        found = state_problem(engine, site.registry, site.settings.site_id, site.settings.profiles or ())
        read_only = is_read_only(engine)
    except (exc.DBAPIError, exc.TimeoutError) as error:
        reason, logged = _told(error)
        return Readiness("unavailable", reason, logged)
    if found:
        return Readiness("unavailable", NOT_IN_STEP, found)
    away = dict(_away(site))
    if away:
        names = ", ".join(away)
        reason = f"The {'database' if len(away) == 1 else 'databases'} {names} of other programs cannot be used."
        return Readiness("unavailable", reason, f"{reason} {' '.join(away.values())}", tuple(away))
    return Readiness("read only", READ_ONLY, READ_ONLY) if read_only else Readiness()


def _told(error: Exception) -> tuple[str, str]:
    """Why a database cannot be used, for everybody and for the log. Raises what is a fault of the gateway."""
    failure = to_api_error(error)
    if not isinstance(failure, ApiError):
        raise failure
    return failure.message, f"{failure.message} ({error})"


def _away(site: Site) -> Iterator[tuple[str, str]]:
    """Name of each database of another program, on another server, that cannot be used, and why."""
    for name, place in site.context.rows.places.items():
        if place.engine is not None:
            logged = _failure_of(place.engine)
            if logged is not None:
                yield name, logged


def _failure_of(engine: Engine) -> str | None:
    try:
        with engine.connect() as connection:
            connection.execute(text("SELECT 1"))
    except (exc.DBAPIError, exc.TimeoutError) as error:
        return _told(error)[1]
    return None

"""Attachment of the face to the application."""

import threading
from typing import TYPE_CHECKING

from flask import Blueprint, Flask, Response
from werkzeug.routing import Rule

from objapi.errors import ApiError
from objapi.http.access import PUBLIC, access
from objapi.ispyb import API_ROOT
from objapi.ispyb.auth.configuration import load_plugins
from objapi.site import Site

if TYPE_CHECKING:
    from objapi.ispyb.face import Face


class LateFace:
    """The face of a site, made for the first who asks: its routes know some hundred tables, which most sites lack."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._lock = threading.Lock()
        self._made: Face | None = None

    def __call__(self) -> "Face":
        """The face."""
        from objapi.ispyb.face import Face  # noqa: PLC0415 - a sixth of the time that all imports take

        with self._lock:
            if self._made is None:
                self._made = Face(self._site)
            return self._made


def attach(application: Flask, site: Site) -> None:
    """Add the face to the application: one rule for everything below its root, and the page of its routes.

    Raises SiteError for a mistake in the configuration of the log-in plugins.
    """
    load_plugins(site)
    face = LateFace(site)
    ispyb = Blueprint("ispyb", __name__, template_folder="templates")

    @ispyb.get("/redoc")
    @access(PUBLIC)
    def routes_page() -> Response:
        """The page for people."""
        from objapi.ispyb.page import show_routes  # noqa: PLC0415 - see `LateFace`

        return show_routes(face())

    @access(PUBLIC)
    def call_route() -> Response:
        """Every route of the face, whatever the verb; each says itself who may call it."""
        from objapi.ispyb.dispatch import answer  # noqa: PLC0415 - see `LateFace`

        return answer(face())

    def answer_refusal(error: ApiError) -> Response:
        from objapi.ispyb.dispatch import answer_failure  # noqa: PLC0415 - see `LateFace`

        return answer_failure(face(), error)

    ispyb.register_error_handler(ApiError, answer_refusal)
    application.register_blueprint(ispyb)
    endpoint = "ispyb.call_route"
    # Whatever is below the root is routed here; `dispatch` takes the path of the exchange apart.
    application.url_map.add(Rule(API_ROOT, endpoint=endpoint, methods=None))
    application.view_functions[endpoint] = call_route

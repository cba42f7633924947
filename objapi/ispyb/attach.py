"""How the face is attached to the application."""

from flask import Blueprint, Flask, Response
from werkzeug.routing import Rule

from objapi.http.access import PUBLIC, access
from objapi.ispyb import API_ROOT
from objapi.ispyb.dispatch import answer
from objapi.ispyb.docs_page import show_routes
from objapi.ispyb.face import Face
from objapi.site import Site


def attach(application: Flask, site: Site) -> None:
    """Add the face to the application: one rule for everything below its root, and the page that tells of it.

    Raises SiteError for a mistake in the configuration of the log-in plugins.
    """
    face = Face(site)
    face.services.plugins  # noqa: B018 - raises
    ispyb = Blueprint("ispyb", __name__, template_folder="templates")

    @ispyb.get("/docs")
    @ispyb.get("/redoc")
    @access(PUBLIC)
    def tell_routes() -> Response:
        """The page for people."""
        return show_routes(face)

    @access(PUBLIC)
    def call_route(**_: str) -> Response:
        """Every route of the face, whatever the verb; each says itself who may call it."""
        return answer(face)

    application.register_blueprint(ispyb)
    endpoint = "ispyb.call_route"
    for rule in (API_ROOT, f"{API_ROOT}/<path:rest>"):
        application.url_map.add(Rule(rule, endpoint=endpoint, methods=None))
    application.view_functions[endpoint] = call_route

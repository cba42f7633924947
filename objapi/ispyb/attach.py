"""Attachment of the face to the application, and its page for people at `/docs` and `/redoc`, as py-ISPyB has."""

from itertools import groupby

from flask import Blueprint, Flask, Response, render_template
from werkzeug.routing import Rule

from objapi.errors import ApiError
from objapi.http.access import PUBLIC, access
from objapi.ispyb import API_ROOT
from objapi.ispyb.dispatch import answer, answer_failure
from objapi.ispyb.face import Face
from objapi.ispyb.wire.routes import IspybRoute
from objapi.site import Site


def attach(application: Flask, site: Site) -> None:
    """Add the face to the application: one rule for everything below its root, and the page of its routes.

    Raises SiteError for a mistake in the configuration of the log-in plugins.
    """
    face = Face(site)
    face.services.plugins  # noqa: B018 - raises
    ispyb = Blueprint("ispyb", __name__, template_folder="templates")

    @ispyb.get("/docs")
    @ispyb.get("/redoc")
    @access(PUBLIC)
    def routes_page() -> Response:
        """The page for people."""
        return show_routes(face)

    @access(PUBLIC)
    def call_route(**_: str) -> Response:
        """Every route of the face, whatever the verb; each says itself who may call it."""
        return answer(face)

    ispyb.register_error_handler(ApiError, lambda error: answer_failure(face, error))
    application.register_blueprint(ispyb)
    endpoint = "ispyb.call_route"
    for rule in (API_ROOT, f"{API_ROOT}/<path:rest>"):
        application.url_map.add(Rule(rule, endpoint=endpoint, methods=None))
    application.view_functions[endpoint] = call_route


def show_routes(face: Face) -> Response:
    """All routes by subject, with what they take and which permission they need."""

    def title(route: IspybRoute) -> str:
        return route.group

    groups = [(name, list(routes)) for name, routes in groupby(sorted(face.routes, key=title), key=title)]
    body = render_template(
        "ispyb_routes.html", groups=groups, api_root=API_ROOT, description_url=f"{API_ROOT}/openapi.json"
    )
    return Response(body, content_type="text/html; charset=utf-8")

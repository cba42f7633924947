"""`/docs`: the descriptions of the APIs for people, who may try calls there; by Swagger UI, served from here.

Its files come with the package flask-swagger-ui, which follows its releases; nothing is loaded from other sites.
"""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Final
from urllib.parse import urlsplit

from flask import Blueprint, Response, render_template, request
from werkzeug.exceptions import NotFound

from objapi.http.access import PUBLIC, access
from objapi.http.exchange import current_exchange
from objapi.http.visitors import current_visitor
from objapi.settings import Settings
from objapi.web.pages import site_path

_FILES: Final[Mapping[str, tuple[str, str]]] = {
    "swagger-ui.css": ("flask_swagger_ui", "dist/swagger-ui.css"),
    "swagger-ui-bundle.js": ("flask_swagger_ui", "dist/swagger-ui-bundle.js"),
    "swagger-ui-standalone-preset.js": ("flask_swagger_ui", "dist/swagger-ui-standalone-preset.js"),
    "reference.css": ("objapi.web", "reference.css"),
    "reference.js": ("objapi.web", "reference.js"),
}
"""The files of the page by name, each with its package: no other file can be asked for."""

_TYPES: Final = {"css": "text/css", "js": "text/javascript"}
_KEPT_SECONDS: Final = 24 * 60 * 60

# Pictures of the style sheet are in it, and those that are answered are shown from memory. What is tried out is sent to
# this site alone.
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
    "form-action 'none'; frame-ancestors 'none'; base-uri 'none'"
)


def make_reference_blueprint(settings: Settings, descriptions: Mapping[str, str]) -> Blueprint:
    """The blueprint of the page, at the root of the server. `descriptions`: title → path of an `openapi.json`."""
    reference = Blueprint("reference", __name__, template_folder="templates")

    @reference.get("/docs")
    @access(PUBLIC)
    def show_reference() -> Response:
        """The page; what it shows of the site is asked for by the browser, as its user."""
        root = urlsplit(current_exchange().root).path
        body = render_template(
            "reference.html",
            site_title=settings.site_title,
            site_url=site_path(settings),
            root=root,
            descriptions=[{"name": title, "url": root + path} for title, path in descriptions.items()],
            here=current_exchange().url_of("/docs"),
            logged_in=current_visitor().is_authenticated,
        )
        return Response(body, content_type="text/html; charset=utf-8", headers={"Content-Security-Policy": _POLICY})

    @reference.get("/docs/<name>")
    @access(PUBLIC)
    def send_part(name: str) -> Response:
        """A file of the page, the same for everybody."""
        if name not in _FILES:
            raise NotFound
        response = Response(_content(name), content_type=f"{_TYPES[name.rpartition('.')[2]]}; charset=utf-8")
        response.add_etag()
        response.headers["Cache-Control"] = f"public, max-age={_KEPT_SECONDS}"
        response.make_conditional(request)
        return response

    return reference


@cache
def _content(name: str) -> bytes:
    package, place = _FILES[name]
    return files(package).joinpath(place).read_bytes()

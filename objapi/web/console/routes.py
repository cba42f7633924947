"""The routes of the console: its own pages, and the URL of each object, which is a page for browsers alone."""

from collections.abc import Mapping
from functools import partial
from typing import Final

from flask import Blueprint, Response, request
from flask.sansio.blueprints import BlueprintSetupState
from werkzeug.routing import PathConverter, Rule, ValidationError

from objapi.http.access import LOGGED_IN, access
from objapi.http.visitors import current_visitor
from objapi.model.types import Kind
from objapi.site import Site
from objapi.store.requests import ByPath
from objapi.store.transaction import EntityRecord, Transaction
from objapi.web.console.pages import PAGES, Ask, ConsolePage
from objapi.web.console.shell import shell
from objapi.web.texts import language, translator

_FOR_BROWSERS: Final = "page_path"
_REFERENCES: Final = (Kind.REFERENCE,)


class _PagePath(PathConverter):
    """The path of an object, in a request that asks for a page; for any other the URL is none of this application."""

    def to_python(self, value: str) -> str:
        """The path. Raises ValidationError, by which the route does not match."""
        if not asks_for_page():
            raise ValidationError
        return value


def asks_for_page() -> bool:
    """True if the sender names HTML among what it takes, as browsers do and scripts do not (`*/*` is no page)."""
    return request.method in ("GET", "HEAD") and any(
        kind.lower() == "text/html" and quality > 0 for kind, quality in request.accept_mimetypes
    )


def make_console_blueprint(site: Site, ask: Ask) -> Blueprint:
    """The blueprint of the console. `ask` asks the API as the user of the page that is being made."""
    settings = site.settings
    console = Blueprint("console", __name__, template_folder="../templates")

    @console.record
    def add_page_of_object(state: BlueprintSetupState) -> None:
        routes, endpoint = state.app.url_map, f"{console.name}.{show_object.__name__}"
        routes.converters[_FOR_BROWSERS] = _PagePath
        # Of every verb, so that it is the path that does not match, and no other verb is known for the URL.
        rule = f"/{settings.site_id}/<{_FOR_BROWSERS}:place>"
        routes.add(Rule(rule, endpoint=endpoint, methods=None))
        state.app.view_functions[endpoint] = show_object

    for page in PAGES:
        view = access(LOGGED_IN)(partial(_answer_page, site, ask, page))
        paths = (page.path, f"{page.path}/<place>", *(("/console",) if page is PAGES[0] else ()))
        for rule in (f"/{settings.site_id}{path}" for path in paths):
            console.add_url_rule(rule, endpoint=page.name, view_func=view, methods=["GET"])

    @access(LOGGED_IN)
    def show_object(place: str) -> Response:
        """The page of the object at a path."""
        return answer_object(site, ask, place)

    return console


def _answer_page(site: Site, ask: Ask, page: ConsolePage, place: str = "") -> Response:
    title = translator(language())(page.title)
    return shell(site, page.name, title, {"place": place, **page.first(ask, place)})


def answer_object(site: Site, ask: Ask, place: str) -> Response:
    """The page of an object: its values and its type at once. Raises NotFound for what is not there to the user."""

    def look(tx: Transaction) -> tuple[EntityRecord, Mapping[str, object]]:
        found = tx.entity(ByPath(f"/{place}"))
        declared = tx.registry.types[found.portal_type]
        return found, {
            "UID": found.uid,
            "catalog_name": declared.read_catalog or tx.registry.uid_catalog,
            "expand": [field.name for field in declared.fields.values() if field.kind in _REFERENCES],
            "authenticator": 0,
        }

    found, query = site.run(current_visitor().load, look, write=False)
    described = ask(f"types/{found.portal_type}", {"language": language()})
    first = {"read": ask("read", query), "type": described, "catalog": query["catalog_name"]}
    return shell(site, "object", found.id, first)

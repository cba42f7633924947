"""The routes of the web face, each with the access it requires, and its error handler."""

from collections.abc import Callable
from typing import Final
from urllib.parse import quote

from flask import Blueprint, Response, request

from objapi.errors import PasswordNotEnough, Unauthorized
from objapi.http.access import LOGGED_IN, PUBLIC, access
from objapi.http.exchange import current_exchange
from objapi.http.failures import as_api_error, log_failure
from objapi.http.visitors import current_visitor
from objapi.security.password_links import PAGE
from objapi.settings import Settings
from objapi.web import account, second_factor
from objapi.web.pages import page, site_path
from objapi.web.texts import marked

_HEADINGS: Final = {401: marked("Not logged in"), 403: marked("Not allowed"), 404: marked("Not found")}


def make_blueprint(settings: Settings) -> Blueprint:
    """The blueprint of a site: the pages below `/<site>`, and the same log-in page at the root."""
    web = Blueprint("web", __name__, template_folder="templates")
    site = f"/{settings.site_id}"

    @web.get("/")
    @web.get(site)
    @access(PUBLIC)
    def front() -> Response:
        """The front page: the purpose of the site, and links onward."""
        visitor = current_visitor()
        return page(
            "front.html",
            settings,
            visitor=visitor if visitor.is_authenticated else None,
            takes_passwords=settings.takes_passwords,
            second_factor_offered=settings.takes_passwords and settings.totp_key_file is not None,
        )

    @web.get("/login_form")
    @web.get("/login")
    @web.get(f"{site}/login_form")
    @web.get(f"{site}/login")
    @access(PUBLIC)
    def login_form() -> Response:
        """The log-in form."""
        return account.answer_login_form(settings)

    @web.post("/login_form")
    @web.post("/login")
    @web.post(f"{site}/login_form")
    @web.post(f"{site}/login")
    @access(PUBLIC)
    def log_in() -> Response:
        """Log in."""
        return account.answer_login(settings)

    @web.route("/logout", methods=["GET", "POST"])
    @web.route(f"{site}/logout", methods=["GET", "POST"])
    @access(PUBLIC)
    def log_out() -> Response:
        """Log out."""
        return account.answer_logout(settings)

    @web.get(f"{site}/password")
    @access(LOGGED_IN)
    def password_form() -> Response:
        """The form for one's own password."""
        return account.answer_password_form(settings)

    @web.post(f"{site}/password")
    @access(LOGGED_IN)
    def change_password() -> Response:
        """Change one's own password."""
        return account.answer_password_change(settings)

    @web.get(f"{site}/second_factor")
    @access(LOGGED_IN)
    def second_factor_page() -> Response:
        """The page of one's own second factor."""
        return second_factor.answer_page(settings)

    @web.post(f"{site}/second_factor")
    @access(LOGGED_IN)
    def change_second_factor() -> Response:
        """Set one's own second factor up, or turn it off."""
        return second_factor.answer_change(settings)

    @web.get(f"{site}/{PAGE}")
    @access(PUBLIC)
    def new_password_form() -> Response:
        """The form of a one-time link."""
        return account.answer_new_password_form(settings)

    @web.post(f"{site}/{PAGE}")
    @access(PUBLIC)
    def set_new_password() -> Response:
        """Set a password by a one-time link."""
        return account.answer_new_password(settings)

    return web


def make_error_handler(settings: Settings) -> Callable[[Exception], Response]:
    """The error handler of this face, for unknown URLs too: a page with the reason."""

    def answer_failure(error: Exception) -> Response:
        exchange, answered = current_exchange(), as_api_error(error)
        form = f"{site_path(settings)}/login_form"
        may_log_in = isinstance(answered, Unauthorized) and not isinstance(answered, PasswordNotEnough)
        if may_log_in and request.method == "GET" and "Authorization" not in request.headers:
            response = Response(status=302)
            response.headers["Location"] = f"{form}?came_from={quote(exchange.url, safe='')}"
            return response
        log_failure(error, answered, request_id=exchange.request_id, method=request.method, path=exchange.path)
        response = page(
            "message.html",
            settings,
            status=answered.status,
            heading=_HEADINGS.get(answered.status, marked("Not done")),
            message=answered.message,
            bad=True,
            request_id=exchange.request_id,
            link=form if answered.status == 401 else site_path(settings),
            link_text=marked("Log in") if answered.status == 401 else marked("Go to the front page"),
        )
        response.headers.extend(answered.headers)
        if answered.status == 401:
            response.headers.setdefault("WWW-Authenticate", 'Basic realm="objapi", charset="UTF-8"')
        return response

    return answer_failure

"""Change of one's own password."""

from flask import Response, request

from objapi.errors import TooManyAttempts, ValidationError
from objapi.http.exchange import current_exchange
from objapi.http.headers import refuse_cross_site
from objapi.http.visitors import Visitor, current_visitor, current_visitors
from objapi.security.credentials import Credentials
from objapi.security.login import change_password
from objapi.settings import Settings
from objapi.web.pages import page, site_path


def answer_form(settings: Settings) -> Response:
    """The empty form."""
    return _form(settings, current_visitor())


def answer_change(settings: Settings) -> Response:
    """Change the password, which takes the old one, and end the user's other sessions."""
    visitor, visitors, form = current_visitor(), current_visitors(), request.form
    refuse_cross_site(request, current_exchange(), visitor.kind, settings.allowed_origins)
    new = form.get("new_password", "")
    if form.get("confirm", new) != new:
        return _form(settings, visitor, "The new password was not typed the same way twice.", status=422)
    try:
        change_password(
            visitors.authentication.password_check,
            Credentials(visitor.get_id(), form.get("old_password", "")),
            new,
            request.remote_addr or "",
            visitors.site.now(),
            keep_session=visitor.session_digest,
        )
    except (ValidationError, TooManyAttempts) as refused:
        response = _form(settings, visitor, refused.message, status=refused.status)
        response.headers.extend(refused.headers)
        return response
    return page(
        "message.html",
        settings,
        visitor=visitor,
        heading="Password changed",
        message="Your other sessions have ended.",
        link=site_path(settings),
        link_text="Go on",
    )


def _form(settings: Settings, visitor: Visitor, problem: str = "", *, status: int = 200) -> Response:
    return page("password.html", settings, visitor=visitor, status=status, message=problem)

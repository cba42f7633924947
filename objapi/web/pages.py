"""HTML pages: templates with the values common to all, under a policy that loads nothing from other sites."""

from base64 import b64encode
from hashlib import sha256
from importlib.resources import files
from typing import Final
from urllib.parse import urlsplit

from flask import Response, render_template
from markupsafe import Markup

from objapi.http.exchange import current_exchange
from objapi.http.visitors import Visitor
from objapi.settings import Settings
from objapi.web.preferences import preferred_theme
from objapi.web.texts import language, translator

_STYLE: Final = files("objapi.web").joinpath("style.css").read_text(encoding="utf-8")
_DIGEST: Final = b64encode(sha256(_STYLE.encode()).digest()).decode()
_POLICY: Final = (
    f"default-src 'none'; style-src 'sha256-{_DIGEST}'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)


def site_path(settings: Settings) -> str:
    """The site's URL without scheme and host, which browsers complete by those they came by."""
    return f"{urlsplit(current_exchange().root).path}/{settings.site_id}"


def page(
    template: str, settings: Settings, *, visitor: Visitor | None = None, status: int = 200, **values: object
) -> Response:
    """A page made from a template, for a visitor or for anyone."""
    user = visitor.user.principal if visitor is not None and visitor.user is not None else None
    body = render_template(
        template,
        _=translator(language()),
        language=language(),
        theme=preferred_theme(),
        # The style sheet is our own file, and its digest is in the policy.
        style=Markup(_STYLE),  # noqa: S704
        site_title=settings.site_title,
        site_url=site_path(settings),
        api_url=current_exchange().url_of(f"/{settings.site_id}/@@API"),
        reference_url=current_exchange().url_of("/docs"),
        user_id=user.user_id if user is not None else "",
        user_name=(user.fullname or user.user_id) if user is not None else "",
        **values,
    )
    response = Response(body, status=status, content_type="text/html; charset=utf-8")
    response.headers["Content-Security-Policy"] = _POLICY
    response.vary.update(("Accept-Language", "Cookie"))
    return response

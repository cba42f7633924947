"""Headers that protect users of browsers: security headers, the cross-site check, cross-origin sharing, file names."""

import logging
import unicodedata
from collections.abc import Collection
from typing import Final
from urllib.parse import quote

from flask import Flask, Request, Response, g, request
from werkzeug.http import dump_options_header

from catalog.dialect import DATABASE_USE
from objapi.http.compression import compress
from objapi.http.exchange import ANSWERED, Exchange, current_exchange, current_request, note_answer
from objapi.security.grant_rules import MANAGER
from objapi.security.origins import AuthenticationKind, BrowserMarks, check_cross_site, same_origin
from objapi.settings import Settings

_ALWAYS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    # The policy of an answer that is not a page: a browser that shows it loads and runs nothing.
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
    "Cache-Control": "no-store",
}
_log = logging.getLogger("objapi.answers")

_PREFLIGHT_SECONDS: Final = 600
_TAKEN: Final = (
    "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, If-Range, Last-Event-ID, Prefer, Range"
)
_EXPOSED: Final = (
    "X-Api-Status, X-Request-Id, Retry-After, Allow, ETag, Link, Content-Disposition, Content-Range, Accept-Ranges, "
    "Idempotency-Replayed, X-Api-Total-Objects, X-Api-Warnings"
)


def secure(response: Response, exchange: Exchange) -> None:
    """Add the security headers and the request id; what a view has set itself stays.

    Answers depend on the caller, so no cache may store them: `Cache-Control: no-store` unless the view set another.
    """
    present = {name.lower() for name, _ in response.headers}
    for name, value in _ALWAYS.items():
        if name.lower() not in present:
            response.headers.add(name, value)
    response.headers["X-Request-Id"] = exchange.request_id


def refuse_cross_site(
    request: Request,
    exchange: Exchange,
    authentication: AuthenticationKind,
    allowed: Collection[str],
) -> None:
    """Raise CrossSite (403) when a browser sends a state-changing call for a page of another site."""
    check_cross_site(
        BrowserMarks(request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")),
        changes_state=True,
        authentication=authentication,
        own=[exchange.origin],
        allowed=allowed,
    )


def finish_responses(application: Flask, settings: Settings) -> None:
    """Let every response of the application carry the headers of `secure` and `share`."""

    @application.after_request
    def finish(response: Response) -> Response:
        asked, exchange = current_request(), current_exchange()
        if "Accept-Encoding" in asked.headers:
            compress(asked, response)
        secure(response, exchange)
        share(asked, response, settings.allowed_origins)
        note_answer(asked, response)
        if settings.server_timing and _is_for_manager():
            response.headers["Server-Timing"] = _timing(exchange)
        if _log.isEnabledFor(logging.DEBUG):
            _log_answer()
        return response


def _is_for_manager() -> bool:
    """True when this request has loaded its user, and that is a manager of the site.

    To others times would tell what is hidden from them: whether a name is taken, or how much there is.
    """
    user = getattr(g.get("_login_user"), "user", None)
    return user is not None and MANAGER in user.principal.roles


def _timing(exchange: Exchange) -> str:
    use = DATABASE_USE
    return f'app;dur={exchange.runtime * 1000:.1f}, db;dur={use.seconds * 1000:.1f};desc="{use.statements} statements"'


def _log_answer() -> None:
    """Log what was called and how it was answered, by the names of the software: paths may hold tokens."""
    answered = request.environ[ANSWERED]
    _log.debug(
        "%s %s %s %s: %s",
        current_exchange().request_id,
        request.method,
        answered.face,
        answered.called,
        answered.status,
    )


def share(request: Request, response: Response, allowed: Collection[str]) -> None:
    """Let a page of an allowed origin read the response to its user's credentials (CORS, of the Fetch standard)."""
    if not allowed:
        return
    response.vary.add("Origin")
    origin = request.headers.get("Origin")
    if origin is not None and same_origin(origin, allowed):
        response.headers["Access-Control-Allow-Origin"] = origin
        response.headers["Access-Control-Allow-Credentials"] = "true"
        response.headers["Access-Control-Expose-Headers"] = _EXPOSED


def answer_preflight(request: Request, verbs: Collection[str]) -> Response:
    """The answer to OPTIONS: the verbs of a URL and, for a page of another site, the headers that it may send."""
    response = Response(status=204)
    response.headers["Allow"] = ", ".join(verbs)
    if "Access-Control-Request-Method" in request.headers:
        response.headers["Access-Control-Allow-Methods"] = ", ".join(verbs)
        response.headers["Access-Control-Allow-Headers"] = _TAKEN
        response.headers["Access-Control-Max-Age"] = str(_PREFLIGHT_SECONDS)
    return response


def attachment(filename: str) -> str:
    """The value of Content-Disposition by which a browser saves a file under its name and never shows it (RFC 6266).

    Headers are ASCII: another name is sent percent-encoded, with a plain one beside it for clients that know only that.
    Characters that cannot be printed are left out. (`werkzeug.utils.send_file` drops letters of the plain name instead
    of replacing them, which leaves nothing of many a name but its ending.)
    """
    name = "".join(character for character in filename if character.isprintable()) or "file"
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "replace").decode()
    if plain == name:
        return dump_options_header("attachment", {"filename": name})
    return dump_options_header(
        "attachment", {"filename": plain.replace("?", "_"), "filename*": f"UTF-8''{quote(name, safe='')}"}
    )

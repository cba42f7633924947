"""The cross-site check of a request in Flask's terms."""

from collections.abc import Collection

from flask import Request

from objapi.http.exchange import Exchange
from objapi.security.crosssite import AuthenticationKind, BrowserMarks, check_cross_site


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

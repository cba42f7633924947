"""The cross-site check: a page of another site must not act with the user's log-in.

A browser adds the session cookie, and Basic credentials it was once given, to whatever a page makes it send. It also
says where that page came from: `Sec-Fetch-Site` (W3C Fetch Metadata) and `Origin` (RFC 6454). Scripts send neither
and are not affected.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from objapi.errors import CrossSite

AuthenticationKind = Literal["cookie", "basic", "token", "none"]

BROWSER_CREDENTIALS: frozenset[AuthenticationKind] = frozenset({"cookie", "basic"})
"""Credentials that a browser sends by itself; a token is only ever sent by who knows it."""

_OWN_REQUESTS = frozenset({"same-origin", "none"})
_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class BrowserMarks:
    """Headers by which a browser names the origin of a request; None: the header was not sent."""

    fetch_site: str | None = None
    origin: str | None = None


def check_cross_site(
    marks: BrowserMarks,
    *,
    changes_state: bool,
    authentication: AuthenticationKind,
    own: Collection[str],
    allowed: Collection[str] = (),
) -> None:
    """Refuse a state-changing call that a browser sends for another site.

    `own` are the origins under which this site is reached (`https://host[:port]`), `allowed` those of front-ends
    on other hosts that may act here. Whether a call changes state is a matter of the method, not of the verb: historic
    clients create by GET. Raises CrossSite (403).
    """
    if not changes_state or authentication not in BROWSER_CREDENTIALS:
        return
    allowed_origin = same_origin(marks.origin, allowed)
    if marks.fetch_site is not None and marks.fetch_site.strip().lower() not in _OWN_REQUESTS and not allowed_origin:
        raise CrossSite(
            f"The browser sent this call for another site (Sec-Fetch-Site: {_shown(marks.fetch_site)}); it was not "
            "carried out. If that site may act here, its origin belongs into the setting OBJAPI_ALLOWED_ORIGINS."
        )
    if marks.origin is not None and not allowed_origin and not same_origin(marks.origin, own):
        raise CrossSite(
            f"The call comes from a page of {_shown(marks.origin)}, which is not this site; it was not carried out. If "
            "that page may act here, its origin belongs into the setting OBJAPI_ALLOWED_ORIGINS; if it is this site "
            "behind a proxy, set OBJAPI_PUBLIC_URL."
        )


def same_origin(origin: str | None, origins: Collection[str]) -> bool:
    """Compare an `Origin` header with `origins`: true when scheme, host and port of one are equal.

    Default ports are supplied. `null`, which pages without an origin of their own send, and anything that is not an
    origin, never fits.
    """
    asked = _origin_key(origin) if origin else None
    return asked is not None and any(_origin_key(own) == asked for own in origins)


def _origin_key(origin: str) -> tuple[str, str, int] | None:
    try:
        parts = urlsplit(origin.strip())
        port = parts.port
    except ValueError:
        return None
    scheme = parts.scheme.lower()
    if scheme not in _DEFAULT_PORTS or not parts.hostname or parts.username is not None:
        return None
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        return None
    return scheme, parts.hostname.lower(), port or _DEFAULT_PORTS[scheme]


def _shown(value: str) -> str:
    """A header value as a message may repeat it."""
    return repr(value[:100])

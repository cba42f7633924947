"""Origins of requests: clients behind proxies, URLs that a log-in may lead to, calls from pages of other sites. Pure.

A browser adds the session cookie, and Basic credentials it was once given, to whatever a page makes it send. It also
says where that page came from: `Sec-Fetch-Site` (W3C Fetch Metadata) and `Origin` (RFC 6454). Scripts send neither
and are not affected.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Literal
from urllib.parse import unquote, urljoin, urlsplit

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


def client_address(remote: str, forwarded_for: str | None, trusted: Sequence[IPv4Network | IPv6Network]) -> str:
    """The address of the client, behind the proxies that are trusted.

    `remote` is the peer of the connection, `forwarded_for` the `X-Forwarded-For` header (all of them joined by
    commas). Read from its end, each entry counts only while whoever wrote it is trusted; what a client wrote in front
    of that is not believed. An entry that is no address ends the walk at the proxy that sent it.
    """
    address = remote
    for entry in reversed((forwarded_for or "").split(",")):
        if not is_trusted(address, trusted):
            break
        bare = _without_port(entry.strip())
        if bare is None:
            break
        address = bare
    return address


def is_trusted(address: str, trusted: Collection[IPv4Network | IPv6Network]) -> bool:
    """True for the address of a trusted proxy, whose forwarding headers are believed."""
    if not trusted:
        return False
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(parsed, "ipv4_mapped", None)
    return any(parsed in network or (mapped is not None and mapped in network) for network in trusted)


def _without_port(entry: str) -> str | None:
    """The address of an entry such as `10.0.0.1`, `10.0.0.1:4711`, `2001:db8::1` or `[2001:db8::1]:4711`."""
    if entry.startswith("["):
        entry = entry[1:].partition("]")[0]
    elif entry.count(":") == 1:
        entry = entry.partition(":")[0]
    try:
        return str(ip_address(entry))
    except ValueError:
        return None


def safe_came_from(url: str | None, site_urls: Sequence[str]) -> str | None:
    """The URL to go to after log-in, when it is on this site; else None.

    `site_urls` are the absolute URLs of the site, without query; the first is the base of relative ones. A URL is on
    the site when scheme, host and port are equal and its path is that URL's path or below it. Whatever browsers and
    Python might read differently (backslashes, control characters, white space at the ends, user names, dot segments)
    is refused.
    """
    if not url or not site_urls or len(url) > 2000:
        return None
    if "\\" in url or any(ord(character) <= 32 or ord(character) == 127 for character in url):
        return None
    try:
        target = urlsplit(urljoin(site_urls[0].rstrip("/") + "/", url))
        asked = _location(target.geturl())
        places = [_location(site) for site in site_urls]
    except ValueError:
        return None
    if asked is None or target.username is not None:
        return None
    # Browsers resolve dot segments after the prefix was compared, and some read a doubled slash as a host.
    segments = unquote(target.path).replace("\\", "/").split("/")
    if ".." in segments or "." in segments or "" in segments[1:-1]:
        return None
    for place in places:
        if place is not None and asked[:3] == place[:3] and f"{asked[3]}/".startswith(f"{place[3]}/"):
            return target.geturl()
    return None


_PORTS = {"http": 80, "https": 443}


def _location(url: str) -> tuple[str, str, int, str] | None:
    """Scheme, host, port and path (without the trailing slash) of an absolute http URL."""
    parts = urlsplit(url)
    if parts.scheme not in _PORTS or not parts.hostname:
        return None
    return parts.scheme, parts.hostname, parts.port or _PORTS[parts.scheme], parts.path.rstrip("/")

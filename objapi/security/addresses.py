"""Addresses of clients behind proxies, and the URLs that a log-in may lead to. Pure."""

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address
from urllib.parse import unquote, urljoin, urlsplit


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


def is_trusted(address: str, trusted: Iterable[IPv4Network | IPv6Network]) -> bool:
    """True for the address of a trusted proxy, whose forwarding headers are believed."""
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

"""Proxy headers, believed only when a trusted proxy sent them.

`X-Forwarded-For`, `-Proto` and `-Host` say what the client asked for before a reverse proxy passed it on; anybody can
send them. `TrustedProxies` puts their values into the WSGI environment when the peer is a configured proxy, and takes
the headers away in any case, so that nothing behind it can believe them by mistake.
"""

import re
from collections.abc import Iterable, Sequence
from ipaddress import IPv4Network, IPv6Network
from typing import Final
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from objapi.security.addresses import client_address, is_trusted

_FORWARDING: Final = (
    "HTTP_X_FORWARDED_FOR",
    "HTTP_X_FORWARDED_PROTO",
    "HTTP_X_FORWARDED_HOST",
    "HTTP_X_FORWARDED_PORT",
    "HTTP_X_FORWARDED_PREFIX",
    "HTTP_FORWARDED",
)
_LABEL: Final = r"[A-Za-z0-9_-]{1,63}"
_HOST: Final = re.compile(rf"(?:{_LABEL}(?:\.{_LABEL}){{0,126}}\.?|\[[0-9A-Fa-f:.]{{2,45}}\])(?::[0-9]{{1,5}})?")


class TrustedProxies:
    """WSGI middleware: the request as the client sent it to the outermost trusted proxy."""

    def __init__(self, application: WSGIApplication, networks: Sequence[IPv4Network | IPv6Network]) -> None:
        self._application = application
        self._networks = networks

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Pass the request on with REMOTE_ADDR, wsgi.url_scheme and HTTP_HOST set right (PEP 3333)."""
        headers = {name: str(environ.pop(name, "")) for name in _FORWARDING}
        peer = str(environ.get("REMOTE_ADDR", ""))
        if is_trusted(peer, self._networks):
            environ["REMOTE_ADDR"] = client_address(peer, headers["HTTP_X_FORWARDED_FOR"], self._networks)
            scheme = _last(headers["HTTP_X_FORWARDED_PROTO"]).lower()
            if scheme in ("http", "https"):
                environ["wsgi.url_scheme"] = scheme
            host = _last(headers["HTTP_X_FORWARDED_HOST"])
            if valid_host(host):
                environ["HTTP_HOST"] = host
        return self._application(environ, start_response)


def valid_host(host: str) -> bool:
    """Whether a `Host` header is a host name or address with an optional port, and nothing else (RFC 1035 2.3.4)."""
    return _HOST.fullmatch(host) is not None


def _last(header: str) -> str:
    return header.rpartition(",")[2].strip()

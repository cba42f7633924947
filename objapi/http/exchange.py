"""One HTTP exchange: its id and start, and the URL by which the client reached the gateway, through proxies or not.

`X-Forwarded-For`, `-Proto` and `-Host` hold the address and URL before a reverse proxy passed the request on; every
client can send them. `TrustedProxies` puts their values into the WSGI environment when the peer is a configured proxy,
and removes the headers in any case, so that nothing behind it can trust them by mistake.
"""

import re
import secrets
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network
from typing import Final, NamedTuple, cast
from urllib.parse import quote, urlsplit
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from flask import Request, Response, request

from catalog.dialect import DATABASE_USE
from objapi.errors import InvalidHost
from objapi.security.origins import client_address, is_trusted
from objapi.store.requests import RequestSource

_FORWARDING: Final = (
    "HTTP_X_FORWARDED_FOR",
    "HTTP_X_FORWARDED_PROTO",
    "HTTP_X_FORWARDED_HOST",
    "HTTP_X_FORWARDED_PORT",
    "HTTP_X_FORWARDED_PREFIX",
    "HTTP_FORWARDED",
)
# Headers that proxies add without saying for whom in a way that is believed.
_MARKS_OF_PROXIES: Final = frozenset({"HTTP_VIA", "HTTP_X_REAL_IP"})
_LABEL: Final = r"[A-Za-z0-9_-]{1,63}"
_HOST: Final = re.compile(rf"(?:{_LABEL}(?:\.{_LABEL}){{0,126}}\.?|\[[0-9A-Fa-f:.]{{2,45}}\])(?::[0-9]{{1,5}})?")

_KEY: Final = "objapi.exchange"

EARLY_REFUSAL: Final = "objapi.early_refusal"
"""The key under which the WSGI environment holds an error found before routing: a body unread, a path that is none."""

CALLED: Final = "objapi.called"
"""The key under which the WSGI environment holds what was called, once a face has found it: a name that it declares."""

CALLER: Final = "objapi.caller"
"""The key under which the WSGI environment holds the login of a caller who is no visitor of Flask-Login."""

ANSWERED: Final = "objapi.answered"
"""The key under which the WSGI environment holds the `Answered` of a request, for whoever counts requests."""

UNBELIEVED: Final = "objapi.unbelieved"
"""The key under which the WSGI environment says that a peer sent forwarding headers and is no trusted proxy."""

_PATH_SAFE: Final = "/:@!$&'()*+,;=~"


class Answered(NamedTuple):
    """A kind of request and its status; a tuple, since it is made for each request and looked up."""

    face: str
    called: str
    """The method, route or page, by a name that the software declares."""
    status: int


UNKNOWN: Final = Answered("web", "unknown", 500)
"""What stands for a request of which nothing was noted."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """The identity of a request, known before anything of it is read."""

    root: str
    """The URL of the server's root as the client sees it, without a slash at its end."""
    path: str
    """The decoded path of the request as it was sent."""
    address: str = ""
    """The client's address, behind trusted proxies."""
    request_id: str = field(default_factory=lambda: secrets.token_hex(8))
    started: float = field(default_factory=time.perf_counter)

    @property
    def url(self) -> str:
        """The URL that was called, without its query."""
        return self.url_of(self.path)

    @property
    def origin(self) -> str:
        """Scheme, host and port of `root`, as browsers send them in `Origin` (RFC 6454)."""
        parts = urlsplit(self.root)
        return f"{parts.scheme}://{parts.netloc}"

    @property
    def source(self) -> RequestSource:
        """The source of what this request writes, for the history."""
        return RequestSource(self.request_id, self.address)

    @property
    def secure(self) -> bool:
        """True when the client came by https."""
        return self.root.startswith("https:")

    @property
    def runtime(self) -> float:
        """Seconds since the request came in."""
        return time.perf_counter() - self.started

    def url_of(self, path: str) -> str:
        """The fully qualified URL of a decoded path that begins with a slash."""
        return self.root + quote(path, safe=_PATH_SAFE)


def begin_exchange(environ: WSGIEnvironment, path: str, public_url: str | None) -> Exchange:
    """Note a new exchange in the WSGI environment, and count from now on what this thread asks of databases.

    `public_url` is the configured URL of the root; without it the `Host` header decides. Raises InvalidHost when that
    header is then not a host, and for two of them in any case, after the exchange was noted. Such a header is replaced,
    since routing would fail on it.
    """
    DATABASE_USE.statements = DATABASE_USE.repeats = 0
    DATABASE_USE.seconds, DATABASE_USE.fault = 0.0, ""
    host = str(environ.get("HTTP_HOST", ""))
    valid = valid_host(host)
    if not valid:
        environ["HTTP_HOST"] = f"{environ['SERVER_NAME']}:{environ['SERVER_PORT']}"
    root = public_url or f"{environ['wsgi.url_scheme']}://{environ['HTTP_HOST']}"
    exchange = Exchange(root, path, str(environ.get("REMOTE_ADDR", "")))
    environ[_KEY] = exchange
    # The server joins two headers by a comma, which no host has. Proxies may have chosen either of the two.
    if "," in host:
        raise InvalidHost("There is more than one Host header.")
    if host and not valid and public_url is None:
        raise InvalidHost("The Host header is not a host name or address with an optional port.")
    return exchange


def request_id_of(environ: WSGIEnvironment) -> str:
    """The id of the request of a WSGI environment; empty before its exchange was noted."""
    exchange: Exchange | None = environ.get(_KEY)
    return "" if exchange is None else exchange.request_id


def has_exchange() -> bool:
    """True once the exchange of the request that is being answered was noted."""
    return _KEY in request.environ


def current_exchange() -> Exchange:
    """The exchange of the request that is being answered."""
    exchange: Exchange = current_request().environ[_KEY]
    return exchange


def current_request() -> Request:
    """The request that is being answered, itself: a look through Flask's proxy costs more than what is looked at."""
    return cast(Request, request._get_current_object())  # type: ignore[attr-defined]


def note_answer(request: Request, response: Response) -> None:
    """Note what was called and how it was answered; the status is the one of the call, which HTTP may not show."""
    face, _, view = (request.endpoint or "web.unknown").partition(".")
    # The views of the other faces stand for all that they have.
    called = request.environ.get(CALLED) or ("unknown" if face in ("api", "ispyb", "mxlive", "senaite") else view)
    status = response.headers.get("X-Api-Status")
    request.environ[ANSWERED] = Answered(face, called, response.status_code if status is None else int(status))


def refuse_early() -> None:
    """Raise the error that was found before this request was routed, in place of any view."""
    refusal = request.environ.get(EARLY_REFUSAL)
    if refusal is not None:
        raise refusal


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
        elif any(headers.values()) or not _MARKS_OF_PROXIES.isdisjoint(environ):
            # A proxy, then, of which nobody knows for whom it asks.
            environ[UNBELIEVED] = True
        return self._application(environ, start_response)


def valid_host(host: str) -> bool:
    """True for a `Host` header that is just a host name or address with an optional port (RFC 1035 2.3.4)."""
    return _HOST.fullmatch(host) is not None


def _last(header: str) -> str:
    return header.rpartition(",")[2].strip()

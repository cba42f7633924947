"""One HTTP exchange: when it began, its id, and under which URL the client reached the gateway."""

import secrets
import time
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote, urlsplit
from wsgiref.types import WSGIEnvironment

from flask import request

from objapi.errors import BadRequest
from objapi.http.proxies import valid_host

_KEY: Final = "objapi.exchange"
_PATH_SAFE: Final = "/:@!$&'()*+,;=~"


@dataclass(frozen=True, slots=True)
class Exchange:
    """What is known of a request before anything of it is read."""

    root: str
    """The URL of the server's root as the client sees it, without a slash at its end."""
    path: str
    """The decoded path of the request as it was sent."""
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
    def secure(self) -> bool:
        """Whether the client came by https."""
        return self.root.startswith("https:")

    @property
    def runtime(self) -> float:
        """Seconds since the request came in."""
        return time.perf_counter() - self.started

    def url_of(self, path: str) -> str:
        """The fully qualified URL of a decoded path that begins with a slash."""
        return self.root + quote(path, safe=_PATH_SAFE)


def begin_exchange(environ: WSGIEnvironment, path: str, public_url: str | None) -> Exchange:
    """Note a new exchange in the WSGI environment.

    `public_url` is the configured URL of the root; without it the `Host` header tells. Raises BadRequest when that
    header is then no host, after the exchange was noted. Such a header goes no further: routing would stumble over it.
    """
    host = str(environ.get("HTTP_HOST", ""))
    valid = valid_host(host)
    if not valid:
        environ["HTTP_HOST"] = f"{environ['SERVER_NAME']}:{environ['SERVER_PORT']}"
    root = public_url or f"{environ['wsgi.url_scheme']}://{environ['HTTP_HOST']}"
    exchange = Exchange(root, path)
    environ[_KEY] = exchange
    if host and not valid and public_url is None:
        raise BadRequest("The Host header is no host name or address with an optional port.")
    return exchange


def current_exchange() -> Exchange:
    """The exchange of the request that is being answered."""
    exchange: Exchange = request.environ[_KEY]
    return exchange

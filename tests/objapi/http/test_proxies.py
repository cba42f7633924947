"""Proxy headers count from trusted proxies only, and reach nothing behind the middleware in any case."""

from collections.abc import Iterable
from ipaddress import ip_network
from wsgiref.types import StartResponse, WSGIEnvironment

import pytest

from objapi.http.exchange import UNBELIEVED, TrustedProxies, valid_host

NETWORKS = (ip_network("10.0.0.0/8"),)
FORWARDED = {
    "HTTP_X_FORWARDED_FOR": "203.0.113.9, 10.0.0.2",
    "HTTP_X_FORWARDED_PROTO": "https",
    "HTTP_X_FORWARDED_HOST": "lab.example",
    "HTTP_X_FORWARDED_PREFIX": "/evil",
    "HTTP_FORWARDED": "for=1.2.3.4",
}


def _behind(peer: str, headers: dict[str, str]) -> dict[str, str]:
    seen: dict[str, str] = {}

    def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        seen.update({name: str(value) for name, value in environ.items()})
        return []

    environ = {"REMOTE_ADDR": peer, "wsgi.url_scheme": "http", "HTTP_HOST": "inside:8080"} | headers
    TrustedProxies(application, NETWORKS)(environ, lambda *_: lambda _: None)
    return seen


def test_a_trusted_proxy_is_believed() -> None:
    seen = _behind("10.0.0.1", FORWARDED)
    assert (seen["REMOTE_ADDR"], seen["wsgi.url_scheme"], seen["HTTP_HOST"]) == ("203.0.113.9", "https", "lab.example")


def test_anybody_else_is_not() -> None:
    seen = _behind("203.0.113.66", FORWARDED)
    assert (seen["REMOTE_ADDR"], seen["wsgi.url_scheme"], seen["HTTP_HOST"]) == ("203.0.113.66", "http", "inside:8080")


def test_a_proxy_that_is_not_trusted_is_noted() -> None:
    for name, value in (*FORWARDED.items(), ("HTTP_VIA", "1.1 proxy"), ("HTTP_X_REAL_IP", "203.0.113.9")):
        assert UNBELIEVED in _behind("203.0.113.66", {name: value})
    assert UNBELIEVED not in _behind("10.0.0.1", FORWARDED)
    assert UNBELIEVED not in _behind("203.0.113.66", {})


@pytest.mark.parametrize("peer", ["10.0.0.1", "203.0.113.66"])
def test_no_forwarding_header_passes_through(peer: str) -> None:
    assert not [name for name in _behind(peer, FORWARDED) if "FORWARDED" in name]


def test_what_a_trusted_proxy_cannot_mean_is_left_out() -> None:
    seen = _behind("10.0.0.1", {"HTTP_X_FORWARDED_PROTO": "javascript", "HTTP_X_FORWARDED_HOST": "a b/c"})
    assert (seen["wsgi.url_scheme"], seen["HTTP_HOST"]) == ("http", "inside:8080")


@pytest.mark.parametrize(
    ("host", "valid"),
    [
        ("lab.example", True),
        ("lab.example:8080", True),
        ("[2001:db8::1]:80", True),
        ("", False),
        ("a/b", False),
        ("user@host", False),
        ("host:port", False),
        ("a\nb", False),
    ],
)
def test_a_host_is_a_name_or_an_address_with_a_port(host: str, valid: bool) -> None:
    assert valid_host(host) is valid

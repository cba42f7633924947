"""Under which URL the client reached the gateway."""

import pytest

from objapi.errors import InvalidHost
from objapi.http.exchange import Exchange, begin_exchange

SERVER = {"SERVER_NAME": "127.0.0.1", "SERVER_PORT": "8080", "wsgi.url_scheme": "http"}


@pytest.mark.parametrize(
    ("environ", "public_url", "url"),
    [
        ({"HTTP_HOST": "lab:8080"}, None, "http://lab:8080/Plone/a%20b"),
        ({}, None, "http://127.0.0.1:8080/Plone/a%20b"),
        ({"HTTP_HOST": "lab:8080"}, "https://lab.example/gate", "https://lab.example/gate/Plone/a%20b"),
        ({"HTTP_HOST": "no host"}, "https://lab.example", "https://lab.example/Plone/a%20b"),
    ],
)
def test_the_url_is_the_one_that_the_client_used(environ: dict[str, str], public_url: str | None, url: str) -> None:
    assert begin_exchange(SERVER | environ, "/Plone/a b", public_url).url == url


def test_a_host_that_is_none_is_refused_after_the_exchange_was_noted() -> None:
    environ = SERVER | {"HTTP_HOST": "a/b"}
    with pytest.raises(InvalidHost, match="Host"):
        begin_exchange(environ, "/", None)
    noted = next(value for value in environ.values() if isinstance(value, Exchange))
    assert noted.url == "http://127.0.0.1:8080/"


@pytest.mark.parametrize("public_url", [None, "https://lab.example"])
def test_two_hosts_are_refused_whatever_the_public_url(public_url: str | None) -> None:
    with pytest.raises(InvalidHost, match="more than one"):
        begin_exchange(SERVER | {"HTTP_HOST": "lab,other"}, "/", public_url)


@pytest.mark.parametrize(
    ("root", "origin", "secure"),
    [("https://lab.example/gate", "https://lab.example", True), ("http://lab:8080", "http://lab:8080", False)],
)
def test_origin_and_security_follow_from_the_root(root: str, origin: str, secure: bool) -> None:
    exchange = Exchange(root, "/")
    assert (exchange.origin, exchange.secure) == (origin, secure)


def test_every_exchange_has_an_id_of_its_own() -> None:
    assert Exchange("http://a", "/").request_id != Exchange("http://a", "/").request_id

"""Where a request comes from, and where a log-in may lead to."""

from ipaddress import ip_network
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from objapi.security.origins import client_address, safe_came_from

PROXIES = [ip_network("10.0.0.0/8"), ip_network("127.0.0.1/32"), ip_network("fd00::/8")]


@pytest.mark.parametrize(
    ("remote", "forwarded", "expected"),
    [
        ("192.0.2.1", None, "192.0.2.1"),
        ("192.0.2.1", "198.51.100.7", "192.0.2.1"),
        ("10.0.0.1", None, "10.0.0.1"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.7", "198.51.100.7"),
        ("10.0.0.1", "1.2.3.4, 198.51.100.7", "198.51.100.7"),
        ("10.0.0.1", "198.51.100.7, 10.9.9.9", "198.51.100.7"),
        ("10.0.0.1", "10.1.1.1,10.9.9.9", "10.1.1.1"),
        ("10.0.0.1", "198.51.100.7:4711", "198.51.100.7"),
        ("10.0.0.1", "[2001:db8::7]:4711", "2001:db8::7"),
        ("10.0.0.1", "2001:DB8::7", "2001:db8::7"),
        ("fd00::1", "198.51.100.7", "198.51.100.7"),
        ("::ffff:10.0.0.1", "198.51.100.7", "198.51.100.7"),
        ("10.0.0.1", "198.51.100.7, unknown", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.7, <script>, 10.2.2.2", "10.2.2.2"),
        ("", "198.51.100.7", ""),
        ("unix:", "198.51.100.7", "unix:"),
    ],
)
def test_only_trusted_proxies_say_where_a_request_comes_from(remote: str, forwarded: str | None, expected: str) -> None:
    assert client_address(remote, forwarded, PROXIES) == expected


@given(st.text(max_size=80))
def test_a_client_that_is_no_proxy_cannot_choose_its_address(forwarded: str) -> None:
    assert client_address("192.0.2.1", forwarded, PROXIES) == "192.0.2.1"


SITES = ("https://lab.example/Plone", "http://127.0.0.1:8080/Plone")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://lab.example/Plone", "https://lab.example/Plone"),
        ("https://lab.example/Plone/clients?x=1#y", "https://lab.example/Plone/clients?x=1#y"),
        ("https://lab.example:443/Plone/", "https://lab.example:443/Plone/"),
        ("http://127.0.0.1:8080/Plone/a", "http://127.0.0.1:8080/Plone/a"),
        ("clients/client-1", "https://lab.example/Plone/clients/client-1"),
        ("/Plone/clients", "https://lab.example/Plone/clients"),
        ("?a=1", "https://lab.example/Plone/?a=1"),
    ],
)
def test_a_place_on_this_site_is_gone_to(url: str, expected: str) -> None:
    assert safe_came_from(url, SITES) == expected


@pytest.mark.parametrize(
    "url",
    [
        None,
        "",
        "https://evil.example/Plone",
        "//evil.example/Plone",
        "///evil.example/Plone",
        "/\\evil.example/Plone",
        "https:\\\\evil.example",
        "https://lab.example@evil.example/Plone",
        "https://evil@lab.example/Plone",
        "https://lab.example.evil.example/Plone",
        "http://lab.example/Plone",
        "https://lab.example:8443/Plone",
        "https://lab.example/Plonex",
        "https://lab.example/other",
        "/other",
        "../other",
        "https://lab.example/Plone/../other",
        "https://lab.example/Plone/%2e%2e/other",
        "https://lab.example/Plone//evil.example",
        "javascript:alert(1)",
        "data:text/html,x",
        " https://lab.example/Plone",
        "https://lab.example/Plone\r\nSet-Cookie: a=b",
        "https://lab.example:port/Plone",
        "https://[lab.example/Plone",
        "https://lab.example/Plone/" + "x" * 3000,
    ],
)
def test_a_place_elsewhere_is_refused(url: str | None) -> None:
    assert safe_came_from(url, SITES) is None


@given(st.text(st.sampled_from("/\\:.@?#%eE2https evil.lab.example/Plone"), max_size=40))
def test_whatever_is_asked_for_the_answer_is_on_this_site(url: str) -> None:
    answer = safe_came_from(url, SITES)
    if answer is not None:
        parts = urlsplit(answer)
        assert (parts.scheme, parts.netloc) in {("https", "lab.example"), ("http", "127.0.0.1:8080")}
        assert f"{parts.path}/".startswith("/Plone/")


def test_without_a_site_nothing_is_on_it() -> None:
    assert safe_came_from("/Plone", ()) is None

"""Connections and what is sent on them, byte by byte: no client library in between."""

import socket
from contextlib import ExitStack, closing
from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest

from tests.waiting import ENOUGH

FACES = ["/Plone/@@API/read", "/Plone/@@API/version", "/Plone/login_form", "/ispyb/api/v1/sessions", "/api/v2/a/keys/b"]


def sent(root: str, *lines: str) -> bytes:
    """What is answered to a request of some header lines."""
    address = urlsplit(root)
    with socket.create_connection((address.hostname, address.port), timeout=ENOUGH) as connection:
        connection.sendall("\r\n".join([*lines, "Connection: close", "", ""]).encode())
        return b"".join(iter(lambda: connection.recv(65536), b""))


@pytest.mark.parametrize("path", FACES)
@pytest.mark.parametrize("hosts", [("lab", "other"), ("lab", "lab"), ("lab,other",), ("a/b",)])
def test_two_hosts_or_one_that_is_none_are_a_real_400(root: str, path: str, hosts: tuple[str, ...]) -> None:
    answer = sent(root, f"GET {path} HTTP/1.1", *(f"Host: {host}" for host in hosts))
    assert answer.startswith(b"HTTP/1.1 400 "), answer[:300]


@pytest.mark.parametrize("path", ["/Plone/@@API/create", "/Plone/nothing", "/ispyb/api/v1/dewars"])
@pytest.mark.parametrize("size", [2_000, 100_000])
def test_a_refusal_before_the_body_was_read_costs_the_next_request_nothing(root: str, path: str, size: int) -> None:
    with closing(HTTPConnection(urlsplit(root).netloc, timeout=ENOUGH)) as connection:
        for _ in range(20):
            connection.request("POST", path, b"x" * size, {"Content-Type": "application/json"})
            refused = connection.getresponse()
            refused.read()
            assert 400 <= refused.status < 500
            assert size > 64 * 1024 or not refused.will_close
            connection.request("GET", "/Plone/@@API/version")
            answered = connection.getresponse()
            answered.read()
            assert answered.status == 200


@pytest.mark.parametrize(
    "path", ["/Plone/@@API/read", "/Plone/nothing", "/Plone/login_form", "/ispyb/api/v1/auth/login"]
)
def test_hundreds_of_bodies_that_do_not_end_hold_nobody_up(root: str, path: str) -> None:
    address = urlsplit(root)
    begun = f"POST {path} HTTP/1.1\r\nHost: {address.netloc}\r\nContent-Length: 1000\r\n"
    begun += "Content-Type: application/x-www-form-urlencoded\r\n\r\nabc"
    with ExitStack() as held:
        for _ in range(300):
            connection = held.enter_context(socket.create_connection((address.hostname, address.port), timeout=ENOUGH))
            connection.sendall(begun.encode())
        for _ in range(5):
            assert sent(root, "GET /Plone/@@API/version HTTP/1.1", f"Host: {address.netloc}").startswith(
                b"HTTP/1.1 200 "
            )

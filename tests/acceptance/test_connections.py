"""Connections and what is sent on them, byte by byte: no client library in between."""

import json
import socket
from contextlib import ExitStack, closing
from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest

from tests.acceptance.client import Client
from tests.acceptance.conftest import Serve
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


@pytest.mark.parametrize(
    "path",
    [
        *("/Plone/%ff", "/Plone/clients/%c3%28", "/%80", "/Plone/%00", "/Plone/../x", "/Plone/@@API/%ff"),
        *("/Plone/%ff/@@API/read", "/Plone/../@@API/read", "/ispyb/api/v1/%ff"),
    ],
)
@pytest.mark.parametrize("verb", ["GET", "POST", "HEAD"])
def test_a_path_that_cannot_be_meant_is_a_real_400(root: str, verb: str, path: str) -> None:
    answer = sent(root, f"{verb} {path} HTTP/1.1", "Host: lab", *(["Content-Length: 0"] * (verb == "POST")))
    assert answer.startswith(b"HTTP/1.1 400 "), answer[:300]


@pytest.mark.parametrize("verb", ["GET", "POST"])
def test_chunks_that_cannot_be_read_are_a_real_400(root: str, verb: str) -> None:
    answer = sent(root, f"{verb} /Plone/@@API/read HTTP/1.1", "Host: lab", "Transfer-Encoding: chunked", "", "zz")
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


HALF = "Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"


@pytest.fixture(scope="module")
def hasty(serve: Serve) -> str:
    """The URL of a server that waits for no body."""
    return serve("sqlite", OBJAPI_BODY_STALL_LIMIT="200ms")


@pytest.mark.parametrize(
    ("path", "shape"),
    [
        ("/Plone/@@API/create", {"success": False, "error": True, "type": "RequestTimeout", "status": 408}),
        ("/Plone/@@API/version", {"success": False, "type": "RequestTimeout", "status": 408}),
        ("/ispyb/api/v1/auth/login", {"detail": "The body of the request came too slowly, or took too long in all."}),
        ("/api/v2/a/keys/b", {"message": "The body of the request came too slowly, or took too long in all."}),
        ("/Plone/login_form", None),
        ("/Plone/nothing", None),
    ],
)
def test_a_body_that_does_not_come_is_a_408_of_the_face(hasty: str, path: str, shape: dict[str, object] | None) -> None:
    address = urlsplit(hasty)
    with socket.create_connection((address.hostname, address.port), timeout=60) as connection:
        connection.sendall(f"POST {path} HTTP/1.1\r\nHost: {address.netloc}\r\n{HALF}".encode())
        received = b"".join(iter(lambda: connection.recv(65536), b""))
    head, _, body = received.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 408 ")
    assert b"connection: close" in head
    if shape is None:
        assert b"too slowly" in body
    else:
        assert json.loads(body).items() >= shape.items()


def test_hundreds_of_bodies_of_many_addresses_hold_no_face_up(root: str) -> None:
    address = urlsplit(root)
    with ExitStack() as held:
        for number in range(600):
            connection = held.enter_context(
                socket.create_connection(
                    (address.hostname, address.port), timeout=ENOUGH, source_address=(f"127.0.0.{2 + number % 20}", 0)
                )
            )
            connection.sendall(f"POST {FACES[number % 5]} HTTP/1.1\r\nHost: {address.netloc}\r\n{HALF}".encode())
        neighbour = Client(root, "admin")
        with neighbour.http:
            for _ in range(5):
                assert neighbour.post("read", {"portal_type": "Client"}).json()["success"]
                assert neighbour.get("read", {"portal_type": "Client"}).json()["success"]


@pytest.mark.parametrize(
    ("path", "size", "status"),
    [
        ("/Plone/@@API/create", 5_000_000, 401),
        ("/Plone/nothing", 5_000_000, 404),
        ("/ispyb/api/v1/nothing", 5_000_000, 404),
        ("/Plone/login_form", 5_000_000, 413),
        ("/Plone/@@API/create", 20_000_000, 401),
        ("/ispyb/api/v1/auth/login", 20_000_000, 413),
    ],
)
def test_who_sends_everything_first_reads_the_status_of_a_refusal(root: str, path: str, size: int, status: int) -> None:
    address, body = urlsplit(root), b"x" * size
    for _ in range(50):
        with socket.create_connection((address.hostname, address.port), timeout=60) as connection:
            connection.sendall(
                f"POST {path} HTTP/1.1\r\nHost: {address.netloc}\r\nContent-Length: {size}\r\n\r\n".encode()
            )
            connection.sendall(body)
            assert connection.recv(100).startswith(f"HTTP/1.1 {status} ".encode())

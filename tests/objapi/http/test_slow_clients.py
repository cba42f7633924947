"""Clients that send or read slowly, on a real server with a tiny application: what they hold up, and when they end."""

import os
import select
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path

import pytest

from tests.objapi.small_server import PIECE, STREAMED
from tests.ports import free_port
from tests.waiting import ENOUGH, wait_until

ROOT = Path(__file__).parents[3]
HEAD = "POST / HTTP/1.1\r\nHost: lab\r\n"
LATER = {"body_stall_limit": "60s"}
"""For tests in which nothing is to come too late."""


@contextmanager
def served(**settings: str) -> Iterator[int]:
    """The port of a server with one worker."""
    port = free_port()
    environ = {name: value for name, value in os.environ.items() if not name.startswith("OBJAPI_")}
    environ |= {f"OBJAPI_{name.upper()}": value for name, value in {"workers": "1", **settings}.items()}
    command = [sys.executable, "-m", "tests.objapi.small_server"]
    with subprocess.Popen(
        command, cwd=ROOT, env=environ | {"OBJAPI_PORT": str(port)}, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            yield port
        finally:
            process.terminate()


@pytest.fixture(scope="module")
def plain() -> Iterator[int]:
    """The port of a server with the settings that it comes with."""
    with served() as port:
        yield port


def begun(port: int, text: str, address: str = "127.0.0.1") -> socket.socket:
    """A connection from an address on which something was sent."""
    connection = socket.create_connection(("127.0.0.1", port), timeout=ENOUGH, source_address=(address, 0))
    connection.sendall(text.encode())
    return connection


def answer(connection: socket.socket) -> str:
    """All that the server sends until it closes the connection."""
    return b"".join(iter(lambda: connection.recv(65536), b"")).decode()


def call(port: int, method: str = "GET", path: str = "/", body: bytes | None = None) -> tuple[int, str]:
    with closing(HTTPConnection("127.0.0.1", port, timeout=ENOUGH)) as connection:
        connection.request(method, path, body)
        response = connection.getresponse()
        return response.status, response.read().decode()


def answer_while_sending(connection: socket.socket, piece: bytes, pause: float) -> bytes:
    """What the server says to a client that sends one piece after the other."""
    while not select.select([connection], [], [], pause)[0]:
        connection.sendall(piece)
    return connection.recv(65536)


@pytest.mark.parametrize(
    "length", ["Content-Length: 1000\r\n\r\nabc", "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"]
)
def test_a_body_that_stops_coming_is_ended(length: str) -> None:
    with served(body_stall_limit="200ms") as port, begun(port, HEAD + length) as connection:
        received = answer(connection)
        assert received.startswith("HTTP/1.1 408 ")
        assert "connection: close" in received


def test_a_body_of_a_byte_now_and_then_is_ended() -> None:
    text = f"{HEAD}Content-Length: 100000\r\n\r\n"
    with served(body_stall_limit="300ms", min_body_rate="1k") as port, begun(port, text) as connection:
        assert answer_while_sending(connection, b"x", 0.05).startswith(b"HTTP/1.1 408 ")


def test_a_body_that_comes_slowly_but_fast_enough_is_read() -> None:
    text = f"{HEAD}Content-Length: 40\r\nConnection: close\r\n\r\n"
    with served(body_stall_limit="60s", min_body_rate="1") as port, begun(port, text) as connection:
        for _ in range(40):
            connection.sendall(b"x")
            # Others are answered between any two bytes.
            assert call(port)[0] == 200
        assert answer(connection).endswith(" 40")


def test_a_body_that_takes_too_long_in_all_is_ended_however_fast_it_comes() -> None:
    text = f"{HEAD}Content-Length: 1000000000\r\n\r\n"
    limits = {"body_time_limit": "300ms", "min_body_rate": "1", "max_body_size": "1000000k"}
    with served(**limits) as port, begun(port, text) as connection:
        assert answer_while_sending(connection, b"x" * 1000, 0.02).startswith(b"HTTP/1.1 408 ")


def test_hundreds_of_bodies_of_many_addresses_hold_nobody_up() -> None:
    with served(**LATER) as port, ExitStack() as held:
        for number in range(600):
            text = f"{HEAD}Content-Length: 1000\r\n\r\nabc"
            held.enter_context(begun(port, text, f"127.0.0.{2 + number % 20}"))
        for _ in range(10):
            assert call(port)[0] == 200
            assert call(port, "POST", body=b"x" * 100_000) == (200, call(port)[1][:-1] + "100000")


def first_answered(connections: list[socket.socket]) -> socket.socket:
    """The one of some connections on which there is an answer. In which order they are taken up is the server's."""
    ready, _, _ = select.select(connections, [], [], ENOUGH)
    assert len(ready) == 1
    found: socket.socket = ready[0]
    return found


def test_of_one_address_only_so_many_bodies_are_read_at_once() -> None:
    half = f"{HEAD}Content-Length: 4\r\nConnection: close\r\n\r\nab"
    with served(max_unfinished_bodies="2", **LATER) as port, ExitStack() as held:
        three = [held.enter_context(begun(port, half)) for _ in range(3)]
        refused = first_answered(three)
        assert answer(refused).startswith("HTTP/1.1 503 ")
        three.remove(refused)
        other = held.enter_context(begun(port, half + "cd", "127.0.0.2"))
        assert answer(other).startswith("HTTP/1.1 200 ")
        three[0].sendall(b"cd")
        assert answer(three[0]).startswith("HTTP/1.1 200 ")
        again = held.enter_context(begun(port, half + "cd"))
        assert answer(again).startswith("HTTP/1.1 200 ")
        three[1].sendall(b"cd")
        assert answer(three[1]).startswith("HTTP/1.1 200 ")


def test_when_no_more_are_read_one_of_the_busiest_address_is_given_up() -> None:
    half = f"{HEAD}Content-Length: 4\r\nConnection: close\r\n\r\nab"
    with served(max_unfinished_in_all="4", **LATER) as port, ExitStack() as held:
        others = [held.enter_context(begun(port, half, f"127.0.0.{number}")) for number in (2, 4)]
        many = [held.enter_context(begun(port, half, "127.0.0.3")) for _ in range(3)]
        given_up = first_answered(many)
        assert answer(given_up).startswith("HTTP/1.1 503 ")
        many.remove(given_up)
        for connection in (*others, *many):
            connection.sendall(b"cd")
            assert answer(connection).startswith("HTTP/1.1 200 ")


def test_a_client_that_goes_in_the_middle_of_a_body_leaves_room() -> None:
    half = f"{HEAD}Content-Length: 4\r\n\r\nab"
    with served(max_unfinished_bodies="1", **LATER) as port:
        begun(port, half).close()
        wait_until(lambda: call(port, "POST", body=b"abcd")[0] == 200, "room for a body")


@pytest.mark.parametrize("size", [0, 1, 300_000, 4_000_000])
def test_bodies_arrive_whole_whatever_their_size(plain: int, size: int) -> None:
    assert call(plain, "POST", body=b"x" * size)[1].endswith(f" {size}")
    chunked = f"{HEAD}Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    with begun(plain, chunked) as connection:
        if size:
            connection.sendall(b"%x\r\n" % size + b"x" * size + b"\r\n")
        connection.sendall(b"0\r\n\r\n")
        assert answer(connection).endswith(f" {size}")


def test_a_stream_waits_for_its_reader_and_ends_with_it() -> None:
    def made() -> int:
        return int(call(port, path="/streamed")[1].split()[0])

    with served() as port:
        with begun(port, "GET /stream HTTP/1.1\r\nHost: lab\r\n\r\n") as connection:
            assert connection.recv(1000)
            seen: list[int] = []

            def rests() -> bool:
                seen.append(made())
                return len(seen) > 10 and len(set(seen[-10:])) == 1

            wait_until(rests, "a pause of the stream")
            assert 0 < seen[-1] < STREAMED
        wait_until(lambda: call(port, path="/streamed")[1].endswith("True"), "the end of the stream")
        assert made() < STREAMED


def test_a_stream_arrives_whole(plain: int) -> None:
    status, text = call(plain, path="/stream")
    assert (status, len(text)) == (200, STREAMED * len(PIECE))


def test_a_stream_that_fails_does_not_look_whole(plain: int) -> None:
    with begun(plain, "GET /broken HTTP/1.1\r\nHost: lab\r\n\r\n") as connection:
        received = answer_or_reset(connection)
    assert not received.endswith(b"0\r\n\r\n")
    assert call(plain)[0] == 200


def test_a_reader_that_takes_nothing_of_a_stream_is_broken_off() -> None:
    with served(stream_stall_limit="300ms") as port:
        with begun(port, "GET /stream HTTP/1.1\r\nHost: lab\r\n\r\n") as connection:
            wait_until(lambda: call(port, path="/streamed")[1].endswith("True"), "the end of the stream")
            received = answer_or_reset(connection)
        assert len(received) < STREAMED * len(PIECE)
        assert not received.endswith(b"0\r\n\r\n")


def answer_or_reset(connection: socket.socket) -> bytes:
    received = b""
    try:
        while piece := connection.recv(65536):
            received += piece
    except ConnectionResetError:
        pass
    return received


@pytest.mark.parametrize("chunk", ["zz\r\n{}\r\n", "-2\r\n{}\r\n", "f" * 17 + "\r\n", "2\r\nabcdefgh\r\n"])
def test_malformed_chunks_are_a_400(plain: int, chunk: str) -> None:
    with begun(plain, f"{HEAD}Transfer-Encoding: chunked\r\n\r\n{chunk}0\r\n\r\n") as connection:
        assert answer(connection).startswith("HTTP/1.1 400 ")
    assert call(plain)[0] == 200


def test_bodies_that_come_whole_are_not_too_many() -> None:
    """A hundred stations behind one address post at once."""
    with served(max_unfinished_bodies="1", **LATER) as port, ExitStack() as held:
        held.enter_context(begun(port, f"{HEAD}Content-Length: 4\r\n\r\nab"))
        text = f"{HEAD}Content-Length: 4\r\nConnection: close\r\n\r\n"
        posts = [held.enter_context(begun(port, text)) for _ in range(40)]
        for post in posts:
            post.sendall(b"abcd")
        for post in posts:
            assert answer(post).startswith("HTTP/1.1 200 ")

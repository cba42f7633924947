"""Driver of the loads: requests over open connections, CPU time and memory of a server, many clients at once."""

import os
import re
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from itertools import count
from pathlib import Path
from typing import Final
from urllib.parse import urlencode

START_SECONDS: Final = 120.0
WARM_UP_SECONDS: Final = 1.0
"""Time that many clients take before they are measured."""
_ROOT: Final = Path(__file__).resolve().parents[1]
_TICKS: Final = os.sysconf("SC_CLK_TCK")
_LENGTH: Final = re.compile(rb"(?i)\r\ncontent-length: *([0-9]+)\r\n")
_FORM: Final = "application/x-www-form-urlencoded"


class FailedRequest(Exception):
    """A request of a load that was not answered with success."""


@dataclass(frozen=True, slots=True)
class Call:
    """A request: a GET with a query, or a POST of a form."""

    path: str
    values: Mapping[str, object]
    posts: bool = False

    def encoded(self, cookie: str) -> bytes:
        """The bytes to send."""
        text = urlencode(self.values, doseq=True)
        head = f"Host: 127.0.0.1\r\nCookie: {cookie}\r\n"
        if not self.posts:
            return f"GET {self.path}?{text} HTTP/1.1\r\n{head}\r\n".encode()
        length = f"Content-Type: {_FORM}\r\nContent-Length: {len(text)}\r\n"
        return f"POST {self.path} HTTP/1.1\r\n{head}{length}\r\n{text}".encode()


@dataclass(frozen=True, slots=True)
class ServedProcess:
    """A server with its worker processes."""

    pid: int
    port: int
    database_pid: int | None = None
    """The process of a database server of this machine, whose time counts as well."""

    @property
    def workers(self) -> tuple[int, ...]:
        """The process numbers of the workers, and of whatever else the server started."""
        return _children(self.pid)

    def cpu(self) -> float:
        """Seconds of CPU time that the workers and the database have taken so far."""
        pids = (*self.workers, *(() if self.database_pid is None else (self.database_pid,)))
        return sum(_cpu(pid) for pid in pids)

    def pss(self) -> int:
        """Bytes of memory of the largest worker, shared pages divided among those that share them."""
        return max(_pss(pid) for pid in self.workers)


def _children(pid: int) -> tuple[int, ...]:
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        found.extend(map(int, (task / "children").read_text(encoding="ascii").split()))
    return tuple(found)


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _pss(pid: int) -> int:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    raise FailedRequest(f"the system gives no memory of process {pid}")


@contextmanager
def served(
    arguments: Sequence[str], log: Path, settings: Mapping[str, str], *, database_pid: int | None = None
) -> Iterator[ServedProcess]:
    """A server of this Python, started with its settings as environment variables; it is stopped afterwards."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("OBJAPI_")}
    environ = inherited | {"PYTHONPATH": str(_ROOT), "OBJAPI_PORT": str(port), "OBJAPI_LOG_LEVEL": "warning"}
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", *arguments], stdout=output, stderr=output, env=environ | dict(settings)
        )
    try:
        _wait(process, port, log)
        yield ServedProcess(process.pid, port, database_pid)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise FailedRequest(f"the server ended with {process.returncode}:\n{log.read_text(errors='replace')}")
        connection = HTTPConnection("127.0.0.1", port, timeout=10)
        try:
            connection.request("HEAD", "/")
            connection.getresponse()
        except OSError:
            time.sleep(0.02)
        else:
            return
        finally:
            connection.close()
    raise FailedRequest(f"the server did not answer within {START_SECONDS:.0f} s:\n{log.read_text(errors='replace')}")


def log_in(port: int, path: str, values: Mapping[str, str]) -> str:
    """Log in by a form; the cookie to send from then on."""
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("POST", path, urlencode(values), {"Content-Type": _FORM})
    response = connection.getresponse()
    text = response.read()
    cookie = response.getheader("Set-Cookie")
    connection.close()
    if cookie is None:
        raise FailedRequest(f"no cookie came from {path}: {text[:200]!r}")
    return cookie.partition(";")[0]


class Client:
    """One client on one connection that stays open."""

    def __init__(self, port: int, cookie: str) -> None:
        self._cookie = cookie
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=600)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._received = b""
        self._left: int | None = None

    def send(self, call: Call) -> None:
        """Send a request, whose answer must be received before the next one."""
        self._received, self._left = b"", None
        self.socket.sendall(call.encoded(self._cookie))

    def receive(self) -> bytes | None:
        """Read what has come; the body once it is whole, else None. Raises FailedRequest."""
        piece = self.socket.recv(262_144)
        if not piece:
            raise FailedRequest("the server closed the connection")
        self._received += piece
        if self._left is None:
            head, end, body = self._received.partition(b"\r\n\r\n")
            if not end:
                return None
            length = _LENGTH.search(head + b"\r\n")
            if length is None or not head.startswith(b"HTTP/1.1 200"):
                raise FailedRequest(self._received[:1_000].decode(errors="replace"))
            self._left, self._received = int(length[1]), body
        if len(self._received) < self._left:
            return None
        if b'"success":true' not in self._received[:4_000] + self._received[-200:]:
            raise FailedRequest(self._received[:1_000].decode(errors="replace"))
        return self._received

    def ask(self, call: Call) -> bytes:
        """The body of the answer to a request."""
        self.send(call)
        while (body := self.receive()) is None:
            pass
        return body

    def close(self) -> None:
        """Close the connection."""
        self.socket.close()


Calls = Callable[[int], Call]
"""The request of each turn."""


@dataclass(frozen=True, slots=True)
class Crowd:
    """Measured of several clients at once: requests a second, and the seconds that one took."""

    rate: float
    p50: float
    p99: float


def cpu_per_request(server: ServedProcess, client: Client, calls: Calls, turns: Iterator[int], seconds: float) -> float:
    """Seconds of CPU time of the server for each of the requests that one client sends in a time, in pairs."""
    count, begun, deadline = 0, server.cpu(), time.monotonic() + seconds
    while time.monotonic() < deadline or count < 4 or count % 2:
        client.ask(calls(next(turns)))
        count += 1
    return (server.cpu() - begun) / count


def wall_time(client: Client, call: Call) -> float:
    """Seconds until a request was answered."""
    begun = time.perf_counter()
    client.ask(call)
    return time.perf_counter() - begun


def streamed(port: int, cookie: str, call: Call) -> int:
    """Ask for an answer that comes in pieces, and read it to its end; the bytes of it. Raises FailedRequest."""
    connection = HTTPConnection("127.0.0.1", port, timeout=600)
    connection.request("GET", f"{call.path}?{urlencode(call.values, doseq=True)}", headers={"Cookie": cookie})
    response, length = connection.getresponse(), 0
    while piece := response.read(262_144):
        length += len(piece)
    connection.close()
    if response.status != 200:
        raise FailedRequest(f"{call.path} answered {response.status}")
    return length


def crowd(
    port: int,
    cookie: str,
    calls: Calls,
    turns: Iterator[int],
    clients: int,
    seconds: float,
    beside: Sequence[Calls] = (),
) -> Crowd:
    """Clients that each send the next request once the last one was answered.

    Threads and connections are made for the first of them, in a time that is not measured. For each of `beside` there
    is one more, whose requests are answered with success as all others are, and not measured.
    """
    taken: list[float] = []
    with selectors.DefaultSelector() as selector:
        begun: dict[Client, float] = {}
        others = {Client(port, cookie): (own, count()) for own in beside}
        for client in [*(Client(port, cookie) for _ in range(clients)), *others]:
            selector.register(client.socket, selectors.EVENT_READ, client)
            begun[client] = time.perf_counter()
            own, turn = others.get(client, (calls, turns))
            client.send(own(next(turn)))
        start = now = time.perf_counter()
        start += WARM_UP_SECONDS
        while now < start + seconds or not taken:
            for key, _ in selector.select():
                client = key.data
                if client.receive() is None:
                    continue
                now = time.perf_counter()
                if begun[client] > start and client not in others:
                    taken.append(now - begun[client])
                begun[client] = now
                own, turn = others.get(client, (calls, turns))
                client.send(own(next(turn)))
        for client in begun:
            client.close()
    taken.sort()
    return Crowd(len(taken) / (now - start), taken[len(taken) // 2], taken[len(taken) * 99 // 100])

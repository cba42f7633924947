import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import pytest

from objapi.serve import ServeError, base_url, is_loopback, listening_address
from objapi.settings import Settings
from tests.ports import free_port
from tests.waiting import ENOUGH, wait_until

ROOT = Path(__file__).parents[2]
PROC = Path("/proc")

OTHER_SIGNALS = [pytest.param(number, marks=pytest.mark.extended) for number in (signal.SIGINT, signal.SIGHUP)]

needs_proc = pytest.mark.skipif(not PROC.is_dir(), reason="child processes are looked up in /proc (Linux)")


def status(pid: int) -> list[str]:
    """The fields of /proc/PID/stat after the name (state, parent, …); empty when the process is gone."""
    try:
        return (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def is_running(pid: int) -> bool:
    fields = status(pid)
    return bool(fields) and fields[0] not in "ZX"


def children(pid: int) -> list[int]:
    numbers = [int(entry.name) for entry in PROC.iterdir() if entry.name.isdigit()]
    return [number for number in numbers if status(number)[1:2] == [str(pid)]]


class Server:
    """A started server: its process, its port, and the process ids of its children when it was ready."""

    def __init__(self, process: "subprocess.Popen[str]", port: int) -> None:
        self.process = process
        self.port = port
        self.children = children(process.pid)

    def get(self, path: str = "/") -> str:
        with closing(HTTPConnection("127.0.0.1", self.port, timeout=ENOUGH)) as connection:
            connection.request("GET", path)
            return connection.getresponse().read().decode()

    def line(self) -> str:
        """The next line that the server or a worker writes."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().rstrip()

    def all_gone(self) -> bool:
        return self.process.poll() is not None and not any(is_running(pid) for pid in self.children)


def command(port: int, **settings: str) -> "subprocess.Popen[str]":
    environ = {name: value for name, value in os.environ.items() if not name.startswith("OBJAPI_")}
    environ |= {f"OBJAPI_{name.upper()}": value for name, value in settings.items()}
    return subprocess.Popen(
        [sys.executable, "-m", "tests.objapi.small_server"],
        cwd=ROOT,
        env=environ | {"OBJAPI_PORT": str(port)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def start() -> Iterator[Callable[..., Server]]:
    """Starts servers, each ready when it is given, and ends whatever is left of them."""
    with ExitStack() as stack:

        def started(**settings: str) -> Server:
            port = free_port()
            process = stack.enter_context(command(port, **{"workers": "2", "stop_timeout": "1s", **settings}))
            stack.callback(lambda: process.kill() if process.poll() is None else None)
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            return Server(process, port)

        yield started


@needs_proc
def test_it_answers_with_workers_that_know_the_settings(start: Callable[..., Server]) -> None:
    server = start(site_id="lab")
    worker, site_id, _ = server.get().split()
    assert site_id == "lab"
    assert int(worker) in server.children


@needs_proc
@pytest.mark.parametrize("number", [signal.SIGTERM, *OTHER_SIGNALS])
def test_a_signal_ends_all_processes_and_is_no_failure(start: Callable[..., Server], number: signal.Signals) -> None:
    server = start()
    assert len(server.children) >= 2
    server.process.send_signal(number)
    wait_until(server.all_gone, "the end of all processes")
    assert server.process.returncode == 0


@needs_proc
def test_a_request_that_does_not_end_does_not_keep_the_server_from_ending(start: Callable[..., Server]) -> None:
    server = start()
    with closing(HTTPConnection("127.0.0.1", server.port)) as connection:
        connection.request("GET", "/slow")
        assert server.line() == "slow"
        server.process.terminate()
        wait_until(server.all_gone, "the end of all processes")


def test_numbers_are_those_of_all_workers_and_of_those_that_have_ended(start: Callable[..., Server]) -> None:
    server = start()
    asked: set[str] = set()
    while len(asked) < 2:
        asked.add(server.get().split()[0])
    with closing(HTTPConnection("127.0.0.1", server.port)) as connection:
        connection.request("GET", "/slow")
        assert server.line() == "slow"
        assert "objapi_password_checks 1.0\n" in numbers(server)
        # A request is counted once its answer is sent.
        wait_until(lambda: requests_counted(server) >= 2, "the count of two requests")
        answered = requests_counted(server)
        # Until the worker that has the password check is among those that ended.
        while "objapi_password_checks 1.0\n" in numbers(server):
            with suppress(HTTPException, OSError):
                server.get("/crash")
    wait_until(lambda: requests_counted(server) >= answered, f"a count of {answered} requests or more")


def numbers(server: Server) -> str:
    """The numbers of a server, asked for again when the worker that was asked ends meanwhile."""
    given: list[str] = []

    def is_given() -> bool:
        with suppress(HTTPException, OSError):
            given.append(server.get("/metrics"))
        return bool(given)

    wait_until(is_given, "the numbers")
    return given[0]


def requests_counted(server: Server) -> float:
    found = re.search(r"^objapi_requests_total\{.*\} (\S+)$", numbers(server), re.MULTILINE)
    return 0.0 if found is None else float(found[1])


@needs_proc
def test_workers_end_when_the_parent_is_killed(start: Callable[..., Server]) -> None:
    server = start()
    server.process.kill()
    wait_until(server.all_gone, "the end of all processes")


@needs_proc
def test_a_worker_that_dies_is_replaced_however_soon_it_does(start: Callable[..., Server]) -> None:
    server = start(workers="1")
    died: set[int] = set()

    def answers() -> bool:
        try:
            return int(server.get().split()[0]) not in died
        except OSError:
            return False

    for _ in range(3):
        died.add(int(server.get().split()[0]))
        with pytest.raises(OSError):
            server.get("/crash")
        wait_until(answers, "another worker")
    assert server.process.poll() is None


def test_clients_that_stop_in_the_middle_of_a_body_do_not_stop_the_others(start: Callable[..., Server]) -> None:
    server = start(workers="1", threads="1")
    with ExitStack() as stack:
        for _ in range(100):
            client = stack.enter_context(socket.create_connection(("127.0.0.1", server.port)))
            client.sendall(b"POST / HTTP/1.1\r\nHost: lab\r\nContent-Length: 100\r\n\r\nabc")
        # The second answer comes after all those connections have been accepted.
        for _ in range(2):
            assert server.get().endswith(" Plone 0")


def test_an_application_that_cannot_be_made_stops_the_start_with_its_traceback() -> None:
    process = command(free_port(), site_id="broken", workers="1")
    output, errors = process.communicate(timeout=ENOUGH)
    assert process.returncode == 1
    assert output == ""
    assert errors.count("RuntimeError: this application cannot be made") == 1


def installed(folder: Path) -> Path:
    """A stand-in for the virtual environment of the Makefile, whose `objapi` is the small server."""
    commands = folder / "bin"
    commands.mkdir()
    (commands / "python").symlink_to(sys.executable)
    (commands / "objapi").write_text(f"#!/bin/sh\nexec {sys.executable} -m tests.objapi.small_server\n")
    (commands / "objapi").chmod(0o755)
    (folder / ".installed").touch()
    return folder


@needs_proc
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, *OTHER_SIGNALS])
def test_it_ends_with_the_make_that_started_it(tmp_path: Path, number: signal.Signals) -> None:
    if number == signal.SIGKILL and shutil.which("setpriv") is None:
        pytest.skip("make that is killed needs setpriv (util-linux) to take the server with it")
    with subprocess.Popen(
        ["make", "--no-print-directory", "serve", f"VENV={installed(tmp_path)}"],
        cwd=ROOT,
        env=os.environ | {"OBJAPI_PORT": str(free_port()), "OBJAPI_WORKERS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    ) as make:
        assert make.stdout is not None
        assert make.stdout.readline() == "ready\n"
        (server,) = children(make.pid)
        family = [make.pid, server, *children(server)]
        assert len(family) >= 3
        try:
            # Ctrl-C and a terminal that closes reach all processes of the terminal, the others make alone.
            send = os.killpg if number in (signal.SIGINT, signal.SIGHUP) else os.kill
            send(make.pid, number)
            wait_until(lambda: not any(is_running(pid) for pid in family), "the end of all processes")
        finally:
            for pid in filter(is_running, family):
                os.kill(pid, signal.SIGKILL)


def test_a_port_that_is_taken_stops_the_start_with_one_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        process = command(port)
        output, errors = process.communicate(timeout=ENOUGH)
    assert process.returncode == 1
    assert output == ""
    assert errors == (f"Port {port} of 127.0.0.1 is taken by another program. Stop that one, or choose another port.\n")


@needs_proc
def test_a_second_server_does_not_share_the_port_of_a_running_one(start: Callable[..., Server]) -> None:
    with pytest.raises(ServeError, match="is taken"):
        listening_address("127.0.0.1", start(workers="1").port)


@pytest.mark.parametrize(
    ("host", "message"),
    [
        ("192.0.2.1", "192.0.2.1 is no address of this machine"),
        ("no such host", "The host 'no such host' is unknown"),
    ],
)
def test_an_address_that_is_not_here_is_refused_with_the_remedy(host: str, message: str) -> None:
    with pytest.raises(ServeError, match=message):
        listening_address(host, free_port())


def test_a_name_is_listened_on_by_its_address() -> None:
    assert is_loopback(listening_address("localhost", free_port()))


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.8.9.10", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("localhost", True),
        ("LOCALHOST", True),
        ("0.0.0.0", False),
        ("::", False),
        ("", False),
        ("192.168.1.2", False),
        ("::ffff:192.168.1.2", False),
        ("lab.example.org", False),
        ("localhost.example.org", False),
        ("127.0.0.1.example.org", False),
        ("127.1", False),
    ],
)
def test_only_addresses_of_this_machine_alone_are_loopback(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback


@pytest.mark.parametrize(
    ("settings", "url"),
    [
        (Settings(), "http://127.0.0.1:8080"),
        (Settings(host="::1", port=81), "http://[::1]:81"),
        (Settings(host="0.0.0.0"), "http://127.0.0.1:8080"),
        (Settings(host="::"), "http://[::1]:8080"),
        (Settings(public_url="https://lab.example.org"), "https://lab.example.org"),
    ],
)
def test_the_url_to_try_is_one_that_works_on_this_machine(settings: Settings, url: str) -> None:
    assert base_url(settings) == url

"""Real servers for the tests: `objapi serve --demo` in a process of its own, on a free loopback port."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests

from tests.ports import free_port
from tests.waiting import ENOUGH, wait_until

ROOT = Path(__file__).resolve().parents[2]


def environment(settings: Mapping[str, str]) -> dict[str, str]:
    """The environment of a server: this one without any settings of the gateway, with those given."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("OBJAPI_")}
    return inherited | {"PYTHONPATH": str(ROOT)} | dict(settings)


class Servers:
    """Servers that one process forks, which is started with the first of them."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None

    def close(self) -> None:
        if self._process is not None:
            with self._process:
                pass

    def start(self, command: list[str], folder: Path, log: Path, settings: Mapping[str, str]) -> int:
        """Start a command of the gateway in a process of its own; the number of the process."""
        order = {"command": command, "folder": str(folder), "log": str(log), "environment": environment(settings)}
        return int(self._order({"start": order}))

    def status(self, process: int) -> int | None:
        """The exit status of a server that has ended by itself; None: it runs."""
        found: int | None = self._order({"status": process})
        return found

    def kill(self, process: int) -> None:
        """End a server, and wait until it has ended."""
        self._order({"kill": process})

    def _order(self, order: Mapping[str, object]) -> Any:
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.acceptance.forking"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                cwd=ROOT,
                env=environment({}),
            )
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(order) + "\n")
        process.stdin.flush()
        return json.loads(process.stdout.readline())


_PROCESSES: dict[str, int] = {}
"""URL of a running server → number of its process."""


@contextmanager
def served_laboratory(servers: Servers, data: Path, settings: Mapping[str, str]) -> Iterator[str]:
    """Serve the sample laboratory from a directory; yields the URL of the server's root, stops it afterwards.

    `settings` are environment variables. The server's output is in `log` in the directory, and part of the error when
    it does not come up. That `objapi serve` serves when it is started afresh has tests of its own.
    """
    port = free_port()
    log = data / "log"
    root = f"http://127.0.0.1:{port}"
    command = ["serve", "--demo", "--port", str(port), "--data", str(data / "var")]
    process = servers.start(command, data, log, settings)
    try:
        wait_until_served(servers, process, root, log)
        _PROCESSES[root] = process
        yield root
    finally:
        # How a server ends when it is asked to has tests of its own; here nothing of it is needed any more.
        _PROCESSES.pop(root, None)
        servers.kill(process)


def wait_until_served(servers: Servers, process: int, root: str, log: Path) -> None:
    """Wait until the server answers; fails when it has ended."""
    with requests.Session() as session:
        session.trust_env = False

        def answers() -> bool:
            status = servers.status(process)
            if status is not None:
                raise AssertionError(f"the server ended with {status}:\n{log.read_text(errors='replace')}")
            try:
                session.get(f"{root}/Plone/@@API/version", timeout=ENOUGH)
            except requests.ConnectionError:
                return False
            return True

        wait_until(answers, "the answer of the server", log)


def has_memory_of_workers() -> bool:
    """True where the memory of other processes can be read."""
    return Path("/proc/self/smaps_rollup").exists()


def memory_of_workers(root: str) -> int:
    """The proportional set size, in bytes, of the largest process that a server at a URL has started."""
    server = str(_PROCESSES[root])
    sizes = [0]
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = path.read_text().rpartition(")")[2].split()[1]
            if parent == server:
                text = (path.parent / "smaps_rollup").read_text()
                sizes += [int(size) * 1024 for size in re.findall(r"^Pss: +([0-9]+)", text, re.MULTILINE)]
        except OSError:
            # A process that has ended meanwhile.
            continue
    return max(sizes)

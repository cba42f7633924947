"""A real server for the tests: `objapi serve --demo` in a process of its own, on a free loopback port."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import requests

from tests.ports import free_port
from tests.waiting import ENOUGH, wait_until

ROOT = Path(__file__).resolve().parents[2]


def environment(settings: Mapping[str, str]) -> dict[str, str]:
    """The environment of a server: this one without any settings of the gateway, with those given."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("OBJAPI_")}
    return inherited | {"PYTHONPATH": str(ROOT)} | dict(settings)


@contextmanager
def served_laboratory(data: Path, settings: Mapping[str, str]) -> Iterator[str]:
    """Serve the sample laboratory from a directory; yields the URL of the server's root, stops it afterwards.

    `settings` are environment variables. The server's output is in `log` in the directory, and part of the error when
    it does not come up.
    """
    port = free_port()
    log = data / "log"
    command = [sys.executable, "-m", "objapi", "serve", "--demo", "--port", str(port), "--data", str(data / "var")]
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, cwd=data, env=environment(settings))
    root = f"http://127.0.0.1:{port}"
    try:
        wait_until_served(process, root, log)
        yield root
    finally:
        # How a server ends when it is asked to has tests of its own; here nothing of it is needed any more.
        process.kill()
        process.wait()


def wait_until_served(process: "subprocess.Popen[bytes]", root: str, log: Path) -> None:
    with requests.Session() as session:
        session.trust_env = False

        def answers() -> bool:
            if process.poll() is not None:
                raise AssertionError(f"the server ended with {process.returncode}:\n{log.read_text(errors='replace')}")
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
    port = root.rpartition(":")[2]
    servers = {path.parent.name for path in Path("/proc").glob("[0-9]*/cmdline") if _serves(path, port)}
    sizes = [0]
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = path.read_text().rpartition(")")[2].split()[1]
            if parent in servers:
                text = (path.parent / "smaps_rollup").read_text()
                sizes += [int(size) * 1024 for size in re.findall(r"^Pss: +([0-9]+)", text, re.MULTILINE)]
        except OSError:
            # A process that has ended meanwhile.
            continue
    return max(sizes)


def _serves(path: Path, port: str) -> bool:
    try:
        return f"\0--port\0{port}\0".encode() in path.read_bytes()
    except OSError:
        return False

"""Fixtures of all tests: empty databases on SQLite and on MariaDB, files in memory, cheap passwords."""

import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher
from hypothesis import settings
from sqlalchemy.engine import URL

from objapi.http.memory import limit_collections
from objapi.security.passwords import DEFAULT_HASHER
from tests.databases import (
    ServerMissing,
    fresh_mariadb_database,
    fresh_sqlite_database,
    mariadb_required,
    mariadb_server,
)
from tests.shipped import share_declarations

DATABASES = ("sqlite", "mariadb")

# Tests judge results, not seconds: an example may take long on a machine that is busy with other things.
settings.register_profile("short", deadline=None, max_examples=25)
settings.register_profile("extended", deadline=None)


MEMORY = Path("/dev/shm")
NEEDED = 4 * 2**30


def is_roomy(folder: Path, needed: int = NEEDED) -> bool:
    """True for a folder of which tests may take that many bytes, and run programs from."""
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        return False
    system = os.statvfs(folder)
    return system.f_bavail * system.f_frsize >= needed and not system.f_flag & os.ST_NOEXEC


def pytest_configure(config: pytest.Config) -> None:
    """Put databases and files of tests into memory where there is enough of it, unless TMPDIR names another place.

    Most of what a database does in a test is to wait for a disk. Where extended tests are left out, properties are
    tried on fewer examples, too; the markers of a run are given to each of its processes.
    """
    settings.load_profile("short" if config.getoption("markexpr") == "not extended" else "extended")
    if "TMPDIR" not in os.environ and is_roomy(MEMORY):
        os.environ["TMPDIR"] = tempfile.tempdir = str(MEMORY)


def pytest_collection_finish() -> None:
    """Have the garbage collector leave out what collecting the tests has made, and look at the rest less often.

    Without this it takes more than half of the time of a run.
    """
    limit_collections((100_000, 50, 100))


FACES = tuple(
    f"tests/{folder}/"
    for folder in ("acceptance", "docs", *(f"objapi/{face}" for face in ("ispyb", "mxlive", "senaite", "web")))
)
"""Tests of what faces make of a request: its statements are those of the store, whose tests run on both databases."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: Sequence[pytest.Item]) -> None:
    """Mark `extended` what `make test` need not try on MariaDB, before the markers of a run are looked at.

    The tests of faces, but those marked `both_databases`; of others all cases of a table but the first, since the
    statements are those of that one. All cases of the catalog run, where values of every kind meet the database.
    """
    seen: set[str] = set()
    for item in items:
        on_mariadb = "mariadb" in item.name.rstrip("]").partition("[")[2].split("-")
        if not on_mariadb or item.nodeid.startswith("tests/catalog/"):
            continue
        test = item.nodeid.partition("[")[0]
        of_face = item.nodeid.startswith(FACES) and item.get_closest_marker("both_databases") is None
        if of_face or test in seen:
            item.add_marker(pytest.mark.extended)
        seen.add(test)


LEFT_OUT = pytest.StashKey[int]()
"""Tests marked `extended` that this run leaves out."""


def pytest_deselected(items: Sequence[pytest.Item]) -> None:
    count = sum(item.get_closest_marker("extended") is not None for item in items)
    stash = items[0].config.stash
    stash[LEFT_OUT] = stash.get(LEFT_OUT, 0) + count


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Tell the process that counts, when this is one of several that test."""
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["left out"] = session.config.stash.get(LEFT_OUT, 0)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    # Each process collects all tests, and so leaves out the same ones.
    node.config.stash[LEFT_OUT] = getattr(node, "workeroutput", {}).get("left out", 0)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    left_out = config.stash.get(LEFT_OUT, 0)
    if left_out:
        terminalreporter.write_line(f"{left_out} extended tests were left out; `make test-all` runs them, too.")


@pytest.fixture(scope="session", autouse=True)
def shipped_profiles() -> Iterator[None]:
    """Sites of one test process share the declarations that come with the gateway, which nothing changes."""
    with pytest.MonkeyPatch.context() as patch:
        share_declarations(patch.setattr)
        yield


@pytest.fixture(scope="session", autouse=True)
def cheap_passwords() -> Iterator[None]:
    """Hashes of passwords are made as they are in a site, at a thousandth of the cost."""
    cheap = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DEFAULT_HASHER, "_parameters", cheap._parameters)
        yield


@pytest.fixture(scope="session")
def mariadb() -> Iterator[Callable[[], URL]]:
    """A function that gives the session's MariaDB server, started on first use and stopped at the end."""
    started: list[URL] = []
    missing: list[str] = []
    with ExitStack() as stack:

        def server() -> URL:
            if not started and not missing:
                try:
                    started.append(stack.enter_context(mariadb_server()))
                except ServerMissing as reason:
                    missing.append(str(reason))
            if missing:
                if mariadb_required():
                    pytest.fail(missing[0])
                pytest.skip(missing[0])
            return started[0]

        yield server


@pytest.fixture(params=DATABASES)
def database_url(request: pytest.FixtureRequest, tmp_path: Path, mariadb: Callable[[], URL]) -> Iterator[str]:
    """The URL of a fresh, empty database: once an SQLite file, once a database on MariaDB."""
    if request.param == "sqlite":
        yield fresh_sqlite_database(tmp_path)
    else:
        with fresh_mariadb_database(mariadb()) as url:
            yield url


@pytest.fixture(scope="module", params=DATABASES)
def module_database_url(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, mariadb: Callable[[], URL]
) -> Iterator[str]:
    """As `database_url`, but one database for all tests of a module."""
    if request.param == "sqlite":
        yield fresh_sqlite_database(tmp_path_factory.mktemp("database"))
    else:
        with fresh_mariadb_database(mariadb()) as url:
            yield url

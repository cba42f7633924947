"""Fixtures that every test may use: an empty database on SQLite and on MariaDB."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from functools import cache
from pathlib import Path

import pytest
from hypothesis import settings
from sqlalchemy.engine import URL

import objapi.site
from objapi.model.loading import load_registry
from objapi.model.registry import Registry
from tests.databases import (
    ServerMissing,
    fresh_mariadb_database,
    fresh_sqlite_database,
    mariadb_required,
    mariadb_server,
)

DATABASES = ("sqlite", "mariadb")

# Tests judge results, not seconds: an example may take long on a machine that is busy with other things.
settings.register_profile("objapi", deadline=None)
settings.load_profile("objapi")


SHIPPED = frozenset({"base", "lims", "mxlive", "ispyb"})


@cache
def _shipped_registry(profiles: tuple[str, ...]) -> Registry:
    return load_registry(profiles)


def _load_once(profiles: Sequence[str | Path]) -> Registry:
    """Load the profiles; those that come with the gateway do not change while tests run, and are read once."""
    names = tuple(str(name) for name in profiles)
    return _shipped_registry(names) if SHIPPED.issuperset(names) else load_registry(profiles)


@pytest.fixture(scope="session", autouse=True)
def shipped_profiles() -> Iterator[None]:
    """Sites of one test process share the declarations that come with the gateway, which nothing changes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(objapi.site, "load_registry", _load_once)
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

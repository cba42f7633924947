"""The sample laboratory, served: one server a database and session, and others for tests with needs of their own."""

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from functools import cache
from pathlib import Path

import pytest
from sqlalchemy.engine import URL

from objapi.settings import SQLITE_FILE
from tests.acceptance.client import Client
from tests.acceptance.server import served_laboratory
from tests.conftest import DATABASES
from tests.databases import fresh_mariadb_database

Serve = Callable[..., str]
AsUser = Callable[[str | None], Client]

WITH_BEAMLINES = {"OBJAPI_PROFILES": "lims,mxlive,ispyb"}
"""Settings of a laboratory that is a facility with beamlines, too."""

# Cheap enough for tests that fail to log in on purpose, and without an influence on the others.
SETTINGS = {"OBJAPI_WORKERS": "1", "OBJAPI_LOG_LEVEL": "warning"}


@pytest.fixture(scope="session")
def serve(mariadb: Callable[[], URL], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serve]:
    """A function that serves a fresh laboratory until the session ends: `serve("sqlite", OBJAPI_…=…)` gives its URL."""
    ready: dict[str, Path] = {}
    with ExitStack() as stack:

        def start(database: str, **settings: str) -> str:
            data = tmp_path_factory.mktemp("laboratory")
            given = SETTINGS | settings
            profiles = settings.get("OBJAPI_PROFILES", "")
            if database == "mariadb":
                given["OBJAPI_DATABASE_URL"] = stack.enter_context(fresh_mariadb_database(mariadb()))
            elif profiles in ready:
                shutil.copytree(ready[profiles], data / "var")
            url = stack.enter_context(served_laboratory(data, given))
            if database == "sqlite" and profiles not in ready:
                ready[profiles] = _untouched(data / "var", tmp_path_factory.mktemp("ready") / "var")
            return url

        yield start


def _untouched(data: Path, copy: Path) -> Path:
    """A copy of the laboratory that `serve --demo` has just made, for further servers with its profiles."""
    copy.mkdir()
    with closing(sqlite3.connect(data / SQLITE_FILE)) as made, closing(sqlite3.connect(copy / SQLITE_FILE)) as kept:
        made.backup(kept)
    return copy


@pytest.fixture(scope="session")
def shared(serve: Serve) -> Serve:
    """As `serve`, but one laboratory for all who ask with the same settings, from first use to the end of the session.

    A fixture with parameters would make both anew for each module: it holds one of its values at a time.
    """
    return cache(serve)


@pytest.fixture(scope="session", params=DATABASES)
def root(request: pytest.FixtureRequest, shared: Serve) -> str:
    """The URL of the server that most tests share. They leave alone what other tests count."""
    return shared(request.param)


@pytest.fixture
def admin(root: str) -> Iterator[Client]:
    """The site's administrator."""
    client = Client(root, "admin")
    with client.http:
        yield client


@pytest.fixture
def as_user(root: str) -> Iterator[AsUser]:
    """A function that gives a client for a user of the sample laboratory, or for nobody."""
    with ExitStack() as stack:

        def client(user: str | None) -> Client:
            made = Client(root, user)
            stack.enter_context(made.http)
            return made

        yield client

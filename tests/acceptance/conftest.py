"""The sample laboratory, served: one server a database and session, and others for tests with needs of their own."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.engine import URL

from objapi.ispyb.demo import DIRECTORY
from objapi.settings import SQLITE_FILE
from tests.acceptance.browser import Person, chromium
from tests.acceptance.client import Client
from tests.acceptance.server import Servers, served_laboratory
from tests.conftest import DATABASES
from tests.databases import fresh_mariadb_database
from tests.ports import free_port
from tests.ready_sites import Ready, put_into, taken_from

Serve = Callable[..., str]
AsUser = Callable[[str | None], Client]
Log = Callable[..., Person]

WITH_BEAMLINES = {"OBJAPI_PROFILES": "lims,mxlive,ispyb"}
"""Settings of a laboratory that is a facility with beamlines, too."""

RECEIVER_PORT = free_port()
"""Port of this machine that webhooks may be sent to."""

# Cheap enough for tests that fail to log in on purpose, and without an influence on the others.
SETTINGS = {
    "OBJAPI_WORKERS": "1",
    "OBJAPI_LOG_LEVEL": "warning",
    "OBJAPI_MAX_EVENT_STREAMS": "3",
    "OBJAPI_EVENT_HEARTBEAT": "0.5s",
    "OBJAPI_WEBHOOK_HOSTS": f"localhost:{RECEIVER_PORT},localhost:8765",
}


@pytest.fixture(scope="session")
def serve(mariadb: Callable[[], URL], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serve]:
    """A function that serves a fresh laboratory until the session ends: `serve("sqlite", OBJAPI_…=…)` gives its URL."""
    ready: dict[tuple[str, str], Ready] = {}
    files: list[Path] = []
    with ExitStack() as stack:
        servers = stack.enter_context(closing(Servers()))

        def start(database: str, **settings: str) -> str:
            data = tmp_path_factory.mktemp("laboratory")
            (data / "var").mkdir()
            given = SETTINGS | settings
            url = f"sqlite:///{data / 'var' / SQLITE_FILE}"
            if database == "mariadb":
                url = given["OBJAPI_DATABASE_URL"] = stack.enter_context(fresh_mariadb_database(mariadb()))
            # To make a laboratory takes as long as to start its server.
            kind = (database, settings.get("OBJAPI_PROFILES", ""))
            if kind in ready:
                put_into(url, ready[kind])
                if files:
                    shutil.copytree(files[0], data / "var" / DIRECTORY)
            root = stack.enter_context(served_laboratory(servers, data, given))
            if kind not in ready:
                ready[kind] = taken_from(url)
                files.append(data / "var" / DIRECTORY)
            return root

        yield start


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


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as found:
        yield found


@pytest.fixture
def person(browser: Any, root: str) -> Iterator[Log]:
    """A function that logs somebody in with a browser. Nothing may have gone wrong in it at the end."""
    with ExitStack() as stack:
        there: list[Person] = []

        def log_in(user: str, **options: Any) -> Person:
            made = Person(browser, root, user, **options)
            stack.callback(made.context.close)
            there.append(made)
            return made

        yield log_in
        assert [line for one in there for line in one.complaints] == []

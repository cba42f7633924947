"""The face on a fresh database: the application in this process, called by Werkzeug's test client."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.engine import URL

from objapi.app import create_app
from objapi.ispyb.database import prepare
from objapi.profiles.ispyb.tables import METADATA
from objapi.settings import load_settings
from objapi.site import Site
from objapi.store.schema import metadata
from tests.conftest import DATABASES
from tests.databases import fresh_mariadb_database, fresh_sqlite_database
from tests.objapi.ispyb.calling import KEY, Api, Rows

FILLED = sa.text(
    " UNION ALL ".join(
        f"SELECT '{table.name}' FROM (SELECT 1) AS one WHERE EXISTS (SELECT 1 FROM {table.name})"
        for table in METADATA.sorted_tables
    )
)
"""The names of the tables with rows: a test fills a few of them, and one question costs less than to empty all."""


@pytest.fixture(scope="session")
def sites(tmp_path_factory: pytest.TempPathFactory, mariadb: Callable[[], URL]) -> Iterator[Callable[[str], Site]]:
    """A function that gives the site on a database, made on first use and open to the end of the session.

    A fixture with parameters would make both anew for each module: it holds one of its values at a time.
    """
    with ExitStack() as stack:

        @cache
        def site_on(database: str) -> Site:
            directory = tmp_path_factory.mktemp("ispyb")
            if database == "sqlite":
                url = fresh_sqlite_database(directory)
            else:
                url = stack.enter_context(fresh_mariadb_database(mariadb()))
            return stack.enter_context(_made_site(url, directory))

        yield site_on


@pytest.fixture(scope="session", params=DATABASES)
def ispyb_site(request: pytest.FixtureRequest, sites: Callable[[str], Site]) -> Site:
    """A site with the ISPyB tables, on each database; tests share it and find the tables empty."""
    return sites(request.param)


@contextmanager
def _made_site(url: str, directory: Path) -> Iterator[Site]:
    settings = {"OBJAPI_DATABASE_URL": url, "OBJAPI_DATA_DIR": str(directory), "OBJAPI_ISPYB_TOKEN_KEY": KEY}
    site = Site.open(load_settings(settings))
    if site.settings.on_sqlite:
        sa.event.listen(site.engine, "connect", _forget_safety)
    try:
        metadata.create_all(site.engine)
        prepare(site)
        yield site
    finally:
        site.close()


def _forget_safety(connection: Any, record: Any) -> None:
    """Let a file whose loss is no matter be written without waiting for the disk."""
    connection.execute("PRAGMA synchronous=OFF").close()


@pytest.fixture
def rows(ispyb_site: Site) -> Iterator[Rows]:
    """Puts rows into the tables; they are empty again afterwards."""
    yield Rows(ispyb_site.engine)
    with ispyb_site.engine.begin() as connection:
        filled = set(connection.scalars(FILLED))
        for table in reversed(METADATA.sorted_tables):
            if table.name in filled:
                connection.execute(sa.delete(table))


@pytest.fixture
def application(ispyb_site: Site) -> Flask:
    """The application of the site."""
    return create_app(site=ispyb_site)


@pytest.fixture
def api(application: Flask, rows: Rows) -> Api:
    """Calls the face in this process."""
    return Api(application, rows)


@pytest.fixture
def seeded(rows: Rows) -> Mapping[str, Any]:
    """Two proposals with two sessions each, and people who see different parts of them; the keys by name."""
    return rows.seed()

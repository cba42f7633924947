"""A site with beamlines, on SQLite: the rules of the profile do not depend on the database."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.databases import fresh_sqlite_database
from tests.objapi.mxlive.station import Station, User, opened_station


@pytest.fixture(scope="module")
def station(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Station]:
    folder = Path(tmp_path_factory.mktemp("site"))
    with opened_station(fresh_sqlite_database(folder), folder) as opened:
        yield opened


@pytest.fixture
def user(station: Station) -> User:
    return station.user()

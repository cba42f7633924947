"""One site with beamlines a module and database; tests make beamlines and users of their own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.objapi.mxlive.station import Station, User, opened_station


@pytest.fixture(scope="module")
def station(module_database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Station]:
    with opened_station(module_database_url, Path(tmp_path_factory.mktemp("site"))) as opened:
        yield opened


@pytest.fixture(autouse=True)
def well_proxy(request: pytest.FixtureRequest) -> None:
    """Every test begins with a data proxy that works."""
    if "station" in request.fixturenames:
        station: Station = request.getfixturevalue("station")
        station.proxy.well()


@pytest.fixture(scope="module")
def shared_line(station: Station) -> str:
    """A beamline for tests that leave nothing behind."""
    return station.beamline()


@pytest.fixture(scope="module")
def visitor(station: Station) -> User:
    """A user for tests that leave nothing behind."""
    return station.user()


@pytest.fixture
def beamline(station: Station) -> str:
    return station.beamline()


@pytest.fixture
def user(station: Station) -> User:
    return station.user()

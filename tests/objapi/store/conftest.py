"""Sites to test on: the workshop for the general rules, the sample laboratory for what is particular to it."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from objapi import upkeep
from objapi.model.loading import read_content
from tests.objapi.store.workshop import USERS, Gateway, open_site, quietly

_numbers = count(1)


@pytest.fixture(scope="module")
def module_workshop(module_database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """One workshop for all tests of a module; each test works in a team of its own."""
    site = open_site(module_database_url, tmp_path_factory.mktemp("workshop"))
    gateway = Gateway.on(site)
    gateway.add_users(USERS)
    yield gateway
    site.close()


@pytest.fixture
def workshop(module_workshop: Gateway) -> Gateway:
    return module_workshop


@pytest.fixture
def team(module_workshop: Gateway) -> str:
    """The path of a new, empty team."""
    return module_workshop.create("boss", "Team", "/", title=f"Team of test {next(_numbers)}").path


@pytest.fixture
def person(module_workshop: Gateway) -> str:
    """The UID of a new person."""
    return module_workshop.create("boss", "Person", "/", title=f"Person {next(_numbers)}").uid


@pytest.fixture(scope="module")
def laboratory(module_database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """The sample laboratory."""
    site = open_site(module_database_url, tmp_path_factory.mktemp("laboratory"), ("lims",))
    upkeep.load_content(site, read_content(Path(site.registry.content_files["demo"][0])), quietly, for_trials=True)
    yield Gateway.on(site)
    site.close()

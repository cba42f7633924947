"""Objects read without locks: whoever writes in the end stands by what was read."""

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy.engine import URL

from catalog.dialect import begin_write
from objapi.store.records import StaleWrite
from objapi.store.upgrade.installing import system_planner
from objapi.store.writing.planner import StorePlanner
from tests.databases import fresh_mariadb_database
from tests.objapi.store.workshop import USERS, Gateway, open_site

# On SQLite one writer has the whole database, so only MariaDB lets anything happen meanwhile.


@pytest.fixture(scope="module")
def workshop(mariadb: Callable[[], URL], tmp_path_factory: pytest.TempPathFactory) -> object:
    with fresh_mariadb_database(mariadb()) as url:
        site = open_site(url, tmp_path_factory.mktemp("workshop"))
        gateway = Gateway.on(site)
        gateway.add_users(USERS)
        yield gateway
        site.close()


@pytest.fixture
def path(workshop: Gateway, tmp_path: Path) -> str:
    return workshop.create("boss", "Team", "/", title=tmp_path.name).path


def meanwhile(
    workshop: Gateway, path: str, change: Callable[[], object], then: Callable[[StorePlanner], object]
) -> None:
    """Read an object without a lock, let another request come between, and go on."""
    site = workshop.site
    with site.engine.connect() as connection, begin_write(connection):
        planner = system_planner(site.context, connection, site.now())
        with planner.workspace.without_locks():
            planner.workspace.load_paths([path])
        change()
        then(planner)


def confirm(planner: StorePlanner) -> None:
    planner.workspace.confirm_unchanged(frozenset())


def hold(planner: StorePlanner) -> None:
    planner.workspace.lock_drafts(list(planner.workspace.by_rid.values()))


def read_again(planner: StorePlanner) -> None:
    planner.workspace.load_children([rid for rid in [planner.at("/").rid] if rid])


@pytest.mark.parametrize("then", [confirm, hold, read_again])
def test_what_was_changed_meanwhile_is_found_out(
    workshop: Gateway, path: str, then: Callable[[StorePlanner], object]
) -> None:
    with pytest.raises(StaleWrite):
        meanwhile(workshop, path, lambda: workshop.update("boss", path, Room="7"), then)


@pytest.mark.parametrize("then", [confirm, hold, read_again])
def test_what_was_left_alone_stands(workshop: Gateway, path: str, then: Callable[[StorePlanner], object]) -> None:
    meanwhile(workshop, path, lambda: None, then)


@pytest.mark.parametrize("then", [confirm, hold])
def test_what_is_gone_is_found_out(workshop: Gateway, path: str, then: Callable[[StorePlanner], object]) -> None:
    uid = workshop.uid(path)
    with pytest.raises(StaleWrite):
        meanwhile(workshop, path, lambda: workshop.remove("boss", uid), then)


def test_derived_rows_count_as_changed(workshop: Gateway, path: str) -> None:
    maker = workshop.create("boss", "Person", "/", title=path).uid
    thing = workshop.create("boss", "Thing", path, title="x", Maker=maker).path
    with pytest.raises(StaleWrite):
        meanwhile(workshop, thing, lambda: workshop.update("boss", path, Address={"city": "Ulm"}), confirm)

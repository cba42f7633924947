"""`Site.upgrade`: from one profile to the next, with objects and requests in between."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import pytest
from sqlalchemy import exc, select
from sqlalchemy.engine import URL, make_url

from objapi import upkeep
from objapi.settings import load_settings
from objapi.site import Site
from objapi.site_context import SiteError
from objapi.store.schema import entities
from tests.databases import fresh_mariadb_database
from tests.objapi.model.loading.small_profile import write_profile
from tests.ready_sites import initialise

TYPES = """
    Plone Site: {id: {kind: fixed, form: Plone}, catalogs: [portal_catalog]}
    Settings:
      containers: [Plone Site]
      id: {kind: fixed, form: settings}
      catalogs: [portal_catalog]
    Shelf:
      containers: [Plone Site]
      catalogs: [portal_catalog]
      fields:
        Label: {kind: string, required: true}
    """
FILES = {
    "profile.yaml": """
        title: Library
        """,
    "types/base.yaml": """
        base_fields:
          title: {kind: string, searchable: true}
          description: {kind: text}
        """,
    "types/library.yaml": TYPES,
    "catalogs/main.yaml": """
        portal_catalog:
          indexes:
            UID: {kind: uuid, source: uid}
            id: {kind: field, hot: true}
        """,
    "catalogs/uid.yaml": """
        uid_catalog:
          types: all
          indexes:
            UID: {kind: uuid, source: uid}
        """,
    "roles.yaml": """
        roles: [Manager, Authenticated]
        """,
    "layout.yaml": """
        - {path: /settings, portal_type: Settings, fields: {title: Settings}}
        - {path: /shelf-1, portal_type: Shelf, fields: {Label: First}}
        """,
}
WITH_LABEL = {
    "catalogs/main.yaml": """
        portal_catalog:
          indexes:
            UID: {kind: uuid, source: uid}
            id: {kind: field, hot: true}
            label: {kind: field, hot: true, sources: {Shelf: Label}}
        """
}
WITHOUT_SHELVES = {
    "types/library.yaml": TYPES.replace(
        "catalogs: [portal_catalog]\n      fields", "catalogs: [shelves]\n      fields"
    ),
    "catalogs/shelves.yaml": """
        shelves:
          indexes:
            UID: {kind: uuid, source: uid}
            label: {kind: field, sources: {Shelf: Label}}
        """,
}
REINDEXING: Final = "Reindexing"
"""Label under which an upgrade shows the work that it does last."""
Opener = Callable[[dict[str, str]], Site]


@contextmanager
def _silent(label: str, total: int) -> Iterator[Callable[[int], None]]:
    yield lambda done: None


@pytest.fixture
def opener(database_url: str, tmp_path: Path) -> Iterator[Opener]:
    """Opens the site of the test's database with the small profile and the files given over it."""
    opened: list[Site] = []

    def open_site(changes: dict[str, str]) -> Site:
        folder = write_profile(tmp_path / f"profile-{len(opened)}", FILES | changes)
        environment = {"OBJAPI_DATABASE_URL": database_url, "OBJAPI_PROFILES": str(folder)}
        opened.append(Site.open(load_settings(environment, {"data_dir": tmp_path})))
        return opened[-1]

    yield open_site
    for site in opened:
        site.close()


def _installed(opener: Opener) -> Site:
    site = opener({})
    initialise(site)
    upkeep.check_current(site)
    return site


def _indexed(site: Site, catalog: str, index: str) -> dict[str, Any]:
    """Id of each object in the catalog → its value in the index."""
    tables = site.context.tables[catalog]
    statement = select(entities.c.id, tables.column(index)).join_from(
        tables.main, entities, tables.rid == entities.c.rid
    )
    with site.engine.connect() as connection:
        return {row[0]: row[1] for row in connection.execute(statement)}


def test_site_with_other_declarations_cannot_be_used_before_its_upgrade(opener: Opener) -> None:
    _installed(opener)
    site = opener(WITH_LABEL)
    with pytest.raises(SiteError, match="objapi upgrade"):
        upkeep.check_current(site)
    upkeep.upgrade(site, _silent)
    upkeep.check_current(site)


def test_upgrade_fills_new_indexes(opener: Opener) -> None:
    _installed(opener)
    site = opener(WITH_LABEL)
    upkeep.upgrade(site, _silent)
    labels = _indexed(site, "portal_catalog", "label")
    assert labels["shelf-1"] == "First"
    assert labels["settings"] is None


def test_upgrade_fills_new_catalogs_and_leaves_nothing_behind_in_others(opener: Opener) -> None:
    before = _installed(opener)
    assert "shelf-1" in _indexed(before, "portal_catalog", "id")
    site = opener(WITHOUT_SHELVES)
    upkeep.upgrade(site, _silent)
    assert _indexed(site, "shelves", "label") == {"shelf-1": "First"}
    assert set(_indexed(site, "portal_catalog", "id")) == {"Plone", "settings"}
    assert "shelf-1" in _uids(site)


def _uids(site: Site) -> dict[str, Any]:
    return _indexed(site, "uid_catalog", "UID")


def test_catalog_declared_again_holds_no_ghosts(opener: Opener) -> None:
    _installed(opener)
    upkeep.upgrade(opener(WITHOUT_SHELVES), _silent)
    without = opener({})
    upkeep.upgrade(without, _silent)
    with without.engine.begin() as connection:
        shelf = connection.scalar(select(entities.c.rid).where(entities.c.id == "shelf-1"))
        for tables in without.context.tables.values():
            for table in (*tables.side_tables, tables.main):
                connection.execute(table.delete().where(table.c.rid == shelf))
        connection.execute(entities.delete().where(entities.c.rid == shelf))
    site = opener(WITHOUT_SHELVES)
    upkeep.upgrade(site, _silent)
    with site.engine.connect() as connection:
        assert shelf not in list(connection.scalars(select(site.context.tables["shelves"].rid)))


def test_upgrade_of_nothing_is_refused(opener: Opener) -> None:
    with pytest.raises(SiteError, match="objapi init"):
        upkeep.upgrade(opener({}), _silent)


def test_second_upgrade_is_refused_while_the_first_indexes(opener: Opener) -> None:
    _installed(opener)
    first, second = opener(WITH_LABEL), opener(WITH_LABEL)
    refused: list[str] = []

    @contextmanager
    def try_meanwhile(label: str, total: int) -> Iterator[Callable[[int], None]]:
        if label == REINDEXING:
            with pytest.raises(SiteError) as refusal:
                upkeep.upgrade(second, _silent)
            refused.append(str(refusal.value))
        yield lambda done: None

    upkeep.upgrade(first, try_meanwhile)
    assert len(refused) == 1
    assert "until" in refused[0]
    upkeep.check_current(first)


def test_upgrade_that_fails_while_indexing_counts_as_not_done(opener: Opener) -> None:
    _installed(opener)
    site = opener(WITH_LABEL)

    def interrupt(done: int) -> None:
        raise InterruptedError

    @contextmanager
    def failing(label: str, total: int) -> Iterator[Callable[[int], None]]:
        yield interrupt if label == REINDEXING else lambda done: None

    with pytest.raises(InterruptedError):
        upkeep.upgrade(site, failing)
    with pytest.raises(SiteError, match="cut short"):
        upkeep.check_current(site)
    upkeep.upgrade(site, _silent)
    upkeep.check_current(site)


def test_former_declarations_go_on_writing_while_an_upgrade_runs(opener: Opener) -> None:
    former = _installed(opener)
    site = opener(WITH_LABEL)

    @contextmanager
    def index_meanwhile(label: str, total: int) -> Iterator[Callable[[int], None]]:
        upkeep.reindex(former, _silent)
        yield lambda done: None

    upkeep.upgrade(site, index_meanwhile)
    assert _indexed(site, "portal_catalog", "label")["shelf-1"] == "First"


def test_profiles_of_a_site_are_remembered(opener: Opener, database_url: str, tmp_path: Path) -> None:
    made = _installed(opener)
    later = Site.open(load_settings({"OBJAPI_DATABASE_URL": database_url}, {"data_dir": tmp_path}))
    try:
        upkeep.check_current(later)
        assert later.settings.profiles == made.settings.profiles
        assert later.registry.fingerprint == made.registry.fingerprint
    finally:
        later.close()


def _base_alone(database_url: str, tmp_path: Path) -> Site:
    environment = {"OBJAPI_DATABASE_URL": database_url, "OBJAPI_PROFILES": "base"}
    return Site.open(load_settings(environment, {"data_dir": tmp_path}))


def test_profiles_that_are_left_out_are_named(opener: Opener, database_url: str, tmp_path: Path) -> None:
    made = _installed(opener)
    without = _base_alone(database_url, tmp_path)
    try:
        with pytest.raises(SiteError) as refusal:
            upkeep.check_current(without)
    finally:
        without.close()
    assert "set it so, or unset it" in str(refusal.value)
    assert str((made.settings.profiles or ("",))[0]) in str(refusal.value)


def test_upgrade_without_a_type_that_has_objects_changes_nothing(
    opener: Opener, database_url: str, tmp_path: Path
) -> None:
    made = _installed(opener)
    without = _base_alone(database_url, tmp_path)
    try:
        with pytest.raises(SiteError, match=r"Settings \(1\), Shelf \(1\)"):
            upkeep.upgrade(without, _silent)
    finally:
        without.close()
    upkeep.check_current(made)


BROKEN: Final = """
from objapi.model.behaviors import Behaviors

behaviors = Behaviors()


@behaviors.add("computed", "shout")
def shout(planner, entity):
    return planner.value(entity, "Label").upper() + nosuch
"""


def test_upgrade_with_a_behaviour_that_fails_changes_nothing(opener: Opener, database_url: str, tmp_path: Path) -> None:
    made = _installed(opener)
    loud = TYPES.replace(
        "Label: {kind: string, required: true}",
        "Label: {kind: string, required: true}\n        Loud: {kind: computed, behavior: shout, depends: [Label]}",
    )
    site = opener({"types/library.yaml": loud, "behaviors.py": BROKEN})
    with pytest.raises(SiteError) as refusal:
        upkeep.upgrade(site, _silent)
    assert "Shelf /Plone/shelf-1 cannot be indexed: NameError" in str(refusal.value)
    assert "behaviors.py:" in str(refusal.value)
    upkeep.check_current(made)


@pytest.mark.parametrize("right", ["CREATE", "ALTER"])
def test_upgrade_by_an_account_with_too_few_rights_changes_nothing(
    mariadb: Callable[[], URL], tmp_path: Path, right: str
) -> None:
    folder = write_profile(tmp_path / "profile", FILES)
    changed = write_profile(tmp_path / "changed", FILES | WITH_LABEL)
    with fresh_mariadb_database(mariadb()) as url:
        made = Site.open(
            load_settings({"OBJAPI_DATABASE_URL": url, "OBJAPI_PROFILES": str(folder)}, {"data_dir": tmp_path})
        )
        upkeep.initialise(made, _silent)
        user = f"few_{uuid4().hex[:8]}"
        rights = ", ".join({"SELECT", "INSERT", "UPDATE", "DELETE", "CREATE", "ALTER", "INDEX"} - {right})
        with made.engine.begin() as connection:
            connection.exec_driver_sql(f"CREATE USER '{user}'@'%%' IDENTIFIED BY 'secret'")
            connection.exec_driver_sql(f"GRANT {rights} ON `{make_url(url).database}`.* TO '{user}'@'%%'")
        few = make_url(url).set(username=user, password="secret").render_as_string(hide_password=False)
        site = Site.open(
            load_settings({"OBJAPI_DATABASE_URL": few, "OBJAPI_PROFILES": str(changed)}, {"data_dir": tmp_path})
        )
        try:
            with pytest.raises(exc.OperationalError, match="denied"):
                upkeep.upgrade(site, _silent)
            upkeep.check_current(made)
        finally:
            with made.engine.begin() as connection:
                connection.exec_driver_sql(f"DROP USER '{user}'@'%%'")
            site.close()
            made.close()

"""What the database knows of its site, and what is to be done when it is not up to date."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, MetaData, column, delete, event, select, table, update
from sqlalchemy.exc import OperationalError

import objapi.security.tables  # noqa: F401 - its tables belong to the metadata
from catalog import CatalogSchema, CatalogTables, Index, IndexKind
from catalog.dialect import create_engine_for, insert_rows
from objapi.model.behaviors import Behaviors
from objapi.model.registry import CatalogDeclaration, Registry, Roles
from objapi.store.schema import entities, metadata, site_state
from objapi.store.upgrade import versions
from objapi.store.upgrade.lease import DURATION, Lease, LeaseRefused
from objapi.store.upgrade.versions import (
    create_tables,
    finish_upgrade,
    is_installed,
    state_problem,
    upgrade_lease,
    upgrade_obstacle,
    upgrade_tables,
)
from tests.objapi.store.upgrade.layouts import layout_of
from workflows import Registry as Conditions

SITE = "Plone"
ALEMBIC = table("alembic_version", column("version_num"))


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = create_engine_for(database_url)
    yield engine
    engine.dispose()


def _registry(*indexes: str) -> Registry:
    """Declarations of one catalog with these indexes; their names are the fingerprint."""
    schema = CatalogSchema("books", {name: Index(name, IndexKind.FIELD) for name in indexes})
    return Registry(
        types={},
        catalogs={"books": CatalogDeclaration(schema, {})},
        aliases={},
        workflows={},
        cascades=(),
        conditions=Conditions(),
        roles=Roles((), {}, {}),
        behaviors=Behaviors(),
        fingerprint=" ".join(indexes),
    )


OLD = _registry("id")
NEW = _registry("id", "title")


def _catalogs(registry: Registry) -> MetaData:
    catalog_metadata = MetaData()
    for catalog in registry.catalogs.values():
        CatalogTables(catalog.schema, catalog_metadata)
    return catalog_metadata


def _create(engine: Engine, registry: Registry = OLD) -> None:
    create_tables(engine, _catalogs(registry), registry, SITE)


def _install(engine: Engine, registry: Registry = OLD) -> None:
    """Tables and a root object."""
    _create(engine, registry)
    texts = dict.fromkeys(("states", "settings", "sides", "title", "data", "meta", "answer"), "")
    numbers = dict.fromkeys(("version", "created", "modified", "acl", "scope"), 1)
    names = {"uid": "0" * 32, "id": SITE, "path": f"/{SITE}", "portal_type": "Plone Site", "creator": ""}
    with engine.begin() as connection:
        insert_rows(connection, entities, [{"rid": 1, **names, **numbers, **texts}])


def _upgrade(engine: Engine, registry: Registry) -> None:
    with upgrade_lease(engine) as lease:
        upgrade_tables(engine, _catalogs(registry), lease)
        finish_upgrade(engine, registry)


# Making a site


def test_empty_database_holds_no_site(engine: Engine) -> None:
    assert not is_installed(engine)
    assert state_problem(engine, OLD, SITE) == "The database holds no site yet. Run `objapi init`."
    assert upgrade_obstacle(engine, SITE) == "The database holds no site yet. Run `objapi init`."


def test_unreachable_database_raises_its_own_error() -> None:
    engine = create_engine_for("mysql+pymysql://nobody@127.0.0.1:1/none")
    with pytest.raises(OperationalError):
        is_installed(engine)


def test_tables_without_objects_are_no_site_yet(engine: Engine) -> None:
    _create(engine)
    assert not is_installed(engine)
    assert "objapi init" in str(state_problem(engine, OLD, SITE))


def test_made_site_is_there_and_up_to_date(engine: Engine) -> None:
    _install(engine)
    assert is_installed(engine)
    assert state_problem(engine, OLD, SITE) is None
    assert upgrade_obstacle(engine, SITE) is None


def test_all_tables_are_made(engine: Engine) -> None:
    _create(engine)
    assert set(layout_of(engine)) == {*metadata.tables, "cat_books", "cat_books_kw", "cat_books_n", "cat_books_words"}


def test_making_tables_again_changes_nothing(engine: Engine) -> None:
    _install(engine)
    before = layout_of(engine)
    _create(engine)
    assert layout_of(engine) == before
    assert state_problem(engine, OLD, SITE) is None


@pytest.mark.parametrize(
    "statements", [1, 30, 70, *(pytest.param(number, marks=pytest.mark.extended) for number in (3, 10, 60))]
)
def test_making_tables_cut_short_is_finished_by_doing_it_again(engine: Engine, statements: int) -> None:
    _stop_after(engine, statements, lambda: _create(engine))
    assert not is_installed(engine)
    _install(engine)
    assert state_problem(engine, OLD, SITE) is None
    made = layout_of(engine)
    with engine.begin() as connection:
        metadata.drop_all(connection)
        _catalogs(OLD).drop_all(connection)
    _create(engine)
    assert layout_of(engine) == made


class Killed(BaseException):
    """The process ended here."""


def _stop_after(engine: Engine, statements: int, work: Callable[[], None]) -> None:
    """Do work until so many statements were executed, as if the process were killed then."""
    left = statements

    def count(*arguments: object) -> None:
        nonlocal left
        if left <= 0:
            raise Killed
        left -= 1

    event.listen(engine, "before_cursor_execute", count)
    try:
        with pytest.raises(Killed):
            work()
    finally:
        event.remove(engine, "before_cursor_execute", count)
    _let_lease_expire(engine)


def _let_lease_expire(engine: Engine) -> None:
    """A killed process cannot give its lease back; here the time until it expires has passed."""
    if site_state.name in layout_of(engine):
        with engine.begin() as connection:
            connection.execute(delete(site_state).where(site_state.c.name == "lease"))


# What is wrong with a database


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("site_id", "Other", ["'Other'", "'Plone'", "OBJAPI_SITE_ID=Other"]),
        ("fingerprint", "otherwise", ["declared", "`objapi upgrade`"]),
        ("upgrade_began", "2026-03-01 09:30:00+00:00", ["2026-03-01 09:30", "cut short", "`objapi upgrade`"]),
    ],
)
def test_state_that_does_not_fit_is_told_with_its_remedy(
    engine: Engine, name: str, value: str, words: list[str]
) -> None:
    _install(engine)
    with engine.begin() as connection:
        connection.execute(delete(site_state).where(site_state.c.name == name))
        insert_rows(connection, site_state, [{"name": name, "value": value}])
    problem = state_problem(engine, OLD, SITE)
    assert problem is not None
    assert [word for word in words if word not in problem] == []


def test_earlier_schema_asks_for_an_upgrade(engine: Engine) -> None:
    _install(engine)
    with engine.begin() as connection:
        connection.execute(delete(ALEMBIC))
    assert "earlier version" in str(state_problem(engine, OLD, SITE))
    assert "`objapi upgrade`" in str(state_problem(engine, OLD, SITE))
    assert upgrade_obstacle(engine, SITE) is None


def test_later_schema_cannot_be_upgraded(engine: Engine) -> None:
    _install(engine)
    with engine.begin() as connection:
        connection.execute(update(ALEMBIC).values(version_num="9999"))
    assert "later version of objapi (schema 9999" in str(state_problem(engine, OLD, SITE))
    assert upgrade_obstacle(engine, SITE) == state_problem(engine, OLD, SITE)


def test_site_of_another_id_cannot_be_upgraded(engine: Engine) -> None:
    _install(engine)
    assert "'Plone'" in str(upgrade_obstacle(engine, "Other"))


# Upgrades


def test_upgrade_brings_tables_in_step_with_declarations(engine: Engine) -> None:
    _install(engine, OLD)
    assert "`objapi upgrade`" in str(state_problem(engine, NEW, SITE))
    _upgrade(engine, NEW)
    assert state_problem(engine, NEW, SITE) is None
    assert "`objapi upgrade`" in str(state_problem(engine, OLD, SITE))
    assert len(layout_of(engine)["cat_books"]["columns"]) == 6


def test_upgrade_of_an_up_to_date_site_changes_nothing(engine: Engine) -> None:
    _install(engine)
    before = layout_of(engine)
    _upgrade(engine, OLD)
    assert layout_of(engine) == before
    assert state_problem(engine, OLD, SITE) is None


def test_upgrade_runs_the_migrations_that_are_missing(engine: Engine) -> None:
    _install(engine)
    with engine.begin() as connection:
        connection.execute(delete(ALEMBIC))
    _upgrade(engine, OLD)
    assert state_problem(engine, OLD, SITE) is None


def test_database_is_not_up_to_date_until_everything_was_indexed(engine: Engine) -> None:
    _install(engine, OLD)
    with upgrade_lease(engine) as lease:
        upgrade_tables(engine, _catalogs(NEW), lease)
        assert "is being upgraded by process" in str(state_problem(engine, NEW, SITE))
    for registry in (OLD, NEW):
        assert "cut short" in str(state_problem(engine, registry, SITE))
    _upgrade(engine, NEW)
    assert state_problem(engine, NEW, SITE) is None


@pytest.mark.parametrize(
    "statements", [1, 20, *(pytest.param(number, marks=pytest.mark.extended) for number in (5, 60))]
)
def test_upgrade_cut_short_is_finished_by_doing_it_again(engine: Engine, statements: int) -> None:
    _install(engine, OLD)
    _stop_after(engine, statements, lambda: _upgrade(engine, NEW))
    assert state_problem(engine, NEW, SITE) is not None
    _upgrade(engine, NEW)
    assert state_problem(engine, NEW, SITE) is None
    assert len(layout_of(engine)["cat_books"]["columns"]) == 6


def test_second_upgrade_is_refused_while_one_is_running(engine: Engine) -> None:
    _install(engine)
    with upgrade_lease(engine), pytest.raises(LeaseRefused, match="until"), upgrade_lease(engine):
        pytest.fail("two upgrades at once")


def test_tables_are_not_made_while_another_process_makes_them(engine: Engine) -> None:
    _create(engine)
    with upgrade_lease(engine), pytest.raises(LeaseRefused):
        _create(engine)


def test_upgrade_stops_when_its_lease_was_taken_over(engine: Engine) -> None:
    _install(engine, OLD)
    begun = datetime.now(UTC)
    times = [begun]
    slow = Lease(engine, lambda: times[-1])
    slow.take()
    times.append(begun + 2 * DURATION)
    Lease(engine, lambda: begun + DURATION + timedelta(minutes=1)).take()
    with pytest.raises(LeaseRefused, match="took over"):
        upgrade_tables(engine, _catalogs(NEW), slow)
    assert len(layout_of(engine)["cat_books"]["columns"]) == 5


def test_finishing_is_one_transaction(engine: Engine) -> None:
    """A fingerprint of declarations that the marker still calls unfinished would be a lie, and so would the reverse."""
    _install(engine, OLD)
    with upgrade_lease(engine) as lease:
        upgrade_tables(engine, _catalogs(NEW), lease)
    _stop_after(engine, 2 if engine.dialect.name != "sqlite" else 1, lambda: finish_upgrade(engine, NEW))
    with engine.connect() as connection:
        state = {row.name: row.value for row in connection.execute(select(site_state))}
    assert state[versions.FINGERPRINT] == OLD.fingerprint
    assert versions.UNFINISHED in state

"""A site with data whose tables are those of an earlier version is upgraded: all it held is there, and it goes on."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from sqlalchemy import Engine

from catalog.dialect import begin_write, create_engine_for
from objapi import upkeep
from objapi.security.accounts import Account, insert_user
from objapi.store.requests import ByPath
from objapi.store.trail.verifying import verify_trail
from objapi.store.upgrade.migrations import configuration, newest_version, schema_version
from objapi.store.upgrade.versions import state_problem
from tests.databases import fresh_mariadb_database, fresh_sqlite_database
from tests.objapi.store.upgrade.layouts import Layout, layout_of
from tests.objapi.store.workshop import USERS, Gateway, open_site, quietly

EARLIER = "0013"
"""The version before signatures, proofs of signers and webhooks."""


@pytest.fixture
def earlier_layout(database_url: str, tmp_path: Path, mariadb: Callable[[], sa.URL]) -> Iterator[Layout]:
    """The tables as the migrations up to the earlier version make them, on a database of the same kind."""

    @contextmanager
    def another() -> Iterator[str]:
        if database_url.startswith("sqlite"):
            (tmp_path / "earlier").mkdir()
            yield fresh_sqlite_database(tmp_path / "earlier")
        else:
            with fresh_mariadb_database(mariadb()) as url:
                yield url

    with another() as url:
        engine = create_engine_for(url)
        with engine.connect() as connection, begin_write(connection):
            command.upgrade(configuration(connection), EARLIER)
        yield layout_of(engine)
        engine.dispose()


def make_earlier(engine: Engine, wanted: Layout, own: set[str]) -> None:
    """Take away what later versions have added to the gateway's own tables."""
    there = layout_of(engine)
    with engine.connect() as connection, begin_write(connection):
        for name in sorted(own & set(there)):
            if name not in wanted:
                connection.execute(sa.text(f"DROP TABLE {name}"))
                continue
            for column in sorted(set(there[name]["columns"]) - set(wanted[name]["columns"])):
                connection.execute(sa.text(f"ALTER TABLE {name} DROP COLUMN {column}"))
        connection.execute(sa.text("UPDATE alembic_version SET version_num = :version"), {"version": EARLIER})
    found = layout_of(engine)
    assert {name: found[name] for name in wanted} == wanted


def fill(gateway: Gateway) -> None:
    """Objects that were made, changed, moved through states, renamed and removed, files and users."""
    gateway.add_users(USERS)
    team = gateway.create("boss", "Team", "/", id="team", title="Team", Address={"city": "Brno"}).path
    maker = gateway.create("boss", "Person", "/", id="maker", title="Maker").uid
    manual = {"filename": "m.txt", "base64": "aGVsbG8="}
    for number in range(6):
        gateway.create("mia", "Thing", team, title=f"Thing {number}", Maker=maker, Count=number, Manual=manual)
    gateway.update("boss", f"{team}/thing-1", Count=11)
    gateway.act("boss", "hide", f"{team}/thing-2")
    gateway.act("boss", "finish", f"{team}/thing-3")
    gateway.remove("boss", gateway.uid(f"{team}/thing-4"))
    gateway.grant_local_roles("/team", "olga", ["Owner"])
    gateway.site.number_requests()


def test_a_site_of_an_earlier_version_is_upgraded_with_all_it_holds(
    database_url: str, earlier_layout: Layout, tmp_path: Path
) -> None:
    with closing(open_site(database_url, tmp_path / "site")) as site:
        gateway = Gateway.on(site)
        fill(gateway)
        newest, before = layout_of(site.engine), gateway.dump()
        told = gateway.history("boss", ByPath("/team/thing-1")).rows
        head = site.number_requests()
        # What one process has begun by the old tables and nobody has numbered.
        gateway.create("boss", "Label", "/", title="Not numbered")
        own = {table.name for table in gateway.tables()} - {t.name for t in site.catalog_metadata.sorted_tables}
        make_earlier(site.engine, earlier_layout, own)
        problem = state_problem(site.engine, site.registry, "Plone")
        assert problem is not None
        assert "Run `objapi upgrade`" in problem

        upkeep.upgrade(site, quietly)

        assert layout_of(site.engine) == newest
        with site.engine.connect() as connection:
            assert schema_version(connection) == newest_version()
        assert state_problem(site.engine, site.registry, "Plone") is None
        after = gateway.dump()
        for name in ("entities", "blob_chunks", "users", "local_roles", "sequences", "refs"):
            assert set(before[name]) <= set(after[name]), name
        verified = site.transact(
            lambda connection: verify_trail(connection, "Plone", {head.seq: head.link}), write=False
        )
        assert (verified.problems, verified.unlinked) == ([], 0)
        gateway.assert_settled()
        # It goes on: reads, writes, what the history holds, and what the new tables are for.
        assert gateway.read("boss", "/team/thing-1")["Count"] == 11
        assert gateway.history("boss", ByPath("/team/thing-1")).rows == told
        thing = gateway.create("mia", "Thing", "/team", title="Later", Maker=gateway.uid("/maker"))
        assert thing.id == "thing-7"
        site.transact(
            lambda connection: insert_user(connection, Account("new", "New", "", True, (), ()), "*", site.now()),
            write=True,
        )
        site.number_requests()
        verified = site.transact(
            lambda connection: verify_trail(connection, "Plone", {head.seq: head.link}), write=False
        )
        assert (verified.problems, verified.unlinked) == ([], 0)

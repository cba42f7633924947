"""Connections that are lost in a commit: what was asked is done once, or it is said that nobody knows."""

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Connection, func, insert, select
from sqlalchemy.engine import URL, make_url

from objapi.errors import OutcomeUnknown
from objapi.site import Site
from objapi.store import outcome
from objapi.store.requests import ByPath, UpdateItem
from objapi.store.schema import history_entries, requests, sequences
from tests.cutting_proxy import Cut, CuttingProxy, cutting_proxy
from tests.databases import fresh_mariadb_database
from tests.objapi.store.workshop import USERS, Gateway, open_site


@pytest.fixture(scope="module")
def proxied(
    mariadb: Callable[[], URL], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Gateway, CuttingProxy]]:
    """A workshop whose connections go through a proxy."""
    folder: Path = tmp_path_factory.mktemp("workshop")
    with fresh_mariadb_database(mariadb()) as url, cutting_proxy(make_url(url)) as proxy:
        by_proxy = make_url(url).set(port=proxy.port).render_as_string(hide_password=False)
        with closing(open_site(by_proxy, folder, lock_timeout=2.0)) as site:
            gateway = Gateway.on(site)
            gateway.add_users(USERS)
            yield gateway, proxy


def numbers(site: Site) -> tuple[int, int]:
    """How many requests and how many changes the history has."""
    counted = [select(func.count()).select_from(table) for table in (requests, history_entries)]
    first, second = site.transact(lambda connection: [connection.scalar(count) or 0 for count in counted], write=False)
    return first, second


@pytest.mark.parametrize("cut", ["before", "after", "late"])
@pytest.mark.parametrize("twice", [False, True], ids=["once", "twice"])
def test_a_request_whose_commit_was_lost_is_done_once(
    proxied: tuple[Gateway, CuttingProxy], cut: Cut, twice: bool
) -> None:
    gateway, proxy = proxied
    title = f"Lost {cut} {twice}"
    before = numbers(gateway.site)
    proxy.cuts[:] = ["before", cut] if twice else [cut]
    made = gateway.create("boss", "Team", "/", title=title)
    assert proxy.cuts == []
    assert numbers(gateway.site) == (before[0] + 1, before[1] + 1)
    assert [found["UID"] for found in gateway.find("boss", {"portal_type": "Team", "title": title})] == [made.uid]
    proxy.cuts[:] = [cut]
    changed = gateway.update_all("boss", [UpdateItem(ByPath(made.path), {"title": f"{title}!"}, made.version)])
    assert changed.entries[0].version == made.version + 1


def test_a_commit_that_arrives_after_the_look_meets_the_repetition(
    proxied: tuple[Gateway, CuttingProxy], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A look that finds nothing since the node has not heard of the commit yet: only one of the two can be there."""
    gateway, proxy = proxied
    looks = iter([False])
    look = outcome._is_stored

    def blind_at_first(connection: Connection, trace: outcome.Trace) -> bool:
        return next(looks, None) is None and look(connection, trace)

    monkeypatch.setattr(outcome, "_is_stored", blind_at_first)
    before = numbers(gateway.site)
    proxy.cuts[:] = ["after"]
    made = gateway.create("boss", "Team", "/", title="Met")
    assert numbers(gateway.site) == (before[0] + 1, before[1] + 1)
    assert [found["UID"] for found in gateway.find("boss", {"portal_type": "Team", "title": "Met"})] == [made.uid]


def test_what_leaves_no_trace_is_repeated_only_where_that_does_no_harm(proxied: tuple[Gateway, CuttingProxy]) -> None:
    gateway, proxy = proxied
    site = gateway.site

    def work(name: str) -> Callable[[Connection], object]:
        return lambda connection: connection.execute(insert(sequences).values(name=f"lost-{name}", value=1))

    def stored(name: str) -> bool:
        statement = select(sequences.c.value).where(sequences.c.name == f"lost-{name}")
        return site.transact(lambda connection: connection.scalar(statement), write=False) == 1

    for cut, done in (("before", False), ("after", True)):
        proxy.cuts[:] = [cut]
        with pytest.raises(OutcomeUnknown, match="not known whether"):
            site.transact(work(cut), write=True)
        assert stored(cut) is done
    proxy.cuts[:] = ["before"]
    site.transact(work("again"), write=True, repeatable=True)
    assert stored("again")


def test_an_outcome_that_no_server_tells_is_unknown(
    proxied: tuple[Gateway, CuttingProxy],
) -> None:
    gateway, proxy = proxied
    proxy.cuts[:] = ["after", *["before"] * 1000]
    with pytest.raises(OutcomeUnknown) as refusal:
        gateway.create("boss", "Team", "/", title="Unknown")
    proxy.cuts.clear()
    assert refusal.value.status == 503
    assert gateway.total("boss", {"portal_type": "Team", "title": "Unknown"}) == 1

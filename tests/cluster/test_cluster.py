"""Gateways that write through different nodes of a cluster, whose nodes die, hang and come back."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from objapi.errors import OutcomeUnknown, Unavailable
from objapi.settings import Settings
from objapi.site import Site
from tests.cluster.galera import DATABASE, Cluster, Node, galera_cluster
from tests.databases import ServerMissing
from tests.objapi.store.trail.test_changes import page
from tests.objapi.store.workshop import PROFILE, USERS, Gateway, open_site
from tests.waiting import ENOUGH, wait_until

pytestmark = pytest.mark.extended

REQUIRED = "OBJAPI_TEST_REQUIRE_GALERA"
WRITERS = 3
"""Writers of each gateway."""
AT_LEAST = 12
"""Objects that each gateway makes before the next thing happens to a node."""
_LIMITS: dict[str, Any] = {"lock_timeout": 5.0, "query_time_limit": 5.0}


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with ExitStack() as stack:
        try:
            made = stack.enter_context(galera_cluster())
        except ServerMissing as reason:
            if os.environ.get(REQUIRED, "") not in ("", "0"):
                pytest.fail(str(reason))
            pytest.skip(str(reason))
        yield made


@dataclass
class Load:
    """Writers of several gateways, each of which makes one object after the other."""

    gateways: list[Gateway]
    places: list[str]
    """Container of each writer's objects."""
    maker: str
    made: list[list[tuple[str, str]]] = field(default_factory=list)
    """Gateway → id and UID of the objects whose making was acknowledged."""
    unknown: int = 0
    refusals: list[Exception] = field(default_factory=list)
    _over: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def begin(self) -> None:
        self.made = [[] for _ in self.gateways]
        for writer, place in enumerate(self.places):
            self._threads.append(threading.Thread(target=self._write, args=(writer, place), daemon=True))
        for thread in self._threads:
            thread.start()

    def _write(self, writer: int, place: str) -> None:
        number, gateway = writer % len(self.gateways), self.gateways[writer % len(self.gateways)]
        for count in range(1_000_000):
            if self._over.is_set():
                return
            try:
                entry = gateway.create("mia", "Thing", place, title=f"Thing {writer} {count}", Maker=self.maker)
            except Exception as error:  # noqa: BLE001 - the test looks at it
                self.refusals.append(error)
            else:
                self.made[number].append((entry.id, entry.uid))

    def go_on(self) -> None:
        """Wait until each gateway has made some more."""
        before = [len(made) for made in self.made]

        def done() -> bool:
            return all(len(made) >= count + AT_LEAST for made, count in zip(self.made, before, strict=True))

        wait_until(done, "more objects of every gateway")

    def end(self) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(ENOUGH)
            assert not thread.is_alive()


@pytest.fixture
def load(cluster: Cluster, tmp_path: Path) -> Iterator[Load]:
    """Two gateways, which prefer different nodes."""
    with ExitStack() as stack:
        rows(cluster.nodes[0], f"DROP DATABASE {DATABASE}")
        rows(cluster.nodes[0], f"CREATE DATABASE {DATABASE} CHARACTER SET utf8mb4")
        first = stack.enter_context(closing(open_site(cluster.url(0), tmp_path)))
        setting_up = Gateway.on(first)
        setting_up.add_users(USERS)
        places = [setting_up.create("boss", "Team", "/", title=f"Team {n}").path for n in range(2 * WRITERS)]
        maker = setting_up.create("boss", "Person", "/", title="Maker").uid
        sites = [
            Site.open(
                Settings(
                    data_dir=tmp_path, database_url=cluster.url(node), profiles=(str(PROFILE),), threads=4, **_LIMITS
                ),
                serving=True,
            )
            for node in (0, 1)
        ]
        for site in sites:
            stack.enter_context(closing(site))
        yield Load([Gateway.on(site) for site in sites], places, maker)


def rows(node: Node, statement: str) -> list[tuple[Any, ...]]:
    """Rows that a node has once it has applied all that was committed."""
    with closing(node.connect()) as connection, connection.cursor() as cursor:
        cursor.execute("SET SESSION wsrep_sync_wait = 7")
        cursor.execute(statement)
        return list(cursor.fetchall())


def test_nothing_acknowledged_is_lost_while_nodes_die_and_come_back(
    cluster: Cluster, load: Load, caplog: pytest.LogCaptureFixture
) -> None:
    first, second, _ = cluster.nodes
    load.begin()
    load.go_on()
    first.kill()
    load.go_on()
    cluster.bring_back(first)
    cluster.wait_until_synced()
    load.go_on()
    second.signal(signal.SIGSTOP)
    load.go_on()
    second.signal(signal.SIGCONT)
    cluster.wait_until_synced()
    load.go_on()
    load.end()
    # A statement that hangs with its node is given up, as on a single server; nothing else is refused.
    assert [error for error in load.refusals if not isinstance(error, Unavailable)] == []
    unknown = sum(isinstance(error, OutcomeUnknown) for error in load.refusals)
    assert len(load.refusals) <= 2 * WRITERS, load.refusals
    acknowledged = {pair for made in load.made for pair in made}
    load.gateways[0].site.number_requests()
    for node in cluster.nodes:
        stored = rows(node, "SELECT id, uid FROM lab.entities WHERE portal_type = 'Thing'")
        assert acknowledged <= set(stored)
        assert len(stored) - len(acknowledged) <= unknown
        assert len({id for id, _ in stored}) == len(stored), "an id was given twice"
        created = rows(node, "SELECT uid, COUNT(*) FROM lab.history_entries WHERE event = 'create' GROUP BY uid")
        assert {count for _, count in created} == {1}
        numbers = [number for (number,) in rows(node, "SELECT seq FROM lab.requests ORDER BY seq")]
        assert numbers == list(range(1, len(numbers) + 1)), "the numbers of requests have gaps"
    assert [record.getMessage() for record in caplog.records if record.exc_info] == []


def test_changes_read_through_another_node_have_no_gap_while_nodes_die(
    cluster: Cluster, load: Load, tmp_path: Path
) -> None:
    first, second, _ = cluster.nodes
    settings = Settings(data_dir=tmp_path, database_url=cluster.url(2), profiles=(str(PROFILE),), threads=1, **_LIMITS)
    told: list[dict[str, Any]] = []
    over = threading.Event()

    def follow(reader: Gateway, since: str) -> None:
        while True:
            last = over.is_set()
            # What a node refuses while others die is asked again with the same cursor, as clients do.
            with suppress(Unavailable):
                answer = page(reader, "mia", since, types=("Thing",), size=7)
                told.extend(map(dict, answer.changes))
                since = answer.cursor
                if last and not answer.more:
                    return

    with closing(Site.open(settings, serving=True)) as site:
        reader = Gateway.on(site)
        since = page(reader, "mia", "now").cursor
        following = threading.Thread(target=follow, args=(reader, since), daemon=True)
        following.start()
        load.begin()
        for node in (first, second):
            load.go_on()
            node.kill()
            load.go_on()
            cluster.bring_back(node)
            cluster.wait_until_synced()
        load.go_on()
        load.end()
        # The third node has all that was committed, once it has answered this.
        rows(cluster.nodes[2], "SELECT 1")
        over.set()
        following.join(ENOUGH)
        assert not following.is_alive()
    stored = rows(cluster.nodes[0], "SELECT DISTINCT uid FROM lab.history_entries WHERE portal_type = 'Thing'")
    assert sorted(change["UID"] for change in told) == sorted(uid for (uid,) in stored)
    assert {uid for made in load.made for _, uid in made} <= {change["UID"] for change in told}
    assert {change["version"] for change in told} == {1}


def test_causal_reads_see_what_was_committed_through_another_node(cluster: Cluster, load: Load, tmp_path: Path) -> None:
    settings = load.gateways[1].site.settings
    causal = Settings(
        data_dir=tmp_path,
        database_url=settings.database_url,
        profiles=settings.profiles,
        threads=1,
        causal_reads=True,
    )
    with closing(Site.open(causal)) as site:
        reader = Gateway.on(site)
        for count in range(30):
            made = load.gateways[0].create("mia", "Thing", load.places[0], title=f"C {count}", Maker=load.maker)
            assert reader.uid(made.path) == made.uid

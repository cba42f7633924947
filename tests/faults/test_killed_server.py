"""A served gateway whose processes are killed while clients write in bulk: what was answered is there, whole."""

import os
import random
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Final

import pytest
import requests
from sqlalchemy import create_engine, text
from sqlalchemy.engine import URL

from objapi.settings import SQLITE_FILE, Settings
from objapi.site import Site
from objapi.store.trail.verifying import verify_trail
from tests.acceptance.client import Client
from tests.acceptance.conftest import SETTINGS
from tests.acceptance.server import Servers
from tests.acceptance.test_rolling_upgrade import Gateway as ServedGateway
from tests.conftest import DATABASES
from tests.databases import fresh_mariadb_database
from tests.faults.bulk_work import Batches, Half, Step
from tests.objapi.store.workshop import Gateway
from tests.waiting import ENOUGH, wait_until

pytestmark = pytest.mark.extended

SIZE: Final = 8
"""Objects that one request makes or changes."""
WRITERS: Final = 3
WORKERS: Final = 2
KILLS: Final = 6
BETWEEN: Final = (2, 9)
"""Requests that are begun, at least and at most, before the next process is killed."""
STATES: Final = {"open": "open", "closed": "hidden"}
"""Review state → the word of `Step` for it."""


@dataclass
class Writer:
    """One client, which makes and changes groups of objects of its own and knows which request was answered."""

    name: int
    root: str
    chance: random.Random
    signs: "SimpleQueue[bool]"
    """Takes True when a request begins, and False when no more will come."""
    there: Batches = field(default_factory=dict)
    """What must be there."""
    doubtful: Step | None = None
    """The last request, when nobody answered it."""
    uids: dict[int, list[str]] = field(default_factory=dict)
    number: int = 1
    done: int = 0
    refused: list[str] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)
    """Set when no more requests are to be sent."""

    def work(self) -> None:
        """Send requests until one is not answered, or it is over."""
        try:
            self._send_all()
        finally:
            self.signs.put(False)

    def _send_all(self) -> None:
        client = Client(self.root, "admin")
        with client.http:
            while self.doubtful is None and not self.over.is_set():
                step = self._choose()
                self.number += 1
                self.doubtful = step
                self.signs.put(True)
                try:
                    answer = self._send(client, step)
                except requests.RequestException:
                    return
                if answer.status_code == 503:
                    # Whether it was done the gateway itself may not know.
                    return
                if answer.status_code != 200:
                    self.refused.append(f"{step}: {answer.status_code} {answer.text[:300]}")
                    return
                if step.kind == "create":
                    self.uids[step.batch] = [entry["obj_uid"] for entry in answer.json()["objects"]]
                self.there, self.doubtful, self.done = step.after(self.there), None, self.done + 1

    def _choose(self) -> Step:
        kinds = ["create"]
        for batch, (_, state) in sorted(self.there.items()):
            kinds += [f"{kind} {batch}" for kind in (("update", "hide") if state == "open" else ("show",))]
        kind, _, batch = self.chance.choice(kinds[:1] + kinds[-8:]).partition(" ")
        return Step(self.number, kind, int(batch or self.number))

    def _send(self, client: Client, step: Step) -> requests.Response:
        real = {"Prefer": "http-status"}
        if step.kind == "create":
            rows = [
                {
                    "obj_path": "/batches",
                    "obj_type": "Batch",
                    "title": f"Killed {self.name} {step.batch} {place}",
                    "Remarks": str(step.number),
                }
                for place in range(SIZE)
            ]
            return client.json("create_many", {"input_values": rows}, headers=real)
        uids = self.uids[step.batch]
        if step.kind == "update":
            values = [{"obj_uid": uid, "fields": {"Remarks": str(step.number)}} for uid in uids]
            return client.json("update_many", {"input_values": values}, headers=real)
        action = "close" if step.kind == "hide" else "open"
        return client.json("doActionFor_many", {"action": action, "uids": uids}, headers=real)

    def look(self, found: Mapping[int, tuple[tuple[int, str], list[str]]]) -> None:
        """Compare what was found with what must be there. Raises AssertionError."""
        states = {batch: state for batch, (state, _) in found.items()}
        possible = [self.there] if self.doubtful is None else [self.there, self.doubtful.after(self.there)]
        assert states in possible, (self.name, self.doubtful, self.there)
        self.there, self.doubtful = states, None
        self.uids = {batch: uids for batch, (_, uids) in found.items()}


def groups(root: str) -> dict[int, dict[int, tuple[tuple[int, str], list[str]]]]:
    """Writer → group → what its last request left, and its objects. Raises Half."""
    client = Client(root, "admin")
    with client.http:
        wanted = {"include_fields": "title,Remarks,review_state,UID,id", "page_size": "0"}
        objects = client.read(portal_type="Batch", SearchableText="Killed", **wanted)["objects"]
    assert len({item["id"] for item in objects}) == len(objects)
    found: dict[tuple[int, int], list[dict[str, Any]]] = {}
    for item in objects:
        _, writer, batch, _ = item["title"].split()
        found.setdefault((int(writer), int(batch)), []).append(item)
    groups: dict[int, dict[int, tuple[tuple[int, str], list[str]]]] = {}
    for (writer, batch), items in found.items():
        states = {(int(item["Remarks"]), STATES[item["review_state"]]) for item in items}
        if len(items) != SIZE or len(states) != 1:
            raise Half(f"{writer} {batch}: {sorted(states)} of {len(items)}")
        groups.setdefault(writer, {})[batch] = (states.pop(), [item["UID"] for item in items])
    return groups


class KilledGateway(ServedGateway):
    """A gateway with two workers, of which one or the parent is killed."""

    def workers(self) -> list[int]:
        """The workers that serve: one that is still being made has no threads for it."""
        found = []
        for path in Path("/proc").glob("[0-9]*/stat"):
            with suppress(OSError):
                state, parent = path.read_text().rpartition(")")[2].split()[:2]
                threads = list((path.parent / "task").iterdir())
                if parent == str(self._process) and state != "Z" and len(threads) > 2:
                    found.append(int(path.parent.name))
        return found

    def kill(self, chance: random.Random) -> None:
        """Kill a worker or the parent, and have it serve again."""
        wait_until(lambda: len(self.workers()) == WORKERS, "workers that serve")
        workers = self.workers()
        if chance.random() < 0.5:
            os.kill(chance.choice(workers), signal.SIGKILL)
        else:
            self._servers.kill(self._process)
            wait_until(lambda: not any(_lives(worker) for worker in workers), "the end of the workers")
            self.start()
        # One that dies before it could serve ends the server, as it should.
        wait_until(lambda: len(self.workers()) == WORKERS and self._answers(), "workers that serve")

    def _answers(self) -> bool:
        try:
            return requests.get(f"{self.root}/readyz", timeout=ENOUGH).status_code == 200
        except requests.ConnectionError:
            return False


def wait_for_commits(url: str) -> None:
    """Wait until nothing is written any more: who was killed may have a commit under way until the server notices."""
    if url.startswith("sqlite"):
        return
    engine = create_engine(url)

    def quiet() -> bool:
        with engine.connect() as connection:
            others = (
                "SELECT COUNT(*) FROM information_schema.innodb_trx t "
                "JOIN information_schema.processlist p ON p.id = t.trx_mysql_thread_id "
                "WHERE p.db = DATABASE() AND t.trx_rows_modified > 0"
            )
            return connection.scalar(text(others)) == 0

    wait_until(quiet, "the end of what was killed")
    engine.dispose()


def _lives(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.fixture(params=DATABASES)
def url(request: pytest.FixtureRequest, mariadb: Callable[[], URL], tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'lab' / 'var' / SQLITE_FILE}"
        return
    with fresh_mariadb_database(mariadb()) as found:
        yield found


def test_a_server_killed_in_bulk_writes_has_all_that_it_answered_and_nothing_half(url: str, tmp_path: Path) -> None:
    chance = random.Random(11)
    with ExitStack() as stack:
        servers = stack.enter_context(closing(Servers()))
        given = {} if url.startswith("sqlite") else {"OBJAPI_DATABASE_URL": url}
        gateway = KilledGateway(servers, tmp_path / "lab", SETTINGS | {"OBJAPI_WORKERS": str(WORKERS)} | given)
        signs: SimpleQueue[bool] = SimpleQueue()
        writers = [Writer(name, gateway.root, random.Random(name), signs) for name in range(WRITERS)]
        for _ in range(KILLS):
            threads = [threading.Thread(target=writer.work, daemon=True) for writer in writers]
            for thread in threads:
                thread.start()
            left, working = chance.randint(*BETWEEN), WRITERS
            while left and working:
                if signs.get(timeout=ENOUGH):
                    left -= 1
                else:
                    working -= 1
            gateway.kill(chance)
            # Who was not with the worker that was killed has gone on.
            for writer, thread in zip(writers, threads, strict=True):
                writer.over.set()
                thread.join(ENOUGH)
                assert not thread.is_alive()
                writer.over.clear()
            while not signs.empty():
                signs.get()
            wait_for_commits(url)
            assert [line for writer in writers for line in writer.refused] == []
            found = groups(gateway.root)
            for writer in writers:
                writer.look(found.get(writer.name, {}))
        assert sum(writer.done for writer in writers) > KILLS
        servers.kill(gateway._process)
        site = Site.open(Settings(data_dir=tmp_path / "lab" / "var", database_url=url, profiles=("lims",), threads=1))
        stack.callback(site.close)
        site.number_requests()
        verified = site.transact(lambda connection: verify_trail(connection, "Plone", {}), write=False)
        assert (verified.problems, verified.unlinked) == ([], 0)
        Gateway.on(site).assert_settled()

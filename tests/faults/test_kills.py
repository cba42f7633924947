"""Processes that are killed while they change many objects leave nothing half done, and lose nothing acknowledged."""

import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Connection, func, select, text

from objapi.store.requests import ByPath
from objapi.store.schema import history_entries
from objapi.store.trail.verifying import verify_trail
from objapi.store.transaction import Transaction
from tests.faults.bulk_work import BATCH, Batches, Step, prepare, stored
from tests.faults.killed_bulk import JOURNAL
from tests.objapi.store.workshop import USERS, Gateway, open_site
from tests.waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]
KILLS = 200


class Killed:
    """A process that has its children killed, and the journal of what they did."""

    def __init__(self, process: "subprocess.Popen[str]", journal: Path) -> None:
        self._process = process
        self._journal = journal
        self._read = 0
        self.steps: Counter[str] = Counter()
        """Requests by kind, and those of them that were cut short."""
        self.number = 1

    def kill_one(self, *server: int) -> tuple[list[Step], Step | None]:
        """Let one child work until it is killed, with the process of its server if that is given.

        The requests that were acknowledged, and one that was not.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(" ".join(map(str, (self.number, *server))) + "\n")
        self._process.stdin.flush()
        assert int(self._process.stdout.readline()) in (signal.SIGKILL, signal.SIGPROF)
        lines = self._journal.read_text().splitlines() if self._journal.exists() else []
        new, self._read = lines[self._read :], len(lines)
        done: list[Step] = []
        begun: Step | None = None
        for line in new:
            word, number, kind, batch = line.split()
            step = Step(int(number), kind, int(batch))
            self.number = step.number + 1
            self.steps[kind] += word == "done"
            begun = step if word == "begun" else None
            if word == "done":
                done.append(step)
        self.steps["cut short"] += begun is not None
        return done, begun


@contextmanager
def killed(url: str, folder: Path, seed: int, environment: Mapping[str, str] | None = None) -> Iterator[Killed]:
    command = [sys.executable, "-m", "tests.faults.killed_bulk", url, str(folder), str(seed)]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        yield Killed(process, folder / JOURNAL)
    assert process.returncode == 0


def wholly_done(gateway: Gateway, before: Batches, done: list[Step], begun: Step | None) -> Batches:
    """What is there after a kill: all that was acknowledged, and of the last request all or nothing."""
    for step in done:
        before = step.after(before)
    found = stored(gateway)
    assert found in ([before] if begun is None else [before, begun.after(before)]), (before, begun)
    return found


def wait_for_the_dead(gateway: Gateway) -> None:
    """Wait until the server has noticed that who was killed is gone: a commit may be under way until then."""
    if gateway.site.settings.on_sqlite:
        return
    others = text("SELECT COUNT(*) FROM information_schema.processlist WHERE db = DATABASE() AND id <> CONNECTION_ID()")

    def alone() -> bool:
        return gateway.site.transact(lambda connection: connection.scalar(others), write=False) == 0

    wait_until(alone, "the end of the connection of a process that was killed")


def files_are_whole(gateway: Gateway) -> None:
    """Every file that was sent is there with all that was in it."""
    for thing in gateway.find("boss", {"portal_type": "Thing", "path": "/bulk"}):
        _, number, place = thing["title"].split()
        if int(place) % 4 == 0:
            path = thing["path"].removeprefix("/Plone")

            def content(tx: Transaction, path: str = path) -> bytes:
                return b"".join(tx.file(ByPath(path), "Manual").chunks)

            assert gateway.run("boss", content) == f"{number} {place}\n".encode() * 200


def sizes_of_requests(connection: Connection) -> set[int]:
    """How many entries requests about things have in the history."""
    entry = history_entries.c
    counted = select(func.count()).where(entry.portal_type == "Thing").group_by(entry.request)
    return set(connection.scalars(counted))


def kill_again_and_again(url: str, folder: Path, seed: int, kills: int) -> Counter[str]:
    """Kill so many processes; each time, and at the end, the database holds what it must."""
    with closing(open_site(url, folder)) as site:
        gateway = Gateway.on(site)
        gateway.add_users(USERS)
        prepare(gateway)
        batches: Batches = {}
        with killed(url, folder, seed) as workers:
            for _ in range(kills):
                done, begun = workers.kill_one()
                wait_for_the_dead(gateway)
                batches = wholly_done(gateway, batches, done, begun)
        files_are_whole(gateway)
        # Each request has changed whole batches.
        assert all(size % BATCH == 0 for size in site.transact(sizes_of_requests, write=False))
        site.number_requests()
        verified = site.transact(lambda connection: verify_trail(connection, "Plone", {}), write=False)
        assert (verified.problems, verified.unlinked) == ([], 0)
        gateway.assert_settled()
        return workers.steps


def test_who_is_killed_in_bulk_writes_loses_and_halves_nothing(database_url: str, tmp_path: Path) -> None:
    kill_again_and_again(database_url, tmp_path, seed=1, kills=4)


@pytest.mark.extended
def test_hundreds_who_are_killed_in_bulk_writes_lose_and_halve_nothing(database_url: str, tmp_path: Path) -> None:
    steps = kill_again_and_again(database_url, tmp_path, seed=2, kills=KILLS)
    assert steps["cut short"] > KILLS // 3
    assert all(steps[kind] > 0 for kind in ("create", "update", "hide", "show", "remove"))

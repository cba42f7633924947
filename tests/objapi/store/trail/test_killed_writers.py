"""Writers that are killed at any moment leave a feed without gap and repetition."""

import os
import random
import signal
import subprocess
import sys
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from objapi.store.schema import history_entries
from objapi.store.trail.verifying import verify_trail
from tests.objapi.store.trail.killed_writers import DONE
from tests.objapi.store.trail.test_changes import Follower
from tests.objapi.store.workshop import Gateway
from tests.waiting import ENOUGH, wait_until

ROOT = Path(__file__).resolve().parents[4]
WRITERS = 3


class Writers:
    """The processes that write, by their numbers."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self.numbers: list[int] = []
        self._process = process
        self._listener = threading.Thread(target=self._listen)
        self._listener.start()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as output:
            for line in output:
                self.numbers.append(int(line))

    def end(self) -> None:
        """Kill their parent, and wait until they have ended, each after its present change: all have the pipe open."""
        self._process.kill()
        self._process.wait()
        self._listener.join(ENOUGH)
        assert not self._listener.is_alive()

    def kill(self, chance: random.Random) -> None:
        """Kill one of those who write, at once; all have begun to."""
        wait_until(lambda: len(self.numbers) >= WRITERS, "the writers")
        number = self.numbers.pop(chance.randrange(WRITERS))
        os.kill(number, signal.SIGKILL)


@contextmanager
def writers(url: str, folder: Path, seed: int, shared: list[str]) -> Iterator[Writers]:
    command = [sys.executable, "-m", "tests.objapi.store.trail.killed_writers", url, str(folder), str(seed)]
    process = subprocess.Popen([*command, str(WRITERS), *shared], cwd=ROOT, stdout=subprocess.PIPE)
    found = Writers(process)
    try:
        yield found
    finally:
        found.end()


Versions = dict[str, list[int]]
"""UID → versions of the object, in some order."""


def committed(gateway: Gateway) -> Versions:
    """The versions that the database has of each person, ascending."""
    entry = history_entries.c
    statement = sa.select(entry.uid, entry.version).where(entry.portal_type == "Person").order_by(entry.version)
    found: defaultdict[str, list[int]] = defaultdict(list)
    for uid, version in gateway.site.transact(lambda connection: connection.execute(statement).all(), write=False):
        found[uid].append(version)
    return dict(found)


def by_object(told: list[dict[str, Any]]) -> Versions:
    """The versions that a follower was told of each object, in the order of the feed."""
    found: defaultdict[str, list[int]] = defaultdict(list)
    for change in told:
        found[change["UID"]].append(change["version"])
    return dict(found)


def follow_killed(gateway: Gateway, url: str, folder: Path, seed: int, kills: int) -> None:
    """Kill writers again and again while a follower reads; afterwards it has been told of each change once."""
    chance = random.Random(seed)
    before = committed(gateway)
    follower = Follower(gateway, "boss", size=7, types=("Person",))
    shared = [gateway.create("boss", "Person", "/", title="Shared").path for _ in range(3)]
    told: list[dict[str, Any]] = []

    def tells(count: int) -> bool:
        # One page at a time: on a busy machine writers may be faster than whoever reads all.
        told.extend(follower.read_page()[0])
        return len(told) >= count

    with writers(url, folder, seed, shared) as writing:
        for _ in range(kills):
            # By the number of changes and not by a clock; where in its work a writer is then, is chance enough.
            more = len(told) + chance.randint(1, 12)
            wait_until(lambda count=more: tells(count), "changes")  # type: ignore[misc]
            writing.kill(chance)

    def all_is_told() -> bool:
        # A server may still be at the commit of one that was killed.
        told.extend(follower.read())
        return sum(map(len, committed(gateway).values())) - sum(map(len, before.values())) <= len(told)

    wait_until(all_is_told, "the last changes")
    assert by_object(told) == {uid: found for uid, found in committed(gateway).items() if uid not in before}
    assert len({change["cursor"] for change in told}) == len(told)
    # What a writer was told is done is done.
    done = {tuple(line.split()) for line in (folder / DONE).read_text().splitlines()}
    assert done <= {(change["UID"], str(change["version"])) for change in told}
    assert len(done) > kills
    verified = gateway.site.transact(lambda connection: verify_trail(connection, "Plone", {}), write=False)
    assert (verified.problems, verified.unlinked) == ([], 0)


def test_writers_that_are_killed_leave_no_gap_and_no_repetition(
    workshop: Gateway, module_database_url: str, tmp_path: Path
) -> None:
    follow_killed(workshop, module_database_url, tmp_path, seed=1, kills=4)


@pytest.mark.extended
@pytest.mark.parametrize("seed", range(2, 5))
def test_many_writers_that_are_killed_leave_no_gap(
    workshop: Gateway, module_database_url: str, tmp_path: Path, seed: int
) -> None:
    follow_killed(workshop, module_database_url, tmp_path, seed=seed, kills=60)

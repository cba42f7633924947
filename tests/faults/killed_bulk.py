"""A process whose children change many objects at once until they are killed, at a moment that chance decides.

`python -m tests.faults.killed_bulk URL DIRECTORY SEED` reads the number of the next request, a line each time, has a
child begin with it, and writes a line when that was killed. The child tells the file `journal` what it does. A second
number in the line is that of the process of the database, which dies with the child, and before it.

Half of the children kill themselves before or after a statement or a commit, each of which has its turn; the others are
ended by a timer of the system, in the middle of whatever they do.
"""

import ctypes
import os
import random
import signal
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from sqlalchemy import event

from objapi.settings import Settings
from objapi.site import Site
from tests.faults.bulk_work import Worker, stored
from tests.objapi.store.workshop import PROFILE, Gateway

JOURNAL: Final = "journal"
_BEFORE: Final = 2
"""Requests that a child has done, at most, when the one begins in which it is killed, or soon after."""
_TURNS: Final = 60
"""Statements and ends of transactions that one of these requests takes, or somewhat more."""
_WRITES: Final = 240
"""Writes to the disk and syncs of it that one takes, or somewhat more."""
_SECONDS: Final = 0.06
"""Time of the processor that one takes, or somewhat more."""


def _die_at_turn(gateway: Gateway, turns: int, victims: Sequence[int]) -> None:
    """Kill processes, one after the other, at a statement or an end of a transaction when as many have gone before."""
    left = [turns]

    def turn(*_: Any) -> None:
        left[0] -= 1
        if left[0] < 0:
            for victim in victims:
                os.kill(victim, signal.SIGKILL)

    for name in ("before_cursor_execute", "after_cursor_execute", "commit", "checkin"):
        event.listen(gateway.site.engine, name, turn)


def _die_after(seconds: float) -> None:
    """Be ended after so much time of the processor, which other processes do not change."""
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_PROF, seconds)


def _die_at_write(writes: int) -> None:
    """Be killed at a write to the disk or a sync of it, when as many have gone before; see `power_loss`."""
    ctypes.CDLL(None).unsynced_die_after(writes)


def child(gateway: Gateway, folder: Path, seed: int, number: int, server: Sequence[int] = ()) -> None:
    """Work until death."""
    chance = random.Random(seed * 100_000 + number)
    journal = os.open(folder / JOURNAL, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    worker = Worker(gateway, journal, chance, number)
    for _ in range(chance.randint(0, _BEFORE)):
        worker.step()
    if "UNSYNCED_ROOT" in os.environ:
        writes = chance.randrange(_WRITES)
        worker.step(lambda: _die_at_write(writes))
    elif server or chance.random() < 0.5:
        turns = chance.randrange(_TURNS)
        worker.step(lambda: _die_at_turn(gateway, turns, [*server, os.getpid()]))
    else:
        seconds = chance.uniform(0.0005, _SECONDS)
        worker.step(lambda: _die_after(seconds))
    while True:
        worker.step()


def main(url: str, folder: Path, seed: int) -> None:
    """Have a child work for each line that is read."""
    site = Site.open(Settings(data_dir=folder, database_url=url, profiles=(str(PROFILE),), threads=1))
    gateway = Gateway.on(site)
    # What is made with the first use is made before the first child begins; connections are not for several processes.
    stored(gateway)
    site.close()
    for line in sys.stdin:
        number = os.fork()
        if number == 0:
            try:
                begin, *server = map(int, line.split())
                child(gateway, folder, seed, begin, server)
            finally:
                # It may come to no end but by being killed; what went wrong is told before.
                traceback.print_exc()
                os._exit(1)
        _, status = os.waitpid(number, 0)
        if not os.WIFSIGNALED(status):
            sys.exit(f"a child ended by itself: {status}")
        sys.stdout.write(f"{os.WTERMSIG(status)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))

"""A process whose children write to a workshop until they are killed; each that ends gets a successor.

`python -m tests.objapi.store.trail.killed_writers URL DIRECTORY SEED WRITERS PATH…` writes the numbers of its children
to standard output, one a line and each when it begins. They change the persons at these paths and make others; what
they have been told is done they add to the file `done` of the directory, UID and version of one change a line. They end
when their parent has ended.
"""

import os
import random
import sys
from collections.abc import Sequence
from pathlib import Path

from objapi.errors import ApiError
from objapi.model.loading import load_registry
from objapi.model.registry import Registry
from objapi.settings import Settings
from objapi.site import Site
from tests.objapi.store.workshop import PROFILE, Gateway

DONE = "done"


def write(gateway: Gateway, done: int, chance: random.Random, shared: Sequence[str]) -> None:
    """Make one change and, now and then, number what was committed, as workers of a server do."""
    if chance.random() < 0.3:
        entry = gateway.create("boss", "Person", "/", title="Made")
    else:
        entry = gateway.update("boss", chance.choice(shared), Nickname=str(chance.random()))
    _tell(done, entry.uid, entry.version)
    if chance.random() < 0.3:
        gateway.site.number_requests()


def _tell(file: int, *values: object) -> None:
    # By one call, so that who is killed leaves a whole line or none.
    os.write(file, (" ".join(map(str, values)) + "\n").encode())


def child(url: str, folder: Path, seed: int, shared: Sequence[str], parent: int, registry: Registry) -> None:
    """Write as long as the parent lives."""
    settings = Settings(data_dir=folder, database_url=url, profiles=(str(PROFILE),), threads=1)
    site = Site.open(settings, registry=registry)
    gateway, chance = Gateway.on(site), random.Random(seed)
    done = os.open(folder / DONE, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    _tell(1, os.getpid())
    while os.getppid() == parent:
        try:
            write(gateway, done, chance, shared)
        except ApiError as error:
            # Refused because others were faster, so nothing was done; anything else ends the test.
            if error.status not in (409, 503):
                raise


def main(url: str, folder: Path, seed: int, writers: int, shared: Sequence[str]) -> None:
    """Have so many children write, for ever."""
    parent, number, registry = os.getpid(), 0, load_registry((PROFILE,))
    while True:
        if number >= writers:
            os.wait()
        if os.fork() == 0:
            child(url, folder, seed * 1000 + number, shared, parent, registry)
            os._exit(0)
        number += 1


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]), sys.argv[5:])

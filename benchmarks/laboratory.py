"""A sample laboratory in a database of its own, grown by batches to a number of objects."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection

from objapi import upkeep
from objapi.model.loading import read_content
from objapi.progress import progress
from objapi.security.principals import LoadedUser, load_by_login
from objapi.settings import load_settings
from objapi.site import Site
from objapi.store.requests import ByPath, CreateItem, Find
from objapi.store.transaction import Transaction

CHUNK = 2_000
FOLDER = "/batches"

_T = TypeVar("_T")


class NotEmpty(Exception):
    """The database holds a site already, which measurements would change."""


@contextmanager
def laboratory(data: Path, environ: dict[str, str]) -> Iterator[Site]:
    """The sample laboratory on an empty database. Raises NotEmpty."""
    site = Site.open(load_settings(environ, {"data_dir": data}))
    try:
        if not upkeep.initialise(site, progress):
            raise NotEmpty("The database holds a site already. Name an empty one: measurements make objects in it.")
        upkeep.load_content(site, read_content(Path(site.registry.content_files["demo"][0])), progress, for_trials=True)
        yield site
    finally:
        site.close()


def as_user(site: Site, name: str, work: Callable[[Transaction], _T], *, write: bool) -> _T:
    """Do something in one transaction of a user, as a face does."""

    def authenticate(connection: Connection) -> LoadedUser:
        found = load_by_login(connection, name, site.registry.roles)
        if found is None:
            raise LookupError(f"there is no user {name}")
        return found

    return site.run(authenticate, work, write=write)


def batches(site: Site) -> int:
    """Number of batches."""
    return as_user(site, "admin", lambda tx: tx.find(Find({"portal_type": "Batch"}, size=1)).total, write=False)


def grow(site: Site, wanted: int, seconds: float) -> int:
    """Make batches until there are so many, or the time is over; how many there are then."""
    there, deadline = batches(site), time.monotonic() + seconds
    with progress(f"Growing to {wanted} objects", max(wanted - there, 0)) as advance:
        while there < wanted and time.monotonic() < deadline:
            count = min(CHUNK, wanted - there)
            items = [
                CreateItem("Batch", ByPath(FOLDER), {"title": f"Series {there + number:07d}", "subject": ["grown"]})
                for number in range(count)
            ]
            as_user(site, "admin", lambda tx, items=items: tx.create(items), write=True)  # type: ignore[misc]
            there += count
            advance(count)
    return there

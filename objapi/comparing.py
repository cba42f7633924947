"""Comparing all objects of a site with what should be stored of them, in this process or in several at once.

Comparing only reads, chunk by chunk in transactions of their own, and nothing in a chunk depends on another one, so
that processes can share the chunks; what differs is written by one process.
"""

from collections import deque
from collections.abc import Generator, Iterator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from typing import Final

from sqlalchemy import Connection

from objapi.http.memory import LOADING, limit_collections
from objapi.settings import Settings
from objapi.site import Site
from objapi.store.upgrade.plain_types import PlainRenderer, plain_renderers
from objapi.store.upgrade.recompute import chunk_end, compare_next

WORTH_A_PROCESS: Final = 20_000
"""Objects for which a process is begun: loading the declarations takes as long as comparing some thousands."""

Compared = tuple[int, list[int]]
"""The number of objects of a chunk, and the row numbers of those that are to be written anew."""


def compared(site: Site, jobs: int, objects: int) -> Generator[Compared]:
    """Compare all objects, about so many as are told, in at most `jobs` processes; chunks come in order."""
    processes = min(jobs, objects // WORTH_A_PROCESS)
    if processes > 1:
        yield from _in_processes(site, processes)
    else:
        yield from _compared_here(site, plain_renderers(site.context), 0, None)


def _compared_here(
    site: Site, plain: Mapping[str, PlainRenderer], after: int, until: int | None
) -> Generator[Compared]:
    """Compare the objects after a row number, up to another one or to the last."""
    last, done = after, 1
    while done and (until is None or last < until):
        last, done, rids = site.transact(partial(_compare_next, site, plain, last), write=False)
        if done:
            yield done, rids


def _compare_next(
    site: Site, plain: Mapping[str, PlainRenderer], after: int, connection: Connection
) -> tuple[int, int, list[int]]:
    return compare_next(site.context, connection, site.now(), plain, after)


# Several processes


def _in_processes(site: Site, processes: int) -> Generator[Compared]:
    # Begun anew rather than forked: a fork would have the connections and locks of this one.
    with ProcessPoolExecutor(processes, get_context("spawn"), _begin, (site.settings,)) as pool:
        waiting: deque[Future[list[Compared]]] = deque()
        try:
            for after, until in _ranges(site):
                waiting.append(pool.submit(_compare_range, after, until))
                # So that memory stays flat however many there are.
                if len(waiting) > 2 * processes:
                    yield from waiting.popleft().result()
            while waiting:
                yield from waiting.popleft().result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _ranges(site: Site) -> Iterator[tuple[int, int | None]]:
    """The row numbers that chunks begin after and end with; the last one takes whatever follows."""
    after = 0
    while (until := site.transact(partial(chunk_end, after=after), write=False)) is not None:
        yield after, until
        after = until
    yield after, None


_OF_PROCESS: dict[str, tuple[Site, Mapping[str, PlainRenderer]]] = {}
"""The site of a process that compares, under the one key that there is."""


def _begin(settings: Settings) -> None:
    limit_collections(LOADING)
    site = Site.open(settings)
    _OF_PROCESS["site"] = site, plain_renderers(site.context)


def _compare_range(after: int, until: int | None) -> list[Compared]:
    site, plain = _OF_PROCESS["site"]
    return list(_compared_here(site, plain, after, until))

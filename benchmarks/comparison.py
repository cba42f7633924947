"""The comparison: the gateway and the floor under the same loads, one after the other on the same machine."""

import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path
from typing import Final

import pymysql
from sqlalchemy.engine import make_url

from benchmarks.dataset import CONTACT, MANAGER, PASSWORD, comparison, fill
from benchmarks.driver import (
    Calls,
    Client,
    Crowd,
    ServedProcess,
    cpu_per_request,
    crowd,
    log_in,
    served,
    streamed,
    wall_time,
)
from benchmarks.floor import fill_floor
from benchmarks.loads import MANY, Load, bulk_loads, bulk_writers, single_loads, some_ids, stream_load
from objapi import upkeep
from objapi.http.memory import LOADING, limit_collections
from objapi.progress import progress
from objapi.site import Site
from tests.databases import fresh_mariadb_database, mariadb_server

DATABASES: Final = ("sqlite", "mariadb")

CLIENTS: Final = 16
WRITERS: Final = 4
"""Clients that write in bulk while those read."""
ROUNDS: Final = 3
"""Times that each load is measured on either side, in turns; the median counts."""
_FOR_CONTACT: Final = ("read 10 with total", "find 1")


@dataclass(frozen=True, slots=True)
class Ratio:
    """One row of the table: seconds of CPU or wall time on both sides, requests a second of a crowd, or megabytes."""

    database: str
    objects: int
    what: str
    unit: str
    floor: float
    gateway: float
    aim: float | None = None

    @property
    def ratio(self) -> float:
        """Factor by which the gateway is dearer: more time, or fewer requests."""
        return self.floor / self.gateway if self.unit == "req/s" else self.gateway / self.floor


@dataclass(frozen=True, slots=True)
class Side:
    """A served side of the comparison, with the cookie of whoever asks."""

    server: ServedProcess
    cookie: str

    def client(self) -> Client:
        """A new connection."""
        return Client(self.server.port, self.cookie)


def measure_comparison(database: str, sizes: Iterable[int], seconds: float) -> Iterator[Ratio]:
    """Every load at each size; a load is measured for so many seconds a round on either side."""
    with tempfile.TemporaryDirectory(prefix="objapi-benchmarks-") as name, ExitStack() as stack:
        data = Path(name)
        for side in ("gateway", "floor"):
            (data / side).mkdir()
        urls = [stack.enter_context(empty_database(database, data / side)) for side in ("gateway", "floor")]
        site = stack.enter_context(comparison(data, {"OBJAPI_DATABASE_URL": urls[0]}))
        limit_collections(LOADING)
        there = 0
        for size in sorted(sizes):
            yield from _filled(database, site, urls[1], there, size)
            there = size
            yield from _measured(database, data, urls, size, seconds)


def _filled(database: str, site: Site, floor: str, there: int, size: int) -> Iterator[Ratio]:
    """Both sides with so many specimens, and what loading and reindexing cost the gateway beside bare inserts."""
    rates = []
    for work in (partial(fill_floor, floor), partial(fill, site)):
        begun = time.perf_counter()
        work(there, size)
        rates.append((size - there) / (time.perf_counter() - begun))
    yield Ratio(database, size, "load", "req/s", rates[0], rates[1], 1.7)
    begun = time.perf_counter()
    upkeep.reindex(site, progress)
    reindexed = size / (time.perf_counter() - begun)
    yield Ratio(database, size, "reindex, beside a bare load", "req/s", rates[0], reindexed, 0.9)


@contextmanager
def empty_database(database: str, data: Path) -> Iterator[str]:
    """The URL of an empty database: a file in a directory, or one on a MariaDB server that is removed afterwards."""
    if database == "sqlite":
        yield f"sqlite:///{data / 'benchmark.sqlite'}"
        return
    with mariadb_server() as server, fresh_mariadb_database(server) as url:
        yield url


def _measured(database: str, data: Path, urls: Sequence[str], size: int, seconds: float) -> Iterator[Ratio]:
    pid = _server_pid(urls[0]) if database != "sqlite" else None
    gateway_settings = {"OBJAPI_DATABASE_URL": urls[0], "OBJAPI_WORKERS": "1", "OBJAPI_DATA_DIR": str(data)}
    floor_settings = gateway_settings | {"OBJAPI_DATABASE_URL": urls[1]}
    with (
        served(["objapi", "serve"], data / "log", gateway_settings, database_pid=pid) as gateway,
        served(["benchmarks.floor"], data / "floor-log", floor_settings, database_pid=pid) as floor,
    ):
        form = {"form.submitted": "1", "__ac_password": PASSWORD}
        manager, contact = (
            Side(gateway, log_in(gateway.port, "/Plone/login_form", form | {"__ac_name": name}))
            for name in (MANAGER, CONTACT)
        )
        bare = Side(floor, log_in(floor.port, "/login", {"user": MANAGER}))
        client = manager.client()
        ids = some_ids(client, min(MANY, size))
        client.close()
        row = partial(Ratio, database, size)
        single = list(single_loads(size, ids))
        bulk = list(bulk_loads(ids))
        with progress(f"Measuring {database} at {size}", len(single) + len(bulk) + len(_FOR_CONTACT) + 3) as advance:
            for load in single:
                yield row(load.name, "ms", *_compared(bare, manager, load, seconds), load.aim)
                advance(1)
                if load.name in _FOR_CONTACT:
                    own = [name for name in ids if int(name[2:]) % 500 == 0]
                    alike = next(other for other in single_loads(size, own or ids) if other.name == load.name)
                    yield row(f"{load.name}, one customer", "ms", *_compared(bare, contact, alike, seconds), load.aim)
                    advance(1)
            for load in bulk:
                yield row(load.name, "ms", *_compared(bare, manager, load, seconds), load.aim)
                advance(1)
            for load, what in ((single[0], "reads"), (single[5], "updates")):
                crowds = [_crowd(side, load, place, seconds) for place, side in enumerate((bare, manager))]
                aim = load.aim if what == "reads" else None
                yield row(f"{what} by {CLIENTS} clients", "req/s", crowds[0].rate, crowds[1].rate, aim)
                yield row(f"{what} by {CLIENTS} clients, p50", "ms", crowds[0].p50, crowds[1].p50)
                yield row(f"{what} by {CLIENTS} clients, p99", "ms", crowds[0].p99, crowds[1].p99)
                advance(1)
                if what == "reads":
                    yield from _beside_writers(row, manager, load, crowds[1], bulk_writers(ids, WRITERS), seconds)
            yield row("memory of a worker", "MB", floor.pss() / 1e6, gateway.pss() / 1e6)
            load = stream_load(size)
            rates = [_streamed(side, calls, size) for side, calls in ((bare, load.floor), (manager, load.gateway))]
            yield row(load.name, "req/s", rates[0], rates[1])
            yield row("memory of a worker, after that", "MB", floor.pss() / 1e6, gateway.pss() / 1e6)
            advance(1)


def _compared(bare: Side, gateway: Side, load: Load, seconds: float) -> tuple[float, float]:
    """The medians of some rounds, floor and gateway in turns."""
    calls, clients = (load.floor, load.gateway), (bare.client(), gateway.client())
    turns = (count(), count())
    found: tuple[list[float], list[float]] = ([], [])
    for side, measured in ((0, bare), (1, gateway)):
        _once(load, measured.server, clients[side], calls[side], turns[side], 0.0)
    for _ in range(ROUNDS):
        for side, measured in ((0, bare), (1, gateway)):
            found[side].append(_once(load, measured.server, clients[side], calls[side], turns[side], seconds))
    for client in clients:
        client.close()
    return statistics.median(found[0]), statistics.median(found[1])


def _once(
    load: Load, server: ServedProcess, client: Client, calls: Calls, turns: Iterator[int], seconds: float
) -> float:
    if load.measured == "cpu":
        return cpu_per_request(server, client, calls, turns, seconds)
    # Two of them: a transition goes there and back.
    return statistics.median(wall_time(client, calls(next(turns))) for _ in range(2))


def _crowd(side: Side, load: Load, place: int, seconds: float) -> Crowd:
    calls = (load.floor, load.gateway)[place]
    return crowd(side.server.port, side.cookie, calls, count(), CLIENTS, seconds)


def _beside_writers(
    row: Callable[..., Ratio], side: Side, load: Load, alone: Crowd, writers: Sequence[Calls], seconds: float
) -> Iterator[Ratio]:
    """The same readers while others write in bulk, beside what they wait for without these."""
    found = crowd(side.server.port, side.cookie, load.gateway, count(), CLIENTS, seconds, writers)
    what = f"reads by {CLIENTS} clients beside {len(writers)} bulk writers"
    yield row(f"{what}, p50 to their p50 alone", "ms", alone.p50, found.p50)
    yield row(f"{what}, p99 to their p50 alone", "ms", alone.p50, found.p99, 10)


def _streamed(side: Side, calls: Calls, size: int) -> float:
    """Objects a second of an answer that has all of them."""
    begun = time.perf_counter()
    streamed(side.server.port, side.cookie, calls(0))
    return size / (time.perf_counter() - begun)


def _server_pid(url: str) -> int | None:
    """The process of the database server, when it is one of this machine."""
    target = make_url(url)
    with (
        pymysql.connect(
            host=target.host or "127.0.0.1",
            port=target.port or 3306,
            user=target.username or "root",
            password=target.password or "",
        ) as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute("SELECT @@pid_file")
        file = Path(str((cursor.fetchone() or ("",))[0]))
    return int(file.read_text(encoding="ascii")) if file.is_file() else None


def machine() -> str:
    """The machine in one line."""
    info = Path("/proc/cpuinfo").read_text(encoding="utf-8") if Path("/proc/cpuinfo").exists() else ""
    names = [line.partition(": ")[2] for line in info.splitlines() if line.startswith("model name")]
    name = names[0] if names else platform.processor()
    return f"{len(names) or 1} × {name}, Python {platform.python_version()}, {platform.system()}"

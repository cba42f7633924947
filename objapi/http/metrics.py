"""Numbers of a served site in the format of Prometheus, gathered over all of its worker processes.

Every worker writes into files of its own in a directory below the data directory, and whichever is asked adds them up.
Labels are names that the software declares, never text of a client: a series lives as long as the server.
"""

import os
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any, Final
from wsgiref.types import WSGIEnvironment

from sqlalchemy import Engine, event

from catalog.dialect import DATABASE_USE
from objapi.http.exchange import ANSWERED, UNKNOWN, Answered
from objapi.settings import Settings

DIRECTORY_VARIABLE: Final = "PROMETHEUS_MULTIPROC_DIR"
"""Where the library looks for the directory, once and for all when it is imported."""

_BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
# Kind of file → bytes that suffice for all that the software declares.
_ROOM: Final = {"counter": 256 * 1024, "histogram": 1024 * 1024, "gauge_livesum": 64 * 1024}
_COUNTED: Final = "objapi_counted"


def prepare_metrics(settings: Settings) -> None:
    """Make the directory of the server's numbers, empty, and have the library use it. Raises OSError.

    To be called before any worker starts. Each address and port has a directory of its own, since two servers may share
    a data directory.
    """
    directory = settings.data_dir.resolve() / "metrics" / f"{settings.host}-{settings.port}".replace(":", "_")
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True, exist_ok=True)
    os.environ[DIRECTORY_VARIABLE] = str(directory)
    # What is imported here workers have in the same memory.
    import prometheus_client.multiprocess  # noqa: F401, PLC0415 - it reads the variable when it is imported


def gather_metrics() -> bytes | None:
    """The numbers of all workers as text; None where no server has prepared them."""
    directory = os.environ.get(DIRECTORY_VARIABLE)
    if directory is None:
        return None
    from prometheus_client import CollectorRegistry, generate_latest  # noqa: PLC0415 - see prepare_metrics
    from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead  # noqa: PLC0415

    for file in Path(directory).glob("gauge_live*_*.db"):
        process = file.stem.rpartition("_")[2]
        if not _runs(int(process)):
            # It was killed, and what it had in use then is in use no more.
            mark_process_dead(process, directory)  # type: ignore[no-untyped-call]
    registry = CollectorRegistry()
    MultiProcessCollector(registry, directory)  # type: ignore[no-untyped-call]
    return generate_latest(registry)


@dataclass(frozen=True, slots=True)
class Gauge:
    """A number of the present moment, without labels."""

    name: str
    meaning: str
    value: float


def describe_gauges(gauges: Iterable[Gauge]) -> bytes:
    """Numbers that nobody gathers in files, as text."""
    from prometheus_client import CollectorRegistry, generate_latest  # noqa: PLC0415 - see prepare_metrics
    from prometheus_client.core import GaugeMetricFamily  # noqa: PLC0415
    from prometheus_client.registry import Collector  # noqa: PLC0415

    families = [GaugeMetricFamily(gauge.name, gauge.meaning, value=gauge.value) for gauge in gauges]

    class Told(Collector):
        def collect(self) -> list[GaugeMetricFamily]:
            return families

    registry = CollectorRegistry()
    registry.register(Told())
    return generate_latest(registry)


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _reserve_room() -> None:
    """Have the disk keep room for the files of this process. Raises OSError where there is none.

    The library writes to them in memory: on a disk that is full by then, that ends the process.
    """
    directory = os.environ.get(DIRECTORY_VARIABLE)
    if directory is None or not hasattr(os, "posix_fallocate"):
        return
    for kind, size in _ROOM.items():
        with (Path(directory) / f"{kind}_{os.getpid()}.db").open("ab") as file:
            os.posix_fallocate(file.fileno(), 0, size)


class Metrics:
    """The numbers that one worker process adds to. To be made in the worker; safe between threads."""

    def __init__(self) -> None:
        from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram  # noqa: PLC0415 - see prepare_metrics

        _reserve_room()
        own: dict[str, Any] = {"registry": CollectorRegistry()}
        alive = {**own, "multiprocess_mode": "livesum"}
        called = ("face", "method")
        self._requests = Counter("objapi_requests", "Requests answered.", (*called, "status"), **own)
        self._seconds = Histogram(
            "objapi_request_seconds",
            "Time from the last byte of a request to the last byte of its answer.",
            called,
            buckets=_BUCKETS,
            **own,
        )
        self._statements = Counter("objapi_database_statements", "Statements that requests asked of databases.", **own)
        self._database_seconds = Counter(
            "objapi_database_seconds", "Time in which requests waited for databases.", **own
        )
        self._repeats = Counter("objapi_transaction_repeats", "Transactions that were done again.", **own)
        self._unavailable = Counter(
            "objapi_database_unavailable", "Requests answered 503 because of a database.", ("reason",), **own
        )
        self._connections = Gauge(
            "objapi_database_connections_in_use", "Connections to databases that are in use.", **alive
        )
        self._password_checks = Gauge(
            "objapi_password_checks", "Log-ins whose password is being checked or waits for it.", **alive
        )
        self._event_streams = Gauge("objapi_event_streams", "Streams of changes that are open.", **alive)
        self._webhooks = Counter("objapi_webhook_deliveries", "Messages of webhooks.", ("outcome",), **own)
        self._children: dict[Answered, tuple[Any, Any]] = {}
        self._lock = Lock()

    def observe(self, environ: WSGIEnvironment, seconds: float) -> None:
        """Count a request, answered in as many seconds, with what its thread has asked of databases."""
        answered = environ.get(ANSWERED, UNKNOWN)
        requests, duration = self._children.get(answered) or self._new_children(answered)
        requests.inc()
        duration.observe(seconds)
        use = DATABASE_USE
        if use.statements:
            self._statements.inc(use.statements)
        if use.seconds:
            self._database_seconds.inc(use.seconds)
        if use.repeats:
            self._repeats.inc(use.repeats)
        if use.fault and answered.status == 503:
            self._unavailable.labels(use.fault).inc()

    def _new_children(self, answered: Answered) -> tuple[Any, Any]:
        """The series of a kind of request. The library finds them again by their labels, but not as fast."""
        called = answered.face, answered.called
        with self._lock:
            return self._children.setdefault(
                answered, (self._requests.labels(*called, str(answered.status)), self._seconds.labels(*called))
            )

    def count_connections(self, engine: Engine) -> None:
        """Have connections counted that an engine gives and gets back."""

        @event.listens_for(engine, "checkout")
        def given(connection: Any, record: Any, proxy: Any) -> None:
            record.record_info[_COUNTED] = True
            self._connections.inc()

        @event.listens_for(engine, "checkin")
        def back(connection: Any, record: Any) -> None:
            # One that another listener refused to give was never counted.
            if record.record_info.pop(_COUNTED, False):
                self._connections.dec()

    @property
    def password_checks(self) -> Callable[[int], None]:
        """A function to be told how many password checks there are at present."""
        return self._password_checks.set

    @property
    def event_streams(self) -> Callable[[int], None]:
        """A function to be told how many streams of changes are open at present."""
        return self._event_streams.set

    def count_webhook(self, outcome: str) -> None:
        """Count a message of a webhook by its outcome."""
        self._webhooks.labels(outcome).inc()

"""The server: a parent process that watches over granian's worker processes.

On Linux a worker is forked, and so has the declarations that the parent has loaded; elsewhere it is a fresh interpreter
that loads them itself. Either way it makes its own application and opens its own connections: the parent has none when
workers start. No worker outlives the parent: on SIGTERM, SIGINT or SIGHUP the parent ends them, and should it be
killed, they end themselves.
"""

import errno
import gc
import ipaddress
import math
import multiprocessing
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from http.client import HTTPConnection, HTTPException
from multiprocessing.connection import Connection, wait
from typing import Any, Final
from wsgiref.types import WSGIApplication

from granian.constants import HTTPModes, Interfaces
from granian.log import LogLevels
from granian.server.mp import MPServer

from objapi.http.asgi import WsgiBridge
from objapi.http.log_lines import JsonLines, TextLines
from objapi.http.memory import SERVING, limit_allocation, limit_collections
from objapi.http.metrics import Metrics, prepare_metrics
from objapi.http.telemetry import TelemetryMissing, require_telemetry, sending_spans
from objapi.settings import LogFormat, LogLevel, Settings

INHERITS: Final = sys.platform == "linux"
"""Whether workers have what the parent has loaded; on macOS a process that was forked may not use system libraries."""

# Connections that a worker holds at once, those waiting for their turn and idle ones included.
CONNECTIONS_PER_WORKER = 512

# Threads of a worker beyond those that work with the database: they wait for a password check, another server or a
# disk, or send to a client that reads slowly, and there may be one of these on every connection. They are started when
# needed and end when idle; the connection pool bounds how many work at once.
SPARE_THREADS = CONNECTIONS_PER_WORKER

MakeApplication = Callable[[Settings, Metrics], WSGIApplication]

_PROBE_SECONDS = 0.05
_PROBE_TIMEOUT_SECONDS = 10.0
# Where to reach a server that listens on every address.
_ANY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - looked up, not bound


class ServeError(Exception):
    """The server cannot start; the message is one sentence or two, with the remedy."""


def is_loopback(host: str) -> bool:
    """True for an address to listen on that is reached from this machine alone.

    Those are `localhost`, 127.0.0.0/8 and ::1, also when written as an IPv4-mapped address. Any other name is not one:
    what it resolves to may change.
    """
    if host.lower() == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback


def base_url(settings: Settings) -> str:
    """The URL of the server's root, without a trailing slash: the public one, or as one types it on this machine."""
    if settings.public_url:
        return settings.public_url
    host = _ANY_ADDRESS.get(settings.host, settings.host)
    return f"http://[{host}]:{settings.port}" if ":" in host else f"http://{host}:{settings.port}"


def listening_address(host: str, port: int) -> str:
    """The IP address of `host`, after making sure that nobody listens on its `port`.

    Raises ServeError when the name is unknown, the address not one of this machine, or the port taken or refused.
    """
    try:
        family, _, _, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    except OSError as error:
        raise ServeError(
            f"The host {host!r} is unknown. Give an address of this machine, such as 127.0.0.1."
        ) from error
    # Without SO_REUSEPORT, with which granian's workers share the port and would share it with another server too.
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(place)
            probe.listen()
        except OSError as error:
            raise ServeError(_refusal(host, port, error)) from error
    return str(place[0])


def _refusal(host: str, port: int, error: OSError) -> str:
    match error.errno:
        case errno.EADDRINUSE:
            return f"Port {port} of {host} is taken by another program. Stop that one, or choose another port."
        case errno.EACCES:
            return f"Port {port} may not be opened by this user. Choose a port from 1024 upwards."
        case errno.EADDRNOTAVAIL:
            return f"{host} is no address of this machine. Listen on 127.0.0.1, or on 0.0.0.0 for all its addresses."
        case _:
            return f"Port {port} of {host} cannot be opened: {error.strerror}. Choose another address or port."


def serve(settings: Settings, on_ready: Callable[[], None], application: MakeApplication) -> int:
    """Serve until a signal ends it; the exit status is 0 then, and 1 when the workers would not run.

    `application` makes a WSGI application of the settings, and may have the metrics count more than requests; it is
    called in each worker process, and has to be picklable unless they inherit. `on_ready` is called once, in a thread,
    when the port answers HTTP. To be called in the main thread, when no connection to a database is open. Raises
    ServeError when the address cannot be listened on, nothing be written to the data directory, or no span be sent.
    """
    address = listening_address(settings.host, settings.port)
    try:
        prepare_metrics(settings)
    except OSError as error:
        raise ServeError(
            f"The numbers of the server cannot be written to {error.filename}: {error.strerror}. "
            "Give a data directory that this user may write: --data DIR or OBJAPI_DATA_DIR."
        ) from error
    try:
        require_telemetry(settings)
    except TelemetryMissing as error:
        raise ServeError(str(error)) from error
    server = _server(settings, address)
    stopping, stop = multiprocessing.Pipe(duplex=False)
    ready, tell_ready = multiprocessing.Pipe(duplex=False)

    def interrupted(*_: object) -> None:
        if not server.interrupt_signal:
            # Before granian tells the workers: they end when all is answered, and a stream of events would go on.
            stop.send_bytes(b".")
        server.signal_handler_interrupt()  # type: ignore[no-untyped-call]

    def started() -> None:
        # granian reloads on SIGHUP; a terminal that closes must end the server instead.
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, interrupted)
        threading.Thread(target=_announce, args=(server, on_ready), name="readiness", daemon=True).start()
        threading.Thread(target=_note_ready, args=(server, ready), name="ready-workers", daemon=True).start()

    server.on_startup(started)
    multiprocessing.set_start_method("fork" if INHERITS else "spawn", force=True)
    # What workers inherit is in the same memory for all of them, as long as no collection of garbage writes to it.
    gc.collect()
    gc.freeze()
    try:
        server.serve(target_loader=partial(_load, application, settings, stopping, tell_ready), wrap_loader=False)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1
    return 0


def _server(settings: Settings, address: str) -> MPServer:
    workers = settings.workers or _cores()
    return MPServer(
        "objapi",
        address=address,
        port=settings.port,
        interface=Interfaces.ASGI,
        http=HTTPModes.http1,
        websockets=False,
        workers=workers,
        backpressure=CONNECTIONS_PER_WORKER,
        log_level=LogLevels.debug if settings.log_level == "debug" else LogLevels.error,
        log_dictconfig=logging_configuration(settings.log_level, settings.log_format),
        # Until the port answers, a worker that fails stops the start; later it is replaced.
        respawn_failed_workers=False,
        workers_kill_timeout=math.ceil(settings.stop_timeout),
    )


def _cores() -> int:
    """The processors this process may use, which in a container are fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def logging_configuration(level: LogLevel, form: LogFormat) -> dict[str, Any]:
    """Logging to standard error, as `logging.config.dictConfig` takes it; all loggers from `level` upwards."""
    lines = JsonLines if form == "json" else TextLines
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"()": lines}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line", "stream": "ext://sys.stderr"}},
        "loggers": {"_granian": {}, "granian.access": {}},
        "root": {"level": level.upper(), "handlers": ["stderr"]},
    }


def _load(application: MakeApplication, settings: Settings, stopping: Connection, tell_ready: Connection) -> WsgiBridge:
    """Called in a worker process: tie its life to the parent's, then make the application, and tell the parent so."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        # Not the handlers of the parent, which end its workers; granian sets those of a worker when it listens.
        signal.signal(number, signal.SIG_DFL)
    limit_allocation()
    # A process group of its own: Ctrl-C and a closed terminal reach the parent alone, which ends the workers in order.
    os.setpgid(0, 0)
    metrics = Metrics()
    made = application(settings, metrics)
    limit_collections(SERVING)
    observe = sending_spans(settings, metrics.observe)
    bridge = WsgiBridge(made, settings, settings.worker_threads + SPARE_THREADS, observe)
    threading.Thread(target=_watch_parent, args=(stopping, bridge), name="parent-watch", daemon=True).start()
    tell_ready.send(os.getpid())
    return bridge


def _note_ready(server: MPServer, ready: Connection) -> None:
    """Have each worker that got as far as serving be replaced when it dies, however soon that is.

    granian ends the server when a worker dies within seconds of the last one in its place. That is right for one that
    cannot start, and not for one that was killed.
    """
    while True:
        try:
            process = ready.recv()
        except (EOFError, OSError):
            # The server has ended, and the pipe with it.
            return
        for worker in list(server.wrks):
            if worker.inner.pid == process:
                server.respawned_wrks.pop(worker.idx, None)


def _watch_parent(stopping: Connection, bridge: WsgiBridge) -> None:
    """Have streams end when the server stops, and end this worker at once when the parent has ended, however it did.

    The pipe waited on closes when the parent is killed, too. No clean-up is run: the database rolls back what is open.
    """
    parent = multiprocessing.parent_process()
    if parent is None:
        return
    # What is in the pipe stays there, for the other workers.
    if parent.sentinel not in wait((parent.sentinel, stopping)):
        bridge.end_streams()
        parent.join()
    os._exit(1)


def _announce(server: MPServer, on_ready: Callable[[], None]) -> None:
    """Wait until the port answers HTTP, with whatever status; then let failed workers be replaced and say so."""
    while len(server.wrks) < server.workers and not server.main_loop_interrupt.is_set():
        # A process that is forked meanwhile must find no lock taken by this thread.
        time.sleep(_PROBE_SECONDS)
    address = _ANY_ADDRESS.get(server.bind_addr, server.bind_addr)
    while not server.main_loop_interrupt.is_set():
        connection = HTTPConnection(address, server.bind_port, timeout=_PROBE_TIMEOUT_SECONDS)
        try:
            connection.request("HEAD", "/")
            connection.getresponse()
        except (OSError, HTTPException):
            time.sleep(_PROBE_SECONDS)
        else:
            server.respawn_failed_workers = True
            on_ready()
            return
        finally:
            connection.close()

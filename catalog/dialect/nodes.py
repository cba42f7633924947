"""The nodes of one database: several hosts in a URL, and which of them a connection is made to.

Connections go to the first node of the URL that answers and, where it belongs to a Galera cluster, is part of its
primary component. A node that fails is passed over for a few seconds, so that not everybody waits for one that hangs.
"""

import logging
import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from sqlalchemy.engine import URL, Connection, make_url
from sqlalchemy.exc import ArgumentError

CONNECT_SECONDS: Final = 3.0
"""Time that a node has to answer a new connection where there are others."""
AVOID_SECONDS: Final = 5.0
"""Time for which a node that failed comes after all others."""
RETURN_SECONDS: Final = 60.0
"""Age at which a connection to another node than the first is given up when the first may be back."""
NOT_READY: Final = 1047

_PORT: Final = 3306
_ALL_READS_AND_WRITES: Final = 7
# The same for every node of a cluster: the account, its password, the database.
_SAME_EVERYWHERE: Final = frozenset({1044, 1045, 1049, 1698})
_PARTS: Final = re.compile(r"([^:/]+://(?:[^:/@]*(?::[^@]*)?@)?)([^/?]*)(.*)", re.DOTALL)

_log = logging.getLogger("objapi.database")


def nodes_of(url: str) -> tuple[URL, ...]:
    """The URL of each node that a database URL names: `mysql://user:password@node1:3306,node2,node3/database`.

    Raises ValueError for a host that is missing or a port that is none.
    """
    parts = _PARTS.fullmatch(url)
    if parts is None or "," not in parts[2]:
        return (make_url(url),)
    before, hosts, rest = parts.groups()
    names = [name.strip() for name in hosts.split(",")]
    if not all(names):
        raise ValueError("a host is missing before or after a comma")
    try:
        return tuple([make_url(f"{before}{name}{rest}") for name in names])
    except (ArgumentError, ValueError) as error:
        raise ValueError(f"the hosts cannot be read: {error}") from None


def node_name(url: URL) -> str:
    """Host and port of a node, as messages have them."""
    return f"{url.host}:{url.port or _PORT}"


class Nodes:
    """The nodes of one engine in the order of preference; safe between threads."""

    def __init__(self, urls: Sequence[URL]) -> None:
        self._names = [node_name(url) for url in urls]
        self._lock = threading.Lock()
        self._avoided = [0.0] * len(urls)
        """Place → instant until which the node comes after the others."""
        self._lost = [0.0] * len(urls)
        """Place → instant at which a connection to the node was lost last."""
        self._current = 0

    def connect(self, connect: Callable[[int], Any], errors: Any) -> tuple[int, Any]:
        """Connect to the first node that can be used; returns its place and the connection.

        `connect` opens a connection to the node of a place; `errors` is the driver's module. Raises its error when no
        node can be used.
        """
        failure: Any = None
        causes: list[str] = []
        for place in self._order():
            try:
                connection = _ready(connect(place), errors)
            except errors.Error as error:
                if error.args[:1] and error.args[0] in _SAME_EVERYWHERE:
                    raise
                self.avoid(place)
                causes.append(f"{self._names[place]}: {error}")
                # One that is not ready yet may be so in a moment, and the request is worth repeating.
                failure = failure if _code(failure) == NOT_READY else error
            else:
                self._note(place, causes)
                return place, connection
        raise failure

    def avoid(self, place: int) -> None:
        """Have a node that failed come after the others for some seconds."""
        with self._lock:
            self._avoided[place] = time.monotonic() + AVOID_SECONDS

    def lose(self, place: int) -> None:
        """Have the connections that were made to a node up to now be given up."""
        self._lost[place] = time.monotonic()

    def is_over(self, place: int, since: float) -> bool:
        """True for a connection that should be replaced.

        That is one from before its node was lost, or an old one to another node than the first while that may be back.
        """
        now = time.monotonic()
        return since <= self._lost[place] or (place > 0 and now - since > RETURN_SECONDS and now > self._avoided[0])

    def _order(self) -> list[int]:
        now = time.monotonic()
        return sorted(range(len(self._names)), key=lambda place: (self._avoided[place] > now, place))

    def _note(self, place: int, causes: Sequence[str]) -> None:
        """Log that connections go to another node than before, once."""
        with self._lock:
            before, self._current = self._current, place
            self._avoided[place] = 0.0
        if before != place:
            why = f" ({'; '.join(causes)})" if causes else " (which failed a moment ago)" if place > before else ""
            _log.warning("database: %s in place of %s%s", self._names[place], self._names[before], why)


def _code(error: Any) -> object:
    return error.args[0] if error is not None and error.args else None


def _ready(connection: Any, errors: Any) -> Any:
    """The connection, unless its server is a node of a Galera cluster that takes no statements at present."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SHOW GLOBAL STATUS WHERE Variable_name IN ('wsrep_ready', 'wsrep_provider_name')")
            status = {name.lower(): value for name, value in cursor.fetchall()}
    except BaseException:
        connection.close()
        raise
    # A server that is no node says OFF as well, but names no provider.
    if status.get("wsrep_provider_name") and status.get("wsrep_ready") == "OFF":
        connection.close()
        raise errors.OperationalError(NOT_READY, "the node is not part of the primary component of its cluster")
    return connection


@contextmanager
def all_commits_seen(connection: Connection) -> Iterator[None]:
    """Have the statements of a connection wait until its node has applied what the cluster committed before them.

    Servers that are no nodes of a Galera cluster have nothing to wait for.
    """
    row = None
    if connection.dialect.name in ("mysql", "mariadb"):
        row = connection.exec_driver_sql("SHOW VARIABLES LIKE 'wsrep_sync_wait'").first()
    if row is None:
        yield
        return
    connection.exec_driver_sql(f"SET SESSION wsrep_sync_wait = {_ALL_READS_AND_WRITES}")
    try:
        yield
    finally:
        connection.exec_driver_sql(f"SET SESSION wsrep_sync_wait = {int(row[1])}")


def is_in_cluster(connection: Connection) -> bool:
    """True on a node of a Galera cluster."""
    if connection.dialect.name not in ("mysql", "mariadb"):
        return False
    row = connection.exec_driver_sql("SHOW GLOBAL STATUS LIKE 'wsrep_cluster_size'").first()
    return row is not None and int(row[1]) > 0

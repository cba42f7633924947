"""Engines and transactions: which database it is, how a connection is set up, what a transaction may do."""

import errno
import os
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from math import ceil, inf
from pathlib import Path
from typing import Any, Final, TypeVar

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import URL, Connection, Dialect, Engine, RootTransaction
from sqlalchemy.pool import PoolResetState, StaticPool

from catalog.dialect.database_use import DATABASE_USE
from catalog.dialect.drivers import Driver, connected, driver_arguments, with_driver
from catalog.dialect.failures import GONE_CODES, is_silence
from catalog.dialect.letters import SQLITE_FOLDED, sqlite_folded
from catalog.dialect.nodes import CONNECT_SECONDS, Nodes, nodes_of
from catalog.dialect.prepared import core_error, execute_in_unicode
from catalog.dialect.row_keys import sqlite_key_as_text, sqlite_key_digest

try:
    import fcntl

    _FILE_LOCKS = True
except ImportError:  # no such module outside POSIX; SQLite's own busy timeout remains
    _FILE_LOCKS = False

BUSY_SECONDS: Final = 10.0
LOCK_POLL_SECONDS: Final = 0.002
IDLE_PING_SECONDS: Final = 30.0
SILENCE_SECONDS: Final = 5.0
"""Time beyond the limit of a statement after which a silent server is given up."""
STEPS_BETWEEN_LOOKS: Final = 20_000
"""Steps of SQLite's machine, a millisecond or less, after which the time of a statement is looked at."""
PACKET: Final = "max_allowed_packet"
"""Key in a connection's `info` of the server's limit for a statement, in bytes."""

# Without NO_ZERO_DATE: under it, rows of tables whose columns have that default cannot be inserted. We write none.
SQL_MODE: Final = "STRICT_ALL_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ZERO_IN_DATE,NO_ENGINE_SUBSTITUTION"
_WRITE_OPTION: Final = "catalog_write"
_USED: Final = "catalog_last_used"
_LEVEL: Final = "catalog_isolation"
_ENDED: Final = "catalog_ended"
_PLACE: Final = "catalog_node"
_SINCE: Final = "catalog_connected"
_FRESH: Final = "catalog_fresh"
_FOR_READS: Final = "REPEATABLE READ"
_FOR_WRITES: Final = "READ COMMITTED"

# What keeps the lock file from being written keeps the database from it, too.
_OF_LOCK_FILE: Final = {
    **dict.fromkeys((errno.EROFS, errno.EACCES, errno.EPERM), sqlite3.SQLITE_READONLY),
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT), sqlite3.SQLITE_FULL),
}

T = TypeVar("T", bound=tuple[Any, ...])


def is_mysql_family(dialect: Dialect) -> bool:
    """True if the dialect speaks to MariaDB or MySQL."""
    return dialect.name in ("mysql", "mariadb")


def is_mariadb(dialect: Dialect) -> bool:
    """True if the dialect has met a MariaDB server."""
    return bool(getattr(dialect, "is_mariadb", False))


class _LockingConnection(sqlite3.Connection):
    """A connection to an SQLite file that holds a lock file for as long as it writes.

    SQLite's waiting is sleep and retry, without order: many writing processes starve each other. The lock file makes
    all but one wait before they begin. flock(2) is called directly: filelock takes 0.3 ms a lock, twenty times as long,
    and that for each write.
    """

    lock_path: str | None = None
    wait = BUSY_SECONDS
    deadline = inf
    """Instant of the monotonic clock at which a running statement is stopped."""
    _lock_file: int | None = None
    """Descriptor of the open lock file while this connection writes."""

    def is_over_time(self) -> bool:
        """True once the running statement has taken too long; SQLite asks every few thousand steps."""
        return time.monotonic() > self.deadline

    def begin(self, *, write: bool) -> None:
        """BEGIN, or take the lock and BEGIN IMMEDIATE. Raises sqlite3.OperationalError (busy) after ten seconds."""
        if write:
            self._take_lock()
        try:
            self.execute("BEGIN IMMEDIATE" if write else "BEGIN")
        except sqlite3.Error:
            self._give_lock()
            raise

    def commit(self) -> None:
        """Commit, then let the next writer go."""
        super().commit()
        self._give_lock()

    def rollback(self) -> None:
        """Roll back, then let the next writer go."""
        try:
            super().rollback()
        finally:
            self._give_lock()

    def close(self) -> None:
        """Close, then let the next writer go."""
        try:
            super().close()
        finally:
            self._give_lock()

    def __del__(self) -> None:
        """Let the next writer go, should the connection be dropped without an end."""
        self._give_lock()

    def _take_lock(self) -> None:
        if not _FILE_LOCKS or self.lock_path is None or self._lock_file is not None:
            return
        # For each write: a file object takes five times as long as a descriptor. Closed by `_give_lock`.
        try:
            file = os.open(self.lock_path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o666)
        except OSError as reason:
            refused = sqlite3.OperationalError(f"{self.lock_path} cannot be written: {reason.strerror}")
            refused.sqlite_errorcode = _OF_LOCK_FILE.get(reason.errno or 0, sqlite3.SQLITE_CANTOPEN)
            raise refused from reason
        deadline = time.monotonic() + self.wait
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as reason:
                if time.monotonic() > deadline:
                    os.close(file)
                    busy = sqlite3.OperationalError(f"database is locked: another process holds {self.lock_path}")
                    busy.sqlite_errorcode = sqlite3.SQLITE_BUSY
                    raise busy from reason
                time.sleep(LOCK_POLL_SECONDS)
            else:
                self._lock_file = file
                return

    def _give_lock(self) -> None:
        file, self._lock_file = self._lock_file, None
        if file is not None:
            os.close(file)


def create_engine_for(
    url: str | URL,
    *,
    threads: int = 1,
    wait: float = BUSY_SECONDS,
    echo: bool = False,
    own: bool = True,
    limit: float | None = None,
    driver: Driver = "auto",
    causal: bool = False,
) -> Engine:
    """The engine for a database URL: `sqlite:///file`, or `mysql://…` and `mariadb://…`, whose driver is chosen here.

    A driver that the URL names (`mysql+pymysql://…`) is passed over. Several hosts are the nodes of one cluster, see
    `nodes`; `causal`: a read there waits for what was committed before on any node. Raises DriverMissing, ValueError.

    The pool is as large as the number of threads; `wait` is how many seconds to wait for a lock, a busy database or a
    free connection; a database that is not our `own` is left as it is, its journal included. A statement that takes
    longer than `limit` seconds is stopped, and a server that is silent a few seconds longer is given up: both are
    errors of which `fault_of` knows the kind. Make it after a worker process has started, never before a fork.

    SQLite: transactions begin explicitly, WAL, foreign keys, synchronous=FULL.
    MySQL family: utf8mb4, strict mode, UTC. Transactions are REPEATABLE READ, so page, count and documents of one read
    are one snapshot; `begin_write` turns a transaction to READ COMMITTED, which takes no gap locks: bulk upkeep deletes
    and inserts neighbouring side rows, and would deadlock on the gaps.
    """
    targets = (url,) if isinstance(url, URL) else nodes_of(url)
    if targets[0].get_backend_name() == "sqlite":
        engine = _sqlite_engine(targets[0], threads, wait, echo, own, limit)
    else:
        nodes = [with_driver(target, driver) for target in targets]
        engine = _mysql_engine(nodes, threads, wait, echo, limit, causal)
    _count_statements(engine)
    return engine


def _count_statements(engine: Engine) -> None:
    """Let the thread that executes a statement know of it, and of the time that it took."""

    # One that returns statement and parameters is called as it is; any other is wrapped.
    @event.listens_for(engine, "before_cursor_execute", retval=True)
    def begin(connection: Connection, cursor: Any, statement: str, parameters: Any, *_: Any) -> tuple[str, Any]:
        DATABASE_USE.statements += 1
        DATABASE_USE.running_since = time.perf_counter()
        return statement, parameters

    @event.listens_for(engine, "after_cursor_execute")
    def end(*_: Any) -> None:
        DATABASE_USE.seconds += time.perf_counter() - DATABASE_USE.running_since


def _sqlite_engine(url: URL, threads: int, wait: float, echo: bool, own: bool, limit: float | None) -> Engine:
    in_memory = url.database in (None, "", ":memory:")
    arguments: dict[str, Any] = {"isolation_level": None, "factory": _LockingConnection, "timeout": wait}
    if in_memory:
        arguments["check_same_thread"] = False
        engine = sa.create_engine(
            url, connect_args=arguments, poolclass=StaticPool, echo=echo, hide_parameters=not echo
        )
    else:
        engine = sa.create_engine(
            url,
            connect_args=arguments,
            pool_size=threads,
            max_overflow=0,
            pool_timeout=wait,
            echo=echo,
            pool_reset_on_return=None,
            hide_parameters=not echo,
        )
        _end_on_return(engine)
    lock_path = None if in_memory or url.database is None else f"{Path(url.database).resolve()}-lock"

    @event.listens_for(engine, "connect")
    def set_up(connection: Any, record: Any) -> None:
        connection.lock_path, connection.wait = lock_path, wait
        for pragma in ("foreign_keys=ON", *(("journal_mode=WAL",) if own else ()), "synchronous=FULL"):
            connection.execute(f"PRAGMA {pragma}").close()
        connection.create_function("key_digest", -1, sqlite_key_digest, deterministic=True)
        connection.create_function("key_as_text", -1, sqlite_key_as_text, deterministic=True)
        connection.create_function(SQLITE_FOLDED, 1, sqlite_folded, deterministic=True)
        if limit is not None:
            connection.set_progress_handler(connection.is_over_time, STEPS_BETWEEN_LOOKS)

    if limit is not None:

        @event.listens_for(engine, "before_cursor_execute", retval=True)
        def set_deadline(
            connection: Connection, cursor: Any, statement: str, parameters: Any, *_: Any
        ) -> tuple[str, Any]:
            raw: Any = connection.connection.dbapi_connection
            raw.deadline = time.monotonic() + limit
            return statement, parameters

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        raw: Any = connection.connection.dbapi_connection
        try:
            raw.begin(write=bool(connection.get_execution_options().get(_WRITE_OPTION)))
        except sqlite3.OperationalError as reason:
            raise sa.exc.OperationalError("BEGIN", None, reason) from reason

    return engine


def _mysql_engine(
    urls: Sequence[URL], threads: int, wait: float, echo: bool, limit: float | None, causal: bool
) -> Engine:
    init_command = (
        f"SET SESSION sql_mode='{SQL_MODE}', time_zone='+00:00', innodb_lock_wait_timeout={max(1, ceil(wait))}"
    )
    silence = None if limit is None else max(limit, ceil(wait)) + SILENCE_SECONDS
    engine = sa.create_engine(
        urls[0],
        connect_args=driver_arguments(urls[0], init_command, silence),
        isolation_level=_FOR_READS,
        # Of either driver, whatever it prefers.
        paramstyle="pyformat",
        pool_size=threads,
        max_overflow=0,
        pool_timeout=wait,
        pool_reset_on_return=None,
        echo=echo,
        hide_parameters=not echo,
    )

    @event.listens_for(engine, "connect")
    def learn_packet_size(connection: Any, record: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT @@max_allowed_packet, @@version")
            packet, version = cursor.fetchone()
            record.info[PACKET] = int(packet)
            if limit is not None:
                # MySQL has another name for it, another unit, and limits queries alone.
                at_most = (
                    f"max_statement_time={limit:f}"
                    if "MariaDB" in version
                    else f"max_execution_time={limit * 1000:.0f}"
                )
                cursor.execute(f"SET SESSION {at_most}")
            if causal:
                cursor.execute("SHOW VARIABLES LIKE 'wsrep_sync_wait'")
                # Other servers than those that can be nodes of a Galera cluster do not know it, and need it not.
                if cursor.fetchone() is not None:
                    cursor.execute("SET SESSION wsrep_sync_wait = 1")

    @event.listens_for(engine, "checkin")
    def note_time(connection: Any, record: Any) -> None:
        record.info[_USED] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def ping_if_idle(connection: Any, record: Any, proxy: Any) -> None:
        # A busy connection is not pinged; one that a server restart or a time-out may have cut is.
        if time.monotonic() - record.info.get(_USED, time.monotonic()) > IDLE_PING_SECONDS:
            try:
                engine.dialect.do_ping(connection)
            except engine.dialect.loaded_dbapi.Error as reason:
                raise sa.exc.DisconnectionError("the database connection was cut while idle") from reason

    _give_up_what_is_gone(engine, urls, init_command, silence)
    _isolate(engine)
    _end_on_return(engine)
    _compare_in_unicode(engine)
    return engine


def _give_up_what_is_gone(engine: Engine, urls: Sequence[URL], init_command: str, silence: float | None) -> None:
    """Use no connection to a node again that refuses statements; connect to another one, where there are several."""
    nodes = Nodes(urls)
    dialect: Any = engine.dialect
    is_disconnect = dialect.is_disconnect

    def is_gone(error: Any, connection: Any, cursor: Any) -> bool:
        gone = bool(is_disconnect(error, connection, cursor)) or not GONE_CODES.isdisjoint(error.args[:1])
        place = getattr(connection, "info", {}).get(_PLACE)
        if gone and place is not None:
            nodes.lose(place)
            # It may take new connections all the same, and keep them waiting.
            if is_silence(error):
                nodes.avoid(place)
        return gone

    dialect.is_disconnect = is_gone
    if len(urls) == 1:
        return

    arguments = [
        {**dialect.create_connect_args(url)[1], **driver_arguments(url, init_command, silence, CONNECT_SECONDS)}
        for url in urls
    ]

    @event.listens_for(engine, "do_connect")
    def connect(_: Any, record: Any, *__: Any) -> Any:
        place, connection = nodes.connect(
            lambda place: connected(dialect.loaded_dbapi, arguments[place], silence), dialect.loaded_dbapi
        )
        record.info.update({_PLACE: place, _SINCE: time.monotonic(), _FRESH: True})
        return connection

    @event.listens_for(engine, "checkout")
    def replace(connection: Any, record: Any, proxy: Any) -> None:
        # A pool that has to replace a connection that it has just made gives up.
        if not record.info.pop(_FRESH, False) and nodes.is_over(record.info[_PLACE], record.info[_SINCE]):
            raise sa.exc.DisconnectionError("the connection is to a node that was lost, or not to the first one")


def _isolate(engine: Engine) -> None:
    """Set the isolation level of a connection when it begins a transaction of another kind than its last one."""

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        level = _FOR_WRITES if connection.get_execution_options().get(_WRITE_OPTION) else _FOR_READS
        if connection.info.get(_LEVEL, _FOR_READS) == level:
            return
        text = f"SET SESSION TRANSACTION ISOLATION LEVEL {level}"
        cursor = connection.connection.cursor()
        try:
            cursor.execute(text)
        except engine.dialect.loaded_dbapi.Error as error:
            raise core_error(connection, text, None, error) from error
        finally:
            cursor.close()
        connection.info[_LEVEL] = level


def _end_on_return(engine: Engine) -> None:
    """Roll back what a connection that is given back has left open; what has ended already is asked nothing more."""

    @event.listens_for(engine, "reset")
    def end(connection: Any, record: Any, state: PoolResetState) -> None:
        ended = record.info.pop(_ENDED, False)
        if ended or state.transaction_was_reset or state.terminate_only:
            return
        try:
            connection.rollback()
        except engine.dialect.loaded_dbapi.Error as error:
            # The pool would log a traceback, and do the same.
            record.invalidate(error)


def _compare_in_unicode(engine: Engine) -> None:
    """Let a comparison of a narrow column with text that has other characters find nothing, instead of failing."""

    @event.listens_for(engine, "do_execute")
    def execute(cursor: Any, statement: str, parameters: Any, context: Any) -> bool:
        execute_in_unicode(cursor, statement, parameters, engine.dialect)
        return True


def begin_write(connection: Connection) -> RootTransaction:
    """Begin a transaction that may write; use it as a context manager (commits, or rolls back on an exception).

    The connection must not be in a transaction. Later transactions of the same connection are writing ones too; take a
    fresh connection from the engine for a read.
    """
    connection.execution_options(**{_WRITE_OPTION: True})
    return connection.begin()


@contextmanager
def transaction(engine: Engine, *, write: bool) -> Iterator[Connection]:
    """A connection in a transaction, which is committed at the end if it may write, and rolled back on an exception.

    One that only reads has nothing to commit: it ends as the connection is given back. Either way the database is
    asked once.
    """
    asked = time.perf_counter()
    with engine.connect() as connection:
        if not write:
            connection.begin()
            DATABASE_USE.seconds += time.perf_counter() - asked
            yield connection
            return
        with begin_write(connection):
            DATABASE_USE.seconds += time.perf_counter() - asked
            yield connection
            asked = time.perf_counter()
        DATABASE_USE.seconds += time.perf_counter() - asked
        connection.info[_ENDED] = True


def for_update(statement: sa.Select[T]) -> sa.Select[T]:
    """The select with its rows locked until the end of the transaction; on SQLite the whole database already is."""
    return statement.with_for_update()


def sorts_before_joining(connection: Connection) -> bool:
    """True where rows of one table are put in order, and cut, before others are looked up for them by an outer join.

    SQLite looks up what belongs to every row first when no key gives the order.
    """
    return is_mysql_family(connection.dialect)

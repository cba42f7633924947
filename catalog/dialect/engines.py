"""Engines and transactions: which database it is, how a connection is set up, what a transaction may do."""

import sqlite3
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import ceil, inf
from pathlib import Path
from typing import Any, Final, TypeVar

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import URL, Connection, Dialect, Engine, RootTransaction, make_url
from sqlalchemy.pool import StaticPool

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
_MIXED_COLLATIONS: Final = frozenset({1267, 1270, 1271})
_WRITE_OPTION: Final = "catalog_write"
_USED: Final = "catalog_last_used"

T = TypeVar("T", bound=tuple[Any, ...])
_Result = TypeVar("_Result")


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
    _lock_file: Any = None

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

    def _take_lock(self) -> None:
        if not _FILE_LOCKS or self.lock_path is None or self._lock_file is not None:
            return
        file = Path(self.lock_path).open("ab")  # noqa: SIM115 - closed by _give_lock
        deadline = time.monotonic() + self.wait
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as reason:
                if time.monotonic() > deadline:
                    file.close()
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
            file.close()


def create_engine_for(
    url: str | URL,
    *,
    threads: int = 1,
    wait: float = BUSY_SECONDS,
    echo: bool = False,
    own: bool = True,
    limit: float | None = None,
) -> Engine:
    """The engine for a database URL (`sqlite:///file`, `mysql+pymysql://…`, `mariadb+pymysql://…`).

    The pool is as large as the number of threads; `wait` is how many seconds to wait for a lock, a busy database or a
    free connection; a database that is not our `own` is left as it is, its journal included. A statement that takes
    longer than `limit` seconds is stopped, and a server that is silent a few seconds longer is given up: both are
    errors of which `fault_of` knows the kind. Make it after a worker process has started, never before a fork.

    SQLite: transactions begin explicitly, WAL, foreign keys, synchronous=FULL.
    MySQL family: utf8mb4, strict mode, UTC. Transactions are REPEATABLE READ, so page, count and documents of one read
    are one snapshot; `begin_write` turns a transaction to READ COMMITTED, which takes no gap locks: bulk upkeep deletes
    and inserts neighbouring side rows, and would deadlock on the gaps.
    """
    target = make_url(url)
    if target.get_backend_name() == "sqlite":
        return _sqlite_engine(target, threads, wait, echo, own, limit)
    return _mysql_engine(target, threads, wait, echo, limit)


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
            hide_parameters=not echo,
        )
    lock_path = None if in_memory or url.database is None else f"{Path(url.database).resolve()}-lock"

    @event.listens_for(engine, "connect")
    def set_up(connection: Any, record: Any) -> None:
        connection.lock_path, connection.wait = lock_path, wait
        for pragma in ("foreign_keys=ON", *(("journal_mode=WAL",) if own else ()), "synchronous=FULL"):
            connection.execute(f"PRAGMA {pragma}").close()
        connection.create_function("key_digest", -1, sqlite_key_digest, deterministic=True)
        connection.create_function("key_as_text", -1, sqlite_key_as_text, deterministic=True)
        if limit is not None:
            connection.set_progress_handler(connection.is_over_time, STEPS_BETWEEN_LOOKS)

    if limit is not None:

        @event.listens_for(engine, "before_cursor_execute")
        def set_deadline(connection: Connection, *rest: Any) -> None:
            raw: Any = connection.connection.dbapi_connection
            raw.deadline = time.monotonic() + limit

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        raw: Any = connection.connection.dbapi_connection
        try:
            raw.begin(write=bool(connection.get_execution_options().get(_WRITE_OPTION)))
        except sqlite3.OperationalError as reason:
            raise sa.exc.OperationalError("BEGIN", None, reason) from reason

    return engine


def _mysql_engine(url: URL, threads: int, wait: float, echo: bool, limit: float | None) -> Engine:
    arguments: dict[str, Any] = {
        "charset": "utf8mb4",
        "connect_timeout": 10,
        "init_command": (
            f"SET SESSION sql_mode='{SQL_MODE}', time_zone='+00:00', innodb_lock_wait_timeout={max(1, ceil(wait))}"
        ),
    }
    if limit is not None:
        arguments["read_timeout"] = arguments["write_timeout"] = max(limit, ceil(wait)) + SILENCE_SECONDS
    engine = sa.create_engine(
        url,
        connect_args=arguments,
        isolation_level="REPEATABLE READ",
        pool_size=threads,
        max_overflow=0,
        pool_timeout=wait,
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

    @event.listens_for(engine, "checkin")
    def note_time(connection: Any, record: Any) -> None:
        record.info[_USED] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def ping_if_idle(connection: Any, record: Any, proxy: Any) -> None:
        # A busy connection is not pinged; one that a server restart or a time-out may have cut is.
        if time.monotonic() - record.info.get(_USED, time.monotonic()) > IDLE_PING_SECONDS:
            try:
                connection.ping(False)
            except engine.dialect.loaded_dbapi.Error as reason:
                raise sa.exc.DisconnectionError("the database connection was cut while idle") from reason

    _compare_in_unicode(engine)
    return engine


def _compare_in_unicode(engine: Engine) -> None:
    """Let a comparison of a narrow column with text that has other characters find nothing, instead of failing.

    The MySQL family turns text into the column's character set, and refuses the statement where that loses characters.
    Such a statement is sent again, with the characters compared in Unicode; no other pays for it.
    """

    @event.listens_for(engine, "do_execute")
    def execute(cursor: Any, statement: str, parameters: Any, context: Any) -> bool:
        _execute_in_unicode(cursor, statement, parameters, engine.dialect)
        return True


def _execute_in_unicode(cursor: Any, statement: str, parameters: Any, dialect: Dialect) -> None:
    try:
        cursor.execute(statement, parameters)
    except dialect.loaded_dbapi.Error as error:
        wide = _wide(parameters) if _MIXED_COLLATIONS.intersection(error.args[:1]) else []
        if not wide:
            raise
        for name in wide:
            compared = f"CONVERT(%({name})s USING utf8mb4) COLLATE utf8mb4_general_ci"
            statement = statement.replace(f"%({name})s", compared)
        cursor.execute(statement, parameters)


def _wide(parameters: Any) -> list[str]:
    """The names of the parameters that are text outside ASCII."""
    named: Mapping[str, Any] = parameters if isinstance(parameters, Mapping) else {}
    return [name for name, value in named.items() if isinstance(value, str) and not value.isascii()]


def begin_write(connection: Connection) -> RootTransaction:
    """Begin a transaction that may write; use it as a context manager (commits, or rolls back on an exception).

    The connection must not be in a transaction. Later transactions of the same connection are writing ones too on
    SQLite; take a fresh connection from the engine for a read.
    """
    if is_mysql_family(connection.dialect):
        transaction = connection.begin()
        connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL READ COMMITTED")
        return transaction
    connection.execution_options(**{_WRITE_OPTION: True})
    return connection.begin()


def for_update(statement: sa.Select[T]) -> sa.Select[T]:
    """The select with its rows locked until the end of the transaction; on SQLite the whole database already is."""
    return statement.with_for_update()


@dataclass(frozen=True, slots=True)
class _CompiledSelect:
    """A select as the text of one dialect, with what turns values into those of the driver and back."""

    text: str
    names: tuple[str, ...] | None
    """The bind parameters in the order of their places; None where the driver takes them by name."""
    constants: Mapping[str, Any]
    """Values that the statement itself brings."""
    to_driver: Mapping[str, Callable[[Any], Any]]
    from_driver: tuple[tuple[int, Callable[[Any], Any]], ...]

    def bound(self, values: Mapping[str, Any]) -> Any:
        """The values as the driver takes them."""
        given = {**self.constants, **values}
        for name, convert in self.to_driver.items():
            given[name] = convert(given[name])
        return given if self.names is None else tuple([given[name] for name in self.names])

    def row(self, row: tuple[Any, ...]) -> tuple[Any, ...]:
        """A row with the values that the driver gives in another form."""
        values = list(row)
        for place, convert in self.from_driver:
            values[place] = convert(values[place])
        return tuple(values)


class PreparedSelect:
    """A select that Core compiles once for each dialect, and the driver's own cursor executes.

    That takes a quarter of the time that Core needs for a statement it has compiled before. Values are given by the
    names of the bind parameters. Listeners to `before_cursor_execute` are called, and errors of the driver are
    raised as Core raises them.
    """

    def __init__(self, statement: sa.Select[Any]) -> None:
        self._statement = statement
        self._compiled: dict[str, _CompiledSelect] = {}

    def rows(self, connection: Connection, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """The rows that the statement finds, in a transaction that has begun. Raises what Core does."""
        dialect = connection.dialect
        compiled = self._compiled.get(dialect.driver)
        if compiled is None:
            compiled = self._compiled[dialect.driver] = _compiled(self._statement, dialect)
        rows = on_cursor(connection, compiled.text, compiled.bound(values), _fetched, many=False)
        return [compiled.row(row) for row in rows] if compiled.from_driver else rows


def _fetched(dialect: Dialect, cursor: Any, text: str, parameters: Any) -> list[tuple[Any, ...]]:
    if is_mysql_family(dialect):
        _execute_in_unicode(cursor, text, parameters, dialect)
    else:
        cursor.execute(text, parameters)
    return list(cursor.fetchall())


def on_cursor(
    connection: Connection, text: str, parameters: Any, run: Callable[[Dialect, Any, str, Any], _Result], *, many: bool
) -> _Result:
    """Have `run` execute a statement by a cursor of the driver, past Core.

    Listeners to `before_cursor_execute` are called, and errors of the driver are raised as Core raises them.
    """
    dialect = connection.dialect
    cursor: Any = connection.connection.cursor()
    try:
        for listener in connection.dispatch.before_cursor_execute:
            text, parameters = listener(connection, cursor, text, parameters, None, many)
        return run(dialect, cursor, text, parameters)
    except dialect.loaded_dbapi.Error as error:
        raise _core_error(connection, text, parameters, error) from error
    finally:
        cursor.close()


def _compiled(statement: sa.Select[Any], dialect: Dialect) -> _CompiledSelect:
    compiled: Any = statement.compile(dialect=dialect)
    to_driver = {
        name: convert
        for name, parameter in compiled.binds.items()
        if (convert := parameter.type.dialect_impl(dialect).bind_processor(dialect)) is not None
    }
    results = (
        column.type.dialect_impl(dialect).result_processor(dialect, None) for column in statement.selected_columns
    )
    return _CompiledSelect(
        text=compiled.string,
        names=tuple(compiled.positiontup) if compiled.positional else None,
        constants={name: value for name, value in compiled.params.items() if value is not None},
        to_driver=to_driver,
        from_driver=tuple((place, convert) for place, convert in enumerate(results) if convert is not None),
    )


def _core_error(connection: Connection, text: str, parameters: Any, error: Any) -> Exception:
    """The error of a driver as Core raises it; a connection that is lost is not used again."""
    dialect = connection.dialect
    dbapi: Any = dialect.loaded_dbapi
    lost = dialect.is_disconnect(error, connection.connection, None)
    if lost:
        connection.invalidate(error)
    wrapped: Exception = sa.exc.DBAPIError.instance(
        text, parameters, error, dbapi.Error, hide_parameters=True, connection_invalidated=lost, dialect=dialect
    )
    return wrapped

"""Everything in which SQLite and the MySQL family (MariaDB, MySQL 8) differ.

Column types, engines, transactions, bulk statements, and what an error means. Nothing else in the project asks which
database it is on.
"""

import json
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Context, Decimal
from pathlib import Path
from typing import Any, Final, TypeVar

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.dialects import mysql, sqlite
from sqlalchemy.engine import URL, Connection, Dialect, Engine, RootTransaction, make_url
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.pool import StaticPool
from sqlalchemy.types import TypeDecorator, TypeEngine

from catalog.errors import BulkWarning
from catalog.schema import DECIMAL_DIGITS, DECIMAL_PLACES

try:
    import fcntl

    _FILE_LOCKS = True
except ImportError:  # no such module outside POSIX; SQLite's own busy timeout remains
    _FILE_LOCKS = False

BUSY_SECONDS: Final = 10.0
LOCK_POLL_SECONDS: Final = 0.002
IDLE_PING_SECONDS: Final = 30.0
DEFAULT_PACKET_BYTES: Final = 16 * 1024 * 1024
MULTI_ROW: Final = 500
SQL_MODE: Final = "STRICT_ALL_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ZERO_DATE,NO_ZERO_IN_DATE,NO_ENGINE_SUBSTITUTION"

_WRITE_OPTION: Final = "catalog_write"
_PACKET: Final = "max_allowed_packet"
_USED: Final = "catalog_last_used"

_RETRYABLE_CODES: Final = frozenset({1020, 1205, 1213, 1047, 2006, 2013, 2055, 4031})
_UNAVAILABLE_CODES: Final = frozenset({1040, 1053, 1129, 1203, 1226, 1927, 2002, 2003, 2005})
_SQLITE_BUSY: Final = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_SQLITE_UNAVAILABLE: Final = frozenset({sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR})

T = TypeVar("T", bound=tuple[Any, ...])


def is_mysql_family(dialect: Dialect) -> bool:
    """Whether the dialect speaks to MariaDB or MySQL."""
    return dialect.name in ("mysql", "mariadb")


def _is_mariadb(dialect: Dialect) -> bool:
    return bool(getattr(dialect, "is_mariadb", False))


# Column types


class BinaryText(sa.String):
    """Text compared by code point, trailing blanks included; no length means long text."""

    cache_ok = True
    __visit_name__ = "catalog_binary_text"


class AsciiText(sa.String):
    """ASCII text compared by code point, at most `length` bytes."""

    cache_ok = True
    __visit_name__ = "catalog_ascii_text"


def _mysql_text(length: int | None, charset: str, collation: str) -> str:
    kind = "LONGTEXT" if length is None else f"VARCHAR({length})"
    return f"{kind} CHARACTER SET {charset} COLLATE {collation}"


@compiles(BinaryText)
@compiles(AsciiText)
def _text_elsewhere(type_: sa.String, compiler: Any, **kw: Any) -> str:
    return "TEXT"


@compiles(BinaryText, "mysql")
@compiles(BinaryText, "mariadb")
def _binary_text_mysql(type_: sa.String, compiler: Any, **kw: Any) -> str:
    collation = "utf8mb4_nopad_bin" if _is_mariadb(compiler.dialect) else "utf8mb4_0900_bin"
    return _mysql_text(type_.length, "utf8mb4", collation)


@compiles(AsciiText, "mysql")
@compiles(AsciiText, "mariadb")
def _ascii_text_mysql(type_: sa.String, compiler: Any, **kw: Any) -> str:
    collation = "ascii_nopad_bin" if _is_mariadb(compiler.dialect) else "ascii_bin"
    return _mysql_text(type_.length, "ascii", collation)


class ExactDecimal(TypeDecorator[Decimal]):
    """DECIMAL(38,12); on SQLite a text of 39 digits that sorts like the number."""

    impl = sa.Numeric(DECIMAL_DIGITS, DECIMAL_PLACES)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """TEXT on SQLite, whose own numbers are floats beyond 64 bits."""
        if dialect.name == "sqlite":
            return dialect.type_descriptor(BinaryText())
        return dialect.type_descriptor(sa.Numeric(DECIMAL_DIGITS, DECIMAL_PLACES))

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> Any:
        """Write a number; one outside 26 + 12 digits raises ArithmeticError, so check values first."""
        if value is None or dialect.name != "sqlite":
            return value
        return sortable_decimal(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> Decimal | None:
        """Read a number as Decimal with 12 places."""
        if value is None or dialect.name != "sqlite":
            return value  # type: ignore[no-any-return]
        return decimal_of_sortable(value)


_DECIMAL_SPAN: Final = 10**DECIMAL_DIGITS
_WIDE: Final = Context(prec=100)


def sortable_decimal(value: Decimal) -> str:
    """A text of 39 digits for a number of at most 26 + 12 digits; texts sort as the numbers do."""
    scaled = int(value.scaleb(DECIMAL_PLACES, context=_WIDE))
    if abs(scaled) >= _DECIMAL_SPAN:
        raise ArithmeticError(f"{value} has more than {DECIMAL_DIGITS - DECIMAL_PLACES} digits before the point")
    return f"1{scaled:0{DECIMAL_DIGITS}d}" if scaled >= 0 else f"0{_DECIMAL_SPAN + scaled:0{DECIMAL_DIGITS}d}"


def decimal_of_sortable(text: str) -> Decimal:
    """The number that `sortable_decimal` wrote."""
    scaled = int(text[1:]) - (0 if text[0] == "1" else _DECIMAL_SPAN)
    return Decimal(scaled).scaleb(-DECIMAL_PLACES, context=_WIDE)


def exact_decimal() -> TypeEngine[Decimal]:
    """A number of 26 digits before and 12 after the point, compared exactly."""
    return ExactDecimal()


def long_text() -> TypeEngine[str]:
    """Text of any length, compared by code point."""
    return BinaryText()


def text_key(length: int) -> TypeEngine[str]:
    """Text of at most `length` characters that may be a key, compared by code point."""
    return BinaryText(length)


def ascii_key(length: int) -> TypeEngine[str]:
    """ASCII text of at most `length` bytes that may be a key."""
    return AsciiText(length)


def long_bytes() -> TypeEngine[bytes]:
    """Bytes of any length."""
    return sa.LargeBinary().with_variant(mysql.LONGBLOB(), "mysql", "mariadb")


def big_key() -> TypeEngine[int]:
    """A 64-bit integer that may be a primary key (on SQLite the rowid)."""
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def big_integer() -> TypeEngine[int]:
    """A 64-bit integer."""
    return big_key()


def small_integer() -> TypeEngine[int]:
    """A 16-bit integer (SQLite's strict tables know only INTEGER)."""
    return sa.SmallInteger().with_variant(sa.Integer(), "sqlite")


TABLE_OPTIONS: Final[dict[str, Any]] = {
    "sqlite_strict": True,
    "mysql_engine": "InnoDB",
    "mysql_charset": "utf8mb4",
    "mysql_row_format": "DYNAMIC",
    "mariadb_engine": "InnoDB",
    "mariadb_charset": "utf8mb4",
    "mariadb_row_format": "DYNAMIC",
}
"""Keyword arguments of every `sqlalchemy.Table`: InnoDB on one side, STRICT on the other."""


# Engines


class _LockingConnection(sqlite3.Connection):
    """A connection to an SQLite file that holds a lock file for as long as it writes.

    SQLite's waiting is sleep and retry, without order: many writing processes starve each other. The lock file makes
    all but one wait before they begin.
    """

    lock_path: str | None = None
    _lock_file: Any = None

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
        deadline = time.monotonic() + BUSY_SECONDS
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


def create_engine_for(url: str | URL, *, threads: int = 1, echo: bool = False) -> Engine:
    """The engine for a database URL (`sqlite:///file`, `mysql+pymysql://…`, `mariadb+pymysql://…`).

    The pool is as large as the number of threads. Make it after a worker process has started, never before a fork.

    SQLite: transactions begin explicitly, WAL, foreign keys, synchronous=FULL, ten seconds of waiting.
    MySQL family: utf8mb4, strict mode, UTC. Transactions are REPEATABLE READ, so page, count and documents of one read
    are one snapshot; `begin_write` turns a transaction to READ COMMITTED, which takes no gap locks: bulk upkeep deletes
    and inserts neighbouring side rows, and would deadlock on the gaps.
    """
    target = make_url(url)
    if target.get_backend_name() == "sqlite":
        return _sqlite_engine(target, threads, echo)
    return _mysql_engine(target, threads, echo)


def _sqlite_engine(url: URL, threads: int, echo: bool) -> Engine:
    in_memory = url.database in (None, "", ":memory:")
    arguments: dict[str, Any] = {"isolation_level": None, "factory": _LockingConnection, "timeout": BUSY_SECONDS}
    if in_memory:
        arguments["check_same_thread"] = False
        engine = sa.create_engine(url, connect_args=arguments, poolclass=StaticPool, echo=echo)
    else:
        engine = sa.create_engine(url, connect_args=arguments, pool_size=threads, max_overflow=0, echo=echo)
    lock_path = None if in_memory or url.database is None else f"{Path(url.database).resolve()}-lock"

    @event.listens_for(engine, "connect")
    def set_up(connection: Any, record: Any) -> None:
        connection.lock_path = lock_path
        for pragma in ("foreign_keys=ON", "journal_mode=WAL", "synchronous=FULL"):
            connection.execute(f"PRAGMA {pragma}").close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        raw: Any = connection.connection.dbapi_connection
        try:
            raw.begin(write=bool(connection.get_execution_options().get(_WRITE_OPTION)))
        except sqlite3.OperationalError as reason:
            raise sa.exc.OperationalError("BEGIN", None, reason) from reason

    return engine


def _mysql_engine(url: URL, threads: int, echo: bool) -> Engine:
    arguments = {
        "charset": "utf8mb4",
        "connect_timeout": 10,
        "init_command": f"SET SESSION sql_mode='{SQL_MODE}', time_zone='+00:00'",
    }
    engine = sa.create_engine(
        url,
        connect_args=arguments,
        isolation_level="REPEATABLE READ",
        pool_size=threads,
        max_overflow=0,
        echo=echo,
    )

    @event.listens_for(engine, "connect")
    def learn_packet_size(connection: Any, record: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT @@max_allowed_packet")
            record.info[_PACKET] = int(cursor.fetchone()[0])

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

    return engine


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


# Errors


def _original(error: BaseException) -> BaseException:
    original = getattr(error, "orig", None)
    return original if isinstance(original, BaseException) else error


def _code(error: BaseException) -> int | None:
    original = _original(error)
    if isinstance(original, sqlite3.Error):
        code = getattr(original, "sqlite_errorcode", None)
        return None if code is None else code & 0xFF
    first = original.args[0] if original.args else None
    return first if isinstance(first, int) else None


def is_retryable(error: BaseException) -> bool:
    """Whether running the whole transaction again may succeed.

    Deadlock, lock time-out, changed record, lost connection, refusal by a Galera node, SQLite busy.
    """
    code = _code(error)
    if isinstance(_original(error), sqlite3.Error):
        return code in _SQLITE_BUSY
    if isinstance(error, sa.exc.DBAPIError) and error.connection_invalidated:
        return True
    return isinstance(error, sa.exc.DBAPIError) and code in _RETRYABLE_CODES


def is_unavailable(error: BaseException) -> bool:
    """Whether the database cannot be reached or has no room: a matter for its keeper, not for the client."""
    if isinstance(error, sa.exc.TimeoutError):
        return True
    code = _code(error)
    if isinstance(_original(error), sqlite3.Error):
        return code in _SQLITE_UNAVAILABLE
    return isinstance(error, sa.exc.DBAPIError) and code in _UNAVAILABLE_CODES


# Bulk statements


def bulk_update(
    connection: Connection,
    table: sa.Table,
    key_column: sa.Column[Any],
    columns: Sequence[sa.Column[Any]],
    rows: Sequence[Mapping[str, Any]],
    *,
    version: sa.Column[Any] | None = None,
) -> int:
    """Give many rows their own values; one statement (several when the packet limit asks for it).

    Each row maps the names of `key_column` and of all `columns` to Python values. With `version`, a row also holds
    the version it was read with; only a row that still has it is changed, and its version is raised by one.
    Returns the number of rows matched, so fewer than `len(rows)` means a conflict (or a missing key).
    The values must have been checked against their columns' types and widths: JSON_TABLE converts without complaint.
    Raises BulkWarning when the database warns.
    """
    if not rows:
        return 0
    if is_mysql_family(connection.dialect):
        return _json_table_update(connection, table, key_column, columns, rows, version)
    condition = key_column == sa.bindparam("b_key", type_=key_column.type)
    values: dict[Any, Any] = {column: sa.bindparam(f"b_{n}", type_=column.type) for n, column in enumerate(columns)}
    if version is not None:
        condition = sa.and_(condition, version == sa.bindparam("b_version", type_=version.type))
        values[version] = version + 1
    statement = sa.update(table).where(condition).values(values)
    parameters = []
    for row in rows:
        parameter = {f"b_{n}": row[column.name] for n, column in enumerate(columns)}
        parameter["b_key"] = row[key_column.name]
        if version is not None:
            parameter["b_version"] = row[version.name]
        parameters.append(parameter)
    return connection.execute(statement, parameters).rowcount


def _json_type(column: sa.Column[Any], dialect: Dialect) -> str:
    implementation = column.type.dialect_impl(dialect)
    base = implementation.impl_instance if isinstance(implementation, TypeDecorator) else implementation
    if isinstance(base, AsciiText):
        return f"LONGTEXT CHARACTER SET ascii COLLATE {'ascii_nopad_bin' if _is_mariadb(dialect) else 'ascii_bin'}"
    if isinstance(base, (sa.String, sa.Text)):
        return (
            f"LONGTEXT CHARACTER SET utf8mb4 COLLATE {'utf8mb4_nopad_bin' if _is_mariadb(dialect) else 'utf8mb4_bin'}"
        )
    if isinstance(base, (sa.Integer, sa.Boolean)):
        return "BIGINT"
    if isinstance(base, sa.Numeric):
        return "DECIMAL(65,30)"
    if isinstance(base, sa.DateTime):
        return "DATETIME(6)"
    raise TypeError(f"column {column.name}: {column.type!r} cannot be set by bulk_update")


def _json_value(value: Any) -> Any:
    if value is None or isinstance(value, (str, int)):
        return value
    if isinstance(value, Decimal):
        return format(value, "f")
    if hasattr(value, "isoformat"):
        return value.isoformat(sep=" ")
    raise TypeError(f"{type(value).__name__} cannot be passed by bulk_update")


def _json_rows(columns: Sequence[sa.Column[Any]], rows: Sequence[Mapping[str, Any]], dialect: Dialect) -> Iterator[str]:
    processors = [(column.name, column.type.dialect_impl(dialect).bind_processor(dialect)) for column in columns]
    for row in rows:
        values = [row[name] if process is None else process(row[name]) for name, process in processors]
        yield json.dumps([_json_value(value) for value in values], ensure_ascii=False, separators=(",", ":"))


def _packets(texts: Iterable[str], limit: int) -> Iterator[str]:
    """JSON arrays of as many rows as stay below the limit in bytes, quoting included."""
    gathered: list[str] = []
    size = 0
    for text in texts:
        bytes_ = len(text.encode()) + text.count('"') + text.count("\\") + 1
        if gathered and size + bytes_ > limit:
            yield f"[{','.join(gathered)}]"
            gathered, size = [], 0
        gathered.append(text)
        size += bytes_
    if gathered:
        yield f"[{','.join(gathered)}]"


def _json_table_update(
    connection: Connection,
    table: sa.Table,
    key_column: sa.Column[Any],
    columns: Sequence[sa.Column[Any]],
    rows: Sequence[Mapping[str, Any]],
    version: sa.Column[Any] | None,
) -> int:
    dialect = connection.dialect
    quote = dialect.identifier_preparer.quote
    passed = [key_column, *columns, *([] if version is None else [version])]
    declared = ", ".join(f"c{n} {_json_type(column, dialect)} PATH '$[{n}]'" for n, column in enumerate(passed))
    match = [f"t.{quote(key_column.name)} = j.c0"]
    settings = [f"t.{quote(column.name)} = j.c{n}" for n, column in enumerate(columns, start=1)]
    if version is not None:
        match.append(f"t.{quote(version.name)} = j.c{len(passed) - 1}")
        settings.append(f"t.{quote(version.name)} = t.{quote(version.name)} + 1")
    name = dialect.identifier_preparer.format_table(table)
    # Only quoted identifiers are put together here; every value travels in :rows.
    rows_as_table = f"JSON_TABLE(:rows, '$[*]' COLUMNS ({declared})) j"
    joined = f"{name} t JOIN {rows_as_table} ON {' AND '.join(match)}"
    statement = sa.text(f"UPDATE {joined} SET {', '.join(settings)}")  # noqa: S608
    limit = int(connection.info.get(_PACKET, DEFAULT_PACKET_BYTES)) // 4
    matched = 0
    for packet in _packets(_json_rows(passed, rows, dialect), limit):
        result = connection.execute(statement, {"rows": packet})
        matched += result.rowcount
        _refuse_warnings(connection, result)
    return matched


def _refuse_warnings(connection: Connection, result: sa.CursorResult[Any]) -> None:
    if getattr(result.context.cursor, "warning_count", 0):
        warnings = connection.exec_driver_sql("SHOW WARNINGS").fetchmany(5)
        raise BulkWarning("; ".join(f"{row[1]}: {row[2]}" for row in warnings))


def _multi_row(connection: Connection, statement: Any, rows: Sequence[Mapping[str, Any]]) -> None:
    """Execute an insert for many rows with few round trips.

    PyMySQL joins the rows of `executemany` into one statement, except for MySQL's `VALUES … AS new` form.
    """
    if is_mysql_family(connection.dialect) and not _is_mariadb(connection.dialect):
        for start in range(0, len(rows), MULTI_ROW):
            connection.execute(statement.values([dict(row) for row in rows[start : start + MULTI_ROW]]))
    else:
        connection.execute(statement, [dict(row) for row in rows])


def insert_rows(connection: Connection, table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert many rows; all must name the same columns. Raises IntegrityError for a key that exists."""
    if rows:
        connection.execute(sa.insert(table), [dict(row) for row in rows])


def insert_ignore(connection: Connection, table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert the rows whose keys do not exist yet; all must name the same columns.

    Only a duplicate key is passed over; a value that does not fit still fails.
    """
    if not rows:
        return
    if is_mysql_family(connection.dialect):
        key = next(iter(table.primary_key.columns))
        ours = mysql.insert(table)
        _multi_row(connection, ours.on_duplicate_key_update({key.name: key}), rows)
    else:
        connection.execute(sqlite.insert(table).on_conflict_do_nothing(), [dict(row) for row in rows])


def upsert_rows(
    connection: Connection,
    table: sa.Table,
    rows: Sequence[Mapping[str, Any]],
    *,
    update: Sequence[sa.Column[Any]] | None = None,
) -> None:
    """Insert rows, or change those whose primary key exists; all must name the same columns.

    `update` names the columns to change on a row that exists; None: all that are not in the primary key.
    """
    if not rows:
        return
    given = set(rows[0])
    primary = list(table.primary_key.columns)
    changed = [c for c in table.columns if c.name in given and not c.primary_key] if update is None else list(update)
    if not changed:
        insert_ignore(connection, table, rows)
    elif is_mysql_family(connection.dialect):
        ours = mysql.insert(table)
        _multi_row(connection, ours.on_duplicate_key_update({c.name: ours.inserted[c.name] for c in changed}), rows)
    else:
        other = sqlite.insert(table)
        settings = {c.name: other.excluded[c.name] for c in changed}
        connection.execute(
            other.on_conflict_do_update(index_elements=primary, set_=settings), [dict(row) for row in rows]
        )

"""Kinds of database errors by what the caller can do: try again, or call the administrator."""

import errno
import re
import sqlite3
from collections.abc import Mapping
from enum import Enum
from typing import Final

import sqlalchemy as sa

from catalog.dialect.drivers import TIMED_OUT

_RETRYABLE_CODES: Final = frozenset({1020, 1047, 1053, 1205, 1213, 1927, 2006, 2013, 2055, 4031})
GONE_CODES: Final = frozenset({1047, 1053})
"""Errors of a server that refuses all statements: it is not part of its cluster at present, or shuts down."""
_UNAVAILABLE_CODES: Final = frozenset({1040, 1129, 1203, 1226})
_UNFIT_CODES: Final = frozenset(
    {1048, 1067, 1264, 1265, 1292, 1366, 1406, 1906, 1978, 3105, 3140, 3156, 3819, 4025, 4078}
)


class DatabaseFault(Enum):
    """Fault of a database or of its configuration that an administrator mends."""

    REFUSED_LOGIN = "refused log-in"
    NO_DATABASE = "no such database"
    NO_RIGHT = "no right"
    UNREACHABLE = "unreachable"
    READ_ONLY = "read only"
    FULL = "full"
    BUSY = "busy"
    OVER_TIME = "over time"
    """A statement was stopped because it took longer than its limit."""
    HANGS = "hangs"
    """A server holds the connection but does not answer."""
    UNREADABLE = "unreadable"
    """The file of an SQLite database is none, or is damaged."""
    CHANGED = "changed"
    """A table, column or key that a statement names is not there: the schema is not the one that it was made for."""


_FAULTS: Final[Mapping[int, DatabaseFault]] = {
    1045: DatabaseFault.REFUSED_LOGIN,
    1049: DatabaseFault.NO_DATABASE,
    **dict.fromkeys((1044, 1142, 1143, 1227, 1370, 1410), DatabaseFault.NO_RIGHT),
    **dict.fromkeys((2002, 2003, 2005), DatabaseFault.UNREACHABLE),
    **dict.fromkeys((1036, 1290, 1792), DatabaseFault.READ_ONLY),
    **dict.fromkeys((1021, 1041, 1114), DatabaseFault.FULL),
    **dict.fromkeys((1040, 1203, 1205, 1226), DatabaseFault.BUSY),
    **dict.fromkeys((1969, 3024), DatabaseFault.OVER_TIME),
    **dict.fromkeys((1054, 1146, 1176), DatabaseFault.CHANGED),
}
_SQLITE_FAULTS: Final[Mapping[int, DatabaseFault]] = {
    sqlite3.SQLITE_CANTOPEN: DatabaseFault.NO_DATABASE,
    **dict.fromkeys((sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH), DatabaseFault.NO_RIGHT),
    sqlite3.SQLITE_READONLY: DatabaseFault.READ_ONLY,
    sqlite3.SQLITE_FULL: DatabaseFault.FULL,
    **dict.fromkeys((sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED), DatabaseFault.BUSY),
    sqlite3.SQLITE_INTERRUPT: DatabaseFault.OVER_TIME,
    **dict.fromkeys((sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT), DatabaseFault.UNREADABLE),
}
_SQLITE_BUSY: Final = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_SQLITE_UNAVAILABLE: Final = frozenset({sqlite3.SQLITE_IOERR})
_DENIED: Final = re.compile(
    r"(?P<command>[A-Z ]+) command denied to user '(?P<user>[^']*)'@'(?P<host>[^']*)'.* table "
    r"[`'](?:(?P<database>[^`']+)`\.`)?(?P<table>[^`']+)[`']"
)
_CLOSED: Final = re.compile(r"Access denied for user '([^']*)'@'([^']*)' to database '([^']+)'")
_LOST: Final = 2013
_CONFLICT: Final = 1213
# What a node of a Galera cluster reports that was cut off from it while a commit was on its way to the others.
_LEFT_OPEN_CODES: Final = frozenset({1105, 1180, 1317})
_SILENT: Final = re.compile(rf"{TIMED_OUT}|system error: {errno.ETIMEDOUT}\b")
# SQLite has no number of its own for what a statement names in vain; the text says so.
_NAMED_IN_VAIN: Final = re.compile(r"no such (table|column|index): |has no column named ")
# Another try would take as long again.
_SLOW: Final = frozenset({DatabaseFault.OVER_TIME, DatabaseFault.HANGS})


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


def is_silence(error: BaseException) -> bool:
    """True for the error of a driver that gave up a server because it went silent."""
    return _code(error) == _LOST and _SILENT.search(database_message(error)) is not None


def is_doubtful(error: BaseException) -> bool:
    """True for an error of a commit that leaves open whether it was done: its connection was lost, or its node."""
    return isinstance(error, sa.exc.DBAPIError) and (error.connection_invalidated or _code(error) in _LEFT_OPEN_CODES)


def is_conflict(error: BaseException) -> bool:
    """True for a transaction that met another one, as a deadlock or at the commit of a node of a cluster."""
    return isinstance(error, sa.exc.DBAPIError) and _code(error) == _CONFLICT


def is_retryable(error: BaseException) -> bool:
    """True if running the whole transaction again may succeed.

    Deadlock, lock time-out, changed record, lost connection, refusal by a Galera node, SQLite busy.
    """
    code = _code(error)
    if fault_of(error) in _SLOW:
        return False
    if isinstance(_original(error), sqlite3.Error):
        return code in _SQLITE_BUSY
    if isinstance(error, sa.exc.DBAPIError) and error.connection_invalidated:
        return True
    return isinstance(error, sa.exc.DBAPIError) and code in _RETRYABLE_CODES


def is_unavailable(error: BaseException) -> bool:
    """True if the database cannot be used as it is: a matter for its administrator."""
    if isinstance(error, sa.exc.TimeoutError) or fault_of(error) not in {None, DatabaseFault.BUSY}:
        return True
    code = _code(error)
    if isinstance(_original(error), sqlite3.Error):
        return code in _SQLITE_UNAVAILABLE
    return isinstance(error, sa.exc.DBAPIError) and code in _UNAVAILABLE_CODES


def is_refused_value(error: BaseException) -> bool:
    """True if a column or a rule of a table does not take a value; the database's message names it."""
    if isinstance(_original(error), sqlite3.Error):
        return _code(error) == sqlite3.SQLITE_MISMATCH or "CHECK constraint" in str(_original(error))
    return isinstance(error, sa.exc.DataError) or (
        isinstance(error, sa.exc.DBAPIError) and _code(error) in _UNFIT_CODES
    )


def fault_of(error: BaseException) -> DatabaseFault | None:
    """Fault that a database error reports; None for any other error."""
    code = _code(error)
    if code is None:
        return None
    if isinstance(_original(error), sqlite3.Error):
        if code == sqlite3.SQLITE_ERROR and _NAMED_IN_VAIN.search(database_message(error)):
            return DatabaseFault.CHANGED
        return _SQLITE_FAULTS.get(code)
    if not isinstance(error, sa.exc.DBAPIError):
        return None
    # There is no number of its own for a server that went silent; the text says so.
    if is_silence(error):
        return DatabaseFault.HANGS
    return _FAULTS.get(code)


def missing_grant(error: BaseException) -> str | None:
    """The statement that gives the account the right that it lacks; None if the database's message names none.

    The message names the account by the host that it came from, which its name need not hold.
    """
    message = database_message(error)
    found = _DENIED.search(message)
    if found is not None:
        # The columns of a table are shown to all accounts that may read it.
        right = {"SHOW": "SELECT", "SHOW VIEW": "SELECT, SHOW VIEW"}.get(found["command"], found["command"])
        database = f"`{found['database']}`.*" if found["database"] else f"`{found['table']}`"
        return f"GRANT {right} ON {database} TO '{found['user']}'@'{found['host']}'"
    found = _CLOSED.search(message)
    return None if found is None else f"GRANT SELECT ON `{found[3]}`.* TO '{found[1]}'@'{found[2]}'"


def database_message(error: BaseException) -> str:
    """Message of the database itself, without the statement and its values."""
    original = _original(error)
    texts = [str(part) for part in original.args if not isinstance(part, int)]
    return texts[0] if texts else type(original).__name__

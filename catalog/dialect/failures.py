"""Kinds of database errors by what the caller can do: try again, or call the administrator."""

import sqlite3
from typing import Final

import sqlalchemy as sa

_RETRYABLE_CODES: Final = frozenset({1020, 1047, 1053, 1205, 1213, 1927, 2006, 2013, 2055, 4031})
_UNAVAILABLE_CODES: Final = frozenset({1040, 1129, 1203, 1226, 2002, 2003, 2005})
_SQLITE_BUSY: Final = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_SQLITE_UNAVAILABLE: Final = frozenset({sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR})


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
    """True if running the whole transaction again may succeed.

    Deadlock, lock time-out, changed record, lost connection, refusal by a Galera node, SQLite busy.
    """
    code = _code(error)
    if isinstance(_original(error), sqlite3.Error):
        return code in _SQLITE_BUSY
    if isinstance(error, sa.exc.DBAPIError) and error.connection_invalidated:
        return True
    return isinstance(error, sa.exc.DBAPIError) and code in _RETRYABLE_CODES


def is_unavailable(error: BaseException) -> bool:
    """True if the database cannot be reached or has no room: a matter for its administrator, not for the client."""
    if isinstance(error, sa.exc.TimeoutError):
        return True
    code = _code(error)
    if isinstance(_original(error), sqlite3.Error):
        return code in _SQLITE_UNAVAILABLE
    return isinstance(error, sa.exc.DBAPIError) and code in _UNAVAILABLE_CODES

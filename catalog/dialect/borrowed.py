"""Column types of tables that follow another system's model, where text ignores case and times are wall clock.

Their values are those that the other system's own writers give and expect, so nothing is converted; only how a column
is declared differs between the databases.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.dialects import mysql, sqlite
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeEngine

from catalog.dialect.engines import is_mysql_family

BORROWED_TABLE_OPTIONS: Final[dict[str, Any]] = {
    "mysql_engine": "InnoDB",
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_general_ci",
    "mariadb_engine": "InnoDB",
    "mariadb_charset": "utf8mb4",
    "mariadb_collate": "utf8mb4_general_ci",
}
"""Keyword arguments of every table with such columns."""


class Enumerated(sa.String):
    """Text out of a list that a new table enforces; other values that an existing table has are read as they are."""

    cache_ok = True
    __visit_name__ = "catalog_enumerated"

    def __init__(self, length: int | None = None, values: Sequence[str] = ()) -> None:
        super().__init__(length)
        self.values = tuple(values)


@compiles(Enumerated)
def _enumerated_by_default(type_: Enumerated, compiler: Any, **kw: Any) -> str:
    return f"VARCHAR({type_.length}) COLLATE NOCASE"


@compiles(Enumerated, "mysql")
@compiles(Enumerated, "mariadb")
def _enumerated_mysql(type_: Enumerated, compiler: Any, **kw: Any) -> str:
    quoted = ", ".join("'{}'".format(value.replace("'", "''")) for value in type_.values)
    return f"ENUM({quoted})"


class seconds_between(FunctionElement[int]):  # noqa: N801 - named as functions of SQL are
    """The seconds from one wall clock time to another, negative when the second is the earlier; NULL if one is."""

    type = sa.Integer()
    inherit_cache = True
    name = "seconds_between"


@compiles(seconds_between)
def _seconds_between_by_default(element: Any, compiler: Any, **kw: Any) -> str:
    start, end = (compiler.process(clause, **kw) for clause in element.clauses)
    return f"(CAST(strftime('%s', {end}) AS INTEGER) - CAST(strftime('%s', {start}) AS INTEGER))"


@compiles(seconds_between, "mysql")
@compiles(seconds_between, "mariadb")
def _seconds_between_mysql(element: Any, compiler: Any, **kw: Any) -> str:
    return f"TIMESTAMPDIFF(SECOND, {compiler.process(element.clauses, **kw)})"


def folded_text(length: int | None = None) -> TypeEngine[str]:
    """Text compared without regard to case, at most `length` characters (on SQLite only ASCII letters are folded)."""
    if length is None:
        return sa.Text().with_variant(sa.Text(collation="NOCASE"), "sqlite")
    return sa.String(length).with_variant(sa.String(length, collation="NOCASE"), "sqlite")


def enumerated(*values: str) -> TypeEngine[str]:
    """Text out of a list of values."""
    return Enumerated(max(map(len, values)), values)


def tiny_integer() -> TypeEngine[int]:
    """An integer of one byte."""
    return sa.SmallInteger().with_variant(mysql.TINYINT(), "mysql", "mariadb")


class _Readable:
    """A type of SQLite that reads as NULL what other programs wrote and no calendar has."""

    def __init__(self, **options: Any) -> None:
        base: Any = super()
        base.__init__(**options)

    def adapt(self, cls: Any, **options: Any) -> Any:
        """A type of the same class, which the driver's own one must not replace."""
        return type(self)()

    def result_processor(self, dialect: Any, coltype: object) -> Any:
        """Reader that passes over what other programs wrote and no calendar has."""
        base: Any = super()
        return _reading_dates(base.result_processor(dialect, coltype))


class ReadableMoment(_Readable, sqlite.DATETIME):
    """A date and time on SQLite; text that is none is read as NULL."""


class ReadableDay(_Readable, sqlite.DATE):
    """A date on SQLite; text that is none is read as NULL."""


class ReadableStamp(mysql.DATETIME):
    """A date and time of the MySQL family; a date of zeros, which its driver gives as text, is read as NULL."""

    def result_processor(self, dialect: Any, coltype: object) -> Any:
        """Reader that passes over what no calendar has."""
        return _reading_dates(super().result_processor(dialect, coltype))


def _reading_dates(process: Callable[[Any], Any] | None) -> Callable[[Any], date | None]:
    def read(value: Any) -> date | None:
        try:
            found = value if process is None else process(value)
        except (TypeError, ValueError):
            return None
        return found if isinstance(found, date) else None

    return read


def wall_clock() -> TypeEngine[Any]:
    """A date and time without zone and without fractions; what other programs wrote and is none is read as NULL."""
    return sa.DateTime().with_variant(ReadableMoment(), "sqlite").with_variant(ReadableStamp(), "mysql", "mariadb")


def short_bytes(length: int) -> TypeEngine[bytes]:
    """Exactly `length` bytes, which may be a key."""
    return sa.LargeBinary(length).with_variant(mysql.BINARY(length), "mysql", "mariadb")


def insert_keys(connection: Connection, table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> list[Any]:
    """Insert many rows that name the same columns; the keys that the database gave them, in the same order.

    MySQL itself cannot return the keys of many rows, so there it takes a statement a row.
    """
    if not rows:
        return []
    (key,) = table.primary_key.columns
    if connection.dialect.insert_returning:
        returning = sa.insert(table).returning(key, sort_by_parameter_order=True)
        return list(connection.execute(returning, [dict(row) for row in rows]).scalars())
    keys = []
    for row in rows:
        given = connection.execute(sa.insert(table).values(dict(row))).inserted_primary_key
        keys.append(given[0] if given is not None else 0)
    return keys


def keep_server_clock(engine: Engine) -> None:
    """Let the engine's connections read and write times as the database server's own clock shows them.

    The other writers of an existing database do so, and a TIMESTAMP is shown in the time zone of the connection.
    """
    if not is_mysql_family(engine.dialect):
        return

    @event.listens_for(engine, "connect")
    def set_clock(connection: Any, record: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET SESSION time_zone = @@GLOBAL.time_zone")


_CODECS: Final[Mapping[str, str]] = {
    "latin1": "cp1252",
    "latin2": "iso8859-2",
    "latin5": "iso8859-9",
    "latin7": "iso8859-13",
    "greek": "iso8859-7",
    "hebrew": "iso8859-8",
    "cp1250": "cp1250",
    "cp1251": "cp1251",
    "cp1256": "cp1256",
    "cp1257": "cp1257",
    "cp850": "cp850",
    "cp852": "cp852",
    "cp866": "cp866",
    "koi8r": "koi8-r",
    "koi8u": "koi8-u",
    "ascii": "ascii",
}
_BEYOND_CODEC: Final[Mapping[str, str]] = {"latin1": "\x81\x8d\x8f\x90\x9d"}
"""Characters that the MySQL family has in a character set, and Python's codec of it has not."""


def foreign_character(text: str, charset: str | None) -> str | None:
    """The first character of a text that a character set of the MySQL family lacks; None when it has all of them.

    Of a character set that is not known here, the database itself is left to judge.
    """
    if charset in ("utf8", "utf8mb3", "ucs2"):
        return next((character for character in text if ord(character) > 0xFFFF), None)
    codec = _CODECS.get(charset or "")
    if codec is None or text.isascii():
        return None
    beyond = _BEYOND_CODEC.get(charset or "", "")
    return next((item for item in text if item not in beyond and not item.encode(codec, "ignore")), None)

"""Tables that other programs made: their place, their columns, and how their values are read and written."""

import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar, Final

import sqlalchemy as sa
from sqlalchemy.dialects import mysql
from sqlalchemy.engine import URL, Connection, Engine
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.types import TypeEngine

from catalog.dialect.borrowed import ReadableDay, ReadableMoment
from catalog.dialect.bulk import bulk_update
from catalog.dialect.engines import is_mysql_family
from catalog.dialect.nodes import nodes_of
from catalog.dialect.row_keys import is_key_type

MOST_CANDIDATES: Final = 12
MOST_COMPARED: Final = 100_000
MOST_KEY_TEXT: Final = 255
"""Columns of a view that are tried as its key, rows compared for it, and characters of a text that may be it."""
LEADS_TO: Final = "leads_to"
"""Key in the `info` of a declared column that holds keys of another table without a foreign key."""


@dataclass(frozen=True, slots=True)
class ExistingColumn:
    """A column as the database has it. `given` says that the database fills it in when nothing is written."""

    name: str
    type: TypeEngine[Any]
    nullable: bool
    given: bool
    most_characters: int | None
    in_utc: bool
    """True if a time in it is shown in the zone of the connection and that is UTC, as on the gateway's own ones."""
    charset: str | None = None
    """The character set of its text, as the MySQL family calls it; None where it takes every character."""
    words: tuple[str, ...] = ()
    """The words that it takes, where it takes no others."""
    takes_several: bool = False
    """True if it takes several of the words, written with commas."""
    computed: bool = False
    """True if the database computes it, so that it takes no value."""


def schema_on_same_server(own: str, other: str) -> str | None:
    """The name under which connections to `own` reach the database at `other`; None when they do not."""
    here, there = nodes_of(own), nodes_of(other)
    if here[0].get_backend_name() == "sqlite" or there[0].get_backend_name() == "sqlite":
        return None
    # The nodes of a cluster have the same databases, so one that both name is enough.
    return there[0].database if set(map(_server, here)) & set(map(_server, there)) else None


def same_database(own: str, other: str) -> bool:
    """True if two URLs name one database."""
    here, there = (
        {(node.drivername, node.username, node.password, *_server(node), node.database) for node in nodes_of(url)}
        for url in (own, other)
    )
    return bool(here & there)


def _server(url: URL) -> tuple[object, ...]:
    return (url.host, url.port or 3306, url.query.get("unix_socket"))


def name_schema(engine: Engine, metadata: sa.MetaData, schema: str) -> None:
    """Let statements of an engine name the tables of a metadata as those of another database of the same server."""
    preparer: Any = engine.dialect.identifier_preparer

    def schema_of(item: Any) -> str | None:
        return schema if isinstance(item, sa.Table) and item.metadata is metadata else item.schema

    preparer.schema_for_object = schema_of


class LackingCompiler(SQLCompiler):
    """SQL compiler for a database that lacks some of the declared tables and columns.

    A select from a table that is lacking, or that lacks columns, is one from a derived table in which the lacking
    columns are NULL and a lacking table has no row; MariaDB and SQLite merge it into the statement around it.
    Statements that write name the table itself.
    """

    lacking: ClassVar[Mapping[sa.Table, frozenset[str] | None]] = {}
    """Table → the columns that it lacks; None for a table that is not there."""

    def visit_table(self, table: Any, *args: Any, **kw: Any) -> str:
        """Name of a table, or what stands in for it as a part of FROM."""
        base: Any = super()
        text = str(base.visit_table(table, *args, **kw))
        if not kw.get("asfrom") or kw.get("iscrud") or table not in self.lacking:
            return text
        columns, quote = self.lacking[table], self.preparer.quote
        selected = ", ".join(
            f"NULL AS {quote(column.name)}" if columns is None or column.name in columns else quote(column.name)
            for column in table.columns
        )
        there = "WHERE 1 = 0" if columns is None else f"FROM {text}"
        derived = f"(SELECT {selected} {there})"
        alias = kw.get("enclosing_alias")
        # An alias around the table gives the derived table its name.
        return derived if alias is not None and alias.element is table else f"{derived} AS {quote(table.name)}"

    def visit_column(self, column: Any, *args: Any, **kw: Any) -> str:
        """Column under the name of its table, which as a derived table is in no schema."""
        base: Any = super()
        text = str(base.visit_column(column, *args, **kw))
        written = self.isinsert or self.isupdate or self.isdelete
        schema = None if written or column.table not in self.lacking else self.preparer.schema_for_object(column.table)
        return text if schema is None else text.removeprefix(f"{self.preparer.quote_schema(schema)}.")


def stand_in_for_lacking(engine: Engine, lacking: Mapping[sa.Table, frozenset[str] | None]) -> None:
    """Let the selects of an engine do without the tables (None) and columns that its database lacks."""
    base = type(engine.dialect).statement_compiler
    dialect: Any = engine.dialect
    dialect.statement_compiler = (
        type("LackingCompiler", (LackingCompiler, base), {"lacking": dict(lacking)}) if lacking else base
    )
    engine.clear_compiled_cache()


def find_table(connection: Connection, name: str, schema: str | None) -> str | None:
    """The table or view of a name as the database spells it, which may differ in case."""
    inspector = sa.inspect(connection)
    if inspector.has_table(name, schema=schema):
        return name
    known = (*inspector.get_table_names(schema=schema), *inspector.get_view_names(schema=schema))
    return next((other for other in known if other.lower() == name.lower()), None)


@contextmanager
def _silent_reflection() -> Iterator[None]:
    """Keep SQLAlchemy from printing what it does not know of a table: such a column has no type, which callers tell."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", sa.exc.SAWarning)
        yield


@_silent_reflection()
def existing_columns(connection: Connection, name: str, schema: str | None) -> Sequence[ExistingColumn]:
    """The columns of a table that exists."""
    inspector = sa.inspect(connection)
    key = inspector.get_pk_constraint(name, schema=schema)["constrained_columns"]
    entries = inspector.get_columns(name, schema=schema)
    in_utc = any(isinstance(entry["type"], mysql.TIMESTAMP) for entry in entries) and _shows_utc(connection)
    charsets = _charsets(connection, name, schema)
    found = []
    for entry in entries:
        type_ = entry["type"]
        automatic = entry.get("autoincrement") is True or (
            connection.dialect.name == "sqlite" and key == [entry["name"]] and isinstance(type_, sa.Integer)
        )
        found.append(
            ExistingColumn(
                name=entry["name"],
                type=_readable(type_, connection),
                nullable=bool(entry["nullable"]),
                given=automatic or entry.get("default") is not None or entry.get("computed") is not None,
                most_characters=_most_characters(type_),
                in_utc=in_utc and isinstance(type_, mysql.TIMESTAMP),
                charset=charsets.get(entry["name"]),
                words=_words(type_),
                takes_several=isinstance(type_, mysql.SET),
                computed=entry.get("computed") is not None,
            )
        )
    return found


def _charsets(connection: Connection, name: str, schema: str | None) -> dict[str, str]:
    """Column → character set, for the text columns that do not take every character."""
    if not is_mysql_family(connection.dialect):
        return {}
    statement = sa.text(
        "SELECT column_name, character_set_name FROM information_schema.columns WHERE table_name = :name"
        " AND table_schema = COALESCE(:schema, DATABASE()) AND character_set_name <> 'utf8mb4'"
    )
    return {
        str(column): str(charset) for column, charset in connection.execute(statement, {"name": name, "schema": schema})
    }


def _words(type_: TypeEngine[Any]) -> tuple[str, ...]:
    if isinstance(type_, mysql.SET):
        return tuple(type_.values)
    return tuple(type_.enums) if isinstance(type_, sa.Enum) else ()


def _shows_utc(connection: Connection) -> bool:
    return connection.exec_driver_sql("SELECT @@SESSION.time_zone").scalar() == "+00:00"


def _most_characters(type_: TypeEngine[Any]) -> int | None:
    if isinstance(type_, (sa.Enum, mysql.SET)) or not isinstance(type_, sa.String):
        return None
    return type_.length


def _readable(type_: TypeEngine[Any], connection: Connection) -> TypeEngine[Any]:
    """The type with which values are read as they are: no list of words is enforced on what other programs wrote."""
    if isinstance(type_, (sa.Enum, mysql.SET)):
        return sa.String()
    if isinstance(type_, sa.Uuid):
        return sa.Uuid(as_uuid=False)
    if isinstance(type_, sa.Numeric) and not is_mysql_family(connection.dialect):
        return sa.Float()
    if connection.dialect.name == "sqlite":
        return _readable_time(type_)
    return type_


def _readable_time(type_: TypeEngine[Any]) -> TypeEngine[Any]:
    """The type of a time on SQLite, which is text: what cannot be read is NULL, a time of day stays text."""
    if isinstance(type_, sa.DateTime):
        return ReadableMoment()
    if isinstance(type_, sa.Date):
        return ReadableDay()
    return sa.String() if isinstance(type_, sa.Time) else type_


def as_moment(column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    """A column of dates or times, to be compared with times: a date of SQLite, which is text, as its midnight."""
    if not isinstance(column.type, ReadableDay):
        return column
    return sa.type_coerce(column, sa.String()).concat(" 00:00:00.000000")


def update_rows(
    connection: Connection,
    table: sa.Table,
    key: Sequence[sa.Column[Any]],
    columns: Sequence[sa.Column[Any]],
    rows: Sequence[Mapping[str, Any]],
) -> int:
    """Give many rows their own values, each found by its key columns; the number of rows that were there.

    Columns of the types that `bulk_update` takes are set in one statement, others by a statement a row.
    """
    if len(key) == 1 and all(_is_plain(column.type) for column in (*key, *columns)):
        return bulk_update(connection, table, key[0], columns, rows)
    condition = sa.and_(*(column == sa.bindparam(f"b_key_{n}", type_=column.type) for n, column in enumerate(key)))
    values: dict[Any, Any] = {column: sa.bindparam(f"b_{n}", type_=column.type) for n, column in enumerate(columns)}
    statement = sa.update(table).where(condition).values(values)
    parameters = [
        {f"b_key_{n}": row[column.name] for n, column in enumerate(key)}
        | {f"b_{n}": row[column.name] for n, column in enumerate(columns)}
        for row in rows
    ]
    return connection.execute(statement, parameters).rowcount


def _is_plain(type_: TypeEngine[Any]) -> bool:
    # A number in binary would pass through a decimal of 30 places, which neither the tiny nor the huge survive.
    return isinstance(type_, (sa.String, sa.Integer, sa.DateTime)) or (
        isinstance(type_, sa.Numeric) and not isinstance(type_, sa.Float)
    )


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """A column that holds keys of another table of the same database."""

    column: str
    table: str
    target: str


@dataclass(frozen=True, slots=True)
class ExistingTable:
    """A table as its database describes it; `types` are its columns' types as they are declared there."""

    name: str
    key: tuple[str, ...]
    columns: tuple[ExistingColumn, ...]
    types: Mapping[str, TypeEngine[Any]]
    foreign_keys: tuple[ForeignKey, ...]
    unique: frozenset[str] = frozenset()
    """The columns of which each alone has no value twice."""
    is_view: bool = False
    """True for a view; its key is what tells the rows apart that it has now."""


@_silent_reflection()
def existing_tables(connection: Connection) -> list[ExistingTable]:
    """Every table of a database by name, and then every view."""
    inspector = sa.inspect(connection)
    found = [_existing_view(connection, name) for name in sorted(inspector.get_view_names())]
    for name in sorted(inspector.get_table_names(), reverse=True):
        keys = tuple(
            ForeignKey(entry["constrained_columns"][0], entry["referred_table"], entry["referred_columns"][0])
            for entry in inspector.get_foreign_keys(name)
            if len(entry["constrained_columns"]) == 1 and entry["referred_schema"] is None and entry["referred_columns"]
        )
        unique: list[Sequence[str | None]] = [
            *(item["column_names"] for item in inspector.get_unique_constraints(name)),
            *(item["column_names"] for item in inspector.get_indexes(name) if item["unique"]),
        ]
        found.insert(
            0,
            ExistingTable(
                name=name,
                key=tuple(inspector.get_pk_constraint(name)["constrained_columns"]),
                columns=tuple(existing_columns(connection, name, None)),
                types={entry["name"]: entry["type"] for entry in inspector.get_columns(name)},
                foreign_keys=keys,
                unique=frozenset(str(columns[0]) for columns in unique if len(columns) == 1),
            ),
        )
    return found


def _existing_view(connection: Connection, name: str) -> ExistingTable:
    """A view with a column that tells its rows apart as its key; without columns where it cannot be read."""
    try:
        columns = tuple(existing_columns(connection, name, None))
        entries = sa.inspect(connection).get_columns(name)
        key = _telling_apart(connection, name, columns)
    except sa.exc.SQLAlchemyError:
        # A view outlives the tables and columns that it is made of.
        return ExistingTable(name, (), (), {}, foreign_keys=(), is_view=True)
    types = {entry["name"]: entry["type"] for entry in entries}
    return ExistingTable(name, key, columns, types, foreign_keys=(), is_view=True)


def _telling_apart(connection: Connection, name: str, columns: Sequence[ExistingColumn]) -> tuple[str, ...]:
    """The first column that has a value in every row of a view and none twice: one called id before others."""
    fit = [column for column in columns if is_key_type(column.type) and (column.most_characters or 0) <= MOST_KEY_TEXT]
    candidates = sorted(fit, key=lambda column: not re.search(r"(?:^|_)id$|[a-z]I[dD]$", column.name))[:MOST_CANDIDATES]
    table = sa.table(name, *(sa.column(column.name) for column in candidates))
    for column in candidates:
        some = sa.select(table.c[column.name].label("value")).limit(MOST_COMPARED).subquery()
        counts = sa.select(sa.func.count(), sa.func.count(sa.distinct(some.c.value))).select_from(some)
        rows, values = connection.execute(counts).one()
        if rows == values:
            return (column.name,)
    return ()


def described_table(table: sa.Table) -> ExistingTable:
    """A declared table as a database that has it would describe it.

    A column without a foreign key whose `info` names a column `Table.column` under `LEADS_TO` holds keys of that table.
    """
    single = list(table.primary_key.columns)
    columns = tuple(
        ExistingColumn(
            name=column.name,
            type=column.type,
            nullable=bool(column.nullable),
            given=column.server_default is not None or (single == [column] and column.autoincrement is True),
            most_characters=_most_characters(column.type),
            in_utc=False,
        )
        for column in table.columns
    )
    targets = {column.name: _target(column) for column in table.columns}
    return ExistingTable(
        name=table.name,
        key=tuple(column.name for column in single),
        columns=columns,
        types={column.name: column.type for column in table.columns},
        foreign_keys=tuple(
            ForeignKey(name, *target.split(".", maxsplit=1)) for name, target in targets.items() if target is not None
        ),
    )


def _target(column: sa.Column[Any]) -> str | None:
    keys = [key.target_fullname for key in column.foreign_keys]
    led = column.info.get(LEADS_TO)
    return keys[0] if keys else None if led is None else str(led)


def holds_bytes(type_: TypeEngine[Any]) -> bool:
    """True if a column holds bytes rather than characters."""
    return isinstance(type_, (sa.LargeBinary, sa.BINARY, sa.VARBINARY))


def is_truth(type_: TypeEngine[Any]) -> bool:
    """True if a column was declared for truth values: BOOLEAN, or the family's TINYINT(1)."""
    return isinstance(type_, sa.Boolean) or (isinstance(type_, mysql.TINYINT) and type_.display_width == 1)


_BITS: Final = ((mysql.TINYINT, 8), (sa.SmallInteger, 16), (mysql.MEDIUMINT, 24), (sa.BigInteger, 64), (sa.Integer, 32))


def integer_bounds(known: ExistingColumn) -> tuple[int, int]:
    """The least and the greatest number that a column takes; SQLite takes 64 bits in all of them."""
    bits = next((bits for type_, bits in _BITS if isinstance(known.type, type_)), 64)
    if not isinstance(known.type, mysql.types._IntegerType):
        bits = 64
    if getattr(known.type, "unsigned", False):
        return 0, (1 << bits) - 1
    return -(1 << bits - 1), (1 << bits - 1) - 1

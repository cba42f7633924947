"""Statements for many rows at once."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import itemgetter
from typing import Any, Final
from weakref import WeakKeyDictionary

import sqlalchemy as sa
from sqlalchemy.dialects import mysql, sqlite
from sqlalchemy.engine import Connection, Dialect

from catalog.dialect.engines import is_mariadb, is_mysql_family
from catalog.dialect.json_update import executed_update, update_by_json
from catalog.dialect.literals import InsertFrame, insert_frame
from catalog.dialect.prepared import on_cursor
from catalog.dialect.types import LongText

_NAMED: Final = re.compile(r"%\((\w+)\)s")
MULTI_ROW: Final = 500


def among(column: sa.ColumnElement[Any], keys: Iterable[int]) -> sa.ColumnElement[bool]:
    """Condition that a column holds one of the keys, which are integers of the database.

    They stand in the statement as literals, since a database limits the number of parameters.
    """
    numbers = sorted(set(keys))
    return column.in_(sa.bindparam(None, numbers, expanding=True, literal_execute=True)) if numbers else sa.false()


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

    The MySQL family takes many rows as a table of JSON; making that costs more than the update of a single row.

    Each row maps the names of `key_column` and of all `columns` to Python values. With `version`, a row also holds
    the version it was read with; only a row that still has it is changed, and its version is raised by one.
    Returns the number of rows matched, so fewer than `len(rows)` means a conflict (or a missing key).
    The values must have been checked against their columns' types and widths: JSON_TABLE converts without complaint.
    Raises BulkWarning when the database warns.
    """
    if not rows:
        return 0
    if len(rows) > 1 and is_mysql_family(connection.dialect):
        return update_by_json(connection, table, key_column, tuple(columns), rows, version)
    return _prepared_update(table, key_column, tuple(columns), version).execute(connection, rows)


class PreparedWrite:
    """An insert or update of many rows that Core compiles once for each engine, and the driver's own cursor executes.

    Core builds, keys and looks up a statement for each execution, which takes longer than SQLite does for a few rows,
    and goes through the parameters of each row again. Listeners to `before_cursor_execute` are called, and errors of
    the driver are raised as Core raises them.
    """

    def __init__(
        self, statement: sa.Insert | sa.Update, sources: Mapping[str, str | int], columns: Sequence[str]
    ) -> None:
        """`sources`: bind parameter → member of a row; `columns`: those that an insert names, none for an update."""
        self._statement = statement
        self._sources = sources
        self._columns = columns or None
        self._compiled: WeakKeyDictionary[Dialect, _CompiledWrite] = WeakKeyDictionary()

    def execute(self, connection: Connection, rows: Sequence[Mapping[str, Any] | tuple[Any, ...]]) -> int:
        """Write the rows; the number of rows that were matched or inserted. Raises what Core does."""
        compiled = self._compiled.get(connection.dialect)
        if compiled is None:
            compiled = self._compiled[connection.dialect] = self._compile(connection.dialect)
        bound = [compiled.bound(row) for row in rows]
        if len(bound) > 1 or compiled.frame is not None:
            return on_cursor(connection, compiled.text, bound, compiled.write_all, many=True)
        run = executed_update if isinstance(self._statement, sa.Update) else _inserted
        return on_cursor(connection, compiled.text, bound[0], run, many=False)

    def _compile(self, dialect: Dialect) -> "_CompiledWrite":
        compiled: Any = self._statement.compile(dialect=dialect, column_keys=self._columns)
        text, names = compiled.string, tuple(compiled.positiontup or ())
        if not compiled.positional:
            # Drivers that take values by name take them by place in less than half of the time.
            names = tuple(_NAMED.findall(text))
            text = _NAMED.sub("%s", text)
        types = [compiled.binds[name].type for name in names]
        processors = [type_.dialect_impl(dialect).bind_processor(dialect) for type_ in types]
        kept = [type_.kept_length if isinstance(type_, LongText) else None for type_ in types]
        converted = [(place, convert, kept[place]) for place, convert in enumerate(processors) if convert is not None]
        return _CompiledWrite(
            text=text,
            values_of=_values_of([self._sources[name] for name in names]),
            texts=tuple((place, convert, length) for place, convert, length in converted if length is not None),
            converted=tuple((place, convert) for place, convert, length in converted if length is None),
            frame=insert_frame(text, types, dialect) if is_mysql_family(dialect) else None,
        )


@dataclass(frozen=True, slots=True)
class _CompiledWrite:
    text: str
    frame: InsertFrame | None
    """What is around the literals of rows, where they are written into the text."""
    values_of: Callable[[Any], tuple[Any, ...]]
    """Takes the values out of a row, in the order of the parameters."""
    texts: tuple[tuple[int, Callable[[Any], Any], int], ...]
    """Places of texts among them, with what turns one that is longer than some length into one of the driver."""
    converted: tuple[tuple[int, Callable[[Any], Any]], ...]
    """Other places, with what turns the value there into one of the driver."""

    def bound(self, row: Mapping[str, Any] | tuple[Any, ...]) -> tuple[Any, ...]:
        """The values of a row as the driver takes them."""
        found = self.values_of(row)
        for place, convert, length in self.texts:
            value = found[place]
            if value is not None and len(value) > length:
                found = (*found[:place], convert(value), *found[place + 1 :])
        if self.converted:
            values = list(found)
            for place, convert in self.converted:
                values[place] = convert(values[place])
            found = tuple(values)
        return found

    def write_all(self, _: Dialect, cursor: Any, text: str, parameters: Any) -> int:
        """Write rows; the number of those that were matched or inserted."""
        statements = None if self.frame is None else self.frame.statements(parameters)
        if statements is None:
            cursor.executemany(text, parameters)
            return int(cursor.rowcount)
        written = 0
        for statement in statements:
            cursor.execute(statement)
            written += int(cursor.rowcount)
        return written


def _values_of(members: Sequence[str | int]) -> Callable[[Any], tuple[Any, ...]]:
    if len(members) == 1:
        return lambda row: (row[members[0]],)
    return itemgetter(*members)


def _inserted(_: Dialect, cursor: Any, text: str, parameters: Any) -> int:
    # Drivers count the row of executemany alone as they do those of many.
    cursor.executemany(text, [parameters])
    return int(cursor.rowcount)


@lru_cache(maxsize=1000)
def _prepared_update(
    table: sa.Table, key: sa.Column[Any], columns: tuple[sa.Column[Any], ...], version: sa.Column[Any] | None
) -> PreparedWrite:
    condition = key == sa.bindparam("b_key", type_=key.type)
    values: dict[Any, Any] = {column: sa.bindparam(f"b_{n}", type_=column.type) for n, column in enumerate(columns)}
    sources = {"b_key": key.name} | {f"b_{n}": column.name for n, column in enumerate(columns)}
    if version is not None:
        condition = sa.and_(condition, version == sa.bindparam("b_version", type_=version.type))
        values[version] = version + sa.literal_column("1")
        sources["b_version"] = version.name
    return PreparedWrite(sa.update(table).where(condition).values(values), sources, ())


@lru_cache(maxsize=1000)
def _prepared_insert(table: sa.Table, names: tuple[str, ...], *, by_place: bool = False) -> PreparedWrite | None:
    """The insert of rows that name some columns; None where Core must fill others itself, or spell names otherwise.

    `by_place`: the rows are tuples of the values of these columns.
    """
    if _core_fills(table, names) or not all(map(str.isidentifier, names)):
        return None
    return PreparedWrite(sa.insert(table).inline(), _sources(names, by_place=by_place), names)


def _sources(names: Sequence[str], *, by_place: bool) -> dict[str, str | int]:
    """Bind parameter → where its value is in a row."""
    return {name: place if by_place else name for place, name in enumerate(names)}


@lru_cache(maxsize=1000)
def _prepared_upsert(
    dialect: Dialect,
    table: sa.Table,
    names: tuple[str, ...],
    changed: tuple[sa.Column[Any], ...],
    *,
    by_place: bool = False,
) -> PreparedWrite | None:
    """As `_prepared_insert`, changing columns of a row whose primary key exists; on SQLite and MariaDB.

    MySQL has a form of its own, whose rows its drivers do not join into one statement.
    """
    if _core_fills(table, names) or not all(map(str.isidentifier, names)):
        return None
    if is_mysql_family(dialect):
        if not is_mariadb(dialect):
            return None
        ours = mysql.insert(table).inline()
        values = {column.name: ours.inserted[column.name] for column in changed}
        return PreparedWrite(ours.on_duplicate_key_update(values), _sources(names, by_place=by_place), names)
    other = sqlite.insert(table).inline()
    statement = other.on_conflict_do_update(
        index_elements=list(table.primary_key.columns),
        set_={column.name: other.excluded[column.name] for column in changed},
    )
    return PreparedWrite(statement, _sources(names, by_place=by_place), names)


def _core_fills(table: sa.Table, names: tuple[str, ...]) -> bool:
    """True when rows that name these columns leave out one whose default Core computes."""
    return any(column.default is not None and column.name not in names for column in table.columns)


def _multi_row(connection: Connection, statement: Any, rows: Sequence[Mapping[str, Any]]) -> None:
    """Execute an insert for many rows with few round trips.

    The drivers join the rows of `executemany` into one statement, except for MySQL's `VALUES … AS new` form.
    """
    if is_mysql_family(connection.dialect) and not is_mariadb(connection.dialect):
        for start in range(0, len(rows), MULTI_ROW):
            connection.execute(statement.values([dict(row) for row in rows[start : start + MULTI_ROW]]))
    else:
        connection.execute(statement, [dict(row) for row in rows])


def insert_rows(connection: Connection, table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert many rows; all must name the same columns. Raises IntegrityError for a key that exists."""
    if not rows:
        return
    prepared = _prepared_insert(table, tuple(rows[0]))
    if prepared is None:
        connection.execute(sa.insert(table), [dict(row) for row in rows])
    else:
        prepared.execute(connection, rows)


def insert_tuples(connection: Connection, table: sa.Table, rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert many rows that have the values of all columns, in their order. Raises IntegrityError as `insert_rows`."""
    names = _column_names(table)
    prepared = _prepared_insert(table, names, by_place=True) if rows else None
    if prepared is None:
        insert_rows(connection, table, [dict(zip(names, row, strict=True)) for row in rows])
    else:
        prepared.execute(connection, rows)


def upsert_tuples(connection: Connection, table: sa.Table, rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert many rows that have the values of all columns, in their order, or change those that exist."""
    names = _column_names(table)
    changed = tuple(column for column in table.columns if not column.primary_key)
    prepared = _prepared_upsert(connection.dialect, table, names, changed, by_place=True) if rows else None
    if prepared is None:
        upsert_rows(connection, table, [dict(zip(names, row, strict=True)) for row in rows])
    else:
        prepared.execute(connection, rows)


@lru_cache(maxsize=1000)
def _column_names(table: sa.Table) -> tuple[str, ...]:
    return tuple(column.name for column in table.columns)


def insert_ignore(connection: Connection, table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert the rows whose keys do not exist yet; all must name the same columns.

    Only a duplicate key is ignored; a value that does not fit still fails.
    """
    if not rows:
        return
    if is_mysql_family(connection.dialect):
        key = next(iter(table.primary_key.columns))
        ours = mysql.insert(table)
        _multi_row(connection, ours.on_duplicate_key_update({key.name: key}), rows)
    else:
        connection.execute(sqlite.insert(table).on_conflict_do_nothing(), [dict(row) for row in rows])


def add_up(connection: Connection, table: sa.Table, number: sa.Column[int], row: Mapping[str, Any]) -> None:
    """Insert a row, or add its number to that of the row whose primary key exists."""
    if is_mysql_family(connection.dialect):
        ours = mysql.insert(table).values(dict(row))
        connection.execute(ours.on_duplicate_key_update({number.name: number + ours.inserted[number.name]}))
    else:
        other = sqlite.insert(table).values(dict(row))
        added = {number.name: number + other.excluded[number.name]}
        connection.execute(other.on_conflict_do_update(index_elements=list(table.primary_key.columns), set_=added))


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
    elif (prepared := _prepared_upsert(connection.dialect, table, tuple(rows[0]), tuple(changed))) is not None:
        prepared.execute(connection, rows)
    elif is_mysql_family(connection.dialect):
        ours = mysql.insert(table)
        _multi_row(connection, ours.on_duplicate_key_update({c.name: ours.inserted[c.name] for c in changed}), rows)
    else:
        other = sqlite.insert(table)
        settings = {c.name: other.excluded[c.name] for c in changed}
        connection.execute(
            other.on_conflict_do_update(index_elements=primary, set_=settings), [dict(row) for row in rows]
        )

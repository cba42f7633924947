"""Rows of tables as a snapshot has them: which tables, and their values as those of JSON."""

from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import Connection, Table
from sqlalchemy.types import TypeDecorator

from objapi.store.schema import entities

LEFT_OUT: Final[Mapping[str, str]] = {
    "idempotency_keys": "answers to requests that are over",
    "login_attempts": "failures of log-ins that are over",
    "natural_key_locks": "empty outside of transactions",
    "row_pending": "waits for another database, which is not in the snapshot",
    "sessions": "sessions end with the move",
    "site_state": "facts of the database about itself, which a new one makes anew",
}
"""Tables that are in no snapshot, and why."""
_LARGE: Final = 8
_USUAL: Final = 500


def snapshot_tables(tables: Iterable[Table]) -> tuple[Table, ...]:
    """The tables that are in a snapshot, of those in their order: rows come after others that they refer to."""
    return tuple(table for table in tables if table.name not in LEFT_OUT)


def count_rows(connection: Connection, tables: Sequence[Table]) -> dict[str, int]:
    """Table → number of its rows."""
    return {str(table.name): connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0 for table in tables}


def read_rows(connection: Connection, tables: Sequence[Table]) -> Iterator[tuple[str, list[object]]]:
    """All rows, table by table, in flat memory."""
    for table in tables:
        # Contents of files are large; a container's path is the beginning of those of what it contains.
        is_large = any(isinstance(_plain(column), sa.LargeBinary) for column in table.columns)
        order = [entities.c.path] if table is entities else list(table.primary_key.columns)
        statement = sa.select(table).order_by(*order)
        options = {"stream_results": True, "yield_per": _LARGE if is_large else _USUAL}
        with connection.execution_options(**options).execute(statement) as found:
            for row in found:
                yield str(table.name), [_as_json(value) for value in row]


def _as_json(value: Any) -> object:
    if isinstance(value, (bytes, bytearray, memoryview)):
        return b64encode(bytes(value)).decode()
    if isinstance(value, Decimal):
        return format(value, "f")
    return value.isoformat() if isinstance(value, (date, time)) else value


class RowDecoder:
    """Turns rows of a snapshot into those of the tables."""

    def __init__(self, tables: Sequence[Table], columns: Mapping[str, Sequence[str]]) -> None:
        """`columns` are those of the snapshot. Raises KeyError for a table or a column that is not there."""
        by_name = {table.name: table for table in tables}
        self.tables = {name: by_name[name] for name in columns}
        self._readers = {
            name: [(column, _reader(by_name[name].columns[column])) for column in names]
            for name, names in columns.items()
        }

    def row(self, table: str, values: Sequence[Any]) -> dict[str, Any]:
        """Column → value. Raises ValueError and TypeError for what is none of the column."""
        return {
            name: value if value is None or read is None else read(value)
            for (name, read), value in zip(self._readers[table], values, strict=True)
        }


def _reader(column: sa.Column[Any]) -> Callable[[Any], Any] | None:
    kind = _plain(column)
    if isinstance(kind, sa.LargeBinary):
        return b64decode
    if isinstance(kind, sa.DateTime):
        return datetime.fromisoformat
    if isinstance(kind, sa.Date):
        return date.fromisoformat
    if isinstance(kind, sa.Time):
        return time.fromisoformat
    if isinstance(kind, sa.Numeric) and kind.asdecimal:
        return Decimal
    return None


def _plain(column: sa.Column[Any]) -> Any:
    return column.type.impl_instance if isinstance(column.type, TypeDecorator) else column.type


def forget_rows(connection: Connection, tables: Sequence[Table]) -> None:
    """Empty the tables of a site that is to be filled: a few rows are made along with them."""
    for table in reversed(tables):
        connection.execute(sa.delete(table))

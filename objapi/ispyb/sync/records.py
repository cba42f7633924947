"""Rows in memory: as they were loaded, as they are to be, and how the difference is written."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from catalog.dialect.borrowed import insert_keys
from objapi.ispyb.database import Database

CHUNK: Final = 2000
"""Values in one list of a query; databases bound the number of parameters."""


@dataclass(slots=True, eq=False)
class Record:
    """One row. `key` is None until a new one is written; `stored` is what the database holds."""

    key: int | None
    values: dict[str, Any]
    stored: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def loaded(cls, row: sa.RowMapping, key: str) -> "Record":
        """The record of a row whose key is in the column `key`."""
        values = {name: value for name, value in row.items() if name != key}
        return cls(row[key], values, dict(values))

    @property
    def number(self) -> int:
        """The key of a row that has been written."""
        if self.key is None:
            raise ValueError("the row has not been written yet")
        return self.key

    def changes(self) -> dict[str, Any]:
        """The values that the database does not hold yet."""
        return {name: value for name, value in self.values.items() if self.stored.get(name) != value}


@dataclass(slots=True)
class Written:
    """How many rows were added and changed."""

    added: int = 0
    changed: int = 0


def write_records(connection: Connection, database: Database, table: sa.Table, records: Iterable[Record]) -> Written:
    """Write new and changed records in bulk, new ones in the order in which they were made; they get their keys."""
    listed = list(records)
    new = [record for record in listed if record.key is None]
    rows = [database.storable(table, record.values) for record in new]
    for record, key in zip(new, insert_keys(connection, table, rows), strict=True):
        record.key, record.stored = key, dict(record.values)
    changed = [(record, changes) for record in listed if (changes := record.changes())]
    # One statement for the records in which the same columns changed.
    for columns, group in groupby(sorted(changed, key=_columns), key=_columns):
        _update(connection, database, table, columns, list(group))
    return Written(len(new), len(changed))


def chunks(values: Iterable[Any]) -> Iterator[list[Any]]:
    """Values in lists that a query can take."""
    listed = list(values)
    for start in range(0, len(listed), CHUNK):
        yield listed[start : start + CHUNK]


def _columns(entry: tuple[Record, dict[str, Any]]) -> tuple[str, ...]:
    return tuple(sorted(entry[1]))


def _update(
    connection: Connection,
    database: Database,
    table: sa.Table,
    columns: Sequence[str],
    changed: Sequence[tuple[Record, dict[str, Any]]],
) -> None:
    (key,) = table.primary_key.columns
    known = [name for name in columns if database.has(table.c[name])]
    if known:
        values = {name: sa.bindparam(f"new_{name}", type_=table.c[name].type) for name in known}
        statement = sa.update(table).where(key == sa.bindparam("row_key")).values(values)
        parameters = [
            {"row_key": record.number, **{f"new_{name}": changes[name] for name in known}}
            for record, changes in changed
        ]
        connection.execute(statement, parameters)
    for record, changes in changed:
        record.stored.update(changes)

"""Synchronise tables with their declarations in small idempotent steps.

Requests go on meanwhile, with the declarations of before: nothing they write to is taken away. A column that no
declaration has any more stays, empty in new rows. Only a column whose type has changed is made anew, and is empty
until everything has been indexed again; a request that writes a value of the former type to it fails.
"""

from collections.abc import Callable, Collection
from functools import partial

from sqlalchemy import Column, Connection, Engine, Index, MetaData, Table, inspect

from catalog.dialect import add_keys, begin_write, drop_keys, is_same_type, make_table, put_columns, spare_keys

BeforeStep = Callable[[], None]
"""Called before each step with no connection in use; what it raises ends the work."""


def complete_tables(engine: Engine, metadata: MetaData, before_step: BeforeStep) -> None:
    """Make missing tables and keys; existing ones stay as they are."""
    for table in metadata.sorted_tables:
        _step(engine, before_step, partial(make_table, table=table))
        _step(engine, before_step, partial(_add_keys, table=table))


def sync_tables(engine: Engine, metadata: MetaData, before_step: BeforeStep) -> None:
    """Make missing tables, columns and keys, drop keys that are declared no more, rebuild columns of another type."""
    for table in metadata.sorted_tables:
        for work in (make_table, _drop_keys, _put_columns, _add_keys):
            _step(engine, before_step, partial(work, table=table))


def add_missing_keys(engine: Engine, table: Table, before_step: BeforeStep) -> None:
    """Make the declared keys that a table lacks."""
    _step(engine, before_step, partial(_add_keys, table=table))


def drop_spare_keys(
    engine: Engine, table: Table, named: Collection[str], asked: Collection[str], before_step: BeforeStep
) -> None:
    """Drop the keys without which every statement still runs; `named` are those that statements name.

    Those that begin with one of the columns `asked` stay: the load asks for them itself.
    """
    _step(engine, before_step, partial(_drop_spare, table=table, named=named, asked=asked))


def _drop_spare(connection: Connection, table: Table, named: Collection[str], asked: Collection[str]) -> None:
    present = _present_keys(connection, table)
    spare = spare_keys(connection, table.indexes, named)
    drop_keys(connection, table, [name for name in spare if name in present and present[name][0] not in asked])


def _step(engine: Engine, before_step: BeforeStep, work: Callable[[Connection], None]) -> None:
    before_step()
    with engine.connect() as connection, begin_write(connection):
        work(connection)


def _add_keys(connection: Connection, table: Table) -> None:
    present = _present_keys(connection, table)
    missing = [index for index in table.indexes if _name(index) not in present]
    add_keys(connection, table, sorted(missing, key=_name))


def _drop_keys(connection: Connection, table: Table) -> None:
    """Drop keys that are declared no more, or otherwise, or stand in the way of rebuilding a column."""
    declared = {_name(index): [column.name for column in index.columns] for index in table.indexes}
    rebuilt = {column.name for column in _changed_columns(connection, table)}
    present = _present_keys(connection, table)
    drop_keys(
        connection,
        table,
        [name for name, columns in present.items() if declared.get(name) != columns or rebuilt.intersection(columns)],
    )


def _put_columns(connection: Connection, table: Table) -> None:
    present = {column["name"] for column in inspect(connection).get_columns(table.name)}
    new = [column for column in table.columns if column.name not in present]
    put_columns(connection, table, new, _changed_columns(connection, table))


def _name(index: Index) -> str:
    return str(index.name)


# alembic's comparison finds the same differences for every pair of index types on both databases, but it also reads
# constraints and defaults of each table, which makes a new site wait 0.2 s longer on SQLite, and more on MariaDB.
def _present_keys(connection: Connection, table: Table) -> dict[str, list[str | None]]:
    found = inspect(connection).get_indexes(table.name)
    return {str(index["name"]): list(index["column_names"]) for index in found}


def _changed_columns(connection: Connection, table: Table) -> list[Column[object]]:
    """The columns that have another type now; those that every row must fill are the same in all catalogs."""
    present = {column["name"]: column["type"] for column in inspect(connection).get_columns(table.name)}
    return [
        column
        for column in table.columns
        if column.nullable
        and column.name in present
        and not is_same_type(connection, column.type, present[column.name])
    ]

"""Making and changing tables: the MySQL family takes many changes in one statement, SQLite one at a time.

One `ALTER TABLE` passes over a large table once and is carried out as a whole, so a request that runs beside it never
meets a table half changed. On SQLite the transaction sees to that.
"""

import re
from collections.abc import Collection, Iterable, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.schema import CreateColumn, CreateIndex, CreateTable
from sqlalchemy.types import TypeEngine

from catalog.dialect.engines import is_mysql_family

_SQLITE_COLUMNS = sa.text(
    "SELECT lower(t.name), lower(c.name) FROM sqlite_schema t, pragma_table_xinfo(t.name) c "
    "WHERE t.type IN ('table', 'view') AND lower(t.name) IN :names"
).bindparams(sa.bindparam("names", expanding=True))
_MYSQL_COLUMNS = sa.text(
    "SELECT lower(table_name), lower(column_name) FROM information_schema.columns "
    "WHERE table_schema = coalesce(:schema, database()) AND lower(table_name) IN :names"
).bindparams(sa.bindparam("names", expanding=True))


def column_names(connection: Connection, tables: Iterable[str], schema: str | None = None) -> dict[str, set[str]]:
    """Names of the columns of tables and views by that of the table, all in lower case; one statement for them all.

    A table that is not there, or of which this account may see nothing, is not in it. `schema` is the name of another
    database of the same server.
    """
    names = sorted({name.lower() for name in tables})
    if is_mysql_family(connection.dialect):
        rows = connection.execute(_MYSQL_COLUMNS, {"names": names, "schema": schema})
    else:
        rows = connection.execute(_SQLITE_COLUMNS, {"names": names})
    found: dict[str, set[str]] = {}
    for table, column in rows:
        found.setdefault(table, set()).add(column)
    return found


def make_table(connection: Connection, table: sa.Table) -> None:
    """Make a table with its keys, or leave the one that exists as it is.

    The MySQL family takes the keys within the one statement, which spares it rebuilding the table for them.
    """
    if not is_mysql_family(connection.dialect):
        table.create(connection, checkfirst=True)
        return
    # The last closing parenthesis at the beginning of a line ends the list of columns; options follow it.
    creation = str(CreateTable(table, if_not_exists=True).compile(connection))
    columns, end, options = creation.rpartition("\n)")
    keys = [f",\n\t{_key_clause(connection, key)}" for key in sorted(table.indexes, key=lambda key: str(key.name))]
    connection.exec_driver_sql(f"{columns}{''.join(keys)}{end}{options}")


def require_table_rights(connection: Connection, table: sa.Table) -> None:
    """Raise the database's error if this account may not make and change tables; nothing is changed.

    `table` is one that exists. A database of the MySQL family checks the rights although there is nothing to do.
    """
    if is_mysql_family(connection.dialect):
        make_table(connection, table)
        _alter(connection, table, ["COMMENT = ''"])


def drop_keys(connection: Connection, table: sa.Table, names: Iterable[str]) -> None:
    """Drop keys by name; they must exist."""
    quote = connection.dialect.identifier_preparer.quote
    if is_mysql_family(connection.dialect):
        _alter(connection, table, [f"DROP INDEX {quote(name)}" for name in names])
    else:
        for name in names:
            connection.exec_driver_sql(f"DROP INDEX {quote(name)}")


def spare_keys(connection: Connection, keys: Iterable[sa.Index], named: Collection[str]) -> list[str]:
    """The names of the keys without which every statement still runs, if slowly. `named`: those that statements name.

    The MySQL family refuses a statement that names a key which is not there; on SQLite none is named.
    """
    found = sorted(str(key.name) for key in keys if not key.unique)
    return [name for name in found if name not in named] if is_mysql_family(connection.dialect) else found


def add_keys(connection: Connection, table: sa.Table, keys: Sequence[sa.Index]) -> None:
    """Make keys of the table that do not exist yet."""
    if is_mysql_family(connection.dialect):
        _alter(connection, table, [f"ADD {_key_clause(connection, key)}" for key in keys])
    else:
        for key in keys:
            connection.execute(CreateIndex(key))


def put_columns(
    connection: Connection, table: sa.Table, new: Sequence[sa.Column[Any]], rebuilt: Sequence[sa.Column[Any]] = ()
) -> None:
    """Add the columns `new`, and make those in `rebuilt` anew, which exist and lose their values.

    No key may contain a rebuilt column. Rows that exist get NULL or the column's server default.
    """
    quote = connection.dialect.identifier_preparer.quote
    clauses = [f"DROP COLUMN {quote(column.name)}" for column in rebuilt]
    clauses += [f"ADD COLUMN {CreateColumn(column).compile(connection)}" for column in (*rebuilt, *new)]
    if is_mysql_family(connection.dialect):
        _alter(connection, table, clauses)
    else:
        for clause in clauses:
            _alter(connection, table, [clause])


def is_same_type(connection: Connection, declared: TypeEngine[Any], found: TypeEngine[Any]) -> bool:
    """True if a column's type, found by reflection, is the one declared.

    SQLite has one type for texts and exact decimals, and one for all integers and truth values.
    """
    return _type_text(connection, declared) == _type_text(connection, found)


def _type_text(connection: Connection, type_: TypeEngine[Any]) -> str:
    """A type as the database reports it, without the display width that MariaDB adds to integers."""
    text = type_.compile(connection.dialect).replace("NUMERIC", "DECIMAL")
    return re.sub(r"\b(\w*INT\w*)\(\d+\)", r"\1", text)


def _key_clause(connection: Connection, key: sa.Index) -> str:
    quote = connection.dialect.identifier_preparer.quote
    columns = ", ".join(quote(column.name) for column in key.columns)
    return f"{'UNIQUE ' if key.unique else ''}INDEX {quote(str(key.name))} ({columns})"


def _alter(connection: Connection, table: sa.Table, clauses: Sequence[str]) -> None:
    if clauses:
        name = connection.dialect.identifier_preparer.format_table(table)
        connection.exec_driver_sql(f"ALTER TABLE {name} {', '.join(clauses)}")

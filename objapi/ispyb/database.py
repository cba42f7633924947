"""Which database holds the ISPyB tables, which optional tables and columns it has, and transactions on it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from catalog.dialect import add_keys, create_engine_for, make_table, put_columns
from catalog.dialect.borrowed import keep_server_clock
from objapi.errors import Unavailable
from objapi.profiles.ispyb.tables import METADATA
from objapi.profiles.ispyb.tables.columns import is_optional
from objapi.site import Site
from objapi.store.failures import RETRY_AFTER

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Lacking:
    """Tables and columns that a database does not have, of those that are declared."""

    tables: frozenset[str]
    columns: frozenset[tuple[str, str]]

    def needed(self) -> list[str]:
        """The names of what is lacking and not optional."""
        tables = [name for name in self.tables if not is_optional(METADATA.tables[name])]
        columns = [
            f"{table}.{column}"
            for table, column in self.columns
            if table not in self.tables and not is_optional(METADATA.tables[table].c[column])
        ]
        return sorted(tables) + sorted(columns)


class Database:
    """The database of the ISPyB tables: the gateway's own, or an existing one that `OBJAPI_ISPYB_URL` names."""

    def __init__(self, site: Site) -> None:
        self.settings = site.settings
        self._site = site
        if site.settings.ispyb_url is not None:
            engine = create_engine_for(site.settings.ispyb_url, threads=site.settings.worker_threads)
            keep_server_clock(engine)
            self._site = replace(site, engine=engine)

    @property
    def own(self) -> bool:
        """Whether the tables are the gateway's own, which it makes and changes."""
        return self.settings.ispyb_url is None

    def transact(self, work: Callable[[Connection], _T], *, write: bool) -> _T:
        """Do work in one transaction, again when the database asks for it.

        Raises Unavailable when the database is away or has no ISPyB tables. What it lacks is found out before the
        work begins, which may ask for it: a second connection might not be had.
        """
        self.lacking  # noqa: B018 - kept for `has`
        return self._site.transact(work, write=write)

    def now(self) -> datetime:
        """The time that the laboratory's wall clock shows, without zone and fractions, as the tables hold it."""
        return datetime.now(self.settings.timezone).replace(tzinfo=None, microsecond=0)

    @cached_property
    def lacking(self) -> Lacking:
        """What the database does not have; raises Unavailable when that is needed."""
        lacking = self._site.transact(what_lacks, write=False)
        needed = lacking.needed()
        if needed:
            remedy = "run `objapi upgrade`" if self.own else "OBJAPI_ISPYB_URL must name an ISPyB database"
            raise Unavailable(
                f"The ISPyB tables are incomplete ({', '.join(needed[:5])}); {remedy}.", retry_after=RETRY_AFTER
            )
        return lacking

    def has(self, item: sa.Table | sa.Column[Any]) -> bool:
        """Whether the database has a declared table or column."""
        if isinstance(item, sa.Table):
            return item.name not in self.lacking.tables
        return item.table.name not in self.lacking.tables and (item.table.name, item.name) not in self.lacking.columns

    def column(self, column: sa.Column[Any]) -> sa.ColumnElement[Any]:
        """A column to select; NULL under its name when the database lacks it."""
        return column if self.has(column) else sa.null().label(column.name)

    def columns(self, table: sa.Table) -> list[sa.ColumnElement[Any]]:
        """All declared columns of a table, to select or to label; NULL for those that the database lacks."""
        return [self.column(column) for column in table.columns]

    def storable(self, table: sa.Table, values: Mapping[str, Any]) -> dict[str, Any]:
        """The values for those columns of a table that the database has."""
        return {name: value for name, value in values.items() if self.has(table.c[name])}


def insert_row(connection: Connection, table: sa.Table, values: Mapping[str, Any]) -> int:
    """Insert one row into a table whose key the database gives; returns the key."""
    key = connection.execute(sa.insert(table).values(dict(values))).inserted_primary_key
    if key is None:
        raise TypeError(f"{table.name} has no key that the database gives")
    return int(key[0])


def what_lacks(connection: Connection) -> Lacking:
    """Compare the declared tables with those of the database, views included."""
    inspector = sa.inspect(connection)
    # MySQL keeps table names in lower case on some file systems.
    found = {name.lower(): name for name in (*inspector.get_table_names(), *inspector.get_view_names())}
    tables = {name for name in METADATA.tables if name.lower() not in found}
    columns = set()
    for name, table in METADATA.tables.items():
        if name not in tables:
            known = {entry["name"].lower() for entry in inspector.get_columns(found[name.lower()])}
            columns |= {(name, column.name) for column in table.columns if column.name.lower() not in known}
    return Lacking(frozenset(tables), frozenset(columns))


def prepare(site: Site) -> None:
    """Make the ISPyB tables that the gateway's own database lacks; an existing ISPyB database is left alone."""
    if site.settings.ispyb_url is None:
        site.transact(make_tables, write=True)


def make_tables(connection: Connection) -> None:
    """Make the tables, columns and keys that the gateway's own database lacks; repeatable."""
    lacking = what_lacks(connection)
    for table in METADATA.sorted_tables:
        if table.name in lacking.tables:
            make_table(connection, table)
            continue
        new = [column for column in table.columns if (table.name, column.name) in lacking.columns]
        if new:
            put_columns(connection, table, new)
        known = {entry["name"] for entry in sa.inspect(connection).get_indexes(table.name)}
        add_keys(connection, table, [key for key in table.indexes if key.name not in known])

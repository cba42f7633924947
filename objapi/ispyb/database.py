"""Database of the ISPyB tables, its optional tables and columns, and transactions on it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, Final, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from catalog.dialect import add_keys, column_names, make_table, put_columns
from catalog.dialect.existing import name_schema, schema_on_same_server, stand_in_for_lacking
from objapi.errors import Unavailable
from objapi.model.principal import ANONYMOUS, Principal
from objapi.profiles.ispyb.tables import METADATA
from objapi.profiles.ispyb.tables.columns import is_optional
from objapi.security.principals import LoadedUser, command_line_user, session_of_principal
from objapi.site import Site
from objapi.store.failures import RETRY_AFTER
from objapi.store.requests import COMMAND_LINE, RequestSource
from objapi.store.row_requests import NewRow, RowUpdate, WriteAuthority
from objapi.store.transaction import Transaction

_T = TypeVar("_T")

PROFILE: Final = "ispyb"
"""The profile that declares the types of the tables, and the name under which it knows their database."""


@dataclass(frozen=True, slots=True)
class MissingSchema:
    """Tables and columns that a database does not have, of those that are declared."""

    tables: frozenset[str]
    columns: frozenset[tuple[str, str]]

    def by_table(self) -> dict[sa.Table, frozenset[str] | None]:
        """Table → its missing columns; None for a table that is missing itself."""
        found: dict[sa.Table, frozenset[str] | None] = {METADATA.tables[name]: None for name in self.tables}
        for name in {table for table, _ in self.columns} - self.tables:
            found[METADATA.tables[name]] = frozenset(column for table, column in self.columns if table == name)
        return found

    def needed(self) -> list[str]:
        """The names of what is missing and not optional."""
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
        url = site.settings.ispyb_url
        schema = None if url is None else schema_on_same_server(site.settings.database, url)
        if schema is not None:
            name_schema(site.engine, METADATA, schema)

    @property
    def own(self) -> bool:
        """True if the tables are the gateway's own, which it makes and changes."""
        return self.settings.ispyb_url is None

    def run(
        self,
        work: Callable[[Transaction], _T],
        *,
        write: bool,
        user: Principal = ANONYMOUS,
        source: RequestSource = COMMAND_LINE,
        authority: WriteAuthority | None = None,
    ) -> _T:
        """Do a user's work in one transaction, again when the database asks for it.

        `authority` names the tables that the work may write through the transaction.

        Raises Unavailable when the database is away or has no ISPyB tables. What it lacks is found out before the
        work begins, which may ask for it: a second connection might not be had.
        """
        self.missing  # noqa: B018 - loaded for `has`
        loaded = session_of_principal(user)
        return self._run(lambda _: loaded, work, write=write, source=source, authority=authority)

    def run_as_administrator(
        self, work: Callable[[Transaction], _T], *, write: bool, authority: WriteAuthority | None = None
    ) -> _T:
        """Do work of the command line or of the gateway itself in one transaction, as `run` does."""
        self.missing  # noqa: B018 - loaded for `has`
        return self._run(lambda _: command_line_user(), work, write=write, authority=authority)

    def _run(
        self,
        authenticate: Callable[[Connection], LoadedUser],
        work: Callable[[Transaction], _T],
        *,
        write: bool,
        source: RequestSource = COMMAND_LINE,
        authority: WriteAuthority | None = None,
    ) -> _T:
        return self._site.run(authenticate, work, write=write, source=source, profile=PROFILE, authority=authority)

    def now(self) -> datetime:
        """The time that the laboratory's wall clock shows, without zone and fractions, as the tables hold it."""
        return datetime.now(self.settings.timezone).replace(tzinfo=None, microsecond=0)

    @cached_property
    def missing(self) -> MissingSchema:
        """Tables and columns that the database does not have. Raises Unavailable when one of them is needed."""
        place = self._site.declarations_of(PROFILE).rows.places[PROFILE]

        def compare(transaction: Transaction) -> MissingSchema:
            return find_missing(connection_of(transaction), place.schema)

        missing = self._run(lambda _: command_line_user(), compare, write=False)
        needed = missing.needed()
        if needed:
            remedy = (
                "run `objapi upgrade`"
                if self.own
                else "OBJAPI_ISPYB_URL must name an ISPyB database and an account that may read it"
            )
            raise Unavailable(
                f"The ISPyB tables are incomplete ({', '.join(needed[:5])}); {remedy}.", retry_after=RETRY_AFTER
            )
        stand_in_for_lacking(place.engine or self._site.engine, missing.by_table())
        return missing

    def has(self, item: sa.Table | sa.Column[Any]) -> bool:
        """Check whether the database has a declared table or column."""
        if isinstance(item, sa.Table):
            return item.name not in self.missing.tables
        return item.table.name not in self.missing.tables and (item.table.name, item.name) not in self.missing.columns

    def column(self, column: sa.Column[Any]) -> sa.ColumnElement[Any]:
        """A column to select; NULL under its name when the database lacks it."""
        return column if self.has(column) else sa.null().label(column.name)

    def columns(self, table: sa.Table) -> list[sa.ColumnElement[Any]]:
        """All declared columns of a table, to select or to label; NULL for those that the database lacks."""
        return [self.column(column) for column in table.columns]

    def storable(self, table: sa.Table, values: Mapping[str, Any]) -> dict[str, Any]:
        """The values for those columns of a table that the database has."""
        if table.name not in self._incomplete:
            return dict(values)
        return {name: value for name, value in values.items() if self.has(table.c[name])}

    @cached_property
    def _incomplete(self) -> frozenset[str]:
        """The tables that lack a column or are missing."""
        return self.missing.tables | {table for table, _ in self.missing.columns}

    def insert(self, transaction: Transaction, table: sa.Table, values: Mapping[str, Any]) -> int:
        """Insert one row; returns its key. Values for columns that the database lacks are dropped."""
        row = NewRow(table.name, self.storable(table, values))
        transaction.write_rows([row])
        return row.number

    def update(self, transaction: Transaction, table: sa.Table, key: int, values: Mapping[str, Any]) -> None:
        """Change columns of one row; values for columns that the database lacks are dropped. Raises NotFound."""
        transaction.write_rows([RowUpdate(table.name, (key,), self.storable(table, values))])


def writing(
    name: str, *tables: sa.Table, linked: Sequence[sa.Table] = (), told_apart: Sequence[sa.Table] = ()
) -> WriteAuthority:
    """Declare the tables that a route writes.

    Of `tables` it writes rows that the caller sees, of `linked` those too to which a row of the caller's leads. Rows of
    `told_apart` are not held to natural keys, since the route has another rule for them.
    """
    seen, any_row, other_rule = (frozenset(table.name for table in group) for group in (tables, linked, told_apart))
    return WriteAuthority(name, PROFILE, seen, any_row, other_rule)


def connection_of(transaction: Transaction) -> Connection:
    """The connection of a transaction on which the ISPyB tables are reached."""
    return transaction.connections.of(PROFILE)


def find_missing(connection: Connection, schema: str | None = None) -> MissingSchema:
    """Compare the declared tables with those of the database, views included.

    `schema` is the name of another database of the same server.
    """
    inspector = sa.inspect(connection)
    names = (*inspector.get_table_names(schema=schema), *inspector.get_view_names(schema=schema))
    # MySQL keeps table names in lower case on some file systems.
    found = {name.lower(): name for name in names}
    tables = {name for name in METADATA.tables if name.lower() not in found}
    stored = column_names(connection, METADATA.tables, schema)
    columns = set()
    for name, table in METADATA.tables.items():
        if name not in tables:
            known = stored.get(name.lower())
            if known is None:
                # It is there and may not be looked at: this raises what the account lacks.
                known = {entry["name"].lower() for entry in inspector.get_columns(found[name.lower()], schema=schema)}
            columns |= {(name, column.name) for column in table.columns if column.name.lower() not in known}
    return MissingSchema(frozenset(tables), frozenset(columns))


def prepare(site: Site) -> None:
    """Make the ISPyB tables that the gateway's own database lacks; an existing ISPyB database is left alone."""
    if site.settings.ispyb_url is None:
        site.transact(make_tables, write=True)


def make_tables(connection: Connection) -> None:
    """Make the tables, columns and keys that the gateway's own database lacks; repeatable."""
    missing = find_missing(connection)
    for table in METADATA.sorted_tables:
        if table.name in missing.tables:
            make_table(connection, table)
            continue
        new = [column for column in table.columns if (table.name, column.name) in missing.columns]
        if new:
            put_columns(connection, table, new)
        known = {entry["name"] for entry in sa.inspect(connection).get_indexes(table.name)}
        add_keys(connection, table, [key for key in table.indexes if key.name not in known])

"""One call of a route: who calls, what was sent, and the transaction to answer it in."""

from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from objapi.ispyb.auth.caller import Caller
from objapi.ispyb.auth.visibility import sees_many, visible_rows
from objapi.ispyb.database import connection_of
from objapi.ispyb.options.load import load_options
from objapi.ispyb.values.errors import NotAuthenticated
from objapi.ispyb.values.schema import Values
from objapi.ispyb.wire.services import Services
from objapi.profiles.ispyb.beamline_groups import OPTION, BeamLineGroup, beamline_groups
from objapi.store.requests import COMMAND_LINE, RequestSource
from objapi.store.row_requests import RowRemoval
from objapi.store.transaction import Transaction


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list: its rows, how many there are altogether, and what was asked for."""

    results: list[Values]
    total: int
    skip: int
    limit: int


@dataclass
class Call:
    """Input of a route function, which may run again after a deadlock and so acts on the transaction alone."""

    services: Services
    transaction: Transaction
    now: datetime
    path: Values = field(default_factory=dict)
    """Values of the path's parameters."""
    query: Values = field(default_factory=dict)
    """Values of the declared query parameters: None or the default where nothing was given."""
    body: dict[str, Any] = field(default_factory=dict)
    """Values of the declared body."""
    who: Caller | None = None
    source: RequestSource = COMMAND_LINE
    """The client's address, behind trusted proxies, and the request's id."""

    @cached_property
    def connection(self) -> Connection:
        """The transaction's connection to the ISPyB tables."""
        return connection_of(self.transaction)

    @property
    def caller(self) -> Caller:
        """The caller. Raises NotAuthenticated on routes that anybody may call."""
        if self.who is None:
            raise NotAuthenticated("No token provided.")
        return self.who

    def visible(self, table: sa.FromClause, *joined: sa.FromClause, counted: bool = False) -> sa.ColumnElement[bool]:
        """The rows of a table, or of an alias of it, that the caller sees, as a condition for a statement.

        `joined` are tables that the statement joins to it on the way to the proposal or session. `counted` is for a
        statement that goes over all rows rather than to the end of a page.
        """
        return visible_rows(self.transaction, table, *joined, counted=counted)

    def sees_many(self, table: sa.Table) -> bool:
        """True where the caller sees all rows of a table, or very many."""
        return sees_many(self.transaction, table)

    @cached_property
    def options(self) -> dict[str, Any]:
        """The options of the installation."""
        return load_options(self.connection)

    @cached_property
    def beamline_groups(self) -> tuple[BeamLineGroup, ...]:
        """The beamline groups of the options."""
        return beamline_groups(self.options[OPTION])

    def rows(self, statement: sa.Select[Any]) -> list[sa.RowMapping]:
        """The rows of a statement, each a mapping by the names of its columns."""
        return list(self.connection.execute(statement).mappings())

    def first(self, statement: sa.Select[*tuple[Any, ...]]) -> sa.RowMapping | None:
        """The first row of a statement."""
        return self.connection.execute(statement.limit(1)).mappings().first()

    def page(self, statement: sa.Select[Any], number: sa.Select[Any] | None = None) -> tuple[list[sa.RowMapping], int]:
        """The rows of the page that was asked for, and the number of all rows of the statement.

        The number is counted only when the page does not show it, by the statement `number` where there is one; without
        one the statement must not multiply rows by its joins, nor group them.
        """
        skip, limit = self.query["skip"], self.query["limit"]
        rows = self.rows(statement.offset(skip).limit(limit))
        if len(rows) < limit and (rows or skip == 0):
            return rows, skip + len(rows)
        if number is not None:
            return rows, int(self.connection.execute(number).scalar_one())
        counted = sa.select(sa.func.count()).select_from(*statement.get_final_froms())
        if statement.whereclause is not None:
            counted = counted.where(statement.whereclause)
        return rows, int(self.connection.execute(counted).scalar_one())

    def filtered(self, statement: sa.Select[Any], *columns: sa.Column[Any]) -> sa.Select[Any]:
        """The statement for rows whose columns are what the query parameters of the same names ask for, where given."""
        asked = (column == self.query[column.name] for column in columns if self.query[column.name] is not None)
        return statement.where(*asked)

    def paged(self, results: list[Any], total: int) -> Page:
        """The answer of a paged list."""
        return Page(results, total, self.query["skip"], self.query["limit"])

    def whole(self, results: list[Any]) -> Page:
        """The answer of a list that is always given whole, in the envelope of a page."""
        return Page(results, len(results), 0, len(results))

    def insert(self, table: sa.Table, values: Values) -> int:
        """Insert one row and return its key; values for columns that the database lacks are dropped."""
        return self.services.database.insert(self.transaction, table, values)

    def update(self, table: sa.Table, key: int, values: Values) -> None:
        """Change columns of one row; values for columns that the database lacks are dropped."""
        self.services.database.update(self.transaction, table, key, values)

    def remove(self, table: sa.Table, *key: int) -> None:
        """Delete one row, by the values of its key columns. Raises NotFound."""
        self.transaction.write_rows([RowRemoval(table.name, key)])

    def counts(self, key: sa.ColumnElement[Any], statement: sa.Select[Any]) -> dict[Any, int]:
        """Numbers of rows of a statement for each value of `key`; the statement selects what is counted."""
        counted = statement.with_only_columns(key, sa.func.count(), maintain_column_froms=True).group_by(key)
        return {value: int(number) for value, number in self.connection.execute(counted)}

"""Calls of a transaction about rows of mapped tables, for faces with statements of their own."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, FromClause, true

from objapi.errors import Forbidden
from objapi.store.calls import Calls
from objapi.store.row_requests import RowItem, RowsOutcome, WriteAuthority
from objapi.store.writing.row_batch import RowBatch


class RowCalls(Calls):
    """What a transaction tells of rows that a user sees, and writes with the authority of a route."""

    writes: bool
    _authority: WriteAuthority | None

    def visible(
        self,
        portal_type: str,
        table: FromClause | None = None,
        joined: Sequence[FromClause] = (),
        *,
        counted: bool = False,
    ) -> ColumnElement[bool]:
        """The rows of a mapped type that its row rule lets the user see, as a condition for a statement.

        `table` is the type's table as it stands in the statement; `joined` are tables that the statement joins to it
        along references of the rule, which then need no look at tables of their own. `counted` is for a statement that
        goes over all rows rather than to the end of a page. Permissions are not asked for.
        """
        if self.user.unrestricted:
            return true()
        condition = self._context.rows.visibility.by_rule(portal_type, table, joined, counted=counted)
        return true() if condition is None else condition

    def sees_many(self, portal_type: str) -> bool:
        """True where the row rule of a mapped type lets the user see all rows, or very many."""
        if self.user.unrestricted:
            return True
        visibility = self._context.rows.visibility
        return visibility.by_rule(portal_type) is None or visibility.opens_many(portal_type)

    def write_rows(self, items: Sequence[RowItem], *, dry_run: bool = False) -> RowsOutcome:
        """Insert, change and delete rows of mapped tables, all or none, with the authority of the declared route.

        The access that the route declares stands in place of the write permissions of the types, and the face alone
        judges values; the row rule, natural keys and the table's own checks hold. A row that holds the values
        already is left alone.

        Raises Forbidden without an authority for the table, NotFound, ValidationError, and what the database raises
        for a key that is taken or refers to nothing.
        """
        if self._authority is None:
            raise Forbidden("Rows are written with a route's authority only where the route declares one.")
        if self.user.token is not None:
            self.user.token.require_writing()
            self.user.token.require_all_objects("Rows cannot be written here")
        if not self.writes and not dry_run:
            raise TypeError("the transaction was opened for reading")
        return RowBatch(self._context, self._authority, lambda: self._planner().keys).write(items, dry_run=dry_run)

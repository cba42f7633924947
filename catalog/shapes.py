"""Shapes of queries: a query without its values, for which a statement is built and compiled once.

Building a statement and computing its cache key takes several times as long as a database needs for a page. Requests
differ in values, seldom in shape, so the statement of a shape is stored with its catalog, and values are bound to it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, TypeAlias

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from catalog.clauses import Clause, Empty, Exact, HasKey, Key, Query, Range, Truth, Without
from catalog.dialect import PreparedSelect
from catalog.schema import SIDE_KINDS
from catalog.statements import Visibility
from catalog.tables import CatalogTables

MOST_VALUES: Final = 100
"""Values of a query, and scopes of a user, beyond which its statement is not worth keeping."""
_MOST_SHAPES: Final = 500

Build: TypeAlias = Callable[[CatalogTables, Query, Sequence[Visibility]], sa.Select[Any]]
"""Makes a statement of a query and of what may be seen; further values are its own parameters."""


def shaped_rows(
    tables: CatalogTables,
    connection: Connection,
    build: Build,
    query: Query,
    visible: Sequence[Visibility],
    values: Mapping[str, Any],
) -> list[tuple[Any, ...]] | None:
    """The rows that the statement of a query finds; None for a query whose SQL depends on its values.

    `build` is a function of a module, which with the shape identifies the statement; it leaves out limit and start of
    the query, which `values` may give. Raises what Core does.
    """
    taken = _Values()
    shape = taken.of_query(tables, query)
    if shape is None:
        return None
    seen = tuple(taken.of_visibility(item) for item in visible)
    if len(taken.values) > MOST_VALUES:
        return None
    key = (build, shape, seen)
    prepared = tables.prepared.get(key)
    if prepared is None:
        if len(tables.prepared) >= _MOST_SHAPES:
            tables.prepared.clear()
        prepared = tables.prepared[key] = _prepared(tables, build, shape, seen)
    return prepared.rows(connection, {**dict(zip(_NAMES, taken.values, strict=False)), **values})


_NAMES: Final = tuple(f"v{number}" for number in range(MOST_VALUES))


class _Values:
    """Takes the values out of a query, in whose place their numbers remain."""

    def __init__(self) -> None:
        self.values: list[Key] = []

    def of_query(self, tables: CatalogTables, query: Query) -> Query | None:
        if query.nothing:
            return None
        clauses = []
        for clause in query.clauses:
            shape = self._of_clause(tables, clause)
            if shape is None:
                return None
            clauses.append(shape)
        return Query(tuple(clauses), query.sort, ties_descending=query.ties_descending)

    def of_visibility(self, seen: Visibility) -> Visibility:
        """The scopes are values; acls, which all users of the same roles have in common, belong to the shape."""
        return replace(seen, scoped=tuple((self._take(scopes), acls) for scopes, acls in seen.scoped))

    def _of_clause(self, tables: CatalogTables, clause: Clause) -> Clause | None:
        match clause:
            case Truth():
                return clause
            case HasKey() | Exact() | Range() | Without() | Empty():
                if tables.schema.indexes[clause.index].kind in SIDE_KINDS:
                    return None
            case _:
                return None
        match clause:
            case Exact(index, values):
                return Exact(index, self._take(values))
            case Without(index, values):
                return Without(index, self._take(values))
            case Range(index, low, high):
                return replace(clause, low=self._take_bound(low), high=self._take_bound(high))
        return clause

    def _take_bound(self, bound: Key | None) -> int | None:
        return None if bound is None else self._take((bound,))[0]

    def _take(self, values: Sequence[Key]) -> tuple[int, ...]:
        first = len(self.values)
        self.values.extend(values)
        return tuple(range(first, len(self.values)))


def _prepared(tables: CatalogTables, build: Build, shape: Query, seen: Sequence[Visibility]) -> PreparedSelect:
    query = replace(shape, clauses=tuple(_with_parameters(tables, clause) for clause in shape.clauses))
    visible = [_visibility_with_parameters(tables, item) for item in seen]
    return PreparedSelect(build(tables, query, visible))


def _visibility_with_parameters(tables: CatalogTables, seen: Visibility) -> Visibility:
    """A parameter for each acl, since Core expands a list of plain values with each execution only."""
    scope = tables.main.c.scope.type

    def each(acls: Sequence[int]) -> Any:
        return tuple(sa.literal(acl, sa.Integer()) for acl in acls)

    return Visibility(each(seen.acls), tuple((_parameters(scopes, scope), each(acls)) for scopes, acls in seen.scoped))


def _with_parameters(tables: CatalogTables, clause: Clause) -> Clause:
    """The clause with a bind parameter in place of each number of a value."""
    match clause:
        case Exact(index, values):
            return Exact(index, _parameters(values, tables.column(index).type))
        case Without(index, values):
            return Without(index, _parameters(values, tables.column(index).type))
        case Range(index, low, high):
            low, high = (
                None if bound is None else _parameters((bound,), tables.column(index).type)[0] for bound in (low, high)
            )
            return replace(clause, low=low, high=high)
    return clause


def _parameters(numbers: Sequence[Any], kind: Any) -> Any:
    return tuple(sa.bindparam(_NAMES[number], type_=kind) for number in numbers)

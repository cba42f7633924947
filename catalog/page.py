"""Statements that read a catalog: a page, a count, a chunk of a stream."""

from collections.abc import Collection, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql import ColumnElement
from sqlalchemy.types import TypeEngine

from catalog.clauses import Query
from catalog.clocks import ClockMinutes
from catalog.compile import conditions
from catalog.searchable import Searchable
from catalog.stored import StoredText
from catalog.tables import CatalogTables

Condition = ColumnElement[bool]
Keyset = Sequence[Any]


def visibility(
    tables: CatalogTables,
    acls: Collection[int],
    scoped: Sequence[tuple[Collection[int], Collection[int]]] = (),
) -> Condition:
    """The documents that a user may see; pass None instead for a user who may see all.

    acls: the role sets that the user's global roles meet. scoped: pairs of scopes and of the role sets that the
    user's roles there meet.
    """
    acl, scope = tables.main.c.acl, tables.main.c.scope
    parts: list[Condition] = []
    if acls:
        parts.append(acl.in_(sorted(acls)))
    for scopes, local_acls in scoped:
        if scopes and local_acls:
            parts.append(sa.and_(scope.in_(sorted(scopes)), acl.in_(sorted(local_acls))))
    return sa.or_(*parts) if parts else sa.false()


def _where(tables: Searchable, query: Query, visible: Condition | None) -> list[Condition]:
    return [*conditions(tables, query), *([] if visible is None else [visible])]


def _order(tables: Searchable, query: Query) -> list[tuple[ColumnElement[Any], bool]]:
    """The columns of the total order, each with whether it descends."""
    ties = [(column, query.ties_descending) for column in tables.ties]
    return [*((tables.column(key.index), key.descending) for key in query.sort), *ties]


def _ordered(statement: sa.Select[Any], order: Sequence[tuple[ColumnElement[Any], bool]]) -> sa.Select[Any]:
    return statement.order_by(*(column.desc() if down else column for column, down in order))


def _size(query: Query, offset: int, size: int | None) -> int | None:
    if query.limit is None:
        return size
    left = max(0, query.limit - offset)
    return left if size is None else min(left, size)


def page_statement(
    tables: Searchable, query: Query, *, visible: Condition | None, offset: int = 0, size: int | None = None
) -> sa.Select[Any]:
    """The rows of a page of the result, in its order; `offset` and `size` (None: all) count within the query's limit.

    Columns: those that tell rows apart (`Searchable.number`).

    The order is total: equal keys go by creation. Documents without a key in a sort index are left out.
    """
    statement = sa.select(*tables.selected).where(*_where(tables, query, visible))
    return _sliced(_ordered(statement, _order(tables, query)), query.start + offset, _size(query, offset, size))


def _sliced(statement: sa.Select[Any], offset: int, size: int | None) -> sa.Select[Any]:
    if size is not None:
        statement = statement.limit(size)
    if offset and size is None:
        statement = statement.limit(2**62)  # MySQL and SQLite know no OFFSET without a LIMIT
    return statement.offset(offset) if offset else statement


def count_statement(tables: Searchable, query: Query, *, visible: Condition | None) -> sa.Select[Any]:
    """How many documents the query finds, its limit observed."""
    where = _where(tables, query, visible)
    if query.limit is None and not query.start:
        return sa.select(sa.func.count()).select_from(tables.main).where(*where)
    limited = _sliced(sa.select(tables.rid).where(*where), query.start, query.limit).subquery()
    return sa.select(sa.func.count()).select_from(limited)


def missing_sort_statement(tables: Searchable, query: Query, *, visible: Condition | None) -> sa.Select[Any]:
    """How many documents meet the criteria but lack a key in a sort index, and so are not in the result."""
    unsorted = Query(clauses=query.clauses, nothing=query.nothing)
    lacking = [tables.column(key.index).is_(None) for key in query.sort]
    where = [*_where(tables, unsorted, visible), sa.or_(*lacking) if lacking else sa.false()]
    return sa.select(sa.func.count()).select_from(tables.main).where(*where)


def _raw(column: ColumnElement[Any]) -> TypeEngine[Any]:
    # A keyset holds a key as the database does: a long text shortened, a time with its seconds.
    return column.type.impl_instance if isinstance(column.type, (StoredText, ClockMinutes)) else column.type


def _after(order: Sequence[tuple[ColumnElement[Any], bool]], keyset: Keyset) -> Condition:
    """Rows behind the keyset: larger in the first column, or equal there and larger in the next, and so on."""
    first, first_down = order[0]
    start = sa.literal(keyset[0], first.type)
    # Implied by what follows, and what a database sees its key in.
    leading = first <= start if first_down else first >= start
    alternatives: list[Condition] = []
    equal: list[Condition] = []
    for (column, down), value in zip(order, keyset, strict=True):
        bound = sa.literal(value, column.type)
        alternatives.append(sa.and_(*equal, column < bound if down else column > bound))
        equal.append(column == bound)
    return sa.and_(leading, sa.or_(*alternatives))


def chunk_statement(
    tables: Searchable, query: Query, *, visible: Condition | None, after: Keyset | None = None, size: int
) -> sa.Select[Any]:
    """The next `size` rows of the result, for reading it to the end without counting places.

    Columns: the keys of the order, the last of them those that tell rows apart. A row of one chunk is the `after` of
    the next; None begins.
    The query's limit is for the caller to observe, by `size`.
    """
    order = [(sa.type_coerce(column, _raw(column)), down) for column, down in _order(tables, query)]
    statement = sa.select(*(column for column, _ in order)).where(*_where(tables, query, visible))
    if after is not None:
        statement = statement.where(_after(order, after))
    return _sliced(_ordered(statement, order), query.start if after is None else 0, size)

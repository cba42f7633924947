"""Exact numbers of documents without counting them: what writers inserted is added up, and folded now and then.

A writer inserts one row for each group of documents (values of the counted indexes, acl, scope) whose number it
changes; it updates none, so that writers of different documents never wait for each other. A number is the sum over
rows, as exact as the snapshot that it is read in. Folding replaces rows of a group by their sum.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from catalog.clauses import Exact, Query
from catalog.rows import CHUNK, add_counts
from catalog.schema import column_name
from catalog.shapes import shaped_rows
from catalog.statements import Visibility, equals_any, visible_condition
from catalog.tables import CatalogTables

MOST_FOLDED: Final = 5_000
"""Rows that one folding takes together."""


class CountsChanged(Exception):
    """Error of a folding whose rows another process folded first; nothing is lost once it is rolled back."""


def number_found(
    tables: CatalogTables, connection: Connection, query: Query, visible: Sequence[Visibility]
) -> int | None:
    """Number of documents that a query finds; None when its criteria or order are on something that is not counted."""
    if not is_counted(tables, query):
        return None
    rows = shaped_rows(tables, connection, number_statement, Query(clauses=query.clauses), visible, {})
    return None if rows is None else int(rows[0][0] or 0)


def counted_by(
    tables: CatalogTables, index: str, query: Query, seen: Sequence[Visibility] | sa.ColumnElement[bool]
) -> sa.Select[Any] | None:
    """The values of an index with the numbers of documents that a query finds; None where that is not counted."""
    if isinstance(seen, sa.ColumnElement) or index not in tables.counted or not is_counted(tables, query):
        return None
    value, number = tables.counts.c[column_name(index)], sa.func.sum(tables.counts.c.n)
    where = _conditions(tables, query, seen)
    return sa.select(value, number.label("number")).where(*where).group_by(value).having(number > 0)


def is_counted(tables: CatalogTables, query: Query) -> bool:
    """True when criteria and order of a query are such that `number_statement` counts what it finds."""
    if query.limit is not None or query.start or query.nothing:
        return False
    if not all(key.index in tables.always for key in query.sort):
        return False
    # Documents that are missing in an index are counted under the empty text.
    return all(
        isinstance(clause, Exact) and clause.index in tables.counted and "" not in clause.values
        for clause in query.clauses
    )


def number_statement(tables: CatalogTables, query: Query, visible: Sequence[Visibility]) -> sa.Select[Any]:
    """The sum of what writers have inserted for documents of a counted query, None for none at all."""
    return sa.select(sa.func.sum(tables.counts.c.n)).where(*_conditions(tables, query, visible))


def _conditions(tables: CatalogTables, query: Query, visible: Sequence[Visibility]) -> list[sa.ColumnElement[bool]]:
    counts = tables.counts
    where = [
        equals_any(counts.c[column_name(clause.index)], clause.values)
        for clause in query.clauses
        if isinstance(clause, Exact)
    ]
    seen = visible_condition(tables, visible, counts)
    return [*where, *([] if seen is None else [seen])]


def fold_counts(connection: Connection, tables: CatalogTables) -> int:
    """Replace rows that writers inserted, and the sums of their groups, by new sums; how many writers' rows there were.

    Raises CountsChanged when another process does the same; roll back then.
    """
    counts = tables.counts
    columns = [counts.c[name] for name in (*map(column_name, tables.counted), "acl", "scope")]
    fresh = sa.select(counts.c.id, counts.c.n, *columns).where(counts.c.folded == 0).limit(MOST_FOLDED)
    added = connection.execute(fresh).all()
    if not added:
        return 0
    sums: Counter[tuple[Any, ...]] = Counter()
    ids = []
    for number, n, *group in added:
        sums[tuple(group)] += n
        ids.append(number)
    scopes = sorted({group[-1] for group in sums})
    for start in range(0, len(scopes), CHUNK):
        former = sa.select(counts.c.id, counts.c.n, *columns).where(
            counts.c.folded == 1, counts.c.scope.in_(scopes[start : start + CHUNK])
        )
        for number, n, *group in connection.execute(former):
            if tuple(group) in sums:
                sums[tuple(group)] += n
                ids.append(number)
    _take(connection, tables, ids)
    add_counts(connection, tables, sums, folded=True)
    return len(added)


def recount(connection: Connection, tables: CatalogTables) -> None:
    """Count every document anew. Raises CountsChanged when another process folds meanwhile; roll back then.

    One statement sees documents and counts in one state, whatever others commit while this goes on.
    """
    counts = tables.counts
    names = [*map(column_name, tables.counted), "acl", "scope"]
    groups: list[sa.ColumnElement[Any]] = [sa.func.coalesce(tables.main.c[name], "") for name in names[:-2]]
    groups += [tables.main.c.acl, tables.main.c.scope]
    counted = sa.select(sa.literal(0), sa.func.count(), *groups).group_by(*groups)
    former = sa.select(counts.c.id, counts.c.n, *(counts.c[name] for name in names))
    sums: Counter[tuple[Any, ...]] = Counter()
    ids = []
    found: Sequence[Sequence[Any]] = connection.execute(sa.union_all(counted, former)).all()
    for number, n, *group in found:
        if number:
            ids.append(number)
        else:
            sums[tuple(group)] = n
    _take(connection, tables, ids)
    add_counts(connection, tables, sums, folded=True)


def _take(connection: Connection, tables: CatalogTables, ids: Sequence[int]) -> None:
    ordered = sorted(ids)
    for start in range(0, len(ordered), CHUNK):
        chunk = ordered[start : start + CHUNK]
        if connection.execute(sa.delete(tables.counts).where(tables.counts.c.id.in_(chunk))).rowcount < len(chunk):
            raise CountsChanged

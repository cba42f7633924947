"""Keeping the tables of a catalog in step, many documents at a time.

The number of statements depends on the number of chunks, never on that of documents.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from catalog.dialect import insert_rows, upsert_rows
from catalog.kinds import IndexKind
from catalog.rows import IndexRow, keyword_rows, main_row, posting_rows
from catalog.tables import CatalogTables

CHUNK: Final = 1000
SIDE_CHUNK: Final = 20_000


def upsert(
    connection: Connection,
    tables: CatalogTables,
    rows: Sequence[IndexRow],
    *,
    side: bool = True,
    side_rids: Collection[int] | None = None,
) -> None:
    """Put documents into the catalog, replacing what it holds of them.

    side: whether keywords and words are written at all. side_rids: the documents whose keywords and words have
    changed or are new; None: all of them. Values must have passed `row_problems`.
    """
    # Writers that meet take their locks in the same order, so that one waits instead of both failing.
    ordered = sorted(rows, key=lambda row: row.rid)
    for start in range(0, len(ordered), CHUNK):
        chunk = ordered[start : start + CHUNK]
        upsert_rows(connection, tables.main, [main_row(tables, row) for row in chunk])
        changed = [row for row in chunk if side and (side_rids is None or row.rid in side_rids)]
        _replace_side(connection, tables, changed)


def _replace_side(connection: Connection, tables: CatalogTables, rows: Sequence[IndexRow]) -> None:
    if not rows:
        return
    rids = [row.rid for row in rows]
    if tables.schema.of_kind(IndexKind.KEYWORD):
        _delete(connection, tables.keywords, rids)
        _insert(connection, tables.keywords, [side for row in rows for side in keyword_rows(tables, row)])
    if tables.schema.of_kind(IndexKind.TEXT):
        _delete(connection, tables.postings, rids)
        _insert(connection, tables.postings, [side for row in rows for side in posting_rows(tables, row)])


def _delete(connection: Connection, table: sa.Table, rids: Sequence[int]) -> None:
    connection.execute(sa.delete(table).where(table.c.rid.in_(rids)))


def _insert(connection: Connection, table: sa.Table, rows: Sequence[dict[str, Any]]) -> None:
    for start in range(0, len(rows), SIDE_CHUNK):
        insert_rows(connection, table, rows[start : start + SIDE_CHUNK])


def set_visibility(
    connection: Connection,
    tables: CatalogTables,
    acls: Mapping[int, Sequence[int]],
    scopes: Mapping[int, Sequence[int]] | None = None,
) -> None:
    """Give documents another acl (acl → rids) or scope (scope → rids); one statement for each distinct value."""
    for name, groups in (("acl", acls), ("scope", scopes or {})):
        for value, rids in groups.items():
            for start in range(0, len(rids), CHUNK):
                chosen = tables.rid.in_(rids[start : start + CHUNK])
                connection.execute(sa.update(tables.main).where(chosen).values({name: value}))


def remove(connection: Connection, tables: CatalogTables, rids: Sequence[int]) -> None:
    """Take documents out of the catalog; unknown rids are passed over."""
    for start in range(0, len(rids), CHUNK):
        chunk = rids[start : start + CHUNK]
        for table in (*tables.side_tables, tables.main):
            _delete(connection, table, chunk)


def truncate(connection: Connection, tables: CatalogTables) -> None:
    """Empty the catalog, within the transaction."""
    for table in (*tables.side_tables, tables.main):
        connection.execute(sa.delete(table))

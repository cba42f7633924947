"""Comparison of what a catalog holds with what it should hold, many documents at once."""

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from catalog.dialect import PreparedSelect
from catalog.rows import IndexRow, keyword_rows, main_row, posting_rows
from catalog.schema import PREFIX_LENGTH
from catalog.tables import CatalogTables, StoredText, stored_text


def differing(connection: Connection, tables: CatalogTables, rows: Sequence[IndexRow]) -> set[int]:
    """The documents of which the catalog holds other columns, keywords or words, or nothing; rows in order of rid.

    The statements do not depend on their number; they read all that lies between the first and the last.
    """
    if not rows:
        return set()
    found = {row[0]: row for row in _between(connection, tables.main, rows)}
    texts = [place for place, column in enumerate(tables.main.columns) if isinstance(column.type, StoredText)]
    other = set()
    for row in rows:
        columns = main_row(tables, row)
        for place in texts:
            text = columns[place]
            if text is not None and len(text) > PREFIX_LENGTH:
                columns = (*columns[:place], stored_text(text), *columns[place + 1 :])
        if found.get(row.rid) != columns:
            other.add(row.rid)
    if tables.keyword_indexes:
        other |= _with_other_sides(connection, tables, tables.keywords, keyword_rows, rows)
    if tables.text_indexes:
        other |= _with_other_sides(connection, tables, tables.postings, posting_rows, rows)
    return other


def _with_other_sides(
    connection: Connection,
    tables: CatalogTables,
    table: sa.Table,
    rows_of: Callable[[CatalogTables, IndexRow], Iterable[tuple[Any, ...]]],
    rows: Sequence[IndexRow],
) -> set[int]:
    """The documents that have other rows in a side table than they should."""
    stored: dict[int, set[tuple[Any, ...]]] = {}
    for side in _between(connection, table, rows):
        stored.setdefault(side[2], set()).add(tuple(side))
    wanted: dict[int, set[tuple[Any, ...]]] = {row.rid: set() for row in rows}
    for row in rows:
        for number, word, *rest in rows_of(tables, row):
            wanted[row.rid].add((number, stored_text(word), *rest))
    return {rid for rid, sides in wanted.items() if sides != stored.get(rid, set())}


def _between(connection: Connection, table: sa.Table, rows: Sequence[IndexRow]) -> list[tuple[Any, ...]]:
    """The rows of a table from the first to the last of some documents, with every column."""
    return _prepared_between(table).rows(connection, {"first": rows[0].rid, "last": rows[-1].rid})


@lru_cache(maxsize=1000)
def _prepared_between(table: sa.Table) -> PreparedSelect:
    first, last = (sa.bindparam(name, type_=table.c.rid.type) for name in ("first", "last"))
    return PreparedSelect(sa.select(*table.columns).where(table.c.rid >= first, table.c.rid <= last))

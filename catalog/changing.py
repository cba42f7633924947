"""Changing documents in the tables of a catalog: their values, who sees them, and taking them out."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from catalog.dialect import bulk_update, upsert_tuples
from catalog.rows import (
    CHUNK,
    Group,
    IndexRow,
    add_counts,
    column_names,
    count_changes,
    grouped,
    groups_of,
    insert_side,
    main_row,
    row_shape,
)
from catalog.schema import column_name
from catalog.tables import CatalogTables, stored_text

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class ColumnChange:
    """Documents of which the columns of the same indexes are written, and acl and scope where `visibility` says so."""

    names: tuple[str, ...]
    rows: Sequence[IndexRow]
    visibility: bool = False


def update_columns(connection: Connection, tables: CatalogTables, changes: Sequence[ColumnChange]) -> int:
    """Write columns of documents that are there, each of which is in one change.

    Returns the number of rows found: fewer than were given means that the catalog lacks some.
    """
    parts = [(change, *_changed_columns(tables, change)) for change in changes]
    counted = [
        values["rid"]
        for change, _, changed in parts
        if change.visibility or not set(change.names).isdisjoint(tables.counted)
        for values in changed
    ]
    former: dict[int, Group] = {}
    for start in range(0, len(counted), CHUNK):
        former.update(groups_of(connection, tables, counted[start : start + CHUNK]))
    found = 0
    following = []
    for change, columns, changed in parts:
        for start in range(0, len(changed) if columns else 0, CHUNK):
            found += bulk_update(connection, tables.main, tables.main.c.rid, columns, changed[start : start + CHUNK])
        # Nothing of the document itself differs, but its keywords or words belong to one that is there.
        found += 0 if columns else len(documents_in(connection, tables, [values["rid"] for values in changed]))
        following += [
            _changed_group(tables, former[values["rid"]], change.names, values, visibility=change.visibility)
            for values in changed
            if values["rid"] in former
        ]
    count_changes(connection, tables, former.values(), following)
    return found


def _changed_columns(tables: CatalogTables, change: ColumnChange) -> tuple[list[sa.Column[Any]], list[dict[str, Any]]]:
    """The columns of a change, and its rows with their values."""
    names = ["acl", "scope"] if change.visibility else []
    for index in map(tables.schema.indexes.__getitem__, change.names):
        names += column_names(index)
    blank: dict[str, Any] = dict.fromkeys(names)
    shape = row_shape(tables)
    single = [(name, shape.names[place], read) for name, (place, read, _) in _among(shape.single, change.names)]
    several = [(name, shape.names[places], write) for name, (places, write) in _among(shape.several, change.names)]
    changed = []
    for row in change.rows:
        values, given = blank | {"rid": row.rid, "acl": row.acl, "scope": row.scope}, row.values
        for name, column, read in single:
            if name in given:
                values[column] = read(given[name])
        for name, columns, write in several:
            if name in given:
                values.update(zip(columns, write(given[name]), strict=True))
        changed.append(values)
    return [tables.main.c[name] for name in names], changed


def _among(found: Mapping[str, _T], names: Iterable[str]) -> list[tuple[str, _T]]:
    return [(name, found[name]) for name in names if name in found]


def _changed_group(
    tables: CatalogTables, former: Sequence[Any], names: Collection[str], values: Mapping[str, Any], *, visibility: bool
) -> tuple[Any, ...]:
    """The group of a document, some of whose values are changed."""
    texts = (
        stored_text(values[column_name(name)] or "") if name in names else text
        for name, text in zip(tables.counted, former, strict=False)
    )
    return (*texts, values["acl"], values["scope"]) if visibility else (*texts, former[-2], former[-1])


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
        columns = [main_row(tables, row) for row in chunk]
        former = groups_of(connection, tables, [row.rid for row in chunk])
        upsert_tuples(connection, tables.main, columns)
        count_changes(connection, tables, former.values(), grouped(tables, columns))
        changed = [row for row in chunk if side and (side_rids is None or row.rid in side_rids)]
        replace_side(connection, tables, changed)


def replace_side(connection: Connection, tables: CatalogTables, rows: Sequence[IndexRow]) -> None:
    """Replace the keywords and words of documents."""
    if not rows:
        return
    rids = [row.rid for row in rows]
    if tables.keyword_indexes:
        _delete(connection, tables.keywords, rids)
    if tables.text_indexes:
        _delete(connection, tables.postings, rids)
    insert_side(connection, tables, rows)


def _delete(connection: Connection, table: sa.Table, rids: Sequence[int]) -> None:
    connection.execute(sa.delete(table).where(table.c.rid.in_(rids)))


def set_scope(connection: Connection, tables: CatalogTables, members: sa.Select[Any], scope: int) -> None:
    """Give the documents that a select of rids finds another scope; the statements do not depend on their number."""
    chosen = tables.rid.in_(members)
    columns = [*(tables.column(name) for name in tables.counted), tables.main.c.acl, tables.main.c.scope]
    counted = connection.execute(sa.select(*columns, sa.func.count()).where(chosen).group_by(*columns)).all()
    connection.execute(sa.update(tables.main).where(chosen).values(scope=scope))
    changes: Counter[Group] = Counter()
    for *values, acl, former, number in counted:
        texts = [value or "" for value in values]
        changes[(*texts, acl, former)] -= number
        changes[(*texts, acl, scope)] += number
    add_counts(connection, tables, changes, folded=False)


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
                chunk = rids[start : start + CHUNK]
                former = groups_of(connection, tables, chunk)
                connection.execute(sa.update(tables.main).where(tables.rid.in_(chunk)).values({name: value}))
                count_changes(connection, tables, former.values(), groups_of(connection, tables, chunk).values())


def remove(connection: Connection, tables: CatalogTables, rids: Sequence[int]) -> None:
    """Take documents out of the catalog; unknown rids are ignored."""
    for start in range(0, len(rids), CHUNK):
        chunk = rids[start : start + CHUNK]
        count_changes(connection, tables, groups_of(connection, tables, chunk).values(), ())
        for table in (*tables.side_tables, tables.main):
            _delete(connection, table, chunk)


def documents_in(connection: Connection, tables: CatalogTables, rids: Sequence[int]) -> frozenset[int]:
    """The documents of some row numbers that the catalog holds."""
    found: set[int] = set()
    for start in range(0, len(rids), CHUNK):
        chosen = tables.rid.in_(rids[start : start + CHUNK])
        found.update(connection.scalars(sa.select(tables.rid).where(chosen)))
    return frozenset(found)


def truncate(connection: Connection, tables: CatalogTables) -> None:
    """Empty the catalog, within the transaction."""
    for table in (*tables.side_tables, tables.counts, tables.main):
        connection.execute(sa.delete(table))

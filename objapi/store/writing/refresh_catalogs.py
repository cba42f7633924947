"""Writing what may differ of stored objects to their catalogs, in bulk."""

import logging
from collections.abc import Mapping, Sequence
from operator import attrgetter
from typing import Final

from catalog import (
    CatalogTables,
    ColumnChange,
    IndexRow,
    documents_in,
    replace_side,
    update_columns,
    upsert,
)
from objapi.model.render_shapes import RenderShape
from objapi.store.records import StaleWrite, chunks
from objapi.store.writing.draft import Draft
from objapi.store.writing.planner import StorePlanner
from objapi.store.writing.render import Refreshed, index_row, stored_sides

_log = logging.getLogger("objapi.store")
# Writers that meet take their locks in the same order.
_rid: Final = attrgetter("rid")


def refresh_catalogs(
    planner: StorePlanner,
    drafts: Sequence[Draft],
    refreshed: Mapping[int, Refreshed],
    acl_of: Mapping[int, int],
    tables: Mapping[str, CatalogTables],
) -> None:
    """Write the columns of catalogs that may differ, and the keywords and words of objects where they do."""
    connection = planner.context.connection
    alike: dict[tuple[RenderShape, str, bool], list[Draft]] = {}
    for draft in drafts:
        record, acl = draft.record, acl_of[draft.rid]
        moved = record is not None and (acl != record.acl or draft.scope != record.scope)
        alike.setdefault((refreshed[draft.rid].shape, draft.portal_type, moved), []).append(draft)
    written: dict[tuple[str, tuple[str, ...], bool], list[IndexRow]] = {}
    sides: dict[str, list[IndexRow]] = {}
    for (shape, portal_type, moved), of_shape in alike.items():
        names = {part.catalog.name: part.names for part in shape.indexes}
        sided = {part.catalog.name for part in shape.indexes if part.side}
        catalogs = [catalog.name for catalog in planner.registry.catalogs_of(portal_type)] if moved else names
        for catalog in catalogs:
            rows = [
                index_row(draft, acl_of[draft.rid], refreshed[draft.rid].indexes.get(catalog, {})) for draft in of_shape
            ]
            written.setdefault((catalog, names.get(catalog, ()), moved), []).extend(rows)
            if catalog in sided:
                sides.setdefault(catalog, []).extend(
                    row
                    for draft, row in zip(of_shape, rows, strict=True)
                    if refreshed[draft.rid].sides[catalog] != stored_sides(draft).get(catalog)
                )
    changes: dict[str, list[ColumnChange]] = {}
    for (catalog, indexes, moved), rows in written.items():
        changes.setdefault(catalog, []).append(ColumnChange(indexes, sorted(rows, key=_rid), moved))
    for catalog, of_catalog in changes.items():
        if update_columns(connection, tables[catalog], of_catalog) < sum(len(change.rows) for change in of_catalog):
            rids = {row.rid for change in of_catalog for row in change.rows}
            _put_back(planner, tables[catalog], [draft for draft in drafts if draft.rid in rids], acl_of)
    for catalog, rows in sides.items():
        for chunk in chunks(sorted(rows, key=_rid)):
            replace_side(connection, tables[catalog], chunk)


def _put_back(planner: StorePlanner, tables: CatalogTables, drafts: Sequence[Draft], acl_of: Mapping[int, int]) -> None:
    """Put the objects into a catalog that it should hold and does not, as after a restore of some tables alone."""
    connection = planner.context.connection
    there = documents_in(connection, tables, [draft.rid for draft in drafts])
    lacking = [draft for draft in drafts if draft.rid not in there]
    if not lacking:
        raise StaleWrite
    message = "the catalog %s lacked %d objects, %s first; they are put back. For any others run `objapi reindex`"
    _log.warning(message, tables.schema.name, len(lacking), lacking[0].path)
    with planner.workspace.without_locks():
        rendered = {draft.rid: planner.renderer.render(draft).indexes for draft in lacking}
    rows = [
        index_row(draft, acl_of[draft.rid], rendered[draft.rid][tables.schema.name])
        for draft in lacking
        if tables.schema.name in rendered[draft.rid]
    ]
    upsert(connection, tables, rows)

"""Writing the write set of a request: entities, references and catalogs, each in bulk; its history is collected.

The number of statements depends on the kinds of things that change and on their number only in steps of some hundreds.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import orjson
from sqlalchemy import Connection, delete, update

from catalog import CatalogTables, IndexRow, insert, remove, upsert
from catalog.dialect import bulk_update, insert_ignore, insert_rows
from objapi.errors import Conflict, CrossDatabase
from objapi.model.dependents import DerivedValue
from objapi.model.render_shapes import RenderShape
from objapi.model.types import Kind
from objapi.store.blobs import PIECE, NewBlob
from objapi.store.mapped.outbox import RowOutbox
from objapi.store.permissions.acls import digest_of
from objapi.store.permissions.shared_scopes import place_scopes
from objapi.store.records import StaleWrite, StoredEntity, chunks, load_answers
from objapi.store.schema import blob_chunks, blobs, entities, refs, scope_tree, signatures
from objapi.store.signature_rows import signature_rows
from objapi.store.writing.draft import Draft
from objapi.store.writing.naming import unique_title_fields
from objapi.store.writing.planner import StorePlanner
from objapi.store.writing.refresh_catalogs import refresh_catalogs
from objapi.store.writing.render import Refreshed, Rendered, index_row, stored_sides
from objapi.store.writing.row_writer import RowWriter
from objapi.store.writing.withdrawn_roles import delete_withdrawn
from objapi.store.writing.workspace import uids_in
from objapi.store.writing.write_set import WriteSet, history_rows


def apply_plan(planner: StorePlanner, write_set: WriteSet, *, reindex_all: bool = False) -> None:
    """Write the write set. `reindex_all` also rewrites keyword and text tables that did not change.

    Raises StaleWrite when an object was changed meanwhile, Conflict where only a client can decide, CrossDatabase.
    """
    context, workspace = planner.context, planner.workspace
    connection, tables = context.connection, context.site.tables
    rows, objects = write_set.part(mapped=True), write_set.part(mapped=False)
    living = [*objects.created, *objects.changed, *objects.derived]
    # Rendering may load further objects without locks. So it comes before the check that all that was read without
    # locks is unchanged, and that check before the first write: from here on nothing that counted can change.
    with workspace.without_locks(), planner.values.remembering():
        rendered, refreshed = _rendered(planner, living, write_set.affected)
    workspace.confirm_unchanged(write_set.written)
    # Rows of mapped tables get their keys, and by them ids and UIDs, from their database: before anything names them.
    outbox = None if rows.empty else _write_rows(planner, rows, rows_only=objects.empty)
    # Objects carry numbers of acls, so these are stored first.
    acls = {draft.rid: draft.acl for draft in living}
    distinct = list({id(acl): acl for acl in acls.values()}.values())
    numbers = context.acls.numbers(distinct)
    by_identity = {id(acl): numbers[digest_of(acl)] for acl in distinct}
    acl_of = {rid: by_identity[id(acl)] for rid, acl in acls.items()}
    planner.naming.sequences.write()
    # Unique and foreign keys set the order of what follows. References to an object go before the object; what is
    # removed frees ids and titles for what is changed, and what is changed frees them for what is new. Titles are
    # released beforehand, since changed objects may exchange theirs.
    _clear_references(connection, objects.changed)
    _remove(connection, objects.removed, tables)
    _release_titles(connection, objects.changed)
    _release_places(connection, [*objects.changed, *objects.derived])
    _update(connection, objects, rendered, refreshed, acl_of)
    insert_rows(
        connection, entities, [_new_row(draft, rendered[draft.rid], acl_of[draft.rid]) for draft in objects.created]
    )
    # Scopes and references need both their ends; nothing refers to blobs and catalogs, which come last.
    _write_scopes(planner, living)
    _write_references(planner, [*objects.created, *objects.changed])
    write_blobs(connection, planner.blobs)
    if write_set.withdrawn:
        delete_withdrawn(connection, write_set.withdrawn)
    whole = [draft for draft in living if draft.rid in rendered]
    _write_catalogs(connection, whole, rendered, acl_of, tables, reindex_all)
    narrow = [draft for draft in living if draft.rid in refreshed]
    if narrow:
        refresh_catalogs(planner, narrow, refreshed, acl_of, tables)
    events = history_rows(planner, write_set)
    if any(event["signature"] is not None for event in events):
        context.spend_proof()
        insert_rows(connection, signatures, list(signature_rows(events, context.recorder.at)))
    for event in write_set.withdrawn:
        context.recorder.note(event)
    if outbox is None:
        context.recorder.entries += events
    else:
        # The rows are not committed yet: their history is delivered once they are.
        outbox.history = events
        context.rows.add_outbox(outbox)


def _rendered(
    planner: StorePlanner, living: Sequence[Draft], affected: Mapping[int, frozenset[DerivedValue]]
) -> tuple[dict[int, Rendered], dict[int, Refreshed]]:
    """Objects rendered whole, and stored ones of which only what may differ is computed; by row number.

    Raises StaleWrite when an object was changed since it was read.
    """
    renderer = planner.renderer
    # All that they refer to is loaded together, not one field after the other.
    partly = {draft.rid: None if draft.record is None else affected.get(draft.rid) for draft in living}
    planner.workspace.load_uids(uid for draft in living for uid in renderer.referred(draft, partly[draft.rid]))
    whole: dict[int, Rendered] = {}
    shapes: list[tuple[Draft, StoredEntity, RenderShape]] = []
    for draft in living:
        if draft.record is None or draft.rid not in affected:
            whole[draft.rid] = renderer.render(draft)
        else:
            shapes.append((draft, draft.record, renderer.shape(draft, affected[draft.rid])))
    answers = {
        record.rid: (record.stamp, record.answer, record.meta)
        for _, record, _ in shapes
        if record.answer is not None and record.meta is not None
    }
    lacking = [draft.rid for draft, _, shape in shapes if shape.answered and draft.rid not in answers]
    answers |= load_answers(planner.context.connection, lacking, lock=True)
    refreshed: dict[int, Refreshed] = {}
    for draft, record, shape in shapes:
        stamp, answer, meta = answers.get(draft.rid, (record.stamp, "", ""))
        if stamp != record.stamp or (shape.answered and draft.rid not in answers):
            raise StaleWrite
        refreshed[draft.rid] = renderer.refresh(draft, shape, answer, meta)
    return whole, refreshed


def _write_rows(planner: StorePlanner, rows: WriteSet, *, rows_only: bool) -> RowOutbox | None:
    """Write rows of mapped tables; the outbox to deliver once a foreign database has committed, if they are in one.

    Raises CrossDatabase if the request also writes to the gateway's own database (`rows_only` false).
    """
    database = planner.context.rows.foreign_database([*rows.created, *rows.changed, *rows.removed])
    if database is not None and not rows_only:
        raise CrossDatabase(
            f"The request would write in the database {database} and in the gateway's own, which cannot be done "
            "as one. Send a request for each."
        )
    writer = RowWriter(planner.workspace, planner.values)
    writer.write(rows.created, rows.changed, rows.removed)
    return None if database is None else writer.outbox


def _columns(draft: Draft, rendered: Rendered, acl: int) -> dict[str, object]:
    return {
        "parent": draft.parent_rid,
        "id": draft.id,
        "path": draft.path,
        "title_key": rendered.title_key,
        "version": draft.version_after or 1 if draft.record is None else draft.record.version,
        "modified": draft.modified,
        "acl": acl,
        "scope": draft.scope,
        "states": orjson.dumps(draft.states).decode(),
        "settings": draft.workspace.document_of(draft.settings),
        "sides": orjson.dumps(rendered.sides).decode(),
        "title": rendered.title,
        "data": orjson.dumps(draft.data).decode(),
        "meta": rendered.meta,
        "answer": rendered.answer,
        "fresh_until": rendered.fresh_until,
    }


def _new_row(draft: Draft, rendered: Rendered, acl: int) -> dict[str, object]:
    return {
        "rid": draft.rid,
        "uid": draft.uid,
        "portal_type": draft.portal_type,
        "creator": draft.creator,
        "created": draft.created,
        "stamp": 1,
        **_columns(draft, rendered, acl),
    }


def _release_titles(connection: Connection, changed: Sequence[Draft]) -> None:
    """Free the unique titles that are given up, so that another object of the request may take one in any order."""
    giving = [
        draft.rid for draft in changed if draft.is_moved or draft.changed.keys() & unique_title_fields(draft.type)
    ]
    if len(giving) > 1:
        for chunk in chunks(giving):
            connection.execute(update(entities).where(entities.c.rid.in_(chunk)).values(title_key=None))


def _release_places(connection: Connection, drafts: Sequence[Draft]) -> None:
    """Free the ids and paths that are given up, where another object of the request takes one."""
    moving = [(draft, draft.record) for draft in drafts if draft.record is not None and draft.record.path != draft.path]
    former = {record.path for _, record in moving}
    if not any(draft.path in former for draft, _ in moving):
        return
    # No id begins with a tilde.
    rows = [{"rid": draft.rid, "id": f"~{draft.rid}", "path": f"~{draft.rid}"} for draft, _ in moving]
    for chunk in chunks(rows):
        bulk_update(connection, entities, entities.c.rid, [entities.c.id, entities.c.path], chunk)


def _update(
    connection: Connection,
    write_set: WriteSet,
    rendered: Mapping[int, Rendered],
    refreshed: Mapping[int, Refreshed],
    acl_of: Mapping[int, int],
) -> None:
    changed = {draft.rid for draft in write_set.changed}
    stored = [(draft, draft.record) for draft in (*write_set.changed, *write_set.derived) if draft.record is not None]
    # Objects in which the same columns are written go together, in the order in which writers take their locks.
    alike: dict[tuple[str, ...], list[dict[str, object]]] = {}
    for draft, record in sorted(stored, key=lambda item: item[1].rid):
        if draft.rid in rendered:
            row = _columns(draft, rendered[draft.rid], acl_of[draft.rid])
        else:
            row = _changed_columns(draft, record, refreshed[draft.rid], acl_of[draft.rid])
        if draft.rid in changed:
            row.update(version=record.version + 1, modified=draft.modified)
        alike.setdefault(tuple(row), []).append({**row, "rid": draft.rid, "stamp": record.stamp})
    for names, rows in alike.items():
        columns = [entities.c[name] for name in names]
        for chunk in chunks(rows):
            if bulk_update(connection, entities, entities.c.rid, columns, chunk, version=entities.c.stamp) < len(chunk):
                raise StaleWrite


def _changed_columns(draft: Draft, record: StoredEntity, refreshed: Refreshed, acl: int) -> dict[str, object]:
    """The columns of a stored object that differ from the stored row, or may."""
    columns: dict[str, object] = dict(refreshed.columns)
    if draft.changed:
        columns["data"] = orjson.dumps(draft.data).decode()
    documents = {
        "states": orjson.dumps(draft.states).decode(),
        "settings": draft.workspace.document_of(draft.settings),
    }
    columns.update((name, text) for name, text in documents.items() if text != getattr(record, name))
    if acl != record.acl:
        columns["acl"] = acl
    if draft.scope != record.scope:
        columns["scope"] = draft.scope
    if refreshed.sides:
        sides = orjson.dumps({**stored_sides(draft), **refreshed.sides}).decode()
        if sides != record.sides:
            columns["sides"] = sides
    return columns


def _remove(connection: Connection, removed: Sequence[Draft], tables: Mapping[str, CatalogTables]) -> None:
    if not removed:
        return
    rids = [draft.rid for draft in removed]
    for catalog_tables in tables.values():
        remove(connection, catalog_tables, rids)
    for chunk in chunks(rids):
        connection.execute(delete(refs).where(refs.c.source.in_(chunk)))
        connection.execute(delete(scope_tree).where(scope_tree.c.scope.in_([*chunk, *(-rid for rid in chunk)])))
    by_depth: dict[int, list[int]] = {}
    for draft in removed:
        by_depth.setdefault(draft.path.count("/"), []).append(draft.rid)
    for _, level in sorted(by_depth.items(), reverse=True):
        for chunk in chunks(level):
            if connection.execute(delete(entities).where(entities.c.rid.in_(chunk))).rowcount < len(chunk):
                raise StaleWrite


def _write_scopes(planner: StorePlanner, living: Sequence[Draft]) -> None:
    """Place new scopes in those that contain them, and those reached by reference below what is referred to."""
    workspace = planner.workspace
    rows: dict[tuple[int, int], None] = {}
    replaced: set[int] = set()
    moved: set[int] = set()
    for draft in living:
        own, relocated = draft.scope == draft.rid, draft.rid in workspace.relocated
        if draft.record is None:
            written = own or draft.type.access_from is not None
        else:
            written = draft.scope != draft.record.scope or relocated or draft.rid in workspace.referring_otherwise
        if not written or (not own and draft.scope == workspace.container_scope(draft)):
            continue
        rows.update(((above, draft.scope), None) for above in workspace.scopes_around(draft))
        rows.update(((above, -draft.scope), None) for above in workspace.referred_scopes(draft))
        if draft.record is not None and draft.scope in (draft.rid, draft.record.scope):
            (moved if relocated else replaced).add(draft.scope)
    if rows or replaced or moved:
        place_scopes(planner.context.connection, rows, replaced, moved)


def _written_references(drafts: Iterable[Draft]) -> Iterator[tuple[Draft, str]]:
    """Objects with their reference fields whose rows a request writes: all of a new one, else those that changed."""
    of_type: dict[str, list[str]] = {}
    for draft in drafts:
        names = of_type.get(draft.portal_type)
        if names is None:
            names = of_type[draft.portal_type] = [
                field.name
                for field in draft.type.fields.values()
                if field.kind is Kind.REFERENCE and field.alias_of is None
            ]
        for name in names if draft.is_new else [name for name in names if name in draft.changed]:
            yield draft, name


def _clear_references(connection: Connection, changed: Sequence[Draft]) -> None:
    """Take away the rows of changed reference fields, before what they referred to may go."""
    sources: dict[str, list[int]] = {}
    for draft, name in _written_references(changed):
        sources.setdefault(name, []).append(draft.rid)
    for name, rids in sources.items():
        for chunk in chunks(rids):
            connection.execute(delete(refs).where(refs.c.field == name, refs.c.source.in_(chunk)))


def _write_references(planner: StorePlanner, drafts: Sequence[Draft]) -> None:
    """Write the rows of new and changed reference fields. Raises Conflict when a target is gone."""
    rows: list[dict[str, object]] = []
    wanted = [(draft, name, uids_in(draft.data.get(name))) for draft, name in _written_references(drafts)]
    targets = planner.by_uid(uid for _, _, uids in wanted for uid in uids)
    for draft, name, uids in wanted:
        for position, uid in enumerate(uids):
            target = targets.get(uid)
            if target is None:
                raise Conflict(f"{draft.path}: {name} refers to an object that does not exist any more ({uid}).")
            rows.append({"source": draft.rid, "field": name, "position": position, "target": target.rid})
    insert_rows(planner.context.connection, refs, rows)


def _write_catalogs(
    connection: Connection,
    drafts: Sequence[Draft],
    rendered: Mapping[int, Rendered],
    acl_of: Mapping[int, int],
    tables: Mapping[str, CatalogTables],
    reindex_all: bool,
) -> None:
    """Put objects that were rendered whole into their catalogs; keywords and words where they differ, or all."""
    for name, catalog_tables in tables.items():
        new: list[IndexRow] = []
        rows: list[IndexRow] = []
        sides = set()
        for draft in drafts:
            rid, is_new = draft.rid, draft.is_new
            values = rendered[rid].indexes.get(name)
            if values is None:
                continue
            (new if is_new else rows).append(index_row(draft, acl_of[rid], values))
            if not is_new and (reindex_all or stored_sides(draft).get(name) != rendered[rid].sides[name]):
                sides.add(rid)
        insert(connection, catalog_tables, new)
        if rows:
            upsert(connection, catalog_tables, rows, side_rids=sides)


def write_blobs(connection: Connection, new: Iterable[NewBlob]) -> None:
    """Store contents that are missing."""
    for blob in {item.sha256: item for item in new}.values():
        pieces = [blob.content[start : start + PIECE] for start in range(0, len(blob.content), PIECE)]
        row = {"sha256": blob.sha256, "size": len(blob.content), "chunks": len(pieces)}
        insert_ignore(connection, blobs, [row])
        for number, content in enumerate(pieces):
            insert_ignore(connection, blob_chunks, [{"sha256": blob.sha256, "number": number, "content": content}])

"""Recomputing acls, stored answers and index values: found out by reading which differ, and only these are written."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Connection, bindparam, select

from catalog import IndexRow, differing
from catalog.dialect import PreparedSelect
from objapi.store.context import SiteContext
from objapi.store.permissions.acls import Acl, derive, digest_of
from objapi.store.permissions.shared_scopes import referred_scopes
from objapi.store.records import COLUMNS, StoredEntity
from objapi.store.schema import entities
from objapi.store.upgrade.installing import system_planner
from objapi.store.upgrade.plain_types import MixedRenderer, PlainObject, PlainRenderer
from objapi.store.writing.apply_plan import apply_plan
from objapi.store.writing.planner import StorePlanner
from objapi.store.writing.render import Rendered
from objapi.store.writing.write_set import WriteSet

COMPARED = 2_000
"""Objects compared in one transaction, which only reads."""
REWRITTEN = 500
"""Objects written in one transaction."""
_DERIVED = tuple(entities.c[name] for name in ("title", "title_key", "meta", "answer", "fresh_until"))
_OWN = len(COLUMNS)
_NEXT = PreparedSelect(
    select(*COLUMNS, *_DERIVED)
    .where(entities.c.rid > bindparam("after", type_=entities.c.rid.type))
    .order_by(entities.c.rid)
    .limit(COMPARED)
)


@dataclass(frozen=True, slots=True)
class StoredObject:
    """The row of an object, and the derived columns that are not needed to plan with it."""

    row: StoredEntity
    derived: tuple[Any, ...]
    """title, title_key, meta, answer, fresh_until."""


def objects_after(connection: Connection, after: int) -> list[StoredObject]:
    """The next objects after a row number, in order, at most `COMPARED`."""
    rows = _NEXT.rows(connection, {"after": after})
    return [StoredObject(StoredEntity(*row[:_OWN]), tuple(row[_OWN:])) for row in rows]


def chunk_end(connection: Connection, after: int) -> int | None:
    """The row number of the last object of a full chunk after another one; None when fewer follow."""
    statement = select(entities.c.rid).where(entities.c.rid > after).order_by(entities.c.rid)
    return connection.scalar(statement.limit(1).offset(COMPARED - 1))


class ObjectRendering:
    """Rendering of stored objects and their acls, computed anew from the root down; nothing is written or locked."""

    def __init__(
        self, planner: StorePlanner, plain: Mapping[str, PlainRenderer], objects: Sequence[StoredObject]
    ) -> None:
        self._planner = planner
        self._plain = plain
        self._acls: dict[tuple[int, str], tuple[Acl, int | None]] = {}
        self._rids = [item.row.rid for item in objects]
        workspace = planner.workspace
        workspace.recomputes_acls = True
        with workspace.without_locks():
            for item in objects:
                # The acl of the root follows from no container, and who is let into an object's own scope by reference
                # not from its row alone, so these are computed like those of any other type.
                if item.row.portal_type not in plain or item.row.parent is None or item.row.scope == item.row.rid:
                    workspace.add(item.row)
            workspace.load_rids(item.row.parent for item in objects if item.row.parent is not None)

    def render(self, row: StoredEntity) -> Rendered:
        """Everything derived of an object. Raises what a behaviour does."""
        plain = self._plain.get(row.portal_type)
        if plain is None:
            return self._planner.renderer.render(self._planner.workspace.by_rid[row.rid])
        data, states = orjson.loads(row.data), orjson.loads(row.states)
        return plain.render(
            PlainObject(row.uid, row.id, row.path, row.creator, row.created, row.modified, data, states)
        )

    def acl_number(self, row: StoredEntity) -> int | None:
        """The number of an object's acl; None for one that is not stored yet."""
        if row.parent is None or row.portal_type not in self._plain:
            return self._planner.context.site.acls.number(digest_of(self._planner.workspace.by_rid[row.rid].acl))
        parent = self._planner.workspace.by_rid[row.parent]
        # Objects in one container with the same settings share one acl.
        key = (id(parent.acl), row.settings)
        if key not in self._acls:
            acl = derive(parent.acl, self._planner.workspace.overrides_of(row.settings))
            # The container's acl is in the entry, so that no other gets its identity.
            self._acls[key] = (parent.acl, self._planner.context.site.acls.number(digest_of(acl)))
        return self._acls[key][1]

    def scope(self, row: StoredEntity) -> int:
        """The scope of local roles that an object belongs to."""
        draft = self._planner.workspace.by_rid.get(row.rid)
        if draft is not None:
            return draft.scope
        # A plain object without a scope of its own.
        return row.rid if row.parent is None else self._planner.workspace.by_rid[row.parent].scope

    def referring_otherwise(self, connection: Connection) -> set[int]:
        """The objects with a scope of their own in which other local roles are stored to be held by reference."""
        workspace = self._planner.workspace
        # Others were loaded because values lead to them; they are compared in their own turn.
        drafts = [workspace.by_rid[rid] for rid in self._rids if rid in workspace.by_rid]
        own = [draft for draft in drafts if draft.record is not None and draft.scope == draft.rid]
        wanted = {draft.rid: frozenset(workspace.referred_scopes(draft)) for draft in own}
        stored = referred_scopes(connection, list(wanted))
        return {rid for rid, scopes in wanted.items() if scopes != stored.get(rid, frozenset())}


def compare_next(
    site: SiteContext, connection: Connection, now: datetime, plain: Mapping[str, PlainRenderer], after: int
) -> tuple[int, int, list[int]]:
    """Compare the next objects after a row number with what they should be.

    Returns the last row number, the number of objects, and the row numbers of those that are to be written anew.
    """
    objects = objects_after(connection, after)
    if not objects:
        return after, 0, []
    rendering = ObjectRendering(system_planner(site, connection, now, writes=False), plain, objects)
    found: set[int] = set()
    rows: dict[str, list[IndexRow]] = {}
    for item in objects:
        row, rendered, acl = item.row, rendering.render(item.row), rendering.acl_number(item.row)
        visible = (acl, rendering.scope(row)) == (row.acl, row.scope)
        if not visible or item.derived != _derived(rendered) or rendered.sides != orjson.loads(row.sides):
            found.add(row.rid)
            continue
        for catalog, values in rendered.indexes.items():
            rows.setdefault(catalog, []).append(IndexRow(row.rid, row.created, row.acl, row.scope, values))
    found |= rendering.referring_otherwise(connection)
    for catalog, wanted in rows.items():
        found |= differing(connection, site.tables[catalog], wanted)
    return objects[-1].row.rid, len(objects), sorted(found)


def _derived(rendered: Rendered) -> tuple[Any, ...]:
    return (rendered.title, rendered.title_key, rendered.meta, rendered.answer, rendered.fresh_until)


def rewrite(
    site: SiteContext,
    connection: Connection,
    now: datetime,
    plain: Mapping[str, PlainRenderer],
    rids: Sequence[int],
) -> None:
    """Compute everything derived of some objects anew and store it, with their rows in keyword and text tables."""
    planner = system_planner(site, connection, now)
    planner.renderer = MixedRenderer(planner, plain)
    workspace = planner.workspace
    workspace.recomputes_acls = True
    workspace.load_rids(rids)
    drafts = tuple(workspace.by_rid[rid] for rid in rids if rid in workspace.by_rid)
    workspace.referring_otherwise.update(draft.rid for draft in drafts if draft.scope == draft.rid)
    apply_plan(planner, WriteSet((), (), drafts, ()), reindex_all=True)


def parts_of(rids: Sequence[int]) -> Iterator[Sequence[int]]:
    """Row numbers in the parts that are written together."""
    for start in range(0, len(rids), REWRITTEN):
        yield rids[start : start + REWRITTEN]

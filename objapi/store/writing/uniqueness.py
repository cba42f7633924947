"""Ids and titles that must be unique in their container: asked for all new and changed objects at once."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from sqlalchemy import select, tuple_

from objapi.errors import Cause, Conflict
from objapi.model.types import EntityType
from objapi.store.reading.render import title_key
from objapi.store.records import chunks
from objapi.store.schema import entities
from objapi.store.writing.draft import Draft

if TYPE_CHECKING:
    from objapi.store.writing.planner import StorePlanner


def unique_title_fields(entity_type: EntityType) -> frozenset[str]:
    """The stored fields that make a title that must be unique; none where it may be shared."""
    if not entity_type.title_required or entity_type.title_shared:
        return frozenset()
    path = entity_type.title_path
    name = "title" if path is None else path.attribute or ""
    field = entity_type.fields.get(name)
    return frozenset({name if field is None or field.alias_of is None else field.alias_of})


def id_taken(path: str) -> Conflict:
    """The refusal of an id that another object of the container has."""
    where, _, own_id = path.rpartition("/")
    message = f"The id {own_id!r} is taken in {where or '/'}."
    return Conflict(message, causes=[Cause("parameter", "obj_id", message, code="taken")])


def taken_ids(planner: "StorePlanner") -> Iterator[tuple[Draft, Conflict]]:
    """The new objects whose id an object that was there before has, with the refusal."""
    workspace = planner.workspace
    new = {draft.path: draft for draft in workspace.by_rid.values() if draft.is_new and not draft.removed}
    inside_new = {draft.rid for draft in new.values()}
    asked = (path for path, draft in new.items() if draft.parent_rid not in inside_new)
    for chunk in chunks(asked):
        statement = select(entities.c.rid, entities.c.path).where(entities.c.path.in_(chunk))
        for rid, path in planner.context.connection.execute(statement):
            known = workspace.by_rid.get(rid)
            if known is None or (known.path == path and not known.removed):
                yield new[path], id_taken(path)


def taken_titles(planner: "StorePlanner") -> Iterator[tuple[Draft, str]]:
    """The new and changed objects whose title a sibling has, with a sentence that says so."""
    claimed: dict[tuple[int, str], Draft] = {}
    # Working out a title may load further objects.
    for draft in list(planner.workspace.by_rid.values()):
        if draft.removed or not (draft.is_new or draft.changed) or draft.parent_rid is None:
            continue
        if draft.type.title_required and not draft.type.title_shared:
            key = (draft.parent_rid, title_key(planner.values.title(draft)))
            other = claimed.setdefault(key, draft)
            if other is not draft:
                yield draft, _sentence(planner, draft, other.id)
    pair = tuple_(entities.c.parent, entities.c.title_key)
    for chunk in chunks(claimed):
        statement = select(entities.c.rid, entities.c.parent, entities.c.title_key, entities.c.id).where(
            pair.in_(chunk)
        )
        for rid, parent, key, other_id in planner.context.connection.execute(statement):
            draft = claimed[parent, key]
            known = planner.workspace.by_rid.get(rid)
            if rid != draft.rid and not (known is not None and (known.removed or known.changed)):
                yield draft, _sentence(planner, draft, other_id)


def _sentence(planner: "StorePlanner", draft: Draft, other_id: str) -> str:
    container = planner.workspace.parent(draft)
    where = container.path if container is not None else "the site"
    return f"title: {planner.values.title(draft)!r} is taken in {where} by {other_id}; choose another title."

"""Scopes: the objects on which local roles can be granted, each for itself and what lies in it.

Objects of types that declare it are scopes from the beginning. Any other object becomes one when it is first granted a
role: everything in it, down to the scopes that lie there already, then belongs to the new scope.
"""

from collections.abc import Iterable, Mapping

from sqlalchemy import ColumnElement, Connection, and_, literal, or_, select, update

from catalog import CatalogTables
from catalog.dialect import insert_ignore
from objapi.store.schema import entities, scope_tree


def ensure_scope(connection: Connection, tables: Mapping[str, CatalogTables], rid: int) -> None:
    """Make an object a scope, unless it is one. The number of statements does not depend on what lies in it.

    Raises LookupError when there is no such object.
    """
    row = connection.execute(
        select(entities.c.path, entities.c.scope).where(entities.c.rid == rid).with_for_update()
    ).first()
    if row is None:
        raise LookupError(f"there is no object with row number {rid}")
    if row.scope == rid:
        return
    inside = and_(_in(row.path), entities.c.scope == row.scope)
    nested = _nested(connection, row.path, outer=row.scope)
    connection.execute(update(entities).where(inside).values(scope=rid, stamp=entities.c.stamp + 1))
    _place(connection, rid, around=row.scope, nested=nested)
    members = select(entities.c.rid).where(_in(row.path), entities.c.scope == rid)
    for catalog in tables.values():
        connection.execute(update(catalog.main).where(catalog.rid.in_(members)).values(scope=rid))


def _in(path: str) -> ColumnElement[bool]:
    """The object at a path and everything in it; "0" is the character after "/"."""
    return or_(entities.c.path == path, and_(entities.c.path > f"{path}/", entities.c.path < f"{path}0"))


def _nested(connection: Connection, path: str, *, outer: int) -> list[int]:
    """The scopes in an object, those within others included."""
    statement = select(entities.c.rid).where(_in(path), entities.c.scope == entities.c.rid, entities.c.rid != outer)
    return list(connection.scalars(statement))


def _place(connection: Connection, rid: int, *, around: int, nested: Iterable[int]) -> None:
    """Put a new scope between those around it and those in it."""
    outside = select(scope_tree.c.ancestor, literal(rid)).where(scope_tree.c.scope == around)
    connection.execute(scope_tree.insert().from_select(["ancestor", "scope"], outside))
    inner = [{"ancestor": rid, "scope": scope} for scope in nested]
    insert_ignore(connection, scope_tree, [{"ancestor": rid, "scope": rid}, *inner])

"""Delete orphaned catalog rows: object gone, or type no longer in this catalog."""

from collections.abc import Mapping

from sqlalchemy import Connection, and_, select

from catalog import CatalogTables, remove
from objapi.model.registry import Registry
from objapi.store.schema import entities

CHUNK = 1000
"""Rows deleted from one catalog in one transaction."""


def delete_orphans(connection: Connection, registry: Registry, tables: Mapping[str, CatalogTables]) -> int:
    """Delete the next orphaned rows, and return how many.

    A catalog gets orphans when types are moved out of it, or when it is declared again after a time without it;
    indexing again does not touch them. Repeat until the answer is 0.
    """
    taken = 0
    for name, catalog_tables in tables.items():
        rids = _orphans(connection, catalog_tables, _types_in(registry, name))
        remove(connection, catalog_tables, rids)
        taken += len(rids)
    return taken


def _types_in(registry: Registry, catalog: str) -> list[str]:
    return [name for name in registry.types if catalog in {item.name for item in registry.catalogs_of(name)}]


def _orphans(connection: Connection, tables: CatalogTables, types: list[str]) -> list[int]:
    belongs = and_(entities.c.rid == tables.rid, entities.c.portal_type.in_(types))
    statement = select(tables.rid).outerjoin(entities, belongs).where(entities.c.rid.is_(None)).limit(CHUNK)
    return list(connection.scalars(statement))

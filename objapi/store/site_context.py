"""What all transactions of a site share: declarations, tables, limits, and what was worked out from them once."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import tzinfo
from typing import Literal

from sqlalchemy import Connection

from catalog import CatalogTables
from objapi.model.dependents import Dependents
from objapi.model.registry import Registry
from objapi.store.mapped.row_site import RowSite
from objapi.store.permissions.acls import AclCache
from objapi.store.permissions.rights import FieldAccess
from workflows import Cascades


@dataclass(frozen=True, slots=True)
class SiteContext:
    """The shared parts of one site in one process; safe between threads."""

    registry: Registry
    tables: Mapping[str, CatalogTables]
    rows: RowSite
    """The tables that are there already."""
    access: FieldAccess
    dependents: Dependents
    cascades: Cascades
    acls: AclCache
    site_id: str
    zone: tzinfo
    parse_structured: Callable[[str], object]
    users: Callable[[Connection, Collection[str]], list[tuple[str, str]]]
    """The users with some roles, as (id, full name)."""
    index_names: frozenset[str] = frozenset()
    """The names of all indexes, before which a comma separates the terms of a reference."""
    ambiguous: Literal["error", "first"] = "error"
    most_objects: int = 10_000
    most_text: int = 1_000_000
    most_entries: int = 10_000
    stream_time_limit: float = 600.0

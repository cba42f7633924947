"""The keys of catalogs that a load of very many objects does without, and making them when it has come to its end.

A key that is filled row by row is written in a thousand places by each chunk; made of all rows at once it is sorted and
written through. Searches find the same without these keys, only slowly, so the site may be used meanwhile.
"""

from collections.abc import Callable, Collection
from datetime import datetime

from sqlalchemy import Connection, Engine, delete, select

from catalog import CatalogTables
from catalog.dialect import begin_write, upsert_rows
from catalog.schema import column_name
from objapi.model.natural_keys import key_indexes
from objapi.model.registry import Registry
from objapi.store.context import SiteContext
from objapi.store.schema import site_state
from objapi.store.upgrade.lease import hold_lease
from objapi.store.upgrade.schema_sync import add_missing_keys, drop_spare_keys

KEYS_PUT_OFF = "keys_put_off"


def keys_put_off(connection: Connection) -> str | None:
    """The instant since which catalogs lack keys, as text; None: they have them all."""
    return connection.scalar(select(site_state.c.value).where(site_state.c.name == KEYS_PUT_OFF))


def put_keys_off(engine: Engine, site: SiteContext, now: datetime) -> None:
    """Drop keys of the main tables of catalogs, and note that they are to be made. Raises LeaseRefused.

    Those by which natural keys are found stay, since each new object that has one is looked for.
    """
    asked = _asked_columns(site.registry)
    with hold_lease(engine) as lease:
        since = now.isoformat(sep=" ", timespec="seconds")
        with engine.connect() as connection, begin_write(connection):
            upsert_rows(connection, site_state, [{"name": KEYS_PUT_OFF, "value": since}])
        for name, tables in site.tables.items():
            drop_spare_keys(engine, tables.main, tables.named_keys, asked.get(name, ()), lease.renew)


def _asked_columns(registry: Registry) -> dict[str, set[str]]:
    """Catalog → its columns by which objects with natural keys are found."""
    found: dict[str, set[str]] = {}
    for entity_type in registry.types.values():
        for key in entity_type.natural_keys:
            place = key_indexes(entity_type, key, registry.catalogs_of(entity_type.portal_type))
            if place is not None and not key.shared:
                catalog, indexes = place
                found.setdefault(catalog.name, set()).update(map(column_name, indexes.values()))
    return found


def make_keys(engine: Engine, catalogs: Collection[CatalogTables], advance: Callable[[int], None]) -> None:
    """Make all keys that the main tables of catalogs lack, and call `advance` after each. Raises LeaseRefused."""
    with hold_lease(engine) as lease:
        for tables in catalogs:
            add_missing_keys(engine, tables.main, lease.renew)
            advance(1)
        with engine.connect() as connection, begin_write(connection):
            forget_keys_put_off(connection)


def forget_keys_put_off(connection: Connection) -> None:
    """Note that the catalogs have all their keys."""
    connection.execute(delete(site_state).where(site_state.c.name == KEYS_PUT_OFF))

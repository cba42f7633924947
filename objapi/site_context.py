"""What a site works with, made from its settings: profiles, engines, places of foreign tables, and the SiteContext."""

from collections.abc import Mapping
from pathlib import Path

from sqlalchemy import Engine, MetaData
from sqlalchemy.engine import make_url

from catalog import CatalogTables
from catalog.dialect import create_engine_for
from catalog.dialect.borrowed import keep_server_clock
from objapi.model.always import guard_dependents
from objapi.model.dependents import Dependents
from objapi.model.literal import parse_structured
from objapi.model.registry import Registry
from objapi.model.render_shapes import RenderShapes
from objapi.model.signed_values import takes_signatures
from objapi.security.accounts import users_with_roles
from objapi.settings import DEFAULT_PROFILES, Settings
from objapi.store.context import SiteContext
from objapi.store.mapped.databases import DatabasePlace, find_databases
from objapi.store.mapped.row_site import RowSite
from objapi.store.permissions.acls import AclCache
from objapi.store.permissions.rights import FieldAccess
from objapi.store.upgrade.versions import stored_profiles
from workflows import Cascades


class SiteError(Exception):
    """A site that cannot be used as it is; the message says what to do."""


def profiles_of(settings: Settings) -> tuple[str, ...]:
    """The profiles that the settings name; else those that the site was made with, or the default for a new one."""
    if settings.profiles is not None:
        return settings.profiles
    if settings.on_sqlite and not Path(make_url(settings.database).database or "").is_file():
        return DEFAULT_PROFILES
    engine = own_engine(settings)
    try:
        return stored_profiles(engine) or DEFAULT_PROFILES
    finally:
        engine.dispose()


def own_engine(settings: Settings, *, threads: int = 1, limit: float | None = None) -> Engine:
    """An engine of the site's own database. Raises DriverMissing."""
    return create_engine_for(
        settings.database,
        threads=threads,
        wait=settings.lock_timeout,
        limit=limit,
        driver=settings.mariadb_driver,
        causal=settings.causal_reads,
    )


def find_places(settings: Settings, registry: Registry, limit: float | None) -> dict[str, DatabasePlace]:
    """Places of the tables of mapped types, their statements limited; SiteError for a database without a URL."""
    urls = {"ispyb": settings.ispyb_url or settings.database, **dict(settings.databases)}
    try:
        threads = settings.worker_threads + settings.max_streams
        places = find_databases(
            registry,
            settings.database,
            urls,
            threads=threads,
            wait=settings.lock_timeout,
            limit=limit,
            driver=settings.mariadb_driver,
        )
    except LookupError as error:
        raise SiteError(str(error)) from error
    ispyb = places.get("ispyb")
    if ispyb is not None and ispyb.engine is not None:
        keep_server_clock(ispyb.engine)
    return places


def make_context(
    settings: Settings, registry: Registry, catalog_metadata: MetaData, places: Mapping[str, DatabasePlace]
) -> SiteContext:
    """The declarations of a site, and what follows from them and from its settings once and for all."""
    tables = {
        name: CatalogTables(
            catalog.schema,
            catalog_metadata,
            settings.timezone,
            "nearest",
            counted=registry.counted_indexes(catalog),
            always=registry.complete_indexes(catalog),
        )
        for name, catalog in registry.catalogs.items()
        if catalog.table_of is None
    }
    dependents = Dependents(registry)
    return SiteContext(
        registry=registry,
        tables=tables,
        rows=RowSite(
            registry,
            settings.site_id,
            settings.timezone,
            places,
            separate_logins=frozenset() if settings.has_ispyb_logins else frozenset({"ispyb"}),
        ),
        access=FieldAccess(registry),
        dependents=dependents,
        shapes=RenderShapes(registry, dependents),
        guard_dependents=guard_dependents(registry),
        cascades=Cascades(registry.cascades),
        acls=AclCache(),
        site_id=settings.site_id,
        public_url=settings.public_url or "",
        zone=settings.timezone,
        parse_structured=parse_structured,
        users=lambda connection, roles: users_with_roles(connection, registry.roles, roles),
        index_names=frozenset(name for catalog in registry.catalogs.values() for name in catalog.schema.indexes),
        how_to_prove=_how_to_prove(settings),
        signed_types=frozenset(name for name in registry.types if takes_signatures(registry, name)),
        ambiguous=settings.ambiguous_reference,
        most_objects=settings.max_update_entries,
        most_tree=settings.max_tree_objects,
        most_text=settings.max_value_length,
        most_entries=settings.max_list_length,
        most_reference_queries=settings.max_reference_queries,
        stream_time_limit=settings.stream_time_limit,
    )


def _how_to_prove(settings: Settings) -> str:
    """What somebody does to sign, by the ways in which users of a site log in."""
    ways = []
    if settings.takes_passwords:
        own = (
            "send your password as `password` in the body of a POST to doActionFor, doActionFor_many or import_results"
        )
        ways.append(f"{own}, or beside `transition` in a body for SENAITE")
    if settings.takes_sign_on:
        ways.append(f"log in once more at /{settings.site_id}/sign_on?sign=1, and send the request again")
    return ", or ".join(ways)

"""Making a site's first objects, loading contents, and recomputing derived values."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from functools import partial

from sqlalchemy import Connection, func, select

from objapi.model.content import ContentObject
from objapi.model.principal import system_principal
from objapi.model.references import site_path
from objapi.model.registry import CatalogDeclaration
from objapi.model.values import LoadContext
from objapi.store.context import RequestContext, SiteContext
from objapi.store.reading.documents import Documents
from objapi.store.reading.finding import Finder
from objapi.store.records import chunks
from objapi.store.schema import entities
from objapi.store.upgrade.plain_types import MixedRenderer, PlainRenderer
from objapi.store.upgrade.seed_content import SeedContent, plan_contents
from objapi.store.writing.apply_plan import apply_plan
from objapi.store.writing.batch_attempt import BatchAttempt
from objapi.store.writing.batch_plan import take_always
from objapi.store.writing.planner import StorePlanner
from objapi.store.writing.write_set import compute_write_set

Advance = Callable[[int], None]


def system_planner(site: SiteContext, connection: Connection, now: datetime, *, writes: bool = True) -> StorePlanner:
    """A planner of the gateway itself, which no permission stops."""
    site.acls.refresh(connection)
    context = RequestContext(site, connection, system_principal(), now, writes=writes)
    return StorePlanner(context, search_of_all=partial(_search, context))


def _search(context: RequestContext, catalog: CatalogDeclaration, criteria: Mapping[str, object]) -> list[int]:
    finder = Finder(context, Documents(context, partial(StorePlanner, context)))
    return finder.rids(catalog, criteria, most=None, of_everybody=True)


def install_contents(
    site: SiteContext,
    connection: Connection,
    now: datetime,
    contents: SeedContent,
    advance: Advance,
    plain: Mapping[str, PlainRenderer] | None = None,
    *,
    upgrading: bool = False,
) -> dict[str, int]:
    """Make objects as contents say, all or none; path → row number of each.

    Transitions that are `automatic: always` follow, whatever states the contents give. `plain` are the renderers of
    plain types, when there are many objects. `upgrading`: catalogs may not hold yet what the contents change.
    """
    planner = system_planner(site, connection, now)
    if plain is not None:
        planner.renderer = MixedRenderer(planner, plain)
    context = LoadContext(zone=site.zone, parse_structured=site.parse_structured, now=now)
    plan_contents(planner, contents, context, advance)
    if site.guard_dependents is not None:
        attempt = BatchAttempt(planner)
        take_always(attempt, site.guard_dependents)
        for error in attempt.errors.values():
            raise error
    write_set = compute_write_set(planner)
    apply_plan(planner, write_set.rendered_whole() if upgrading else write_set)
    planner.context.write_history()
    return {draft.path: draft.rid for draft in write_set.created}


def layout_contents(site: SiteContext, site_title: str) -> SeedContent:
    """The objects that a new site begins with: its root, and what the profiles lay out in it."""
    registry = site.registry
    root = ContentObject(path="/", portal_type=registry.root_type, fields={"title": site_title})
    laid_out = [
        ContentObject(path=str(item["path"]), portal_type=str(item["portal_type"]), fields=_fields(item))
        for item in registry.layout
    ]
    return SeedContent([root, *laid_out], registry.roles.by_path)


def missing_contents(site: SiteContext, connection: Connection, contents: SeedContent) -> SeedContent:
    """Objects of contents whose paths are not taken yet."""
    paths = {item.path: site_path(item.path, site.site_id) for item in contents.objects}
    taken: set[str] = set()
    for chunk in chunks(paths.values()):
        taken.update(connection.scalars(select(entities.c.path).where(entities.c.path.in_(chunk))))
    return SeedContent([item for item in contents.objects if paths[item.path] not in taken], contents.permissions)


def numbers_of_paths(connection: Connection, paths: Iterable[str], site_id: str) -> dict[str, int]:
    """Path below the site → row number, of those at which there is an object."""
    full = {site_path(path, site_id): path for path in paths}
    found: dict[str, int] = {}
    for chunk in chunks(full):
        rows = connection.execute(select(entities.c.path, entities.c.rid).where(entities.c.path.in_(chunk)))
        found.update((full[row.path], row.rid) for row in rows)
    return found


def _fields(item: object) -> dict[str, object]:
    found = item.get("fields") if isinstance(item, dict) else None
    return dict(found) if isinstance(found, dict) else {}


def count_objects(connection: Connection) -> int:
    """Number of stored objects."""
    return connection.scalar(select(func.count()).select_from(entities)) or 0

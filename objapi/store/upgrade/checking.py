"""Obstacles to an upgrade, found before anything is changed: unknown types, failing behaviours."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import PurePath
from traceback import extract_tb

from sqlalchemy import Connection, exc, func, select

from objapi.model.registry import Registry
from objapi.store.context import SiteContext
from objapi.store.records import StoredEntity
from objapi.store.schema import entities
from objapi.store.upgrade.installing import system_planner
from objapi.store.upgrade.plain_types import PlainRenderer
from objapi.store.upgrade.recompute import ObjectRendering, objects_after
from objapi.store.upgrade.survey import Misfit, survey
from objapi.store.upgrade.versions import profiles_in
from objapi.store.writing.draft import Draft


def unknown_types_problem(connection: Connection, registry: Registry, profiles: Sequence[str]) -> str | None:
    """Types of stored objects that none of the profiles declares, and what to do; None: there are none."""
    statement = select(entities.c.portal_type, func.count()).group_by(entities.c.portal_type)
    found = {str(name): int(count) for name, count in connection.execute(statement)}
    unknown = [f"{name} ({found[name]})" for name in sorted(found.keys() - registry.types.keys())]
    if not unknown:
        return None
    before = profiles_in(connection)
    made = f" The site was made with OBJAPI_PROFILES={','.join(before)}." if before else ""
    return (
        f"Nothing was changed: there are objects of types that none of the profiles {', '.join(profiles)} declares: "
        f"{', '.join(unknown)}.{made}\nName the profiles that declare them, or remove the objects first."
    )


def check_next(
    site: SiteContext, connection: Connection, now: datetime, plain: Mapping[str, PlainRenderer], after: int
) -> tuple[int, int, tuple[str, ...], list[Misfit]]:
    """Compute acl, answer and index values of the next objects after a row number, and store nothing.

    Returns the last row number, the number of objects, a message for each type of which an object failed, and the
    values and states that the declarations do not know.
    """
    objects = objects_after(connection, after)
    planner = system_planner(site, connection, now, writes=False)
    rendering = ObjectRendering(planner, plain, objects)
    failed: dict[str, str] = {}
    for item in objects:
        row = item.row
        if row.portal_type in failed:
            continue
        try:
            rendering.render(row)
            rendering.acl_number(row)
        except exc.DBAPIError:
            # A behaviour that searches may ask for a column that only the upgrade makes.
            continue
        except Exception as error:  # noqa: BLE001 - a behaviour may raise what it will
            failed[row.portal_type] = _failure(row, error)
    drafts = [Draft(planner.workspace, site.registry.types[item.row.portal_type], item.row) for item in objects]
    misfits = survey(site, connection, drafts, site.load_context(now))
    return (objects[-1].row.rid if objects else after), len(objects), tuple(failed.values()), misfits


def _failure(row: StoredEntity, error: Exception) -> str:
    frame = extract_tb(error.__traceback__)[-1]
    place = f"{PurePath(frame.filename).name}:{frame.lineno} in {frame.name}"
    return f"{row.portal_type} {row.path} cannot be indexed: {type(error).__name__}: {error} ({place})."

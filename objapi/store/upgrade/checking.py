"""Obstacles to an upgrade, found before anything is changed: unknown types, failing behaviours."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import PurePath
from traceback import extract_tb

from sqlalchemy import Connection, exc, func, select

from objapi.model.registry import Registry
from objapi.store.context import SiteContext
from objapi.store.schema import entities
from objapi.store.upgrade.installing import CHUNK, system_planner
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
    site: SiteContext, connection: Connection, now: datetime, after: int
) -> tuple[int, int, tuple[str, ...], list[Misfit]]:
    """Compute acl, answer and index values of the next objects after a row number, and store nothing.

    Returns the last row number, the number of objects, a message for each type of which an object failed, and the
    values and states that the declarations do not know.
    """
    statement = select(entities.c.rid).where(entities.c.rid > after).order_by(entities.c.rid).limit(CHUNK)
    rids = list(connection.scalars(statement))
    planner = system_planner(site, connection, now, writes=False)
    planner.workspace.load_rids(rids)
    planner.workspace.recomputes_acls = True
    failed: dict[str, str] = {}
    for rid in rids:
        draft = planner.workspace.by_rid[rid]
        if draft.portal_type in failed:
            continue
        try:
            planner.renderer.render(draft)
            draft.acl  # noqa: B018 - computed, as the upgrade will
        except exc.DBAPIError:
            # A behaviour that searches may ask for a column that only the upgrade makes.
            continue
        except Exception as error:  # noqa: BLE001 - a behaviour may raise what it will
            failed[draft.portal_type] = _failure(draft, error)
    drafts = [planner.workspace.by_rid[rid] for rid in rids]
    misfits = survey(site, connection, drafts, site.load_context(now))
    return (rids[-1] if rids else after), len(rids), tuple(failed.values()), misfits


def _failure(draft: Draft, error: Exception) -> str:
    frame = extract_tb(error.__traceback__)[-1]
    place = f"{PurePath(frame.filename).name}:{frame.lineno} in {frame.name}"
    return f"{draft.portal_type} {draft.path} cannot be indexed: {type(error).__name__}: {error} ({place})."

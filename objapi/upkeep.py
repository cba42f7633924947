"""Upkeep of a site: making it, filling it from content files, reindexing, checking, upgrading.

Each function works in transactions of its own; long ones in many short ones, so that the site can be used meanwhile.
"""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from functools import cache, partial
from pathlib import Path
from typing import Final

from sqlalchemy import Connection

from catalog import CatalogTables, CountsChanged, recount
from objapi.comparing import compared
from objapi.errors import ApiError
from objapi.model.content import Content
from objapi.model.loading import ProfileError
from objapi.model.loading.content_lines import LINES, MANY_LINES, begins_with, count_lines, read_chunks
from objapi.security.csrf_tokens import make_secret
from objapi.security.passwords import Passwords
from objapi.security.principals import command_line_user
from objapi.security.seed_users import add_content_users, check_passwords
from objapi.site import Site
from objapi.site_context import SiteError
from objapi.store.context import Recorder, SiteContext
from objapi.store.mapped.outbox import deliver_abandoned
from objapi.store.mapped.recompute_acls import recompute_row_acls
from objapi.store.permissions.acls import ensure_scope
from objapi.store.permissions.rights import TransactionAcls
from objapi.store.records import chunks, to_micros
from objapi.store.requests import COMMAND_LINE
from objapi.store.trail.numbering import count_unnumbered
from objapi.store.upgrade.checking import check_next, unknown_types_problem
from objapi.store.upgrade.content_load import finish_load, load_chunk, loaded_to
from objapi.store.upgrade.former_history import convert_pending, count_former, drop_empty, has_former, move_history
from objapi.store.upgrade.installing import (
    count_objects,
    install_contents,
    layout_contents,
    missing_contents,
    numbers_of_paths,
    system_planner,
)
from objapi.store.upgrade.orphans import delete_orphans
from objapi.store.upgrade.plain_types import PlainRenderer, plain_renderers
from objapi.store.upgrade.recompute import parts_of, rewrite
from objapi.store.upgrade.root_permissions import record_permissions, root_acl_in
from objapi.store.upgrade.row_states import movable_rows, move_rows, not_surveyed, row_state_misfits
from objapi.store.upgrade.search_keys import keys_put_off, make_keys, put_keys_off
from objapi.store.upgrade.seed_content import SeedContent
from objapi.store.upgrade.survey import Misfit, Survey, count_movable, move_next
from objapi.store.upgrade.versions import (
    LeaseRefused,
    create_tables,
    ensure_may_upgrade,
    finish_upgrade,
    has_newest_tables,
    is_installed,
    state_problem,
    upgrade_lease,
    upgrade_obstacle,
    upgrade_tables,
)

VERY_MANY: Final = 10_000
"""Lines from which on a load into a site of few objects makes the keys of catalogs afterwards."""
_LINES_AN_OBJECT: Final = 10
_log = logging.getLogger("objapi")

Progress = Callable[[str, int], AbstractContextManager[Callable[[int], None]]]
"""Shows long work: called with a label and a number of units, it gives what to call with the units just done."""


def initialise(site: Site, progress: Progress) -> bool:
    """Make the tables and the objects that the site begins with; False when there is a site already.

    Raises SiteError when another process is changing the tables.
    """
    if is_installed(site.engine):
        return False
    with _lease_refusals():
        create_tables(
            site.engine, site.catalog_metadata, site.registry, site.settings.site_id, site.settings.profiles or ()
        )
    contents = layout_contents(site.context, site.settings.site_title)
    with progress("Making the site", len(contents.objects)) as advance:

        def install(connection: Connection) -> None:
            make_secret(connection, site.now())
            install_contents(site.context, connection, site.now(), contents, advance)

        site.transact(install, write=True)
    return True


def load_content(site: Site, content: Content, progress: Progress, *, for_trials: bool = False) -> tuple[str, ...]:
    """Make the objects and users of a content file, all or none of them; the users who were there before.

    Objects that exist get the values of the file. Users who exist keep password, roles and groups, and get the
    local roles. `for_trials` takes passwords that break the rule, as those of the sample laboratory do. Raises
    ValidationError, Conflict.
    """
    if not for_trials:
        check_passwords(content.users)
    # Each hash costs as much as a log-in, and sample users share a password that everybody knows.
    hash_of = cache(Passwords().hash) if for_trials else Passwords().hash
    hashes = {user.id: hash_of(user.password) for user in content.users}
    with progress("Loading contents", len(content.objects)) as advance:

        def load(connection: Connection) -> tuple[str, ...]:
            install_contents(site.context, connection, site.now(), SeedContent(content.objects), advance)
            granted_on = {path for user in content.users for path in user.local_roles}
            rids = numbers_of_paths(connection, granted_on, site.settings.site_id)
            for path in sorted(rids):
                ensure_scope(connection, site.context.tables, rids[path])
            now = site.now()
            actor = command_line_user().principal.user_id
            recorder = Recorder(site.settings.site_id, to_micros(now), actor, COMMAND_LINE)
            return add_content_users(connection, content.users, hashes, rids, site.registry, now, recorder)

        return site.transact(load, write=True)


def load_lines(
    site: Site,
    file: Path,
    progress: Progress,
    report: Callable[[str], None] = lambda line: None,
    lines: int | None = None,
    very_many: int = VERY_MANY,
) -> None:
    """Make the objects of an NDJSON file, in chunks of lines that each are loaded wholly or not at all.

    A load that was cut short goes on after the last chunk that it has stored; `report` gets a line that says so.
    From `very_many` lines on, ten for each object that there is, chunks are larger, unless `lines` says how large, and
    catalogs get their keys at the end of the load; so they do when an earlier one was cut short before that.

    Raises ProfileError, ValidationError and Conflict, once `report` has a line that says how much is loaded, and
    SiteError when another process is changing the tables.
    """
    done = site.transact(partial(loaded_to, file=file), write=False)
    if done is not None and not begins_with(file, done):
        report(f"{file} was changed up to line {done.line} since it was last loaded; it is loaded from the beginning.")
        done = None
    elif done is not None:
        report(f"Lines 1 to {done.line} of {file} are loaded; going on after them.")
    total = count_lines(file, 0 if done is None else done.offset)
    with keys_made_afterwards(site, total, progress, very_many) as filling:
        try:
            with progress("Loading contents", total) as advance:
                plain = plain_renderers(site.context)
                size = lines or (MANY_LINES if filling else LINES)
                for chunk in read_chunks(file, site.settings.timezone, done, size):
                    load = partial(load_chunk, site.context, now=site.now(), file=file, chunk=chunk, plain=plain)
                    site.transact(load, write=True)
                    advance(chunk.after.line - chunk.before.line)
                    done = chunk.after
        except (ApiError, ProfileError):
            if done is not None:
                report(f"Lines 1 to {done.line} of {file} are loaded. Correct what follows and load the file again.")
            raise
        site.transact(partial(finish_load, file=file), write=True)


@contextmanager
def keys_made_afterwards(site: Site, objects: int, progress: Progress, very_many: int = VERY_MANY) -> Iterator[bool]:
    """Load so many objects, with the keys of catalogs made at the end where they are very many for this site.

    Keys that an earlier load has put off are made, too; none after a failure that was not foreseen, as after a kill.
    Gives True for a site that is being filled so, which hardly anybody else uses meanwhile.
    Counts are folded then, or each read of the site would add up what every chunk has counted.
    """
    filling = objects >= very_many and objects >= _LINES_AN_OBJECT * site.transact(count_objects, write=False)
    if filling:
        with _lease_refusals():
            put_keys_off(site.engine, site.context, site.now())
    try:
        yield filling
    except (ApiError, ProfileError):
        _finish_catalogs(site, progress)
        raise
    _finish_catalogs(site, progress)


def _finish_catalogs(site: Site, progress: Progress) -> None:
    make_missing_keys(site, progress)
    site.fold_counts()


def make_missing_keys(site: Site, progress: Progress) -> None:
    """Make the keys that a load has put off, this one or one that was killed."""
    if site.transact(keys_put_off, write=False) is None:
        return
    catalogs = site.context.tables.values()
    with _lease_refusals(), progress("Making the keys of the catalogs", len(catalogs)) as advance:
        make_keys(site.engine, catalogs, advance)


def reindex(site: Site, progress: Progress, before_chunk: Callable[[], None] = lambda: None, *, jobs: int = 1) -> None:
    """Recompute every acl, stored answer and index value; readers and writers go on meanwhile.

    Very many objects are compared in so many processes as `jobs` says.
    """
    total, plain = site.transact(count_objects, write=False), plain_renderers(site.context)
    before_chunk()
    with progress("Reindexing", total) as advance, closing(compared(site, jobs, total)) as chunks_compared:
        for done, rids in chunks_compared:
            before_chunk()
            for part in parts_of(rids):
                before_chunk()
                site.transact(partial(_rewrite, site, plain, part), write=True)
            advance(done)
    site.transact(partial(_recompute_rows, site), write=True)
    swept = 1
    while swept:
        before_chunk()
        swept = site.transact(
            lambda connection: delete_orphans(connection, site.registry, site.context.tables), write=True
        )
    for tables in site.context.tables.values():
        _recount(site, tables)


def _recount(site: Site, tables: CatalogTables) -> None:
    """Count a catalog's documents anew, again when a request folds the counts meanwhile."""
    for _ in range(site.settings.retries):
        try:
            site.transact(partial(recount, tables=tables), write=True)
        except CountsChanged:
            continue
        return
    site.transact(partial(recount, tables=tables), write=True)


def _recompute_rows(site: Site, connection: Connection) -> None:
    site.context.acls.refresh(connection)
    recompute_row_acls(connection, site.context.rows, TransactionAcls(site.context.acls, connection))


def _rewrite(site: Site, plain: Mapping[str, PlainRenderer], rids: Sequence[int], connection: Connection) -> None:
    rewrite(site.context, connection, site.now(), plain, rids)


def check_current(site: Site) -> None:
    """Raise SiteError when the database holds no site, or one of another version or of other declarations."""
    problem = state_problem(site.engine, site.registry, site.settings.site_id, site.settings.profiles or ())
    if problem is not None:
        raise SiteError(problem)
    since = site.transact(keys_put_off, write=False)
    if since is not None:
        _log.warning(
            "Catalogs lack keys since a load that began at %s, so searches are slow. Unless it still goes on, load its "
            "file again or run `objapi upgrade`.",
            since,
        )
    # A process of the former version may have written after the upgrade had moved the history.
    _move_history(site, lambda done: None, lambda: None)
    recover_row_outbox(site)


def upgrade(
    site: Site,
    progress: Progress,
    report: Callable[[Sequence[str]], None] = lambda lines: None,
    *,
    dry_run: bool = False,
    jobs: int = 1,
) -> None:
    """Bring the tables in step with this version and with the declarations, then reindex. Repeatable.

    What the declarations lay out and the site lacks, such as the folders of a profile that was added, is made;
    states and values that they map are moved. `report` gets, before anything is changed, a line for each type and
    field with stored values that they do not take: these stay as they are. `dry_run`: nothing more is done. `jobs` as
    for `reindex`.

    Raises SiteError when there is no such site, when another process is upgrading it, or, before anything is
    changed, when objects have types or states that are not declared or cannot be indexed by the declarations.
    """
    obstacle = upgrade_obstacle(site.engine, site.settings.site_id)
    if obstacle is not None:
        raise SiteError(obstacle)
    if dry_run:
        report((*_check_objects(site, progress, lambda: None, report).lines(), *not_surveyed(site.registry)))
        return
    with _lease_refusals(), upgrade_lease(site.engine) as lease:
        ensure_may_upgrade(site.engine)
        report((*_check_objects(site, progress, lease.renew, report).lines(), *not_surveyed(site.registry)))
        site.transact(drop_empty, write=True)
        upgrade_tables(site.engine, site.catalog_metadata, lease)
        with progress("Moving the history", site.transact(count_former, write=False)) as advance:
            _move_history(site, advance, lease.renew)
        _move(site, progress, lease.renew)
        _lay_out(site, progress)
        before, site_id = site.transact(root_acl_in, write=False), site.settings.site_id
        reindex(site, progress, lease.renew, jobs=jobs)
        site.transact(partial(record_permissions, site_id=site_id, before=before, now=site.now()), write=True)
        with progress("Linking the trail", site.transact(count_unnumbered, write=False)) as advance:
            site.number_requests(advance=advance)
        finish_upgrade(site.engine, site.registry, site.settings.profiles or ())


def _check_objects(
    site: Site, progress: Progress, before_chunk: Callable[[], None], report: Callable[[Sequence[str]], None]
) -> Survey:
    """Find out whether every object can be indexed by the declarations, and which values do not fit them.

    Raises SiteError.
    """
    found = Survey()
    problem = site.transact(
        lambda connection: unknown_types_problem(connection, site.registry, site.settings.profiles or ()),
        write=False,
    )
    if problem is not None:
        raise SiteError(problem)
    if not has_newest_tables(site.engine):
        # Objects can be loaded by this version's code only once the migrations have run.
        report(("The tables are of an earlier version, so no stored value was compared with the declarations.",))
        return found
    with progress("Checking", site.transact(count_objects, write=False)) as advance:
        last, done, plain = 0, 1, plain_renderers(site.context)
        while done:
            before_chunk()
            last, done, problems, misfits = site.transact(partial(_check_next, site, plain, last), write=False)
            if problems:
                raise SiteError("\n".join(("Nothing was changed.", *problems)))
            found.add(misfits)
            advance(done)
    found.add(site.transact(lambda connection: list(row_state_misfits(site.context, connection)), write=False))
    if found.obstacles:
        report([line for line in found.lines() if line not in found.obstacles])
        raise SiteError("\n".join(("Nothing was changed.", *found.obstacles)))
    return found


def _move(site: Site, progress: Progress, before_chunk: Callable[[], None]) -> None:
    total = site.transact(partial(count_movable, registry=site.registry), write=False)
    rows = site.transact(partial(movable_rows, registry=site.registry), write=False)
    if not total and not rows:
        return
    with progress("Moving states and values", total + len(rows)) as advance:
        last, done = 0, 1
        while done:
            before_chunk()
            last, done = site.transact(partial(_move_next, site, last), write=True)
            advance(done)
        for chunk in chunks(rows):
            before_chunk()
            site.transact(partial(_move_rows, site, chunk), write=True)
            advance(len(chunk))


def _move_next(site: Site, after: int, connection: Connection) -> tuple[int, int]:
    return move_next(site.context, connection, site.now(), after)


def _move_rows(site: Site, keys: list[tuple[str, int]], connection: Connection) -> None:
    move_rows(site.context, connection, site.now(), keys)


def _move_history(site: Site, advance: Callable[[int], None], before_chunk: Callable[[], None]) -> None:
    """Move what the former table of the history holds below requests."""
    if not site.transact(has_former, write=False):
        return
    done = 1
    while done:
        before_chunk()
        done = site.transact(partial(move_history, site.settings.site_id), write=True)
        advance(done)
    site.transact(partial(convert_pending, site.settings.site_id), write=True)


def _lay_out(site: Site, progress: Progress) -> None:
    contents = layout_contents(site.context, site.settings.site_title)
    missing = site.transact(lambda connection: missing_contents(site.context, connection, contents), write=False)
    if missing.objects:
        with progress("Adding to the site", len(missing.objects)) as advance:
            site.transact(
                lambda connection: install_contents(
                    site.context, connection, site.now(), missing, advance, upgrading=True
                ),
                write=True,
            )


def _check_next(
    site: Site, plain: Mapping[str, PlainRenderer], after: int, connection: Connection
) -> tuple[int, int, tuple[str, ...], list[Misfit]]:
    return check_next(site.context, connection, site.now(), plain, after)


def recover_row_outbox(site: Site) -> int:
    """Deliver or discard outboxes that a crash left pending, and return how many."""
    contexts = [site.context]
    if site.settings.ispyb_url is not None and site.declarations_of("ispyb") is not site.context:
        contexts.append(site.declarations_of("ispyb"))
    foreign = [
        context for context in contexts if any(place.engine is not None for place in context.rows.places.values())
    ]
    return sum(site.transact(partial(_recover, site, context), write=True) for context in foreign)


def _recover(site: Site, context: SiteContext, connection: Connection) -> int:
    rows = system_planner(context, connection, site.now()).workspace.rows
    try:
        return deliver_abandoned(connection, to_micros(site.now()), rows.stamps_of, context.registry.types)
    finally:
        rows.connections.close()


@contextmanager
def _lease_refusals() -> Iterator[None]:
    try:
        yield
    except LeaseRefused as error:
        raise SiteError(str(error)) from error

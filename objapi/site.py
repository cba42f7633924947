"""A site: settings, declarations and database, and the transactions of its users."""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection, Engine, MetaData, exc
from sqlalchemy.engine import make_url

from catalog import CatalogTables, CountsChanged, fold_counts, recount
from catalog.counts import MOST_FOLDED
from catalog.dialect import begin_write, create_engine_for
from catalog.dialect.borrowed import keep_server_clock
from catalog.dialect.existing import schema_on_same_server
from objapi.errors import ApiError
from objapi.model.always import guard_dependents
from objapi.model.content import Content
from objapi.model.dependents import Dependents
from objapi.model.literal import parse_structured
from objapi.model.loading import ProfileError, load_registry, profile_address
from objapi.model.loading.content_lines import LINES, ContentChunk, begins_with, count_lines, read_chunks
from objapi.model.registry import Registry
from objapi.model.render_shapes import RenderShapes
from objapi.security.accounts import users_with_roles
from objapi.security.csrf_tokens import make_secret
from objapi.security.passwords import Passwords
from objapi.security.principals import LoadedUser
from objapi.security.seed_users import add_content_users, check_passwords
from objapi.settings import DEFAULT_PROFILES, Settings
from objapi.store.context import SiteContext
from objapi.store.failures import (
    connection_lost,
    outcome_unknown,
    pause_after,
    should_retry,
    streams_taken,
    to_api_error,
)
from objapi.store.mapped.databases import Connections, DatabasePlace, find_databases
from objapi.store.mapped.outbox import deliver, deliver_abandoned, discard
from objapi.store.mapped.recompute_acls import recompute_row_acls
from objapi.store.mapped.row_site import RowSite
from objapi.store.permissions.acls import AclCache, ensure_scope
from objapi.store.permissions.rights import FieldAccess, TransactionAcls
from objapi.store.records import StaleWrite, to_micros
from objapi.store.requests import COMMAND_LINE, RequestSource
from objapi.store.row_requests import WriteAuthority
from objapi.store.transaction import Transaction
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
from objapi.store.upgrade.recompute import compare_next, parts_of, rewrite
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
    stored_profiles,
    upgrade_lease,
    upgrade_obstacle,
    upgrade_tables,
)
from workflows import Cascades

_log = logging.getLogger("objapi.site")
_T = TypeVar("_T")

ROWS_TO_FOLD = 1_000
"""Counts that a process has inserted into a catalog when it folds them: a read adds up 10,000 in a millisecond."""

Progress = Callable[[str, int], AbstractContextManager[Callable[[int], None]]]
"""Shows long work: called with a label and a number of units, it gives what to call with the units just done."""


class SiteError(Exception):
    """A site that cannot be used as it is; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Site:
    """One site in one process; safe between threads."""

    settings: Settings
    registry: Registry
    engine: Engine
    stream_engine: Engine
    """Connections of answers that are read while they are sent."""
    context: SiteContext
    catalog_metadata: MetaData
    statement_limit: float | None = None
    """Seconds that a database may take for one statement; None: as long as it does."""
    _of_profiles: dict[str, SiteContext] = field(default_factory=dict)
    """Profile that the site does not name → the declarations of that profile alone."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def open(cls, settings: Settings, *, serving: bool = False) -> "Site":
        """Load the declarations and make the engine. Raises ProfileError.

        Nothing is asked of the database unless the settings name no profiles, see `profiles_of`. The site's own
        settings name them, folders by their full path. When `serving`, statements have the time limits of the settings;
        those of commands may take as long as they do.
        """
        profiles = profiles_of(settings)
        settings = replace(settings, profiles=tuple(map(profile_address, profiles)))
        registry = load_registry(profiles)
        if settings.on_sqlite:
            settings.data_dir.mkdir(parents=True, exist_ok=True)
        limit = settings.query_time_limit if serving else None
        engine, stream_engine = (
            create_engine_for(settings.database, threads=threads, wait=settings.lock_timeout, limit=limit)
            for threads in (settings.worker_threads, settings.max_streams)
        )
        if settings.ispyb_url is not None and schema_on_same_server(settings.database, settings.ispyb_url):
            # What the gateway itself stores has no column that is shown by the clock of a connection.
            keep_server_clock(engine)
            keep_server_clock(stream_engine)
        catalog_metadata = MetaData()
        places = _places(settings, registry, limit)
        context = _site_context(settings, registry, catalog_metadata, places)
        return cls(settings, registry, engine, stream_engine, context, catalog_metadata, limit)

    def close(self) -> None:
        """Give the connections back to the database."""
        self.engine.dispose()
        self.stream_engine.dispose()
        for context in (self.context, *self._of_profiles.values()):
            for place in context.rows.places.values():
                if place.engine is not None:
                    place.engine.dispose()

    def now(self) -> datetime:
        """The present instant."""
        return datetime.now(UTC)

    # Upkeep

    def initialise(self, progress: Progress) -> bool:
        """Make the tables and the objects that the site begins with; False when there is a site already.

        Raises SiteError when another process is changing the tables.
        """
        if is_installed(self.engine):
            return False
        with _lease_refusals():
            create_tables(
                self.engine, self.catalog_metadata, self.registry, self.settings.site_id, self.settings.profiles or ()
            )
        contents = layout_contents(self.context, self.settings.site_title)
        with progress("Making the site", len(contents.objects)) as advance:

            def install(connection: Connection) -> None:
                make_secret(connection, self.now())
                install_contents(self.context, connection, self.now(), contents, advance)

            self.transact(install, write=True)
        return True

    def load_content(self, content: Content, progress: Progress, *, for_trials: bool = False) -> tuple[str, ...]:
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
                install_contents(self.context, connection, self.now(), SeedContent(content.objects), advance)
                granted_on = {path for user in content.users for path in user.local_roles}
                rids = numbers_of_paths(connection, granted_on, self.settings.site_id)
                for path in sorted(rids):
                    ensure_scope(connection, self.context.tables, rids[path])
                return add_content_users(connection, content.users, hashes, rids, self.registry, self.now())

            return self.transact(load, write=True)

    def load_lines(
        self, file: Path, progress: Progress, report: Callable[[str], None] = lambda line: None, lines: int = LINES
    ) -> None:
        """Make the objects of an NDJSON file, in chunks of so many lines that each are loaded wholly or not at all.

        A load that was cut short goes on after the last chunk that it has stored; `report` gets a line that says so.
        Raises ProfileError, ValidationError and Conflict, once `report` has a line that says how much is loaded.
        """
        done = self.transact(partial(loaded_to, file=file), write=False)
        if done is not None and not begins_with(file, done):
            report(
                f"{file} was changed up to line {done.line} since it was last loaded; it is loaded from the beginning."
            )
            done = None
        elif done is not None:
            report(f"Lines 1 to {done.line} of {file} are loaded; going on after them.")
        try:
            with progress("Loading contents", count_lines(file, 0 if done is None else done.offset)) as advance:
                plain = plain_renderers(self.context)
                for chunk in read_chunks(file, self.settings.timezone, done, lines):
                    self.transact(partial(self._load_chunk, file, chunk, plain), write=True)
                    advance(chunk.after.line - chunk.before.line)
                    done = chunk.after
        except (ApiError, ProfileError):
            if done is not None:
                report(f"Lines 1 to {done.line} of {file} are loaded. Correct what follows and load the file again.")
            raise
        self.transact(partial(finish_load, file=file), write=True)

    def _load_chunk(
        self, file: Path, chunk: ContentChunk, plain: Mapping[str, PlainRenderer], connection: Connection
    ) -> None:
        load_chunk(self.context, connection, self.now(), file, chunk, plain)

    def reindex(self, progress: Progress, before_chunk: Callable[[], None] = lambda: None) -> None:
        """Recompute every acl, stored answer and index value; readers and writers go on meanwhile."""
        total = self.transact(count_objects, write=False)
        with progress("Reindexing", total) as advance:
            last, done, plain = 0, 1, plain_renderers(self.context)
            while done:
                before_chunk()
                last, done, rids = self.transact(partial(self._compare_next, plain, last), write=False)
                for part in parts_of(rids):
                    before_chunk()
                    self.transact(partial(self._rewrite, plain, part), write=True)
                advance(done)
        self.transact(self._recompute_rows, write=True)
        swept = 1
        while swept:
            before_chunk()
            swept = self.transact(
                lambda connection: delete_orphans(connection, self.registry, self.context.tables), write=True
            )
        for tables in self.context.tables.values():
            self._recount(tables)

    def _recount(self, tables: CatalogTables) -> None:
        """Count a catalog's documents anew, again when a request folds the counts meanwhile."""
        for _ in range(self.settings.retries):
            try:
                self.transact(partial(recount, tables=tables), write=True)
            except CountsChanged:
                continue
            return
        self.transact(partial(recount, tables=tables), write=True)

    def fold_counts(self) -> None:
        """Fold the counts of every catalog, unless another process is at it; reads add up fewer rows then."""
        for tables in self.context.tables.values():
            self._fold(tables)

    def _fold(self, tables: CatalogTables) -> None:
        tables.unfolded = 0
        with suppress(CountsChanged):
            while self.transact(partial(fold_counts, tables=tables), write=True) >= MOST_FOLDED:
                pass

    def _recompute_rows(self, connection: Connection) -> None:
        self.context.acls.refresh(connection)
        recompute_row_acls(connection, self.context.rows, TransactionAcls(self.context.acls, connection))

    def _compare_next(
        self, plain: Mapping[str, PlainRenderer], after: int, connection: Connection
    ) -> tuple[int, int, list[int]]:
        return compare_next(self.context, connection, self.now(), plain, after)

    def _rewrite(self, plain: Mapping[str, PlainRenderer], rids: Sequence[int], connection: Connection) -> None:
        rewrite(self.context, connection, self.now(), plain, rids)

    def check_current(self) -> None:
        """Raise SiteError when the database holds no site, or one of another version or of other declarations."""
        problem = state_problem(self.engine, self.registry, self.settings.site_id, self.settings.profiles or ())
        if problem is not None:
            raise SiteError(problem)
        # A process of the former version may have written after the upgrade had moved the history.
        self._move_history(lambda done: None, lambda: None)
        self.recover_row_outbox()

    def upgrade(
        self, progress: Progress, report: Callable[[Sequence[str]], None] = lambda lines: None, *, dry_run: bool = False
    ) -> None:
        """Bring the tables in step with this version and with the declarations, then reindex. Repeatable.

        What the declarations lay out and the site lacks, such as the folders of a profile that was added, is made;
        states and values that they map are moved. `report` gets, before anything is changed, a line for each type and
        field with stored values that they do not take: these stay as they are. `dry_run`: nothing more is done.

        Raises SiteError when there is no such site, when another process is upgrading it, or, before anything is
        changed, when objects have types or states that are not declared or cannot be indexed by the declarations.
        """
        obstacle = upgrade_obstacle(self.engine, self.settings.site_id)
        if obstacle is not None:
            raise SiteError(obstacle)
        if dry_run:
            report(self._check_objects(progress, lambda: None, report).lines())
            return
        with _lease_refusals(), upgrade_lease(self.engine) as lease:
            ensure_may_upgrade(self.engine)
            report(self._check_objects(progress, lease.renew, report).lines())
            self.transact(drop_empty, write=True)
            upgrade_tables(self.engine, self.catalog_metadata, lease)
            with progress("Moving the history", self.transact(count_former, write=False)) as advance:
                self._move_history(advance, lease.renew)
            self._move(progress, lease.renew)
            self._lay_out(progress)
            self.reindex(progress, lease.renew)
            finish_upgrade(self.engine, self.registry, self.settings.profiles or ())

    def _check_objects(
        self, progress: Progress, before_chunk: Callable[[], None], report: Callable[[Sequence[str]], None]
    ) -> Survey:
        """Find out whether every object can be indexed by the declarations, and which values do not fit them.

        Raises SiteError.
        """
        found = Survey()
        problem = self.transact(
            lambda connection: unknown_types_problem(connection, self.registry, self.settings.profiles or ()),
            write=False,
        )
        if problem is not None:
            raise SiteError(problem)
        if not has_newest_tables(self.engine):
            # Objects can be loaded by this version's code only once the migrations have run.
            report(("The tables are of an earlier version, so no stored value was compared with the declarations.",))
            return found
        with progress("Checking", self.transact(count_objects, write=False)) as advance:
            last, done, plain = 0, 1, plain_renderers(self.context)
            while done:
                before_chunk()
                last, done, problems, misfits = self.transact(partial(self._check_next, plain, last), write=False)
                if problems:
                    raise SiteError("\n".join(("Nothing was changed.", *problems)))
                found.add(misfits)
                advance(done)
        if found.obstacles:
            report([line for line in found.lines() if line not in found.obstacles])
            raise SiteError("\n".join(("Nothing was changed.", *found.obstacles)))
        return found

    def _move(self, progress: Progress, before_chunk: Callable[[], None]) -> None:
        total = self.transact(partial(count_movable, registry=self.registry), write=False)
        if not total:
            return
        with progress("Moving states and values", total) as advance:
            last, done = 0, 1
            while done:
                before_chunk()
                last, done = self.transact(partial(self._move_next, last), write=True)
                advance(done)

    def _move_next(self, after: int, connection: Connection) -> tuple[int, int]:
        return move_next(self.context, connection, self.now(), after)

    def _move_history(self, advance: Callable[[int], None], before_chunk: Callable[[], None]) -> None:
        """Move what the former table of the history holds below requests."""
        if not self.transact(has_former, write=False):
            return
        done = 1
        while done:
            before_chunk()
            done = self.transact(partial(move_history, self.settings.site_id), write=True)
            advance(done)
        self.transact(partial(convert_pending, self.settings.site_id), write=True)

    def _lay_out(self, progress: Progress) -> None:
        contents = layout_contents(self.context, self.settings.site_title)
        missing = self.transact(lambda connection: missing_contents(self.context, connection, contents), write=False)
        if missing.objects:
            with progress("Adding to the site", len(missing.objects)) as advance:
                self.transact(
                    lambda connection: install_contents(
                        self.context, connection, self.now(), missing, advance, upgrading=True
                    ),
                    write=True,
                )

    def _check_next(
        self, plain: Mapping[str, PlainRenderer], after: int, connection: Connection
    ) -> tuple[int, int, tuple[str, ...], list[Misfit]]:
        return check_next(self.context, connection, self.now(), plain, after)

    # Transactions

    def run(
        self,
        authenticate: Callable[[Connection], LoadedUser],
        work: Callable[[Transaction], _T],
        *,
        write: bool,
        source: RequestSource = COMMAND_LINE,
        profile: str | None = None,
        authority: WriteAuthority | None = None,
    ) -> _T:
        """Do a user's work in one transaction: committed when it returns, undone when it raises.

        It is done again when the database reports a deadlock or the like, so it must act on the transaction alone.
        `profile` is one whose types the work needs, as `declarations_of` has them; `authority` that of a declared
        route, for `Transaction.write_rows`.
        """
        context = self.context if profile is None else self.declarations_of(profile)
        opened: list[Connections] = []

        def carry_out(connection: Connection) -> _T:
            while opened:
                opened.pop().close()
            transaction = self._transaction(connection, authenticate, write, source, context, authority)
            opened.append(transaction.connections)
            result = work(transaction)
            if write:
                transaction.finish()
            return result

        try:
            result = self.transact(carry_out, write=write)
            for connections in opened:
                self._commit_foreign(connections)
        finally:
            for connections in opened:
                connections.close()
        if write:
            self._fold_after_commit()
        return result

    def _fold_after_commit(self) -> None:
        """Fold the counts now and then; what was asked for is done, so a failure is left for the next time."""
        try:
            for tables in self.context.tables.values():
                if tables.unfolded >= ROWS_TO_FOLD:
                    self._fold(tables)
        except (ApiError, exc.DBAPIError) as error:
            _log.info("counts were not folded: %s", error)

    def _commit_foreign(self, connections: Connections) -> None:
        """Commit the writes to foreign databases, then deliver their outboxes; or discard those."""
        notes = connections.pending
        try:
            connections.commit()
        except exc.DBAPIError as error:
            if connection_lost(error):
                raise outcome_unknown() from error
            if notes:
                self.transact(partial(discard, notes=notes), write=True)
            raise to_api_error(error) from error
        if notes:
            self.transact(partial(deliver, notes=notes), write=True)

    def declarations_of(self, profile: str) -> SiteContext:
        """Declarations by which the rows of a profile are read and written, whether or not the site names the profile.

        A site that does not gets the declarations of that profile alone, on the same database and with the same
        history; only the rows of its tables can be reached by them.
        """
        if profile in self.registry.profiles:
            return self.context
        with self._lock:
            if profile not in self._of_profiles:
                registry = load_registry((profile,))
                places = _places(self.settings, registry, self.statement_limit)
                # Without catalogs: the site's own, and its objects in them, are declared by other profiles.
                self._of_profiles[profile] = replace(
                    _site_context(self.settings, registry, MetaData(), places),
                    tables={},
                    acls=self.context.acls,
                )
            return self._of_profiles[profile]

    def recover_row_outbox(self) -> int:
        """Deliver or discard outboxes that a crash left pending, and return how many."""
        contexts = [self.context]
        if self.settings.ispyb_url is not None and self.declarations_of("ispyb") is not self.context:
            contexts.append(self.declarations_of("ispyb"))
        foreign = [
            context for context in contexts if any(place.engine is not None for place in context.rows.places.values())
        ]
        return sum(self.transact(partial(self._recover, context), write=True) for context in foreign)

    def _recover(self, context: SiteContext, connection: Connection) -> int:
        rows = system_planner(context, connection, self.now()).workspace.rows
        try:
            return deliver_abandoned(connection, to_micros(self.now()), rows.stamps_of, context.registry.types)
        finally:
            rows.connections.close()

    def stream(
        self,
        authenticate: Callable[[Connection], LoadedUser],
        work: Callable[[Transaction], _T],
    ) -> _T:
        """Do a user's reading; a stream that it began stays open until its last chunk was taken or it is closed.

        Its first chunk has been read by then, so what fails up to there is done again as by `run`.
        """
        tries = self.settings.retries + 1
        for attempt in range(1, tries + 1):
            try:
                return self._begun_stream(authenticate, work)
            except (StaleWrite, exc.DBAPIError) as error:
                self._pause(error, attempt, tries)
            except exc.TimeoutError as error:
                raise to_api_error(error) from error
        raise AssertionError("unreachable")

    def _begun_stream(self, authenticate: Callable[[Connection], LoadedUser], work: Callable[[Transaction], _T]) -> _T:
        try:
            connection = self.stream_engine.connect()
        except exc.TimeoutError as error:
            raise streams_taken(self.settings.max_streams) from error
        opened: list[Connections] = []

        def close() -> None:
            for connections in opened:
                connections.close()
            _close(connection)

        try:
            transaction = self._transaction(connection, authenticate, False, COMMAND_LINE, self.context)
            opened.append(transaction.connections)
            result = work(transaction)
            if transaction.open_stream is None:
                close()
            else:
                transaction.open_stream.when_done(close)
        except BaseException:
            close()
            raise
        return result

    def transact(self, work: Callable[[Connection], _T], *, write: bool) -> _T:
        """Do work on a connection in one transaction, again when the database asks for it."""
        tries = self.settings.retries + 1
        for attempt in range(1, tries + 1):
            committing = False
            try:
                with self._connected(write) as connection:
                    result = work(connection)
                    committing = write
                return result
            except (StaleWrite, exc.DBAPIError) as error:
                if committing and connection_lost(error):
                    raise outcome_unknown() from error
                self._pause(error, attempt, tries)
            except exc.TimeoutError as error:
                raise to_api_error(error) from error
        raise AssertionError("unreachable")

    def _pause(self, error: Exception, attempt: int, tries: int) -> None:
        """Wait before the next try; raise the error for the caller when there is to be none."""
        if attempt == tries or not should_retry(error):
            raise to_api_error(error) from error
        _log.info("transaction repeated (%s of %s): %s", attempt, tries, type(error).__name__)
        time.sleep(pause_after(attempt))

    @contextmanager
    def _connected(self, write: bool) -> Iterator[Connection]:
        with self.engine.connect() as connection, begin_write(connection) if write else connection.begin():
            yield connection

    def _transaction(
        self,
        connection: Connection,
        authenticate: Callable[[Connection], LoadedUser],
        write: bool,
        source: RequestSource,
        context: SiteContext,
        authority: WriteAuthority | None = None,
    ) -> Transaction:
        user = authenticate(connection)
        context.acls.refresh(connection, user.newest_acl)
        return Transaction(
            context, connection, user.principal, self.now(), writes=write, source=source, authority=authority
        )


def profiles_of(settings: Settings) -> tuple[str, ...]:
    """The profiles that the settings name; else those that the site was made with, or the default for a new one."""
    if settings.profiles is not None:
        return settings.profiles
    if settings.on_sqlite and not Path(make_url(settings.database).database or "").is_file():
        return DEFAULT_PROFILES
    engine = create_engine_for(settings.database, wait=settings.lock_timeout)
    try:
        return stored_profiles(engine) or DEFAULT_PROFILES
    finally:
        engine.dispose()


def _places(settings: Settings, registry: Registry, limit: float | None) -> dict[str, DatabasePlace]:
    """Places of the tables of mapped types, their statements limited; SiteError for a database without a URL."""
    urls = {"ispyb": settings.ispyb_url or settings.database, **dict(settings.databases)}
    try:
        threads = settings.worker_threads + settings.max_streams
        places = find_databases(
            registry, settings.database, urls, threads=threads, wait=settings.lock_timeout, limit=limit
        )
    except LookupError as error:
        raise SiteError(str(error)) from error
    ispyb = places.get("ispyb")
    if ispyb is not None and ispyb.engine is not None:
        keep_server_clock(ispyb.engine)
    return places


def _site_context(
    settings: Settings, registry: Registry, catalog_metadata: MetaData, places: Mapping[str, DatabasePlace]
) -> SiteContext:
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
        ambiguous=settings.ambiguous_reference,
        most_objects=settings.max_update_entries,
        most_text=settings.max_value_length,
        most_entries=settings.max_list_length,
        most_reference_queries=settings.max_reference_queries,
        stream_time_limit=settings.stream_time_limit,
    )


def _close(connection: Connection) -> None:
    """Give a connection back; one that died is dropped, and that it died was said where it was used."""
    try:
        connection.close()
    except exc.DBAPIError:
        connection.invalidate()


@contextmanager
def _lease_refusals() -> Iterator[None]:
    try:
        yield
    except LeaseRefused as error:
        raise SiteError(str(error)) from error

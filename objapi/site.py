"""A site: settings, declarations and database, and the transactions of its users."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count
from typing import Final, TypeVar

from sqlalchemy import Connection, Engine, MetaData, exc

from catalog import CatalogTables, CountsChanged, fold_counts
from catalog.counts import MOST_FOLDED
from catalog.dialect import DATABASE_USE, transaction
from catalog.dialect.borrowed import keep_server_clock
from catalog.dialect.existing import schema_on_same_server
from catalog.dialect.failures import DatabaseFault, fault_of, is_conflict, is_doubtful
from objapi.errors import ApiError
from objapi.model.loading import load_registry, profile_address
from objapi.model.registry import Registry
from objapi.security.failed_log_ins import has_over, record_failures
from objapi.security.principals import LoadedUser
from objapi.settings import Settings
from objapi.site_context import find_places, make_context, own_engine, profiles_of
from objapi.store.context import SiteContext
from objapi.store.failures import (
    connection_lost,
    lost_to_others,
    outcome_unknown,
    pause_after,
    should_retry,
    streams_taken,
    to_api_error,
)
from objapi.store.idempotency import ANSWERS_TO_SWEEP, sweep_answers
from objapi.store.mapped.databases import Connections
from objapi.store.mapped.outbox import deliver, discard
from objapi.store.outcome import Doubt, Trace, is_done
from objapi.store.records import RequestNumbers, StaleWrite, to_micros
from objapi.store.requests import COMMAND_LINE, RequestSource
from objapi.store.reserving import reserve_numbers
from objapi.store.row_requests import WriteAuthority
from objapi.store.trail.chain import Head
from objapi.store.trail.numbering import has_unnumbered, number_next, stored_head
from objapi.store.transaction import Transaction

_log = logging.getLogger("objapi.site")
_TAKES_NO_WRITES: Final = frozenset({DatabaseFault.READ_ONLY, DatabaseFault.FULL})
_T = TypeVar("_T")

FOR_READERS = 1
"""Connections beyond those that writers may take, so that a page is read while thousands of objects are written."""
ROWS_TO_FOLD = 1_000
"""Counts that a process has inserted into a catalog when it folds them: a read adds up 10,000 in a millisecond."""


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
    _stored_answers: Iterator[int] = field(default_factory=count)
    """Numbers, from 0, of the answers that this process stores for requests that may be sent again."""
    written: threading.Event = field(default_factory=threading.Event)
    """Set after each commit of a user's work, for who numbers requests."""
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _writers: threading.Semaphore = field(default_factory=threading.Semaphore)
    """Turns of requests that write: fewer than there are connections."""

    @classmethod
    def open(cls, settings: Settings, *, serving: bool = False, registry: Registry | None = None) -> "Site":
        """Load the declarations, unless they are given, and make the engine. Raises ProfileError.

        Nothing is asked of the database unless the settings name no profiles, see `profiles_of`. The site's own
        settings name them, folders by their full path. When `serving`, statements have the time limits of the settings;
        those of commands may take as long as they do.
        """
        profiles = profiles_of(settings)
        settings = replace(settings, profiles=tuple(map(profile_address, profiles)))
        registry = load_registry(profiles) if registry is None else registry
        if settings.on_sqlite:
            settings.data_dir.mkdir(parents=True, exist_ok=True)
        limit = settings.query_time_limit if serving else None
        engine, stream_engine = (
            own_engine(settings, threads=threads, limit=limit)
            for threads in (settings.worker_threads + FOR_READERS, settings.max_streams)
        )
        if settings.ispyb_url is not None and schema_on_same_server(settings.database, settings.ispyb_url):
            # What the gateway itself stores has no column that is shown by the clock of a connection.
            keep_server_clock(engine)
            keep_server_clock(stream_engine)
        catalog_metadata = MetaData()
        places = find_places(settings, registry, limit)
        context = make_context(settings, registry, catalog_metadata, places)
        writers = threading.Semaphore(settings.worker_threads)
        return cls(settings, registry, engine, stream_engine, context, catalog_metadata, limit, _writers=writers)

    @property
    def engines(self) -> list[Engine]:
        """The engines of all databases that this process has come upon so far."""
        places = (
            place for context in (self.context, *self._of_profiles.values()) for place in context.rows.places.values()
        )
        return [self.engine, self.stream_engine, *(place.engine for place in places if place.engine is not None)]

    def close(self) -> None:
        """Give the connections back to the database."""
        for engine in self.engines:
            engine.dispose()

    def now(self) -> datetime:
        """The present instant."""
        return datetime.now(UTC)

    def fold_counts(self) -> None:
        """Fold the counts of every catalog, unless another process is at it; reads add up fewer rows then."""
        for tables in self.context.tables.values():
            self._fold(tables)

    def _fold(self, tables: CatalogTables) -> None:
        tables.unfolded = 0
        with suppress(CountsChanged):
            while self.transact(partial(fold_counts, tables=tables), write=True, repeatable=True) >= MOST_FOLDED:
                pass

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
        opened: list[Transaction] = []
        numbers = RequestNumbers()

        def carry_out(connection: Connection) -> _T:
            while opened:
                opened.pop().connections.close()
            begun = self._transaction(connection, authenticate, write, source, context, authority, numbers)
            opened.append(begun)
            result = work(begun)
            if write:
                begun.finish()
            return result

        try:
            result = self.transact(
                carry_out, write=write, trace=lambda: opened[-1].trace, prepare=partial(self._prepare_again, numbers)
            )
            for begun in opened:
                self._commit_foreign(begun.connections)
        finally:
            for begun in opened:
                begun.connections.close()
        if write:
            self.written.set()
            self._tidy_after_commit(stored_answer=any(begun.stores_answer for begun in opened))
        return result

    def _prepare_again(self, numbers: RequestNumbers, error: Exception) -> None:
        """Reserve what a request that met others is to meet them in no more."""
        if isinstance(error, exc.IntegrityError):
            # A reserved number may be in an id that somebody gave by hand meanwhile.
            numbers.reserved.clear()
        lacking = numbers.lacking() if is_conflict(error) else {}
        if lacking:
            # Without them the request is done again as it was.
            with suppress(ApiError):
                reserve = partial(reserve_numbers, wanted=lacking)
                numbers.reserved |= self.transact(reserve, write=True, repeatable=True)

    def _tidy_after_commit(self, *, stored_answer: bool) -> None:
        """Fold counts and delete old answers now and then; a failure is left for the next time: the work is done."""
        try:
            for tables in self.context.tables.values():
                if tables.unfolded >= ROWS_TO_FOLD:
                    self._fold(tables)
            if stored_answer and next(self._stored_answers) % ANSWERS_TO_SWEEP == 0:
                self.sweep_answers()
        except (ApiError, exc.DBAPIError) as error:
            _log.info("counts were not folded, or old answers not deleted: %s", error)

    def answers_are_over(self) -> int:
        """The instant up to which stored answers are over, in microseconds since 1970 UTC."""
        return to_micros(self.now() - timedelta(hours=self.settings.idempotency_hours))

    def sweep_answers(self) -> int:
        """Delete stored answers that are over, at most as many as keep nobody waiting; returns how many."""
        return self.transact(partial(sweep_answers, oldest=self.answers_are_over()), write=True, repeatable=True)

    def number_requests(self, *, aside: bool = False, advance: Callable[[int], None] = lambda done: None) -> Head:
        """Number and link all committed requests, those of failed log-ins with them; the head after that.

        In transactions of its own, each of a bounded number of requests. Whoever reads the trail calls it first.
        Where there are none this is one small read. A database that takes no writes keeps nobody from reading the trail
        as far as it is numbered; the rest is told when it takes some.

        `aside`: on a connection of those for streams, so that no request
        waits for it, and leaving the requests to another process that is at it.
        """
        site_id, now, transact = self.settings.site_id, to_micros(self.now()), partial(self.transact, aside=aside)
        failures, unnumbered, head = transact(partial(_left_to_number, now=now), write=False)
        try:
            while failures:
                unnumbered = True
                failures = transact(partial(record_failures, site_id=site_id, now=now), write=True, repeatable=True) > 0
            while unnumbered:
                numbered = transact(partial(number_next, site_id=site_id, wait=not aside), write=True, repeatable=True)
                if numbered is None:
                    return transact(stored_head, write=False)
                head, unnumbered = numbered.head, numbered.more
                advance(numbered.count)
        except ApiError as error:
            if error.__cause__ is None or fault_of(error.__cause__) not in _TAKES_NO_WRITES:
                raise
            _log.info("requests were not numbered: %s", error)
        return head

    def _commit_foreign(self, connections: Connections) -> None:
        """Commit the writes to foreign databases, then deliver their outboxes; or discard those."""
        notes = connections.pending
        try:
            connections.commit()
        except exc.DBAPIError as error:
            if connection_lost(error):
                raise outcome_unknown() from error
            if notes:
                self.transact(partial(discard, notes=notes), write=True, repeatable=True)
            raise to_api_error(error) from error
        if notes:
            self.transact(partial(deliver, notes=notes), write=True, repeatable=True)

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
                places = find_places(self.settings, registry, self.statement_limit)
                # Without catalogs: the site's own, and its objects in them, are declared by other profiles.
                self._of_profiles[profile] = replace(
                    make_context(self.settings, registry, MetaData(), places),
                    tables={},
                    acls=self.context.acls,
                )
            return self._of_profiles[profile]

    def stream(
        self,
        authenticate: Callable[[Connection], LoadedUser],
        work: Callable[[Transaction], _T],
    ) -> _T:
        """Do a user's reading; a stream that it began stays open until its last chunk was taken or it is closed.

        Its first chunk has been read by then, so what fails up to there is done again as by `run`.
        """
        for attempt in count(1):
            try:
                return self._begun_stream(authenticate, work)
            except (StaleWrite, exc.DBAPIError) as error:
                self._pause(error, attempt, again=attempt <= self.settings.retries and should_retry(error))
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
            begun = self._transaction(connection, authenticate, False, COMMAND_LINE, self.context)
            opened.append(begun.connections)
            result = work(begun)
            if begun.open_stream is None:
                close()
            else:
                begun.open_stream.when_done(close)
        except BaseException:
            close()
            raise
        return result

    def transact(
        self,
        work: Callable[[Connection], _T],
        *,
        write: bool,
        aside: bool = False,
        repeatable: bool = False,
        trace: Callable[[], Trace | None] = lambda: None,
        prepare: Callable[[Exception], None] = lambda error: None,
    ) -> _T:
        """Do work on a connection in one transaction, again when the database asks for it.

        When the connection is lost in the commit, a row that the work left there tells whether that was done (`trace`,
        called after the work). Without one, `repeatable` says that it does no harm to do the work twice.
        Raises OutcomeUnknown when neither helps. `prepare` is called with the failure before the work is done again,
        `aside`: on a connection of those for streams.
        """
        until, engine = time.monotonic() + self.settings.lock_timeout, self.stream_engine if aside else self.engine
        doubt: Doubt[_T] | None = None
        for attempt in count(1):
            committing = False
            try:
                turn = self._turn_to_write() if write and not aside else nullcontext()
                with turn, transaction(engine, write=write) as connection:
                    result = work(connection)
                    committing = write
                return result
            except (StaleWrite, ApiError, exc.DBAPIError, exc.TimeoutError) as error:
                if committing and is_doubtful(error) and not repeatable:
                    doubt = Doubt(result, trace())
                # Asked again after each later failure: a commit that was late may be its cause.
                if doubt is not None and is_done(doubt, engine, error, self.settings.lock_timeout):
                    return doubt.result
                if isinstance(error, ApiError):
                    raise
                again = self._may_repeat(error, attempt, until)
                if doubt is not None and not again:
                    raise outcome_unknown() from error
                self._pause(error, attempt, again=again and (doubt is not None or should_retry(error)))
                prepare(error)
        raise AssertionError("unreachable")

    @contextmanager
    def _turn_to_write(self) -> Iterator[None]:
        """Wait until fewer write than may at once: those who only read would wait behind them for a connection."""
        if not self._writers.acquire(timeout=self.settings.lock_timeout):
            raise exc.TimeoutError("others have been writing for as long as one waits for a lock")
        try:
            yield
        finally:
            self._writers.release()

    def _may_repeat(self, error: Exception, attempt: int, until: float) -> bool:
        """True as long as the settings let a request be done again.

        Who loses to others goes on for as long as one waits for a lock: on nodes of a cluster, that is what meeting at
        the commit stands in place of.
        """
        retries = self.settings.retries
        return attempt <= retries or (retries > 0 and lost_to_others(error) and time.monotonic() < until)

    def _pause(self, error: Exception, attempt: int, *, again: bool) -> None:
        """Wait before the next try; raise the error for the caller when there is to be none."""
        if not again:
            raise to_api_error(error) from error
        DATABASE_USE.repeats += 1
        _log.info("transaction repeated (%s): %s", attempt, type(error).__name__)
        time.sleep(pause_after(attempt, conflict=lost_to_others(error)))

    def _transaction(
        self,
        connection: Connection,
        authenticate: Callable[[Connection], LoadedUser],
        write: bool,
        source: RequestSource,
        context: SiteContext,
        authority: WriteAuthority | None = None,
        numbers: RequestNumbers | None = None,
    ) -> Transaction:
        user = authenticate(connection)
        context.acls.refresh(connection, user.newest_acl)
        return Transaction(
            context,
            connection,
            user.principal,
            self.now(),
            writes=write,
            source=source,
            authority=authority,
            numbers=numbers,
        )


def _left_to_number(connection: Connection, now: int) -> tuple[bool, bool, Head]:
    """Whether there are failed log-ins that are no requests yet, and requests without a number; and the head."""
    return has_over(connection, now), has_unnumbered(connection), stored_head(connection)


def _close(connection: Connection) -> None:
    """Give a connection back; one that died is dropped, and that it died was said where it was used."""
    try:
        connection.close()
    except exc.DBAPIError:
        connection.invalidate()

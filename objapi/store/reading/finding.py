"""Reading: pages, streams and row numbers of what criteria find."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Self

import orjson
from sqlalchemy import BindParameter, Integer, Select, bindparam, select
from sqlalchemy.exc import OperationalError, StatementError

from catalog import (
    CatalogTables,
    Query,
    Visibility,
    chunk_statement,
    count_statement,
    is_counted,
    missing_sort_statement,
    number_found,
    number_statement,
    page_statement,
    shaped_rows,
    visible_condition,
)
from catalog.clauses import Exact
from catalog.dialect import sorts_before_joining
from catalog.facets import Facet, facet_of
from catalog.shapes import Build
from objapi.errors import BadRequest, Cause, NotFound, TooLarge, joined_messages
from objapi.model.references import is_uid
from objapi.model.registry import CatalogDeclaration
from objapi.store.context import RequestContext
from objapi.store.reading.criteria import CriteriaReader, Prepared, texts_in
from objapi.store.reading.cursors import Cursor, bad_cursor, decode_cursor, encode_cursor, search_digest
from objapi.store.reading.documents import ANSWER_COLUMNS, Documents, FieldSelection, StoredAnswer
from objapi.store.requests import Find, Found, Streamed
from objapi.store.schema import entities

STREAMED = 500
"""Objects in one chunk of a stream."""

_MOST_VALUES = 100
"""Values of a facet that are answered."""

_SIZE, _OFFSET = bindparam("size", type_=Integer()), bindparam("offset", type_=Integer())

_FAR = 1_000
"""Offset from which on a page may be read from the end of the result."""

_EVERYTHING = 2**62
"""A limit that lets every row through; MySQL and SQLite know no OFFSET without a LIMIT."""


@dataclass(frozen=True, slots=True)
class FoundPage:
    """One page of a search: the number of all objects, and the stored answers of those on the page."""

    total: int
    answers: Sequence[StoredAnswer]
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FoundObjects:
    """The objects that a search finds, by row number in its order, and the stamps that they had as it found them.

    An object that still has its stamp is still found: whatever is searched of it is written together with that.
    """

    stamps: Mapping[int, int]
    """Row number → stamp; of rows of mapped tables there is none."""
    rids: Sequence[int]


class Finder:
    """Asks catalogs for one user in one transaction."""

    def __init__(self, context: RequestContext, documents: Documents) -> None:
        self._reader = CriteriaReader(context)
        self._documents = documents
        self._time_limit = context.site.stream_time_limit
        self._numbers: dict[tuple[Query, tuple[Visibility, ...]], int | None] = {}
        """Query and what may be seen → number of documents, as far as it was asked for."""
        self._zone = context.site.zone

    def find(self, find: Find) -> Found:
        """One page: a statement for it with its documents, and one for the count unless the page gives it.

        Each facet is one statement more.
        """
        prepared = self._prepared(find)
        start = self._start(prepared, find)
        if find.count_only:
            return Found(self._count(prepared), (), prepared.warnings, facets=self._facets(prepared, find))
        offset = find.offset if start is None else start.position
        # One more where a cursor leads: the total does not tell whether anything follows once rows have come or gone.
        ahead = 1 if find.size and start is not None else 0
        rows, stored = self._rows_with_answers(prepared, start, find.offset, find.size + ahead or None)
        is_last = len(rows) <= find.size
        rows = rows[: find.size] if ahead else rows
        total = self._total(prepared, find, len(rows))
        following = self._next(prepared, find, start, rows, is_last if ahead else find.offset + len(rows) >= total)
        rids = [prepared.tables.number(row) for row in rows]
        if stored is not None and ahead:
            on_page = set(rids)
            stored = [answer for answer in stored if answer.rid in on_page]
        objects, hidden = self._documents.answered(rids, prepared.catalog, FieldSelection.of(find), stored)
        warnings = (*prepared.warnings, *(_not_a_member(name) for name in sorted(hidden)))
        if not total:
            warnings += self._documents.other_catalogs(texts_in(find.criteria.get("UID")), prepared.catalog)
        if find.strict and warnings:
            raise _refused(warnings)
        warnings = (*warnings, *self._missing(prepared, find))
        return Found(total, objects, warnings, offset, following, self._facets(prepared, find))

    def stream(self, find: Find) -> Streamed:
        """Everything from the offset on; the count and the first chunk are read before this returns."""
        prepared = self._prepared(find)
        start = self._start(prepared, find)
        offset = find.offset if start is None else start.position
        total = self._count(prepared)
        count = max(total - offset, 0) if start is None else self._count_after(prepared, start)
        if find.size:
            count = min(count, find.size)
        chunks = self._chunks(prepared, find, count, start)
        first = next(chunks, b"")
        warnings = (*prepared.warnings, *self._missing(prepared, find))
        return Streamed(total, count, _chained(first, chunks), warnings, offset, self._facets(prepared, find))

    def page(self, find: Find) -> FoundPage:
        """The stored answers of one page as they are, for a face that makes its own objects of them.

        Statements as those of `find`; of what a search asks that is said in the answer only the criteria count.
        """
        prepared = self._prepared(find)
        rows, stored = self._rows_with_answers(prepared, None, find.offset, find.size or None)
        total = self._total(prepared, find, len(rows))
        if stored is None:
            stored = self._documents.stored([prepared.tables.number(row) for row in rows])
        return FoundPage(total, self._documents.fresh(stored), prepared.warnings)

    def _facets(self, prepared: Prepared, find: Find) -> dict[str, Facet]:
        """The values of the indexes asked for, of rows alone whose values there the user may read.

        Those that are UIDs come with the titles of their objects, as far as the user may see these.
        """
        found: dict[str, Facet] = {}
        for index in self._reader.facets(find, prepared):
            shown = self._reader.showing(prepared, index.name)
            found[index.name] = facet_of(
                shown.tables, shown.connection, index, shown.query, shown.seen, most=_MOST_VALUES, zone=self._zone
            )
        values = dict.fromkeys(value for facet in found.values() for value, _ in facet.values)
        titles = self._documents.titles([value for value in values if isinstance(value, str) and is_uid(value)])
        return {name: replace(facet, titles=titles) for name, facet in found.items()} if titles else found

    def matching(self, find: Find, most: int) -> Callable[[], FoundObjects]:
        """The search for all that a transition is asked for, read once; nothing in the criteria may be ignored.

        Raises BadRequest for an unknown criterion or none at all. Each call searches for the objects, and raises
        NotFound when nothing is found, TooLarge beyond `most`.
        """
        prepared = self._reader.prepare(replace(find, strict=True), own_catalog=True)
        if prepared.warnings:
            raise _refused(prepared.warnings, "Nothing was done.")
        if not prepared.named:
            message = "No criterion was given, which would mean every object there is. Name what is meant."
            raise BadRequest(message, causes=[Cause("parameter", "portal_type", message)])
        return partial(self._matched, prepared, find, most)

    def _matched(self, prepared: Prepared, find: Find, most: int) -> FoundObjects:
        size = _left(prepared.query, find.offset, find.size or most + 1)
        values = {"size": _EVERYTHING if size is None else size, "offset": prepared.query.start + find.offset}
        rows = self._shaped(prepared, _page_of_stamps, values)
        if rows is None:
            found = FoundObjects({}, self._page(prepared, find.offset, find.size or most + 1))
        else:
            found = FoundObjects({rid: stamp for rid, stamp in rows if stamp is not None}, [rid for rid, _ in rows])
        if not found.rids:
            raise NotFound("No object matches the criteria, or you may not see it.")
        if len(found.rids) > most:
            raise TooLarge(
                f"More than {most} objects match, which is the limit of one request (the setting "
                "OBJAPI_MAX_UPDATE_ENTRIES). Narrow the criteria."
            )
        return found

    def rids(
        self,
        catalog: CatalogDeclaration,
        criteria: Mapping[str, object],
        *,
        most: int | None,
        of_everybody: bool = False,
        within_reach: bool = False,
    ) -> list[int]:
        """Row numbers that a reference finds, in order of creation; `of_everybody`: also what the user may not see.

        `within_reach`: what the caller's API token reaches alone, as far as the catalog can tell.
        """
        try:
            prepared = self._reader.lookup(catalog, criteria, of_everybody=of_everybody, within_reach=within_reach)
        except BadRequest:
            # A query that makes no sense, such as words that no text index takes, finds nothing; the caller says so.
            return []
        return self._page(prepared, 0, most)

    def _prepared(self, find: Find) -> Prepared:
        prepared = self._reader.prepare(find)
        if find.strict and prepared.warnings:
            raise _refused(prepared.warnings)
        return self._narrowed(prepared)

    def _narrowed(self, prepared: Prepared) -> Prepared:
        """The query for the user's scopes alone, where nothing that it finds may be seen everywhere.

        The database then reads those scopes by a key, in place of everything to leave out what may not be seen.
        """
        tables, seen = prepared.tables, prepared.seen
        if not isinstance(tables, CatalogTables) or not isinstance(seen, tuple) or len(seen) != 1:
            return prepared
        (one,) = seen
        if one.acls and one.scoped:
            everywhere = replace(one, scoped=())
            if self._number(prepared, Query(prepared.query.clauses), (everywhere,)) == 0:
                return replace(prepared, seen=(replace(one, acls=()),))
        return prepared

    def _next(
        self, prepared: Prepared, find: Find, start: Cursor | None, rows: Sequence[Sequence[Any]], is_last: bool
    ) -> str | None:
        """The cursor behind the rows of a page; None when nothing follows, or cannot be named."""
        if is_last or not rows or not find.size or len(rows) < find.size:
            return None
        passed = find.offset if start is None else start.position
        return encode_cursor(Cursor(tuple(rows[-1]), passed + len(rows)), self._digest(prepared))

    def _count_after(self, prepared: Prepared, start: Cursor) -> int:
        """Number of rows of the result behind a place, its limit observed."""
        statement = count_statement(prepared.tables, prepared.query, visible=prepared.visible, after=start.keys)
        count: int = self._executed(prepared, statement, start)[0][0]
        limit = prepared.query.limit
        return count if limit is None else min(count, max(limit - start.position, 0))

    def _executed(self, prepared: Prepared, statement: Select[Any], start: Cursor | None) -> Sequence[Sequence[Any]]:
        if start is None:
            return prepared.connection.execute(statement).all()
        try:
            return prepared.connection.execute(statement).all()
        except (StatementError, OverflowError) as error:
            # Keys of types that the columns do not have: the text was made up. What the database itself lacks is no
            # such thing.
            if isinstance(error, OperationalError):
                raise
            raise bad_cursor() from error

    def _digest(self, prepared: Prepared) -> str:
        return search_digest(prepared.catalog.name, prepared.query)

    def _start(self, prepared: Prepared, find: Find) -> Cursor | None:
        """The place from which a read goes on; None begins, or goes by offset. Raises BadRequest."""
        if find.after is None:
            return None
        width = len(prepared.query.sort) + len(prepared.tables.ties)
        return decode_cursor(find.after, self._digest(prepared), width)

    def _rows_with_answers(
        self, prepared: Prepared, start: Cursor | None, offset: int, size: int | None
    ) -> tuple[Sequence[Sequence[Any]], list[StoredAnswer] | None]:
        """The rows of a page as `_rows` gives them, and their stored answers where one statement gives both."""
        size = _left(prepared.query, offset if start is None else start.position, size)
        values = {"size": _EVERYTHING if size is None else size, "offset": prepared.query.start + offset}
        rows = None
        if start is None and size is not None and offset >= _FAR:
            rows = self._from_the_end(prepared, offset, size)
        if rows is None:
            rows = self._page_of_shape(prepared, start, values)
        if rows is None:
            return self._rows(prepared, start, offset, size), None
        width = len(prepared.query.sort) + len(prepared.tables.ties)
        upto = width + len(ANSWER_COLUMNS)
        # The answer of an object that has gone is missing.
        return (
            [row[:width] for row in rows],
            [StoredAnswer(*row[width:upto]) for row in rows if row[width] is not None],
        )

    def _page_of_shape(
        self, prepared: Prepared, start: Cursor | None, values: Mapping[str, Any]
    ) -> list[tuple[Any, ...]] | None:
        if start is None:
            # What comes before a page that begins further on must not be looked up.
            direct = not values["offset"] and sorts_before_joining(prepared.connection)
            counted = self._counted_page(prepared, values, _first_page_with_number if direct else _page_with_number)
            if counted is not None:
                return counted
            return self._shaped(prepared, _first_page_with_answers if direct else _page_with_answers, values)
        keys = {f"after{place}": key for place, key in enumerate(start.keys)}
        try:
            return self._shaped(prepared, _page_after_with_answers, {"size": values["size"], **keys})
        except OperationalError:
            raise
        except (StatementError, OverflowError, TypeError, ValueError, ArithmeticError) as error:
            raise bad_cursor() from error

    def _counted_page(
        self, prepared: Prepared, values: Mapping[str, Any], build: Build
    ) -> list[tuple[Any, ...]] | None:
        """The rows of a page where the same statement can give the number of all rows, which is then known."""
        tables, seen, query = prepared.tables, prepared.seen, prepared.query
        if not isinstance(tables, CatalogTables) or not isinstance(seen, tuple) or not is_counted(tables, query):
            return None
        if (query, seen) in self._numbers:
            return None
        rows = self._shaped(prepared, build, values)
        if rows:
            self._numbers[query, seen] = int(rows[0][-1] or 0)
        return rows

    def _from_the_end(self, prepared: Prepared, offset: int, size: int) -> list[tuple[Any, ...]] | None:
        """The rows of a page behind the middle of a result, read backwards; None for any other page.

        The order is total and the number of rows exact, in one snapshot, so both ways lead to the same rows.
        """
        tables, seen, query = prepared.tables, prepared.seen, prepared.query
        if not isinstance(tables, CatalogTables) or not isinstance(seen, tuple):
            return None
        total = self._number(prepared, query, seen)
        if total is None or offset < total // 2:
            return None
        size = min(size, total - offset)
        if size <= 0:
            return []
        sort = tuple(replace(key, descending=not key.descending) for key in query.sort)
        backwards = replace(prepared, query=replace(query, sort=sort, ties_descending=not query.ties_descending))
        rows = self._shaped(backwards, _page_with_answers, {"size": size, "offset": total - offset - size})
        return None if rows is None else rows[::-1]

    def _shaped(self, prepared: Prepared, build: Build, values: Mapping[str, Any]) -> list[tuple[Any, ...]] | None:
        tables, seen = prepared.tables, prepared.seen
        if not isinstance(tables, CatalogTables) or not isinstance(seen, tuple):
            return None
        return shaped_rows(tables, prepared.connection, build, prepared.query, seen, values)

    def _rows(self, prepared: Prepared, start: Cursor | None, offset: int, size: int | None) -> Sequence[Sequence[Any]]:
        """The rows of a page with their sort keys, from a place or an offset on."""
        statement = chunk_statement(
            prepared.tables,
            prepared.query,
            visible=prepared.visible,
            after=None if start is None else start.keys,
            offset=offset if start is None else 0,
            size=_left(prepared.query, offset if start is None else start.position, size),
        )
        return self._executed(prepared, statement, start)

    def _page(self, prepared: Prepared, offset: int, size: int | None) -> list[int]:
        tables, query = prepared.tables, prepared.query
        left = _left(query, offset, size)
        values = {"size": _EVERYTHING if left is None else left, "offset": query.start + offset}
        rows: Iterable[Sequence[Any]] | None = self._shaped(prepared, _page_of_numbers, values)
        if rows is None:
            statement = page_statement(tables, query, visible=prepared.visible, offset=offset, size=size)
            rows = prepared.connection.execute(statement)
        return [tables.number(row) for row in rows]

    def _total(self, prepared: Prepared, find: Find, found: int) -> int:
        if find.after is not None:
            return self._count(prepared)
        complete = not find.size or found < find.size
        if complete and (found or not find.offset):
            return find.offset + found
        return self._count(prepared)

    def _count(self, prepared: Prepared) -> int:
        if prepared.query.limit is None and not prepared.query.start:
            tables, seen = prepared.tables, prepared.seen
            if isinstance(tables, CatalogTables) and isinstance(seen, tuple):
                number = self._number(prepared, prepared.query, seen)
                if number is not None:
                    return number
            rows = self._shaped(prepared, _count_of_shape, {})
            if rows is not None:
                return int(rows[0][0])
        statement = count_statement(prepared.tables, prepared.query, visible=prepared.visible)
        return prepared.connection.scalar(statement) or 0

    def _number(self, prepared: Prepared, query: Query, seen: tuple[Visibility, ...]) -> int | None:
        """Number of documents by the counts of a catalog, asked for once; None when its criteria are not counted."""
        key = (query, seen)
        if key not in self._numbers and isinstance(prepared.tables, CatalogTables):
            self._numbers[key] = number_found(prepared.tables, prepared.connection, query, seen)
        return self._numbers.get(key)

    def _missing(self, prepared: Prepared, find: Find) -> tuple[str, ...]:
        if not find.count_missing:
            return ()
        statement = missing_sort_statement(prepared.tables, prepared.query, visible=prepared.visible)
        lacking = prepared.connection.scalar(statement) or 0
        names = ", ".join(key.index for key in prepared.query.sort)
        return (f"sort_on: {lacking} matching objects have no {names} and are left out.",) if lacking else ()

    def _chunks(self, prepared: Prepared, find: Find, count: int, start: Cursor | None) -> Iterator[bytes]:
        deadline = time.monotonic() + self._time_limit
        selection = FieldSelection.of(find)
        for rids in self._rid_chunks(prepared, find.offset, count, start):
            if time.monotonic() > deadline:
                raise TimeoutError(f"the streamed answer took longer than {self._time_limit:g} s")
            yield orjson.dumps(self._documents.answer(rids, prepared.catalog, selection))[1:-1]

    def _rid_chunks(self, prepared: Prepared, offset: int, count: int, start: Cursor | None) -> Iterator[list[int]]:
        left = count
        while left > 0:
            # The rows before the offset are skipped once; from there on the keys lead.
            rows = self._rows(prepared, start, offset, min(STREAMED, left))
            if not rows:
                return
            yield [prepared.tables.number(row) for row in rows]
            left -= len(rows)
            passed = offset if start is None else start.position
            start = Cursor(tuple(rows[-1]), passed + len(rows))


def _left(query: Query, passed: int, size: int | None) -> int | None:
    """Number of rows of a page that the limit of a query leaves after those before it; None: no bound."""
    if query.limit is None:
        return size
    left = max(query.limit - passed, 0)
    return left if size is None else min(left, size)


def _page_of_numbers(tables: CatalogTables, query: Query, visible: Sequence[Visibility]) -> Select[Any]:
    """The row numbers of a page alone."""
    statement = page_statement(tables, query, visible=visible_condition(tables, visible))
    return statement.limit(_SIZE).offset(_OFFSET)


def _page_of_stamps(tables: CatalogTables, query: Query, visible: Sequence[Visibility]) -> Select[Any]:
    """The row numbers of a page with the stamps of the objects."""
    page = _page_of_numbers(tables, query, visible)
    return page.outerjoin(entities, entities.c.rid == tables.main.c.rid).add_columns(entities.c.stamp)


def _page_with_answers(tables: CatalogTables, query: Query, visible: Sequence[Visibility]) -> Select[Any]:
    """The rows of a page, of which alone the answers are looked up: keys of the order first, then the answer."""
    chunk = _with_key(
        tables, query, visible, chunk_statement(tables, query, visible=visible_condition(tables, visible), size=None)
    )
    return _with_answers(tables, query, chunk.limit(_SIZE).offset(_OFFSET))


def _page_with_number(tables: CatalogTables, query: Query, visible: Sequence[Visibility]) -> Select[Any]:
    """The same with the number of all rows in each row, for a query that is counted."""
    page = _page_with_answers(tables, query, visible)
    return page.add_columns(number_statement(tables, query, visible).scalar_subquery())


def _first_page_with_answers(tables: CatalogTables, query: Query, visible: Sequence[Visibility]) -> Select[Any]:
    """The same rows for a page without an offset, where a database sorts before it joins: no table between is made."""
    chunk = chunk_statement(tables, query, visible=visible_condition(tables, visible), size=None)
    joined = _with_key(tables, query, visible, chunk).outerjoin(entities, entities.c.rid == tables.main.c.rid)
    return joined.add_columns(*ANSWER_COLUMNS).limit(_SIZE)


def _first_page_with_number(tables: CatalogTables, query: Query, visible: Sequence[Visibility]) -> Select[Any]:
    """The same with the number of all rows in each row, for a query that is counted."""
    page = _first_page_with_answers(tables, query, visible)
    return page.add_columns(number_statement(tables, query, visible).scalar_subquery())


def _page_after_with_answers(tables: CatalogTables, query: Query, visible: Sequence[Visibility]) -> Select[Any]:
    """The same from a place on."""
    after: list[BindParameter[Any]] = [
        bindparam(f"after{place}") for place in range(len(query.sort) + len(tables.ties))
    ]
    condition = visible_condition(tables, visible)
    return _with_answers(
        tables, query, chunk_statement(tables, query, visible=condition, after=after, size=None).limit(_SIZE)
    )


def _with_answers(tables: CatalogTables, query: Query, chunk: Select[Any]) -> Select[Any]:
    page = chunk.subquery("page")
    keys = list(page.c)
    down = [*(key.descending for key in query.sort), *(query.ties_descending for _ in tables.ties)]
    return (
        select(*keys, *ANSWER_COLUMNS)
        .select_from(page.outerjoin(entities, entities.c.rid == keys[-1]))
        .order_by(*(key.desc() if descends else key for key, descends in zip(keys, down, strict=True)))
    )


def _with_key(
    tables: CatalogTables, query: Query, visible: Sequence[Visibility], statement: Select[Any]
) -> Select[Any]:
    """The statement with the key that it was made for, which the MySQL family ignores by its statistics."""
    equal = [clause.index for clause in query.clauses if isinstance(clause, Exact) and len(clause.values) == 1]
    if len(equal) < len(query.clauses) or any(item.scoped for item in visible):
        return statement
    sort = [item.index for item in query.sort]
    key = tables.hot_key(equal, sort) or tables.hot_key([name for name in equal if name not in sort], sort)
    if key is None:
        return statement
    for family in ("mysql", "mariadb"):
        statement = statement.with_hint(tables.main, f"FORCE INDEX ({key})", family)
    return statement


def _count_of_shape(tables: CatalogTables, query: Query, visible: Sequence[Visibility]) -> Select[Any]:
    return count_statement(tables, query, visible=visible_condition(tables, visible))


def _chained(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    if first:
        yield first
    yield from rest


def _not_a_member(name: str) -> str:
    return f"include_fields: {name!r} is not a field of what was found."


def _refused(warnings: Sequence[str], consequence: str = "") -> BadRequest:
    """The refusal of what would be warnings; a sentence about what follows ends the message."""
    causes = [Cause("parameter", text.partition(":")[0], text) for text in warnings]
    return BadRequest(f"{joined_messages(warnings)} {consequence}".rstrip(), causes=causes)


class ClosingStream:
    """A chunk iterator that runs clean-up callbacks when it is exhausted, fails or is closed."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._callbacks: list[Callable[[], None]] = []

    def when_done(self, callback: Callable[[], None]) -> None:
        """Call back at the end, for example to close a connection."""
        self._callbacks.append(callback)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> bytes:
        try:
            return next(self._chunks)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End the stream, even when chunks are left."""
        close = getattr(self._chunks, "close", None)
        if close is not None:
            close()
        callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            callback()

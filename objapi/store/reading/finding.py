"""Reading: pages, streams and row numbers of what criteria find."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Self

import orjson

from catalog import chunk_statement, count_statement, missing_sort_statement, page_statement
from objapi.errors import BadRequest, Cause, NotFound, TooLarge
from objapi.model.registry import CatalogDeclaration
from objapi.store.context import RequestContext
from objapi.store.reading.criteria import CriteriaReader, Prepared
from objapi.store.reading.documents import Documents, FieldSelection
from objapi.store.requests import Find, Found, Streamed

STREAMED = 500
"""Objects in one chunk of a stream."""


class Finder:
    """Asks catalogs for one user in one transaction."""

    def __init__(self, context: RequestContext, documents: Documents) -> None:
        self._reader = CriteriaReader(context)
        self._documents = documents
        self._time_limit = context.site.stream_time_limit

    def find(self, find: Find) -> Found:
        """One page: a statement for it, one for the count unless the page gives it, and one for the documents."""
        prepared = self._prepared(find)
        rids = self._page(prepared, find.offset, find.size or None)
        total = self._total(prepared, find, len(rids))
        objects = self._documents.answer(rids, prepared.catalog, FieldSelection.of(find))
        return Found(total, objects, (*prepared.warnings, *self._missing(prepared, find)))

    def stream(self, find: Find) -> Streamed:
        """Everything from the offset on; the count and the first chunk are read before this returns."""
        prepared = self._prepared(find)
        total = self._count(prepared)
        count = max(total - find.offset, 0)
        if find.size:
            count = min(count, find.size)
        chunks = self._chunks(prepared, find, count)
        first = next(chunks, b"")
        return Streamed(total, count, _chained(first, chunks), (*prepared.warnings, *self._missing(prepared, find)))

    def matching(self, find: Find, most: int) -> list[int]:
        """The row numbers of all that a transition is asked for; nothing in the criteria may be ignored.

        Raises BadRequest for an unknown criterion or none at all, NotFound when nothing is found, TooLarge beyond
        `most`.
        """
        prepared = self._reader.prepare(find, own_catalog=True)
        if prepared.unknown or prepared.warnings:
            raise _unknown(prepared)
        if not prepared.named:
            message = "No criterion was given, which would mean every object there is. Name what is meant."
            raise BadRequest(message, causes=[Cause("parameter", "portal_type", message)])
        rids = self._page(prepared, find.offset, find.size or most + 1)
        if not rids:
            raise NotFound("No object matches the criteria, or you may not see it.")
        if len(rids) > most:
            raise TooLarge(f"More than {most} objects match, which is the limit of one request. Narrow the criteria.")
        return rids

    def rids(self, catalog: CatalogDeclaration, criteria: Mapping[str, object], *, most: int | None) -> list[int]:
        """Row numbers that a reference finds, in order of creation."""
        try:
            prepared = self._reader.lookup(catalog, criteria)
        except BadRequest:
            # A query that makes no sense, such as words that no text index takes, finds nothing; the caller says so.
            return []
        return self._page(prepared, 0, most)

    def _prepared(self, find: Find) -> Prepared:
        prepared = self._reader.prepare(find)
        if find.strict and prepared.warnings:
            raise _unknown(prepared)
        return prepared

    def _page(self, prepared: Prepared, offset: int, size: int | None) -> list[int]:
        statement = page_statement(prepared.tables, prepared.query, visible=prepared.visible, offset=offset, size=size)
        return [prepared.tables.number(row) for row in prepared.connection.execute(statement)]

    def _total(self, prepared: Prepared, find: Find, found: int) -> int:
        complete = not find.size or found < find.size
        if complete and (found or not find.offset):
            return find.offset + found
        return self._count(prepared)

    def _count(self, prepared: Prepared) -> int:
        statement = count_statement(prepared.tables, prepared.query, visible=prepared.visible)
        return prepared.connection.scalar(statement) or 0

    def _missing(self, prepared: Prepared, find: Find) -> tuple[str, ...]:
        if not find.count_missing:
            return ()
        statement = missing_sort_statement(prepared.tables, prepared.query, visible=prepared.visible)
        lacking = prepared.connection.scalar(statement) or 0
        names = ", ".join(key.index for key in prepared.query.sort)
        return (f"sort_on: {lacking} matching objects have no {names} and are left out.",) if lacking else ()

    def _chunks(self, prepared: Prepared, find: Find, count: int) -> Iterator[bytes]:
        deadline = time.monotonic() + self._time_limit
        selection = FieldSelection.of(find)
        for rids in self._rid_chunks(prepared, find.offset, count):
            if time.monotonic() > deadline:
                raise TimeoutError(f"the streamed answer took longer than {self._time_limit:g} s")
            yield orjson.dumps(self._documents.answer(rids, prepared.catalog, selection))[1:-1]

    def _rid_chunks(self, prepared: Prepared, offset: int, count: int) -> Iterator[list[int]]:
        after: Sequence[Any] | None = None
        left = count
        if offset and left:
            # The rows before the offset are skipped once; from there on the keys lead.
            rids = self._page(prepared, offset, min(STREAMED, left))
            yield rids
            left -= len(rids)
            after = self._keys_at(prepared, offset + len(rids) - 1) if left > 0 else None
        while left > 0:
            statement = chunk_statement(
                prepared.tables, prepared.query, visible=prepared.visible, after=after, size=min(STREAMED, left)
            )
            rows = prepared.connection.execute(statement).all()
            if not rows:
                return
            yield [prepared.tables.number(row) for row in rows]
            left -= len(rows)
            after = rows[-1]

    def _keys_at(self, prepared: Prepared, place: int) -> Sequence[Any]:
        statement = chunk_statement(prepared.tables, prepared.query, visible=prepared.visible, size=1)
        return prepared.connection.execute(statement.offset(prepared.query.start + place)).one()


def _chained(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    if first:
        yield first
    yield from rest


def _unknown(prepared: Prepared) -> BadRequest:
    causes = [Cause("parameter", text.partition(":")[0], text) for text in prepared.warnings]
    return BadRequest(" ".join(prepared.warnings), causes=causes)


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

"""Verification: every digest and link computed anew from the rows, in the order of the numbers.

A row that was changed, taken away, put in or exchanged by hand makes a digest, a link or the order of numbers differ,
and each such place is told by the number of its request. What can be told depends on what the head is compared with:
who can write the database can also compute all links anew, and only a head that was exported before shows that.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import Connection

from objapi.store.records import from_micros, request_digest
from objapi.store.schema import history_entries, requests, signatures
from objapi.store.signature_rows import signature_rows
from objapi.store.trail.chain import Head, link_digest
from objapi.store.trail.numbering import stored_head

PAGE: Final = 200
"""Requests that are read at once."""
_ENTRIES: Final = 1_000
MOST_TOLD: Final = 100
"""Problems that are told; further ones are counted."""

Row = dict[str, Any]
Advance = Callable[[int], None]


@dataclass(slots=True)
class Verification:
    """Result: the requests looked at, and what is wrong with them."""

    linked: int = 0
    unlinked: int = 0
    """Requests at the end that nobody has numbered yet."""
    head: Head = field(default_factory=Head)
    """The last request that is linked."""
    problems: list[str] = field(default_factory=list)
    untold: int = 0
    """Problems beyond those that are told."""

    def found(self, problem: str) -> None:
        """Note a problem."""
        if len(self.problems) < MOST_TOLD:
            self.problems.append(problem)
        else:
            self.untold += 1


def verify_trail(
    connection: Connection, site_id: str, expected: Mapping[int, str], advance: Advance = lambda done: None
) -> Verification:
    """Verify all requests in one reading transaction, in bounded memory. `expected`: exported numbers → links."""
    result = Verification()
    for page in linked_pages(connection):
        digests = _digests(connection, site_id, page)
        for request in page:
            _verify_next(site_id, request, digests[request["id"]], result, expected)
        advance(len(page))
    _compare_heads(connection, result, expected)
    for page in _unlinked_pages(connection):
        digests = _digests(connection, site_id, page)
        for request in page:
            if digests[request["id"]] != request["digest"]:
                result.found(f"{described(request)}: the request or its entries were changed, put in or taken away.")
        result.unlinked += len(page)
        advance(len(page))
    for problem in _changed_signatures(connection):
        result.found(problem)
    for entry in _lost_entries(connection):
        result.found(
            f"Entry {entry['id']} ({entry['event']} of {entry['path']}) belongs to request {entry['request']}, "
            "which is not there: the entry was put in, or the request taken away."
        )
    return result


def _verify_next(site_id: str, request: Row, digest: str, result: Verification, expected: Mapping[int, str]) -> None:
    """Compare a request with its digest, its link with the one before it, and its number."""
    previous, seq = result.head, request["seq"]
    if seq != previous.seq + 1:
        gone = f"{previous.seq + 1}" if seq == previous.seq + 2 else f"{previous.seq + 1} to {seq - 1}"
        result.found(f"Before {described(request)}: number {gone} is missing; a request was taken away.")
    if digest != request["digest"]:
        result.found(f"{described(request)}: the request or its entries were changed, put in or taken away.")
    # After a gap the link before is unknown: the gap has been told.
    if seq == previous.seq + 1 and link_digest(site_id, previous.link, seq, request["digest"]) != request["link"]:
        result.found(f"{described(request)}: it is not the request that was linked after number {previous.seq}.")
    if seq in expected and expected[seq] != request["link"]:
        result.found(f"{described(request)}: its link is not that of the exported head.")
    result.linked += 1
    result.head = Head(seq, request["link"] or "")


def _compare_heads(connection: Connection, result: Verification, expected: Mapping[int, str]) -> None:
    head = stored_head(connection)
    if head != result.head:
        result.found(
            f"The last request is number {result.head.seq}, the stored head is of number {head.seq}: "
            "requests at the end were taken away or put in."
        )
    for seq in sorted(expected):
        if seq > result.head.seq:
            result.found(f"The exported head is of number {seq}; requests from {result.head.seq + 1} on are missing.")


def described(request: Row) -> str:
    """A request for messages."""
    number = f"Request {request['seq']}" if request["seq"] is not None else "The request without number"
    at = from_micros(request["at"]).isoformat(sep=" ", timespec="seconds")
    return f"{number} (id {request['id']}, {request['actor'] or 'nobody known'}, {at})"


def linked_pages(connection: Connection, after: int = 0) -> Iterator[list[Row]]:
    """The numbered requests after a number, in order, as many at once as are read together."""
    return _pages(connection, sa.select(requests), requests.c.seq, after)


def _unlinked_pages(connection: Connection) -> Iterator[list[Row]]:
    return _pages(connection, sa.select(requests).where(requests.c.seq.is_(None)), requests.c.id, 0)


def _pages(connection: Connection, statement: sa.Select[Any], key: sa.Column[int], last: int) -> Iterator[list[Row]]:
    ordered = statement.order_by(key).limit(PAGE)
    page = _rows(connection, ordered.where(key > last))
    while page:
        yield page
        page = _rows(connection, ordered.where(key > page[-1][key.name]))


def _digests(connection: Connection, site_id: str, page: Sequence[Row]) -> dict[int, str]:
    """Id → digest of each request, as its rows are now."""
    by_id = {request["id"]: request for request in page}
    digests = {number: request_digest(site_id, request, ()) for number, request in by_id.items()}
    for number, entries in entries_by_request(connection, page):
        digests[number] = request_digest(site_id, by_id[number], entries)
    return digests


def entries_by_request(connection: Connection, page: Sequence[Row]) -> Iterator[tuple[int, Iterator[Row]]]:
    """The entries below each request of a page that has any, by its id; each is to be used in its turn."""
    return groupby(_entries(connection, [request["id"] for request in page]), key=lambda entry: int(entry["request"]))


def _entries(connection: Connection, numbers: Sequence[int]) -> Iterator[Row]:
    """The entries below requests, in order of request and entry; a few of them are read at once."""
    columns = history_entries.c
    statement = sa.select(history_entries).where(columns.request.in_(numbers))
    ordered = statement.order_by(columns.request, columns.id).limit(_ENTRIES)
    page = _rows(connection, ordered)
    while page:
        yield from page
        request, last = page[-1]["request"], page[-1]["id"]
        further = sa.or_(columns.request > request, sa.and_(columns.request == request, columns.id > last))
        page = _rows(connection, ordered.where(further)) if len(page) == _ENTRIES else []


def _lost_entries(connection: Connection) -> Iterator[Row]:
    """Entries whose request is not there."""
    columns = history_entries.c
    joined = sa.outerjoin(history_entries, requests, requests.c.id == columns.request)
    statement = sa.select(columns.id, columns.event, columns.path, columns.request).select_from(joined)
    return iter(_rows(connection, statement.where(requests.c.id.is_(None)).limit(MOST_TOLD)))


def _changed_signatures(connection: Connection) -> Iterator[str]:
    """A sentence for each signature that is not the one that its entry holds, or is without the other."""
    entry, own = history_entries.c, [column.label(f"own_{column.name}") for column in signatures.c]
    held = [entry.id, entry.uid, entry.version, entry.path, entry.signature, requests.c.at]
    statement = (
        sa.select(*held, *own)
        .select_from(history_entries)
        .join(requests, requests.c.id == entry.request)
        .outerjoin(signatures, signatures.c.entry == entry.id)
        .where(entry.signature.is_not(None))
        .order_by(entry.id)
        .limit(_ENTRIES)
    )
    page = _rows(connection, statement)
    while page:
        for row in page:
            (expected,) = signature_rows([row], row["at"])
            if any(row[f"own_{name}"] != value for name, value in expected.items()):
                yield f"The signature of entry {row['id']} ({row['path']}) is not the one of the trail."
        page = _rows(connection, statement.where(entry.id > page[-1]["id"])) if len(page) == _ENTRIES else []
    joined = sa.outerjoin(signatures, history_entries, entry.id == signatures.c.entry)
    lost = sa.select(signatures.c.entry, signatures.c.uid).select_from(joined).where(entry.signature.is_(None))
    for row in _rows(connection, lost.limit(MOST_TOLD)):
        yield f"The signature of entry {row['entry']} (UID {row['uid']}) is not the one of the trail: there is none."


def _rows(connection: Connection, statement: sa.Select[Any]) -> list[Row]:
    return [{str(name): value for name, value in row.items()} for row in connection.execute(statement).mappings()]

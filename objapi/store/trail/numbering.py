"""Numbering of committed requests: each gets the next number and the link to the one before.

Writers take no part in it: they commit requests without a number, and whoever numbers takes many of them at once. The
row of `trail_head` is locked meanwhile, so that one process numbers at a time, and numbers become visible in their
order, without gaps. Should two number at once all the same, as on nodes of a cluster, the second fails to commit.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from itertools import pairwise
from typing import Final

from sqlalchemy import Connection, func, or_, select, update

from catalog.dialect import bulk_update, insert_ignore
from objapi.store.records import StaleWrite, chunks
from objapi.store.requests import INHERIT
from objapi.store.schema import history_entries, requests, trail_head
from objapi.store.trail.chain import BEGINNING, Head, link_digest

BATCH: Final = 500
"""Requests that one transaction numbers, or a few more."""
_ONLY: Final = 1
_SPAN: Final = 3_600_000 << 22
"""Row numbers given within an hour (see `records`), before the end of a request that made entries with them."""


@dataclass(frozen=True, slots=True)
class Numbered:
    """Result of numbering a batch."""

    head: Head
    count: int
    more: bool = False
    """True when there may be further requests without a number."""


def stored_head(connection: Connection) -> Head:
    """The last numbered request."""
    found = connection.execute(select(trail_head.c.seq, trail_head.c.link).where(trail_head.c.id == _ONLY)).first()
    return Head() if found is None else Head(found.seq, found.link)


def has_unnumbered(connection: Connection) -> bool:
    """True when a committed request has no number."""
    return connection.scalar(select(requests.c.id).where(requests.c.seq.is_(None)).limit(1)) is not None


def count_unnumbered(connection: Connection) -> int:
    """Number of requests that have no number."""
    return connection.scalar(select(func.count()).select_from(requests).where(requests.c.seq.is_(None))) or 0


@dataclass(frozen=True, slots=True)
class Unnumbered:
    """Committed requests without a number: how many, and the instant of the oldest (microseconds since 1970 UTC)."""

    requests: int
    oldest: int | None


def unnumbered(connection: Connection) -> Unnumbered:
    """The requests that have no number."""
    columns = requests.c
    waiting = select(func.count(), func.min(columns.at)).where(columns.seq.is_(None))
    return Unnumbered(*connection.execute(waiting).one())


def number_next(connection: Connection, site_id: str, *, wait: bool = True) -> Numbered | None:
    """Number the next requests, in a writing transaction of its own; None: another process is at it.

    With `wait`, that one is waited for. Raises StaleWrite when another process has numbered meanwhile.
    """
    head = _locked_head(connection, wait=wait)
    if head is None:
        return None
    waiting = select(requests.c.id, requests.c.digest).where(requests.c.seq.is_(None))
    found = connection.execute(waiting.order_by(requests.c.id).limit(BATCH)).all()
    if not found:
        return Numbered(head, 0)
    digests = {row.id: row.digest for row in found}
    before = _changes_before(connection, list(digests))
    missing = [number for pair in before for number in pair if number not in digests]
    for part in chunks(dict.fromkeys(missing)):
        digests |= {row.id: row.digest for row in connection.execute(waiting.where(requests.c.id.in_(part)))}
    rows = []
    last = head
    for number in in_order(digests, before):
        seq = last.seq + 1
        last = Head(seq, link_digest(site_id, last.link, seq, digests[number]))
        rows.append({"id": number, "seq": seq, "link": last.link})
    bulk_update(connection, requests, requests.c.id, [requests.c.seq, requests.c.link], rows)
    moved = update(trail_head).where(trail_head.c.id == _ONLY, trail_head.c.seq == head.seq)
    if connection.execute(moved.values(seq=last.seq, link=last.link)).rowcount != 1:
        raise StaleWrite
    return Numbered(last, len(rows), more=len(found) == BATCH)


def _locked_head(connection: Connection, *, wait: bool) -> Head | None:
    """The head, its row locked and made if there is none yet; None: another process holds it, and is not waited for."""
    head = select(trail_head.c.seq, trail_head.c.link).where(trail_head.c.id == _ONLY)
    for _ in range(2):
        found = connection.execute(head.with_for_update(skip_locked=not wait)).first()
        if found is not None:
            return Head(found.seq, found.link)
        if connection.execute(head).first() is not None:
            return None
        newest = select(requests.c.seq, requests.c.link).where(requests.c.seq.is_not(None))
        last = connection.execute(newest.order_by(requests.c.seq.desc()).limit(1)).first()
        seq, link = (0, BEGINNING) if last is None else last
        insert_ignore(connection, trail_head, [{"id": _ONLY, "seq": seq, "link": link}])
    raise StaleWrite


def _changes_before(connection: Connection, batch: Sequence[int]) -> list[tuple[int, int]]:
    """Pairs of requests without a number that changed one object, the earlier one first; the later ones are in a batch.

    The numbers of requests follow the clocks of the processes that gave them. The versions of an object do not: who
    changed it next has waited for the commit before.
    """
    columns = history_entries.c
    later = or_(columns.version > 1, columns.event == INHERIT)
    changed = select(columns.uid).where(columns.request.in_(batch), later).distinct()
    uids = connection.scalars(changed).all()
    versions: defaultdict[str, set[tuple[int, bool, int]]] = defaultdict(set)
    for part in chunks(uids):
        of_objects = (
            select(columns.uid, columns.version, columns.request, columns.event)
            .join(requests, requests.c.id == columns.request)
            .where(
                columns.uid.in_(part),
                columns.id > batch[0] - _SPAN,
                columns.version.is_not(None),
                requests.c.seq.is_(None),
            )
        )
        for uid, version, request, event in connection.execute(of_objects):
            # What an object inherits leaves its version alone, and comes after the change that gave it.
            versions[uid].add((version, event == INHERIT, request))
    latest = set(batch)
    pairs: list[tuple[int, int]] = []
    for by_version in versions.values():
        ordered = [request for _, _, request in sorted(by_version)]
        while ordered and ordered[-1] not in latest:
            ordered.pop()
        pairs += [pair for pair in pairwise(ordered) if pair[0] != pair[1]]
    return pairs


def in_order(numbers: Iterable[int], before: Iterable[tuple[int, int]]) -> list[int]:
    """Numbers in ascending order, but for the pairs, of which the first goes before the second."""
    waits_for: dict[int, set[int]] = {number: set() for number in numbers}
    followers: defaultdict[int, list[int]] = defaultdict(list)
    for first, second in before:
        if first not in waits_for[second]:
            waits_for[second].add(first)
            followers[first].append(second)
    ready = [number for number, others in waits_for.items() if not others]
    heapify(ready)
    ordered: list[int] = []
    while ready:
        number = heappop(ready)
        ordered.append(number)
        for follower in followers[number]:
            waits_for[follower].discard(number)
            if not waits_for[follower]:
                heappush(ready, follower)
    # A circle cannot come from commits, but from rows that somebody wrote by hand: these are numbered, too.
    return ordered + sorted(waits_for.keys() - set(ordered))

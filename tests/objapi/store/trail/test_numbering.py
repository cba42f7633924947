"""Committed requests get numbers without gaps, the changes of an object in order, whatever clocks say."""

import pytest
import sqlalchemy as sa

from objapi.store.records import RowIds, rowids
from objapi.store.schema import history_entries, requests
from objapi.store.trail.chain import Head
from objapi.store.trail.numbering import in_order, number_next
from objapi.store.trail.verifying import verify_trail
from tests.objapi.store.test_concurrency import errors, together
from tests.objapi.store.workshop import Gateway


@pytest.mark.parametrize(
    ("before", "ordered"),
    [
        ([], [1, 2, 3, 4]),
        ([(4, 2)], [1, 3, 4, 2]),
        ([(3, 1), (4, 3)], [2, 4, 3, 1]),
        ([(2, 1), (2, 1)], [2, 1, 3, 4]),
        ([(1, 2), (2, 1)], [3, 4, 1, 2]),
    ],
)
def test_numbers_follow_but_for_those_that_wait(before: list[tuple[int, int]], ordered: list[int]) -> None:
    assert in_order([1, 2, 3, 4], before) == ordered


def assert_whole(workshop: Gateway) -> Head:
    """Every request has a number, and none is missing or different from what was written."""
    head = workshop.site.number_requests()
    found = workshop.site.transact(
        lambda connection: verify_trail(connection, workshop.site.settings.site_id, {}), write=False
    )
    assert (found.problems, found.unlinked, found.head) == ([], 0, head)
    assert found.linked == head.seq
    return head


def versions_in_order(workshop: Gateway, uid: str) -> list[int]:
    """The versions of an object in the order of the numbers."""
    statement = (
        sa.select(history_entries.c.version)
        .join(requests, requests.c.id == history_entries.c.request)
        .where(history_entries.c.uid == uid, requests.c.seq.is_not(None))
        .order_by(requests.c.seq)
    )
    return workshop.site.transact(lambda connection: list(connection.scalars(statement)), write=False)


def test_writers_and_numberers_at_once_leave_no_gap(workshop: Gateway, team: str, person: str) -> None:
    before = workshop.site.number_requests().seq
    shared = workshop.create("mia", "Thing", team, title="Shared", Maker=person)
    turns = range(6)

    def write(name: str) -> None:
        for turn in turns:
            workshop.create("mia", "Thing", team, title=f"{name}{turn}", Maker=person)
            workshop.update("mia", shared.path, Count=turn + 100 * ord(name))

    def number() -> None:
        for _ in turns:
            workshop.site.number_requests()

    assert errors(together(*(lambda name=name: write(name) for name in "ab"), number, number)) == []
    assert assert_whole(workshop).seq == before + 1 + 2 * 2 * len(turns)
    versions = versions_in_order(workshop, shared.uid)
    assert versions == sorted(versions)


def test_a_clock_that_is_behind_does_not_turn_the_order_of_an_object_round(
    workshop: Gateway, team: str, person: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    thing = workshop.create("mia", "Thing", team, title="Clocks", Maker=person)
    for count in (1, 2, 3):
        behind = RowIds()
        behind._last = rowids.next() - (count * 60_000 << 22)
        monkeypatch.setattr(behind, "next", lambda own=behind: setattr(own, "_last", own._last + 1) or own._last)
        monkeypatch.setattr("objapi.store.context.rowids", behind)
        workshop.update("mia", thing.path, Count=count)
    monkeypatch.undo()
    assert_whole(workshop)
    assert sorted(versions_in_order(workshop, thing.uid)) == versions_in_order(workshop, thing.uid)


def test_many_are_numbered_in_batches_and_none_costs_one_small_read(
    workshop: Gateway, team: str, person: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("objapi.store.trail.numbering.BATCH", 3)
    thing = workshop.create("mia", "Thing", team, title="Batches", Maker=person)
    for count in range(7):
        workshop.update("mia", thing.path, Count=count)
    advanced: list[int] = []
    workshop.site.number_requests(advance=advanced.append)
    assert sum(advanced) >= 8
    assert_whole(workshop)
    with workshop.statements.counted() as statements:
        workshop.site.number_requests()
    assert len(statements) == 3


def test_who_does_not_wait_leaves_it_to_the_one_at_it(workshop: Gateway, team: str) -> None:
    if workshop.site.settings.on_sqlite:
        pytest.skip("SQLite has one writer at a time, who is waited for")
    workshop.create("boss", "Box", team, title="waits")
    site_id = workshop.site.settings.site_id

    def hold(connection: sa.Connection) -> None:
        assert number_next(connection, site_id) is not None
        assert workshop.site.transact(lambda other: number_next(other, site_id, wait=False), write=True) is None

    workshop.site.transact(hold, write=True)

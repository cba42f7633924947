"""Requests that meet: as if one had come after the other, or refused in so many words."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import exc

from catalog.dialect import transaction
from objapi.errors import BadRequest, Conflict, NotFound, ValidationError
from objapi.store.records import StaleWrite
from objapi.store.requests import ByPath, ByUid, CreateItem, MoveItem, UpdateItem
from objapi.store.transaction import Transaction
from objapi.store.writing import batch_plan
from objapi.store.writing.naming import Sequences
from tests.objapi.store.chance import Chance
from tests.objapi.store.workshop import Gateway, assert_places_are_right
from tests.waiting import ENOUGH, wait_until


def together(*tasks: Callable[[], object]) -> list[object]:
    """What each task gives, or what it raises; all begin at once."""
    results: list[object] = [None] * len(tasks)
    start = threading.Barrier(len(tasks))

    def run(place: int, task: Callable[[], object]) -> None:
        start.wait()
        try:
            results[place] = task()
        except Exception as error:  # noqa: BLE001 - the test looks at it
            results[place] = error

    threads = [threading.Thread(target=run, args=(place, task)) for place, task in enumerate(tasks)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(ENOUGH)
        assert not thread.is_alive()
    return results


def test_readers_do_not_wait_for_those_who_write(workshop: Gateway, team: str) -> None:
    site, ready = workshop.site, threading.Event()
    workshop.total("boss", {"path": team})
    pool: Any = site.engine.pool
    # One more than may write at once: it waits for its turn, and takes no connection meanwhile.
    writers = [
        threading.Thread(target=site.transact, args=(lambda _: ready.wait(ENOUGH),), kwargs={"write": True})
        for _ in range(site.settings.worker_threads + 1)
    ]
    for writer in writers:
        writer.start()
    try:
        wait_until(lambda: pool.checkedout() == site.settings.worker_threads, "as many writers as may write")
        assert workshop.total("boss", {"path": team}) == 1
        assert pool.checkedout() == site.settings.worker_threads
    finally:
        ready.set()
        for writer in writers:
            writer.join(ENOUGH)
    workshop.create("mia", "Thing", team, title="After", Maker=workshop.create("boss", "Person", "/", title="M").uid)


def errors(results: Sequence[object]) -> list[Exception]:
    return [result for result in results if isinstance(result, Exception)]


def test_two_never_get_the_same_id(workshop: Gateway, team: str, person: str) -> None:
    def make(name: str) -> str:
        return workshop.create("mia", "Thing", team, title=name, Maker=person).id

    results = together(*(lambda name=f"T{number}": make(name) for number in range(8)))
    assert errors(results) == []
    assert len(set(results)) == 8


def test_the_first_number_of_a_counter_is_drawn_once(workshop: Gateway) -> None:
    """Where there is no row yet that the one could lock against the other; on SQLite one waits for the other anyway."""
    if workshop.site.settings.on_sqlite:
        return
    engine = workshop.site.engine
    with transaction(engine, write=True) as second:
        with transaction(engine, write=True) as first:
            both = [Sequences(connection, lock=True) for connection in (first, second)]
            for each in both:
                each.load(["first-"], "Thing")
                assert each.next("first-", "Thing", 1, fresh=False) == 1
            both[0].write()
        with pytest.raises(exc.IntegrityError):
            both[1].write()
        second.rollback()


def test_one_title_is_given_once(workshop: Gateway, team: str, person: str) -> None:
    results = together(*(lambda: workshop.create("mia", "Thing", team, title="Only", Maker=person) for _ in range(4)))
    assert [type(error) for error in errors(results)] == [ValidationError] * 3
    assert workshop.total("mia", {"path": team, "title": "Only"}) == 1


def test_one_id_is_given_once(workshop: Gateway, team: str) -> None:
    results = together(*(lambda: workshop.create("mia", "Box", team, id="same", title="x") for _ in range(4)))
    assert [type(error) for error in errors(results)] == [Conflict] * 3


def test_whoever_finishes_the_last_parts_finishes_the_thing(workshop: Gateway, team: str, person: str) -> None:
    for round_ in range(6):
        thing = workshop.create("mia", "Thing", team, title=f"Round {round_}", Maker=person).path
        parts = [workshop.create("mia", "Part", thing, Kind="leg").path for _ in range(2)]
        results = together(*(lambda path=path: workshop.act("mia", "do", path) for path in parts))
        assert errors(results) == []
        assert workshop.read("mia", thing)["review_state"] == "finished"


def test_derived_values_see_every_change(workshop: Gateway, team: str, person: str) -> None:
    thing = workshop.create("mia", "Thing", team, title="Scale", Maker=person).path
    parts = [workshop.create("mia", "Part", thing, Kind="weight").path for _ in range(4)]
    for grams in (10, 20, 30):
        results = together(
            *(lambda path=path, grams=grams: workshop.update("mia", path, Grams=grams) for path in parts),
            lambda grams=grams: workshop.update("mia", thing, Count=grams),
        )
        assert errors(results) == []
        read = workshop.read("mia", thing)
        assert (read["Weight"], read["Count"]) == (4 * grams, grams)
    workshop.assert_settled()


def test_what_is_added_at_the_same_time_gets_the_rights_of_its_container(
    workshop: Gateway, team: str, person: str
) -> None:
    for round_ in range(5):
        thing = workshop.create("mia", "Thing", team, title=f"Vault {round_}", Maker=person).path
        results = together(
            lambda path=thing: workshop.act("mia", "hide", path),
            lambda path=thing: workshop.create("mia", "Part", path, Kind="door"),
        )
        assert errors(results) == []
        assert workshop.total("anna", {"path": thing}) == 0
    workshop.assert_settled()


def test_a_version_wins_once(workshop: Gateway, team: str, person: str) -> None:
    thing = workshop.create("mia", "Thing", team, title="Prize", Maker=person).path
    results = together(
        *(lambda number=number: workshop.update("mia", thing, version=1, Count=number) for number in range(4))
    )
    assert [type(error) for error in errors(results)] == [Conflict] * 3
    assert workshop.read("mia", thing)["version"] == 2


def test_what_is_removed_is_not_referred_to(workshop: Gateway, team: str, person: str) -> None:
    for round_ in range(4):
        thing = workshop.create("mia", "Thing", team, title=f"Refers {round_}", Maker=person).path
        label = workshop.create("boss", "Label", "/", title=f"Leaves {team} {round_}")
        together(
            lambda label=label: workshop.remove("boss", label.uid),
            lambda label=label, thing=thing: workshop.update("mia", thing, Labels=[label.uid]),
        )
        there = workshop.total("boss", {"path": label.path})
        assert len(workshop.read("mia", thing)["Labels"]) == there
    workshop.assert_settled()


def test_objects_taken_in_opposite_order_are_all_changed(workshop: Gateway, team: str, person: str) -> None:
    paths = [workshop.create("mia", "Thing", team, title=f"Order {n}", Maker=person).path for n in range(6)]

    def change(order: Sequence[str], count: int) -> object:
        items = [UpdateItem(ByPath(path), {"Count": count}) for path in order]
        return workshop.update_all("mia", items)

    for round_ in range(4):
        results = together(lambda r=round_: change(paths, r), lambda r=round_: change(paths[::-1], r + 100))
        assert errors(results) == []
        counts = {workshop.read("mia", path)["Count"] for path in paths}
        assert len(counts) == 1


def test_a_request_that_the_database_gave_up_is_done_again(
    workshop: Gateway, team: str, person: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Deadlock(Exception):
        pass

    thing = workshop.create("mia", "Thing", team, title="Again", Maker=person).path
    write, calls = batch_plan.apply_plan, []

    def stumble(*arguments: object, **options: object) -> None:
        write(*arguments, **options)
        calls.append(1)
        if len(calls) < 3:
            raise exc.OperationalError("UPDATE", None, Deadlock(1213, "Deadlock found"))

    monkeypatch.setattr(batch_plan, "apply_plan", stumble)
    assert workshop.update("mia", thing, Count=1).version == 2
    assert len(calls) == 3


def test_acls_of_a_request_that_failed_are_not_remembered(workshop: Gateway, team: str, person: str) -> None:
    """An acl's number may be given to another when the request that gave it first is undone."""
    thing = workshop.create("mia", "Thing", team, title="Undone", Maker=person).path
    acls = workshop.site.context.acls
    known = acls.newest

    def hide_and_fail(tx: Transaction) -> None:
        tx.transition([ByPath(thing)], "hide")
        tx.update([UpdateItem(ByPath(thing), {"Count": 1})])
        raise RuntimeError("too late")

    with pytest.raises(RuntimeError):
        workshop.run("boss", hide_and_fail, write=True)
    assert acls.newest == known


def move(gateway: Gateway, path: str, to: str | None, id: str | None = None) -> str:
    item = MoveItem(ByPath(path), None if to is None else ByPath(to), id)
    return gateway.run("mia", lambda tx: tx.move([item]), write=True).entries[0].path


def test_of_two_moves_into_each_other_one_is_refused(workshop: Gateway, team: str) -> None:
    for round_ in range(4):
        one, two = (workshop.create("mia", "Box", team, title=f"{name} {round_}").path for name in ("One", "Two"))
        inner = [workshop.create("mia", "Box", path, title="Inner").path for path in (one, two)]
        results = together(
            lambda one=one, to=inner[1]: move(workshop, one, to), lambda two=two, to=inner[0]: move(workshop, two, to)
        )
        (refused,) = errors(results)
        assert isinstance(refused, BadRequest | NotFound)
        assert workshop.total("mia", {"path": f"{team}"}) == 1 + 4 * (round_ + 1)
        assert_places_are_right(workshop)
    workshop.assert_settled()


def test_what_is_moved_to_two_places_is_in_one(workshop: Gateway, team: str, person: str) -> None:
    boxes = [workshop.create("mia", "Box", team, title=f"Place {n}").path for n in range(2)]
    thing = workshop.create("mia", "Thing", boxes[0], title="Wanted", Maker=person)
    workshop.create("mia", "Part", thing.path, Kind="leg")
    for round_ in range(4):
        at = workshop.run("mia", lambda tx: tx.entity(ByUid(thing.uid))).path
        together(
            lambda at=at: move(workshop, at, boxes[0]),
            lambda at=at: move(workshop, at, boxes[1]),
            lambda at=at, n=round_: move(workshop, at, None, f"wanted-{n}"),
        )
        assert_places_are_right(workshop)
        assert workshop.total("mia", {"portal_type": "Part", "path": boxes}) == 1
    workshop.assert_settled()


def test_what_changes_or_comes_while_its_container_moves_is_there_afterwards(
    workshop: Gateway, team: str, person: str
) -> None:
    other = workshop.create("boss", "Team", "/", title=f"Away from {team}", Address={"city": "Rome"}).path
    for round_ in range(4):
        box = workshop.create("mia", "Box", team, title=f"Moving {round_}")
        thing = workshop.create("mia", "Thing", box.path, title="In it", Maker=person)
        part = workshop.create("mia", "Part", thing.path, Kind="leg")
        results = together(
            lambda path=box.path: move(workshop, path, other),
            lambda uid=part.uid: workshop.run(
                "mia", lambda tx: tx.update([UpdateItem(ByUid(uid), {"Grams": 50})]), write=True
            ),
            lambda uid=thing.uid: workshop.run(
                "mia", lambda tx: tx.create([CreateItem("Part", ByUid(uid), {"Kind": "new"})]), write=True
            ),
            lambda path=thing.path, count=round_: workshop.update("mia", path, Count=count),
        )
        assert errors(results[:3]) == []
        assert all(isinstance(error, NotFound) for error in errors(results))
        assert_places_are_right(workshop)
        inside = workshop.find("mia", {"path": results[0], "portal_type": "Part"})
        assert sorted(item["Grams"] for item in inside) == [1, 50]
    workshop.assert_settled()


def test_of_a_move_and_a_removal_one_comes_first(workshop: Gateway, team: str) -> None:
    for round_ in range(4):
        source, target = (workshop.create("mia", "Box", team, title=f"{name} {round_}") for name in ("Goes", "Gone"))
        workshop.create("mia", "Box", source.path, title="Inner")
        results = together(
            lambda path=source.path, to=target.path: move(workshop, path, to),
            lambda uid=target.uid: workshop.remove("mia", uid),
        )
        left = workshop.total("mia", {"path": source.path})
        assert all(isinstance(error, NotFound) for error in errors(results))
        assert left == (2 if errors(results) else 0)
        assert_places_are_right(workshop)
    workshop.assert_settled()


@pytest.mark.parametrize("seed", [100, pytest.param(200, marks=pytest.mark.extended)])
def test_any_requests_that_meet_leave_everything_in_step(workshop: Gateway, seed: int) -> None:
    chances = [Chance(workshop, seed + number) for number in range(4)]
    for chance in chances:
        # All work on the same objects.
        chance.paths = chances[0].paths

    def work(chance: Chance) -> None:
        for _ in range(40):
            chance.step()

    results = together(*(lambda chance=chance: work(chance) for chance in chances))
    assert results == [None] * 4
    assert sum(chance.done for chance in chances) > 60
    assert_places_are_right(workshop)
    workshop.assert_settled()


@pytest.mark.parametrize(
    ("retries", "lock_timeout", "times", "done"),
    [(2, 60.0, 5, True), (2, 0.1, 1000, False), (0, 60.0, 1, False)],
    ids=["more often than is repeated", "for too long", "nothing is repeated"],
)
def test_who_comes_late_to_an_object_goes_on_for_the_time_of_a_lock(
    workshop: Gateway, team: str, retries: int, lock_timeout: float, times: int, done: bool
) -> None:
    settings = replace(workshop.site.settings, retries=retries, lock_timeout=lock_timeout)
    site, calls = replace(workshop.site, settings=settings), []

    def work(tx: Transaction) -> str:
        calls.append(1)
        if len(calls) <= times:
            raise StaleWrite
        return tx.entity(ByPath(team)).portal_type

    if done:
        assert site.run(workshop.authenticate("mia"), work, write=True) == "Team"
        assert len(calls) == times + 1
    else:
        with pytest.raises(Conflict, match="keep changing the same objects"):
            site.run(workshop.authenticate("mia"), work, write=True)
        assert len(calls) > retries

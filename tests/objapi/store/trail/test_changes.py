"""The feed: nothing missed, nothing twice, in the order of each object, and nothing that its reader may not see."""

import random
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from objapi.errors import BadRequest
from objapi.store.requests import ByPath, MoveItem
from objapi.store.trail.changes import Changes, ChangesWanted, Place
from tests.objapi.store.test_concurrency import errors, together
from tests.objapi.store.workshop import Gateway


def page(gateway: Gateway, user: str, since: str, **wanted: Any) -> Changes:
    gateway.site.number_requests()
    return gateway.run(user, lambda tx: tx.changes(ChangesWanted(since, **wanted)))


class Follower:
    """Somebody who reads the feed from now on."""

    def __init__(self, gateway: Gateway, user: str, **wanted: Any) -> None:
        self.gateway, self.user, self.wanted = gateway, user, wanted
        self.cursor = page(gateway, user, "now").cursor

    def read(self) -> list[dict[str, Any]]:
        """What has changed since the last call; has no end while others write faster than this reads."""
        found, more = self.read_page()
        while more:
            changes, more = self.read_page()
            found += changes
        return found

    def read_page(self) -> tuple[list[dict[str, Any]], bool]:
        """The next page of changes, and true when there are more."""
        answer = page(self.gateway, self.user, self.cursor, **self.wanted)
        self.cursor = answer.cursor
        return list(map(dict, answer.changes)), answer.more

    def told(self) -> list[tuple[list[str], str]]:
        """Kinds and last segment of the path of each change."""
        return [(change["kinds"], change["path"].rpartition("/")[2]) for change in self.read()]


@pytest.fixture
def thing(workshop: Gateway, team: str, person: str) -> str:
    path = workshop.create("mia", "Thing", team, title="Followed", Maker=person).path
    workshop.create("mia", "Part", path, Kind="leg")
    return path


def test_a_change_is_what_one_request_did_to_one_object(workshop: Gateway, team: str, person: str) -> None:
    mia = Follower(workshop, "mia")
    path = workshop.create("mia", "Thing", team, title="New", Maker=person).path
    workshop.update("mia", path, Count=7, title="Newer")
    workshop.act("mia", "hide", path)
    made, changed, hidden = mia.read()
    assert (made["kinds"], made["version"], made["actor"]) == (["create"], 1, "mia")
    assert (changed["kinds"], changed["version"]) == (["update"], 2)
    assert set(changed["fields"]) == {"title", "Count"}
    assert (hidden["kinds"], hidden["fields"], hidden["transition"]) == (["transition"], ["review_state"], "hide")
    assert mia.read() == []


def test_what_is_hidden_is_told_as_removed_and_what_is_shown_as_changed(workshop: Gateway, thing: str) -> None:
    anna, mia, olga = (Follower(workshop, user) for user in ("anna", "mia", "olga"))
    name, part = thing.rpartition("/")[2], f"{thing.rpartition('/')[2]}-P01"
    workshop.act("mia", "hide", thing)
    assert anna.told() == [(["remove"], name), (["remove"], part)]
    assert mia.told() == [(["transition"], name), (["update"], part)]
    workshop.update("boss", thing, Count=1)
    assert anna.told() == []
    workshop.act("boss", "show", thing)
    assert anna.told() == [(["transition"], name), (["update"], part)]
    workshop.remove("boss", workshop.uid(thing))
    assert anna.told() == [(["remove"], name), (["remove"], part)]
    assert [kinds for kinds, _ in mia.told()] == [["update"], ["transition"], ["update"], ["remove"], ["remove"]]
    assert olga.told() == []


def test_what_was_removed_while_hidden_is_told_to_nobody_who_did_not_see_it(workshop: Gateway, thing: str) -> None:
    workshop.act("mia", "hide", thing)
    anna, boss = Follower(workshop, "anna"), Follower(workshop, "boss")
    workshop.remove("boss", workshop.uid(f"{thing}/{thing.rpartition('/')[2]}-P01"))
    assert anna.told() == []
    assert [kinds for kinds, _ in boss.told()] == [["remove"]]


def test_fields_that_may_not_be_read_are_not_named(workshop: Gateway, thing: str) -> None:
    anna, boss = Follower(workshop, "anna"), Follower(workshop, "boss")
    workshop.update("boss", thing, Secret="x", Count=3)
    assert [change["fields"] for change in anna.read()] == [["Count"]]
    assert [set(change["fields"]) for change in boss.read()] == [{"Secret", "Count"}]


def test_moves_are_told_of_contents_too_and_leave_a_followed_place(workshop: Gateway, thing: str, team: str) -> None:
    other = workshop.create("boss", "Team", "/", title=f"Other of {team}").path
    everywhere, inside = Follower(workshop, "mia"), Follower(workshop, "mia", path=team)
    workshop.run("boss", lambda tx: tx.move([MoveItem(ByPath(thing), ByPath(other))]), write=True)
    found = everywhere.read()
    assert [(change["kinds"], change["path"].startswith(other)) for change in found] == [(["rename"], True)] * 2
    assert [(change["kinds"], change["path"]) for change in inside.read()] == [
        (["remove"], thing),
        (["remove"], f"{thing}/{thing.rpartition('/')[2]}-P01"),
    ]


def test_local_roles_are_told_to_who_gets_them_alone(workshop: Gateway, team: str) -> None:
    carl, mia = Follower(workshop, "carl"), Follower(workshop, "mia")
    workshop.grant_local_roles(team, "carl", ["Owner"])
    assert [(change["kinds"], change["path"]) for change in carl.read()] == [(["update"], team)]
    assert mia.read() == []


def test_pages_of_one_change_and_filters_by_type_come_to_the_same(workshop: Gateway, team: str, person: str) -> None:
    whole, single = Follower(workshop, "mia"), Follower(workshop, "mia", size=1)
    parts = Follower(workshop, "mia", types=("Part",), path=team)
    things = [workshop.create("mia", "Thing", team, title=f"T{n}", Maker=person).path for n in range(3)]
    for path in things:
        workshop.create("mia", "Part", path, Kind="leg")
    workshop.act("mia", "hide", *things)
    found = whole.read()
    assert single.read() == found
    assert len({change["cursor"] for change in found}) == len(found)
    assert parts.read() == [change for change in found if change["portal_type"] == "Part"]
    # Each cursor of a change leads on from there.
    for place, change in enumerate(found):
        assert [*page(workshop, "mia", change["cursor"]).changes] == found[place + 1 :]


@pytest.mark.parametrize("since", ["", "x", "WyJhIl0", "Wy0xXQ", "é", "[" * 300])
def test_a_text_that_is_no_cursor_is_refused(workshop: Gateway, since: str) -> None:
    with pytest.raises(BadRequest, match="since"):
        workshop.run("mia", lambda tx: tx.changes(ChangesWanted(since)))


def test_a_cursor_behind_the_end_stays_where_it_is(workshop: Gateway) -> None:
    # As after a restored backup: what is new is told once its numbers are beyond.
    far = Place(10**9).cursor()
    assert page(workshop, "mia", far) == Changes((), far, more=False)


def test_a_page_takes_the_same_statements_whatever_is_on_it(workshop: Gateway, team: str, person: str) -> None:
    costs = []
    for count in (2, 12):
        mia = Follower(workshop, "mia")
        for number in range(count):
            path = workshop.create("mia", "Thing", team, title=f"{count} {number}", Maker=person).path
            workshop.remove("mia", workshop.uid(path))
        workshop.site.number_requests()
        with workshop.statements.counted() as statements:
            workshop.run("mia", lambda tx, own=mia: tx.changes(ChangesWanted(own.cursor)))
        costs.append(len(statements))
    assert costs[0] == costs[1] <= 5


def followed(follower: Follower, done: threading.Event) -> Iterator[dict[str, Any]]:
    """The changes that a follower reads until the writers are done, and the last ones then."""
    while not done.is_set():
        yield from follower.read()
    yield from follower.read()


def race(workshop: Gateway, team: str, person: str, turns: int, seed: int) -> None:
    """Let writers race, with a follower beside them: it is told of every version of each object once, in order."""
    shared = [workshop.create("mia", "Thing", team, title=f"Shared {n} {seed}", Maker=person).path for n in range(3)]
    follower, done = Follower(workshop, "mia", size=5), threading.Event()
    told: list[dict[str, Any]] = []

    def write(number: int) -> None:
        chance = random.Random(seed * 10 + number)
        for turn in range(turns):
            workshop.update("mia", chance.choice(shared), Count=1000 * number + turn + 10**6 * seed)
            if chance.random() < 0.3:
                workshop.create("mia", "Thing", team, title=f"{number} {turn} {seed}", Maker=person)

    def follow() -> None:
        told.extend(followed(follower, done))

    def write_all() -> None:
        try:
            assert errors(together(*(lambda own=number: write(own) for number in range(3)))) == []
        finally:  # else nothing would end the follower, and its thread would hide why a writer has failed
            done.set()

    assert errors(together(write_all, follow)) == []
    by_object: dict[str, list[int]] = {}
    for change in told:
        by_object.setdefault(change["UID"], []).append(change["version"])
    for path in shared:
        versions = by_object[workshop.uid(path)]
        assert versions == list(range(2, 2 + len(versions)))
        assert versions[-1] == workshop.run("boss", lambda tx, own=path: tx.entity(ByPath(own)).version)
    made = [versions for versions in by_object.values() if versions[0] == 1]
    assert all(versions == [1] for versions in made)
    assert len({change["cursor"] for change in told}) == len(told)


def test_racing_writers_are_followed_without_gap_or_repetition(workshop: Gateway, team: str, person: str) -> None:
    race(workshop, team, person, turns=8, seed=1)


@pytest.mark.extended
@pytest.mark.parametrize("seed", range(2, 8))
def test_many_racing_writers_are_followed(workshop: Gateway, team: str, person: str, seed: int) -> None:
    race(workshop, team, person, turns=40, seed=seed)

"""Objects created or changed by their natural keys, also by several requests at once."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier

import pytest

from objapi.errors import ApiError, BadRequest, Conflict, Forbidden, UnresolvedReference, ValidationError
from objapi.model.natural_keys import asked_key
from objapi.model.types import NaturalKey
from objapi.store.requests import BatchFailed, ByItem, ByPath, CreateItem, Outcome, UpdateItem
from objapi.store.schema import natural_key_locks
from tests.objapi.store.workshop import Gateway

TITLE, IN_TEAM, COUNT = (
    NaturalKey(("title",), shared=True),
    NaturalKey(("title",), "container"),
    NaturalKey(("Count",), "Owner"),
)


def person(title: str, **values: object) -> CreateItem:
    return CreateItem("Person", ByPath("/"), {"title": title, **values}, key=TITLE)


def thing(container: str | ByItem, title: str, key: NaturalKey = IN_TEAM, **values: object) -> CreateItem:
    holder = ByPath(container) if isinstance(container, str) else container
    return CreateItem("Thing", holder, {"title": title, **values}, key=key)


def upsert(gateway: Gateway, *items: CreateItem, user: str = "mia", **options: bool) -> Outcome:
    return gateway.run(user, lambda tx: tx.create(items, **options), write=True)


def refused(gateway: Gateway, *items: CreateItem, user: str = "mia") -> ApiError:
    before = gateway.dump()
    with pytest.raises(ApiError) as failure:
        upsert(gateway, *items, user=user)
    assert gateway.dump() == before
    return failure.value


def test_an_object_is_created_once_and_changed_from_then_on(workshop: Gateway, team: str) -> None:
    first = upsert(workshop, person(f"Mai {team}", Nickname="M"), user="boss").entries[0]
    second = upsert(workshop, person(f"Mai {team}", Nickname="May"), user="boss").entries[0]
    third = upsert(workshop, person(f"Mai {team}", Nickname="May"), user="boss").entries[0]
    assert (first.created, second.created, third.created) == (True, False, False)
    assert first.uid == second.uid == third.uid
    assert (first.updated, second.updated) == ((), ("Nickname",))
    assert [entry.version for entry in (first, second, third)] == [1, 2, 2]
    assert workshop.read("boss", first.path)["Nickname"] == "May"
    events = [row["event"] for row in workshop.history("boss", ByPath(first.path)).rows]
    assert events == ["update", "create"]
    workshop.assert_settled()
    assert not workshop.dump()[natural_key_locks.name]


def test_a_key_holds_within_its_container_or_reference(workshop: Gateway, team: str) -> None:
    other = workshop.create("boss", "Team", "/", title=f"Other {team}").path
    maker, owner = (workshop.create("boss", "Person", "/", title=f"{n} {team}").uid for n in ("Maker", "Owner"))
    here = upsert(workshop, thing(team, "Chair", Maker=maker)).entries[0]
    there = upsert(workshop, thing(other, "Chair", Maker=maker)).entries[0]
    again = upsert(workshop, thing(team, "Chair", Goes=[])).entries[0]
    assert (there.created, again.created, again.uid) == (True, False, here.uid)
    by_owner = replace(
        thing(team, "First", COUNT, Maker=maker, Owner=owner),
        values={"title": "First", "Maker": maker, "Owner": owner, "Count": 7},
    )
    made = upsert(workshop, by_owner).entries[0]
    changed = upsert(workshop, replace(by_owner, values={**by_owner.values, "title": "Second"})).entries[0]
    others = upsert(workshop, replace(by_owner, values={**by_owner.values, "title": "Third", "Owner": maker})).entries[
        0
    ]
    assert (changed.created, changed.uid, changed.updated) == (False, made.uid, ("title", "Maker"))
    assert others.created


def test_entries_are_told_apart_in_one_call_and_linked(workshop: Gateway, team: str) -> None:
    maker = upsert(workshop, person(f"Mai {team}"), user="boss").entries[0]
    chair = upsert(workshop, thing(team, "Chair", Maker=maker.uid)).entries[0]
    entries = upsert(
        workshop,
        thing(team, "Table", Maker={"ref": "mai"}, Goes=[{"ref": "chair"}]),
        replace(thing(team, "Chair", Maker={"ref": "max"}), name="chair"),
        replace(person(f"Mai {team}"), name="mai"),
        replace(person(f"Max {team}"), name="max"),
        CreateItem("Part", ByItem("chair"), {"Kind": "leg"}),
        user="boss",
    ).entries
    assert [entry.created for entry in entries] == [True, False, False, True, True]
    assert entries[1].uid == chair.uid
    assert workshop.read("boss", entries[0].path)["Goes"] == [chair.uid]
    assert workshop.read("boss", chair.path)["Maker"] == entries[3].uid
    assert entries[4].path.startswith(chair.path)
    workshop.assert_settled()


def test_several_objects_with_the_key_are_a_conflict(workshop: Gateway, team: str) -> None:
    for _ in range(2):
        workshop.create("boss", "Person", "/", title=f"Twin {team}")
    error = refused(workshop, person(f"Twin {team}"), user="boss")
    assert isinstance(error, Conflict) and "is that of 2 objects: /Plone/person-" in error.message


@pytest.mark.parametrize("partial", [False, True])
def test_one_key_twice_in_a_call_is_refused_whole(workshop: Gateway, team: str, partial: bool) -> None:
    items = (person(f"A {team}"), person(f"B {team}"), person(f"A {team}"))
    with pytest.raises(BadRequest, match=r"entry 2: title 'A .* natural key of entry 0") as failure:
        upsert(workshop, *items, user="boss", partial=partial)
    assert [cause.index for cause in failure.value.causes] == [2]
    assert workshop.total("boss", {"portal_type": "Person", "title": f"B {team}"}) == 0


def test_a_key_without_a_value_is_refused(workshop: Gateway, team: str) -> None:
    error = refused(workshop, person(" "), user="boss")
    assert isinstance(error, ValidationError) and "title" in error.message
    error = refused(workshop, thing(team, "x", COUNT))
    assert "Count: it is the natural key and has no value here" in error.message
    bad = thing(team, "x", COUNT, Count="many")
    assert "whole number" in refused(workshop, bad).message


def test_what_is_found_stays_where_it_is_and_keeps_its_id(workshop: Gateway, team: str) -> None:
    maker = upsert(workshop, person(f"Mai {team}"), user="boss").entries[0]
    other_id = replace(person(f"Mai {team}"), id="mai")
    assert isinstance(refused(workshop, other_id, user="boss"), Conflict)
    in_team = replace(person(f"Mai {team}"), container=ByPath(team))
    assert "stays where it is" in refused(workshop, in_team, user="boss").message
    without = replace(person(f"Mai {team}", Nickname="x"), container=None)
    assert upsert(workshop, without, user="boss").entries[0].uid == maker.uid


def test_what_may_not_be_seen_is_not_told(workshop: Gateway, team: str) -> None:
    maker = upsert(workshop, person(f"Mai {team}"), user="boss").entries[0]
    hidden = upsert(workshop, thing(team, "Chair", COUNT, Maker=maker.uid, Count=7)).entries[0]
    own = workshop.create("boss", "Team", "/", title=f"Own {team}").path
    for path in (own, maker.path):
        workshop.grant_local_roles(path, "olga", ["Owner"])
    assert workshop.find("olga", {"path": hidden.path}) == []
    error = refused(workshop, thing(own, "Stool", COUNT, Maker=maker.uid, Count=7), user="olga")
    assert isinstance(error, Conflict)
    assert error.message == "Count 7 cannot be given to another object here; choose another value."
    assert upsert(workshop, thing(own, "Stool", COUNT, Maker=maker.uid, Count=8), user="olga").entries[0].created
    # Who may not create there at all gets one answer, whether or not the key is taken.
    for user in ("olga", "cleo"):
        items = [thing(team, "Stool", COUNT, Maker=maker.uid, Count=number) for number in (7, 9)]
        messages = {refused(workshop, item, user=user).message for item in items}
        assert len(messages) == 1


def test_a_change_needs_the_rights_of_a_change(workshop: Gateway, team: str) -> None:
    maker = upsert(workshop, person(f"Mai {team}"), user="boss").entries[0]
    upsert(workshop, thing(team, "Chair", Maker=maker.uid))
    secret = refused(workshop, thing(team, "Chair", Secret="x"))
    assert isinstance(secret, Forbidden) and "Keep secrets" in secret.message
    audit = refused(workshop, thing(team, "Chair", Goes=[]), user="anna")
    assert isinstance(audit, Forbidden)
    unknown = refused(workshop, thing(team, "Chair", Wheel=4, Owner="title:nobody"))
    assert "Wheel" in unknown.message and "nobody" in unknown.message


def test_partial_leaves_out_what_cannot_be(workshop: Gateway, team: str) -> None:
    maker = upsert(workshop, person(f"Mai {team}"), user="boss").entries[0]
    chair = upsert(workshop, thing(team, "Chair", Maker=maker.uid)).entries[0]
    items = (
        replace(thing(team, "Chair", Maker="title:nobody"), name="chair"),
        thing(team, "Table", Maker=maker.uid),
        thing(team, "Stool", Maker=maker.uid, Goes=[{"ref": "chair"}]),
    )
    outcome = upsert(workshop, *items, partial=True)
    assert [type(entry.error) for entry in outcome.entries] == [UnresolvedReference, type(None), UnresolvedReference]
    assert (outcome.entries[0].uid, outcome.entries[0].created) == (chair.uid, False)
    with pytest.raises(BatchFailed):
        upsert(workshop, *items)


def test_a_dry_run_says_which_it_would_be(workshop: Gateway, team: str) -> None:
    upsert(workshop, person(f"Mai {team}"), user="boss")
    before = workshop.dump()
    items = (person(f"Mai {team}", Nickname="M"), person(f"Max {team}"))
    outcome = upsert(workshop, *items, user="boss", dry_run=True)
    assert [entry.created for entry in outcome.entries] == [False, True]
    assert [change.event for change in outcome.plan.changes] == ["create", "update"]
    assert workshop.dump() == before


def test_requests_at_once_leave_one_object(workshop: Gateway, team: str) -> None:
    together, count = 4, 3
    for turn in range(count):
        barrier = Barrier(together)

        def work(number: int, turn: int = turn, barrier: Barrier = barrier) -> list[bool]:
            names = [f"{name} {turn} {team}" for name in ("Ada", "Bob", "Cid")]
            # Each request has them in another order, and some that no other has.
            items = [person(names[(number + n) % 3], Nickname=str(number)) for n in range(3)]
            barrier.wait()
            return [
                entry.created
                for entry in upsert(workshop, *items, person(f"Own {number} {turn} {team}"), user="boss").entries
            ]

        with ThreadPoolExecutor(together) as pool:
            created = [made for answer in pool.map(work, range(together)) for made in answer]
        assert created.count(True) == 3 + together
        for name in ("Ada", "Bob", "Cid"):
            assert workshop.total("boss", {"portal_type": "Person", "title": f"{name} {turn} {team}"}) == 1


def test_statements_do_not_grow_with_items(workshop: Gateway, team: str) -> None:
    counts: list[Mapping[str, int]] = []
    for turn, number in enumerate((4, 200)):
        names = [f"Many {turn} {n} {team}" for n in range(number)]
        costs = {}
        for what, half in (("create", names[::2]), ("both", names)):
            items = [person(name, Nickname=what) for name in half]
            with workshop.statements.counted() as inside:
                upsert(workshop, *items, user="boss")
            costs[what] = len(inside)
        counts.append(costs)
    assert counts[1]["create"] <= counts[0]["create"] + 3
    assert counts[1]["both"] <= counts[0]["both"] + 3


def test_keys_are_named_by_their_fields_in_any_order(workshop: Gateway) -> None:
    types = workshop.site.registry.types
    assert asked_key(types["Thing"], " Count ") == COUNT
    assert asked_key(types["Thing"], "Old name") == IN_TEAM
    assert asked_key(types["Thing"], "Owner") == "'Owner' is no natural key of Thing: it has title or Count"
    assert asked_key(types["Label"], "title") == "'title' is no natural key of Label: it declares none"


# Keys are unique, whatever makes or changes them


def owned(gateway: Gateway, team: str, title: str, owner: str, count: int | None, user: str = "mia") -> str:
    return gateway.create(user, "Thing", team, title=title, Maker=owner, Owner=owner, Count=count).path


def test_a_key_is_given_once_whatever_gives_it(workshop: Gateway, team: str) -> None:
    owner, other = (workshop.create("boss", "Person", "/", title=f"{n} {team}").uid for n in ("One", "Two"))
    first = owned(workshop, team, "First", owner, 7)
    second = owned(workshop, team, "Second", owner, 8)
    third = owned(workshop, team, "Third", other, 7)
    words = f"Count 7 is that of {first}; choose another value"
    before = workshop.dump()
    for write in (
        lambda: owned(workshop, team, "Fourth", owner, 7),
        lambda: workshop.update("mia", second, Count=7),
        lambda: workshop.update("mia", third, Owner=owner),
        lambda: upsert(
            workshop, CreateItem("Thing", ByPath(team), {"title": "A", "Maker": owner, "Owner": owner, "Count": 7})
        ),
    ):
        with pytest.raises(ValidationError, match=words) as failure:
            write()
        assert [(cause.name, cause.code) for cause in failure.value.causes] == [("Count", "taken")]
    assert workshop.dump() == before
    # What is empty, or given up in the same request, is nobody's.
    owned(workshop, team, "Fifth", owner, None)
    owned(workshop, team, "Sixth", owner, None)
    swapped = [UpdateItem(ByPath(first), {"Count": 8}), UpdateItem(ByPath(second), {"Count": 7})]
    workshop.run("mia", lambda tx: tx.update(swapped), write=True)
    assert [workshop.read("mia", path)["Count"] for path in (first, second)] == [8, 7]
    workshop.assert_settled()


def test_of_two_in_one_request_the_first_has_the_key(workshop: Gateway, team: str) -> None:
    owner = workshop.create("boss", "Person", "/", title=f"One {team}").uid
    items = [replace(thing(team, f"T{n}", Maker=owner, Owner=owner, Count=n // 2), key=None) for n in range(3)]
    outcome = upsert(workshop, *items, partial=True)
    assert [entry.error is None for entry in outcome.entries] == [True, False, True]
    assert "Count 0 is that of" in str(outcome.entries[1].error)


def test_who_may_not_see_the_other_is_not_told_which_it_is(workshop: Gateway, team: str) -> None:
    maker = workshop.create("boss", "Person", "/", title=f"Mai {team}")
    owned(workshop, team, "Chair", maker.uid, 7)
    own = workshop.create("boss", "Team", "/", title=f"Own {team}").path
    for path in (own, maker.path):
        workshop.grant_local_roles(path, "olga", ["Owner"])
    with pytest.raises(ValidationError, match=r"^Count 7 cannot be given to another object here") as failure:
        owned(workshop, own, "Stool", maker.uid, 7, user="olga")
    assert team not in failure.value.message


def test_a_shared_key_is_had_by_several(workshop: Gateway, team: str) -> None:
    paths = {workshop.create("boss", "Person", "/", title=f"Twin {team}").path for _ in range(2)}
    assert len(paths) == 2


def test_plain_requests_at_once_leave_one_object(workshop: Gateway, team: str) -> None:
    owner = workshop.create("boss", "Person", "/", title=f"One {team}").uid
    barrier = Barrier(4)

    def work(number: int) -> bool:
        barrier.wait()
        try:
            owned(workshop, team, f"At once {number}", owner, 7)
        except ValidationError:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(work, range(4))) == [False, False, False, True]


def test_uniqueness_costs_the_same_for_any_number(workshop: Gateway, team: str) -> None:
    owner = workshop.create("boss", "Person", "/", title=f"One {team}").uid
    costs = []
    for turn, number in enumerate((4, 200)):
        items = [
            replace(thing(team, f"N{turn} {n}", Maker=owner, Owner=owner, Count=1000 * turn + n), key=None)
            for n in range(number)
        ]
        with workshop.statements.counted() as inside:
            upsert(workshop, *items)
        costs.append(len(inside))
    assert costs[1] <= costs[0] + 3

"""Moving and renaming: everything in an object moves along, and what is stored is as if it had been made there."""

import random
from collections.abc import Mapping
from dataclasses import replace

import pytest

from objapi.errors import ApiError, BadRequest, Conflict, Forbidden, NotFound, TooLarge, ValidationError
from objapi.store.requests import ByPath, ByUid, CreateItem, MoveItem, Outcome, VersionMatch
from tests.objapi.store.workshop import Gateway, assert_places_are_right


def move(
    gateway: Gateway, user: str, path: str, to: str | None = None, id: str | None = None, **options: object
) -> Outcome:
    item = MoveItem(ByPath(path), None if to is None else ByPath(to), id)
    return gateway.run(user, lambda tx: tx.move([item], **options), write=True)


@pytest.fixture
def box(workshop: Gateway, team: str) -> str:
    return workshop.create("mia", "Box", team, title="Box").path


@pytest.fixture
def thing(workshop: Gateway, box: str, person: str) -> str:
    thing = workshop.create("mia", "Thing", box, title="A thing", Maker=person, Owner=person).path
    workshop.create("mia", "Part", thing, Kind="leg", Grams=3)
    return thing


@pytest.fixture
def other(workshop: Gateway) -> str:
    """Another team, with a city of its own."""
    title = f"Other {random.random()}"
    return workshop.create("boss", "Team", "/", title=title, Address={"city": "Oslo"}).path


def test_all_that_it_contains_moves_along(workshop: Gateway, box: str, thing: str, other: str) -> None:
    uids = [workshop.uid(path) for path in (box, thing, f"{thing}/{thing.rpartition('/')[2]}-P01")]
    outcome = move(workshop, "mia", box, other)
    new = [workshop.run("boss", lambda tx, uid=uid: tx.entity(ByUid(uid))).path for uid in uids]
    assert new[0] == outcome.entries[0].path == f"{other}/{box.rpartition('/')[2]}"
    assert new[1].startswith(f"{new[0]}/") and new[2].startswith(f"{new[1]}/")
    for old in (box, thing):
        with pytest.raises(NotFound):
            workshop.uid(old)
    assert workshop.total("mia", {"path": other}) == 4
    assert workshop.total("mia", {"path": box.rpartition("/")[0]}) == 1
    assert_places_are_right(workshop)
    workshop.assert_settled()


def test_what_comes_from_the_container_is_that_of_the_new_one(workshop: Gateway, team: str, other: str) -> None:
    maker = workshop.create("boss", "Person", "/", title="Maker").uid
    thing = workshop.create("mia", "Thing", team, title="Vase", Maker=maker).path
    part = workshop.create("mia", "Part", thing, Kind="rim", Grams=7).uid
    new = move(workshop, "mia", thing, other).entries[0].path
    assert workshop.read("mia", new)["City"] == "Oslo"
    assert workshop.find("mia", {"UID": part})[0]["Where"] == "Oslo"
    assert workshop.total("mia", {"city": "Oslo", "path": new}) == 2
    assert (workshop.read("mia", team)["Weights"], workshop.read("mia", team)["Heaviest"]) == ([], 0)
    assert (workshop.read("mia", other)["Weights"], workshop.read("mia", other)["Heaviest"]) == ([7], 7)
    workshop.assert_settled()


def test_local_roles_follow_the_place(workshop: Gateway, box: str, thing: str, other: str) -> None:
    workshop.grant_local_roles(other, "carl", ["Client"])
    workshop.grant_local_roles(box.rpartition("/")[0], "cleo", ["Client"])
    uid = {"UID": workshop.uid(thing)}
    assert (workshop.total("cleo", uid), workshop.total("carl", uid)) == (1, 0)
    new = move(workshop, "mia", box, other).entries[0].path
    assert (workshop.total("cleo", uid), workshop.total("carl", uid)) == (0, 1)
    assert_places_are_right(workshop)
    # Roles that were granted on the object itself move with it.
    workshop.grant_local_roles(new, "olga", ["Owner"])
    move(workshop, "mia", new, box.rpartition("/")[0])
    assert (workshop.total("olga", uid), workshop.total("cleo", uid), workshop.total("carl", uid)) == (1, 1, 0)
    assert_places_are_right(workshop)
    workshop.assert_settled()


def test_access_by_reference_follows_both_sides(workshop: Gateway, team: str, other: str) -> None:
    workshop.grant_local_roles(team, "cleo", ["Client"])
    workshop.grant_local_roles(other, "carl", ["Client"])
    box = workshop.create("mia", "Box", team, title="Yard").path
    shed = workshop.create("mia", "Shed", box, title="Shed")
    parcel = workshop.create("mia", "Parcel", "/", For=shed.uid)
    slip = {"UID": workshop.create("mia", "Slip", parcel.path).uid}
    assert (workshop.total("cleo", slip), workshop.total("carl", slip)) == (1, 0)
    # What the parcel is for moves, by its container.
    box = move(workshop, "mia", box, other).entries[0].path
    assert (workshop.total("cleo", slip), workshop.total("carl", slip)) == (0, 1)
    assert_places_are_right(workshop)
    # The parcel moves into what it is for, and elsewhere again.
    for place in (f"{box}/{shed.id}", team, box):
        at = workshop.run("boss", lambda tx: tx.entity(ByUid(parcel.uid))).path
        move(workshop, "boss", at, place)
        assert_places_are_right(workshop)
        assert (workshop.total("cleo", slip), workshop.total("carl", slip)) == (int(place == team), 1)
    workshop.assert_settled()


def test_references_lead_to_it_as_before(workshop: Gateway, team: str, thing: str, person: str) -> None:
    uid = workshop.uid(thing)
    referring = workshop.create("mia", "Thing", team, title="Refers", Maker=person, Goes=[uid]).path
    new = move(workshop, "mia", thing, None, "renamed").entries[0].path
    assert workshop.read("mia", referring)["Goes"] == [uid]
    assert workshop.uid(new) == uid
    workshop.assert_settled()


def test_the_history_goes_on_and_names_both_places(workshop: Gateway, thing: str, other: str) -> None:
    uid = workshop.uid(thing)
    new = move(workshop, "mia", thing, other, "gift").entries[0].path
    rows = workshop.history("anna", ByUid(uid)).rows
    assert rows[0]["event"] == "rename"
    assert rows[0]["changes"] == {
        "id": {"old": thing.rpartition("/")[2], "new": "gift"},
        "path": {"old": thing, "new": new},
    }
    assert rows[-1]["event"] == "create"


def test_an_id_that_was_given_up_is_not_given_again(workshop: Gateway, team: str, person: str) -> None:
    first = workshop.create("mia", "Thing", team, title="First", Maker=person)
    move(workshop, "mia", first.path, None, "other-name")
    assert workshop.create("mia", "Thing", team, title="Second", Maker=person).id > first.id
    numbered = workshop.create("mia", "Thing", team, title="Third", Maker=person)
    ahead = f"thing-{int(numbered.id.rpartition('-')[2]) + 50}"
    move(workshop, "mia", numbered.path, None, ahead)
    following = workshop.create("mia", "Thing", team, title="Fourth", Maker=person).id
    assert following == f"thing-{int(ahead.rpartition('-')[2]) + 1}"


def test_a_dry_run_tells_both_paths_and_does_nothing(workshop: Gateway, thing: str, other: str) -> None:
    before = workshop.dump()
    plan = move(workshop, "mia", thing, other, dry_run=True).plan
    assert workshop.dump() == before
    (change,) = plan.changes
    assert (change.event, [(item.field, item.old) for item in change.fields]) == ("rename", [("path", thing)])
    assert plan.reindexed >= 1


@pytest.mark.parametrize(
    ("user", "source", "target", "id", "error", "words"),
    [
        ("mia", "{box}", "{box}", None, BadRequest, "into itself"),
        ("mia", "{box}", "{inner}", None, BadRequest, "into itself"),
        ("mia", "{thing}", "/", None, BadRequest, "cannot hold a Thing"),
        ("mia", "{thing}", "{other}/nothing", None, NotFound, "There is no object"),
        ("mia", "{thing}", "{other}", "a b", ValidationError, "a b"),
        ("mia", "{thing}", "{other}", "x" * 129, ValidationError, "128"),
        ("anna", "{thing}", "{other}", None, Forbidden, "Delete objects"),
        ("olga", "{thing}", "{other}", None, NotFound, "There is no object"),
        ("boss", "/settings", None, "set", ValidationError, "layout"),
        ("boss", "/", None, "Site", ValidationError, "layout"),
    ],
)
def test_what_cannot_be_moved_is_refused(
    workshop: Gateway,
    team: str,
    box: str,
    thing: str,
    other: str,
    user: str,
    source: str,
    target: str | None,
    id: str | None,
    error: type[ApiError],
    words: str,
) -> None:
    inner = workshop.create("mia", "Box", box, title="Inner").path
    names: Mapping[str, str] = {"box": box, "inner": inner, "thing": thing, "other": other}
    before = workshop.dump()
    with pytest.raises(error, match=words):
        move(workshop, user, source.format(**names), None if target is None else target.format(**names), id)
    assert workshop.dump() == before


def test_what_the_site_is_laid_out_with_stays(workshop: Gateway, team: str, box: str) -> None:
    registry = replace(workshop.site.registry, layout=({"path": team.removeprefix("/Plone"), "portal_type": "Team"},))
    site = replace(workshop.site, context=replace(workshop.site.context, registry=registry))
    with pytest.raises(ValidationError, match="part of the site's layout"):
        move(replace(workshop, site=site), "boss", team, None, "another")
    move(replace(workshop, site=site), "boss", box, None, "another")


def test_taken_ids_and_titles_are_refused(workshop: Gateway, team: str, other: str, person: str) -> None:
    thing = workshop.create("mia", "Thing", team, title="Twin", Maker=person)
    workshop.create("mia", "Thing", other, title="Twin", Maker=person)
    with pytest.raises(ValidationError, match="'Twin' is taken"):
        move(workshop, "mia", thing.path, other)
    workshop.create("mia", "Box", other, id="same", title="Another")
    box = workshop.create("mia", "Box", team, title="A box").path
    with pytest.raises(Conflict, match="The id 'same' is taken"):
        move(workshop, "mia", box, other, "same")


def test_what_a_state_keeps_holds_its_container_where_it_is(
    workshop: Gateway, box: str, thing: str, other: str
) -> None:
    workshop.act("mia", "hide", thing)
    for path in (thing, box):
        with pytest.raises(ApiError, match="in state hidden and stays") as refusal:
            move(workshop, "boss", path, other)
        assert refusal.value.status == 409


def test_the_right_to_remove_is_needed_on_everything_inside(
    workshop: Gateway, box: str, thing: str, other: str
) -> None:
    workshop.grant_local_roles(box, "olga", ["Owner"])
    workshop.grant_local_roles(other, "olga", ["Owner"])
    with pytest.raises(Forbidden, match="Delete objects"):
        move(workshop, "olga", thing, other)


def test_a_version_is_honoured(workshop: Gateway, thing: str, other: str) -> None:
    with pytest.raises(Conflict, match="has version 1"):
        move(workshop, "mia", thing, other, match=VersionMatch(frozenset({5})))
    entry = move(workshop, "mia", thing, other, match=VersionMatch(frozenset({1}))).entries[0]
    assert entry.version == 2


def test_where_it_is_already_it_stays_without_a_trace(workshop: Gateway, box: str, thing: str) -> None:
    before = workshop.dump()
    assert move(workshop, "mia", thing, box).applied is False
    assert workshop.dump() == before


def test_several_move_or_none(workshop: Gateway, team: str, other: str, person: str) -> None:
    things = [workshop.create("mia", "Thing", team, title=f"S{n}", Maker=person).path for n in range(3)]
    workshop.create("mia", "Thing", other, title="S1", Maker=person)
    items = [MoveItem(ByPath(path), ByPath(other)) for path in things]
    with pytest.raises(ValidationError, match="S1"):
        workshop.run("mia", lambda tx: tx.move(items), write=True)
    assert workshop.total("mia", {"path": team, "portal_type": "Thing"}) == 3
    outcome = workshop.run("mia", lambda tx: tx.move(items, partial=True), write=True)
    assert [entry.error is None for entry in outcome.entries] == [True, False, True]
    assert workshop.total("mia", {"path": team, "portal_type": "Thing"}) == 1
    with pytest.raises(ApiError, match="named twice"):
        workshop.run("mia", lambda tx: tx.move([items[1], items[1]]), write=True)


def test_a_place_that_one_leaves_another_may_take(workshop: Gateway, team: str, other: str) -> None:
    late = workshop.create("mia", "Box", other, title="X", id="x").path
    early = workshop.create("mia", "Box", team, title="X", id="x").path
    for path in (late, early):
        workshop.create("mia", "Box", path, title="in", id="in")
    uid = workshop.uid(early)
    third = workshop.create("boss", "Team", "/", title=f"Third {team}").path
    for first, second in ((late, early), (early, late)):
        items = [MoveItem(ByPath(first), ByPath(third)), MoveItem(ByPath(second), ByPath(first.rpartition("/")[0]))]
        workshop.run("mia", lambda tx, items=items: tx.move(items), write=True)
        assert_places_are_right(workshop)
        move(workshop, "mia", f"{third}/x", second.rpartition("/")[0])
    assert workshop.uid(early) == uid
    workshop.assert_settled()


def test_what_a_move_takes_is_bounded(workshop: Gateway, box: str, thing: str) -> None:
    site = replace(workshop.site, context=replace(workshop.site.context, most_tree=2))
    workshop = replace(workshop, site=site)
    with pytest.raises(TooLarge, match="OBJAPI_MAX_TREE_OBJECTS"):
        move(workshop, "mia", box, None, "crate")
    move(workshop, "mia", thing, None, "small")


def test_statements_do_not_grow_with_what_moves(workshop: Gateway, team: str, other: str, person: str) -> None:
    counts = []
    for number in (5, 120):
        box = workshop.create("mia", "Box", team, title=f"Box of {number}").path
        values = {"Maker": person, "Owner": person}
        things = workshop.create_all(
            "mia", [CreateItem("Thing", ByPath(box), {"title": f"T{n}", **values}) for n in range(number)]
        )
        workshop.create_all("mia", [CreateItem("Part", ByPath(e.path), {"Kind": "leg"}) for e in things.entries])
        with workshop.statements.counted() as inside:
            move(workshop, "mia", box, other)
        counts.append(len(inside))
    assert counts[1] <= counts[0] + 4
    workshop.assert_settled()


def test_statements_do_not_grow_with_how_many_are_named(workshop: Gateway, team: str, other: str, person: str) -> None:
    counts = []
    for number in (5, 120):
        items = [
            CreateItem("Thing", ByPath(team), {"title": f"{number}.{n}", "Maker": person, "Owner": person})
            for n in range(number)
        ]
        made = workshop.create_all("mia", items).entries
        moves = [MoveItem(ByUid(entry.uid), ByPath(other)) for entry in made]
        with workshop.statements.counted() as inside:
            workshop.run("mia", lambda tx, moves=moves: tx.move(moves), write=True)
        counts.append(len(inside))
    assert counts[1] <= counts[0] + 4
    workshop.assert_settled()


@pytest.mark.parametrize("seed", [1, 2, pytest.param(3, marks=pytest.mark.extended)])
def test_any_moves_leave_what_a_reindex_would_make(workshop: Gateway, seed: int) -> None:
    chance = random.Random(seed)
    teams = [
        workshop.create("boss", "Team", "/", title=f"Grove {seed} {n}", Address={"city": f"C{n}"}).path
        for n in range(2)
    ]
    owner = workshop.create("boss", "Person", "/", title=f"Owner {seed}").uid
    boxes = [workshop.create("mia", "Box", chance.choice(teams), title=f"B{n}").uid for n in range(2)]
    uids = [*boxes]

    def path_of(uid: str) -> str:
        return workshop.run("boss", lambda tx: tx.entity(ByUid(uid))).path

    for number in range(8):
        parent = path_of(chance.choice(boxes))
        if chance.random() < 0.6:
            kind = chance.choice(["Box", "Box", "Shed"])
            uids.append(workshop.create("mia", kind, path_of(chance.choice(boxes)), title=f"N{number}").uid)
            if kind == "Box":
                boxes.append(uids[-1])
            else:
                parcel = workshop.create("mia", "Parcel", path_of(chance.choice(boxes)), For=uids[-1])
                workshop.create("mia", "Slip", parcel.path)
                uids.append(parcel.uid)
        else:
            thing = workshop.create("mia", "Thing", parent, title=f"T{number}", Maker=owner, Owner=owner)
            workshop.create("mia", "Part", thing.path, Kind="leg", Grams=chance.randint(1, 9))
    workshop.grant_local_roles(path_of(chance.choice(uids)), "carl", ["Client"])
    assert_places_are_right(workshop)
    moved = 0
    for number in range(12):
        items = [
            MoveItem(
                ByUid(uid),
                ByPath(chance.choice([*teams, *map(path_of, uids)])) if chance.random() < 0.8 else None,
                f"r{seed}-{number}-{place}" if chance.random() < 0.4 else None,
            )
            for place, uid in enumerate(chance.sample(uids, chance.randint(1, 2)))
        ]
        try:
            workshop.run("mia", lambda tx, items=items: tx.move(items), write=True)
            moved += 1
        except ApiError:
            continue
        assert_places_are_right(workshop)
    assert moved > 2
    workshop.assert_settled()

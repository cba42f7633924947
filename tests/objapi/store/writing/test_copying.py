"""Copies: made anew by the rules of a creation, of what the user may read and write."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from objapi.errors import ApiError, BadRequest, Forbidden, NotFound, TooLarge, ValidationError
from objapi.store.requests import ByPath, CopyItem, CreateItem, Entry, Outcome
from tests.objapi.store.workshop import Gateway


def copy_all(gateway: Gateway, user: str, items: list[CopyItem], **options: bool) -> Outcome:
    return gateway.run(user, lambda tx: tx.copy(items, **options), write=True)


def copy(
    gateway: Gateway,
    user: str,
    path: str,
    to: str | None = None,
    id: str | None = None,
    *,
    deep: bool = True,
    **values: object,
) -> Entry:
    item = CopyItem(ByPath(path), None if to is None else ByPath(to), values, id, deep)
    return copy_all(gateway, user, [item]).entries[0]


@pytest.fixture
def thing(workshop: Gateway, team: str, person: str) -> str:
    thing = workshop.create("mia", "Thing", team, title="A thing", Maker=person, Count=3).path
    for kind in ("leg", "arm"):
        workshop.create("mia", "Part", thing, Kind=kind, Grams=4)
    return thing


def test_a_copy_is_a_new_object_with_the_values(workshop: Gateway, thing: str, person: str) -> None:
    workshop.act("mia", "hide", thing)
    made = copy(workshop, "boss", thing, title="Second")
    assert made.uid != workshop.uid(thing) and made.id != thing.rpartition("/")[2]
    assert (made.copies, made.left_out, made.source_uid) == (3, (), workshop.uid(thing))
    read = workshop.read("mia", made.path)
    assert (read["Count"], read["Maker"], read["Weight"]) == (3, person, 8)
    assert (read["title"], read["review_state"], read["version"]) == ("Second", "open", 1)
    assert workshop.total("mia", {"path": made.path, "portal_type": "Part"}) == 2
    assert workshop.history("anna", ByPath(made.path)).rows[-1]["event"] == "create"
    workshop.assert_settled()


def test_a_flat_copy_is_without_what_it_contains(workshop: Gateway, thing: str) -> None:
    made = copy(workshop, "mia", thing, deep=False, title="Bare")
    assert made.copies == 1
    assert workshop.total("mia", {"path": made.path}) == 1


def test_a_copy_goes_where_it_is_asked_to(workshop: Gateway, thing: str) -> None:
    team = workshop.create("boss", "Team", "/", title=f"For copies {thing}", Address={"city": "Bern"}).path
    made = copy(workshop, "mia", thing, team, "chosen")
    assert made.path == f"{team}/chosen"
    assert workshop.read("mia", made.path)["City"] == "Bern"
    again = copy(workshop, "mia", thing, team, title="Another")
    assert again.path.rpartition("-")[0] == f"{team}/thing"


def test_a_title_that_is_taken_has_to_be_given(workshop: Gateway, thing: str) -> None:
    with pytest.raises(ValidationError, match="'A thing' is taken") as refusal:
        copy(workshop, "mia", thing)
    assert [cause.name for cause in refusal.value.causes] == ["title"]


def test_references_inside_lead_inside(workshop: Gateway, team: str, thing: str, person: str) -> None:
    box = workshop.create("mia", "Box", team, title="Set").path
    outside = workshop.uid(thing)
    # Each refers to the other, whichever is copied first.
    first = workshop.create("mia", "Thing", box, title="First", Maker=person)
    second = workshop.create("mia", "Thing", box, title="Second", Maker=person, Goes=[first.uid, outside])
    workshop.update("mia", first.path, Goes=[second.uid])
    made = copy(workshop, "mia", box, title="Set two")
    things = {item["title"]: item for item in workshop.find("mia", {"path": made.path, "portal_type": "Thing"})}
    assert things["First"]["Goes"] == [things["Second"]["UID"]]
    assert things["Second"]["Goes"] == [things["First"]["UID"], outside]
    assert {item["Maker"] for item in things.values()} == {person}
    assert first.uid not in {item["UID"] for item in things.values()}
    workshop.assert_settled()


def test_what_may_not_be_read_or_written_is_left_out_and_told(workshop: Gateway, team: str, person: str) -> None:
    thing = workshop.create("boss", "Thing", team, title="Safe", Maker=person, Secret="0000").path
    workshop.grant_local_roles(team, "anna", ["Owner"])
    for user, reason in (("mia", "you may not read it"), ("anna", "you may not write it in the copy")):
        made = copy(workshop, user, thing, title=f"Of {user}")
        assert [(item.path, item.field) for item in made.left_out] == [(thing, "Secret")]
        assert reason in made.left_out[0].message
        assert "Secret" not in workshop.read("mia", made.path)
        assert workshop.read("boss", made.path).get("Secret") in (None, "")
    assert copy(workshop, "boss", thing, title="Of boss").left_out == ()
    # Whether there is a secret is not told to whoever may not read it.
    plain = workshop.create("mia", "Thing", team, title="Plain", Maker=person).path
    assert [item.field for item in copy(workshop, "mia", plain, title="Plain two").left_out] == ["Secret"]
    with pytest.raises(Forbidden, match="Keep secrets"):
        copy(workshop, "mia", thing, title="Sent", Secret="1111")


def test_what_the_user_may_not_see_is_not_copied(workshop: Gateway, team: str, person: str) -> None:
    box = workshop.create("mia", "Box", team, title="Mixed").path
    seen = workshop.create("mia", "Thing", box, title="Seen", Maker=person).path
    hidden = workshop.create("mia", "Thing", box, title="Hidden", Maker=person)
    workshop.update("boss", seen, Goes=[hidden.uid])
    workshop.act("mia", "hide", hidden.path)
    assert copy(workshop, "mia", box, title="By mia").copies == 3
    # An owner of the team does not see what is hidden.
    workshop.grant_local_roles(team, "anna", ["Owner"])
    with pytest.raises(NotFound):
        copy(workshop, "anna", hidden.path)
    with pytest.raises(Forbidden, match="Add portal content"):
        copy(workshop, "anna", box, title="By anna")
    made = copy(workshop, "anna", seen, title="By anna")
    assert ("Goes", "Goes: it refers to what you may not see.") in [
        (item.field, item.message) for item in made.left_out
    ]
    assert workshop.read("boss", made.path)["Goes"] == []


def test_what_a_copy_lacks_has_to_be_given(workshop: Gateway, team: str, person: str) -> None:
    thing = workshop.create("mia", "Thing", team, title="Lent", Maker=person).path
    # An owner of the team sees no persons.
    workshop.grant_local_roles(team, "olga", ["Owner"])
    with pytest.raises(ValidationError, match=r"Maker: .*give it in fields"):
        copy(workshop, "olga", thing, title="Borrowed")


def test_a_copy_needs_a_natural_key_of_its_own(workshop: Gateway, team: str, person: str) -> None:
    thing = workshop.create("mia", "Thing", team, title="Keyed", Maker=person, Owner=person, Count=7).path
    other = workshop.create("boss", "Person", "/", title=f"Other owner {team}").uid
    before = workshop.dump()
    with pytest.raises(ValidationError, match=r"Count 7 is that of .*; choose another value"):
        copy(workshop, "boss", thing, title="Keyed again")
    assert workshop.dump() == before
    for number, values in enumerate(({"Count": 8}, {"Owner": other})):
        assert copy(workshop, "boss", thing, title=f"Keyed {number}", **values).copies == 1


def test_files_are_copied(workshop: Gateway, thing: str) -> None:
    workshop.update("mia", thing, Manual={"filename": "a.txt", "base64": "aGVsbG8="})
    made = copy(workshop, "mia", thing, title="With manual")
    stored = workshop.run("mia", lambda tx: b"".join(tx.file(ByPath(made.path), "Manual").chunks))
    assert stored == b"hello"


@pytest.mark.parametrize(
    ("user", "source", "target", "values", "error", "words"),
    [
        ("boss", "/settings", None, {}, ValidationError, "layout"),
        ("boss", "/", None, {}, ValidationError, "layout"),
        ("mia", "{box}", "{box}", {}, BadRequest, "into itself"),
        ("mia", "{thing}", "/", {"title": "x"}, BadRequest, "cannot hold a Thing"),
        ("mia", "{thing}", None, {"title": "x", "Size": 1}, BadRequest, "Size"),
        ("mia", "{thing}", None, {"title": "x", "Count": "many"}, ValidationError, "Count"),
        ("mia", "{thing}", "{box}/none", {}, NotFound, "There is no object"),
        ("olga", "{thing}", None, {}, NotFound, "There is no object"),
        ("anna", "{thing}", None, {"title": "x"}, Forbidden, "Add thing"),
    ],
)
def test_what_cannot_be_copied_is_refused(
    workshop: Gateway,
    team: str,
    thing: str,
    user: str,
    source: str,
    target: str | None,
    values: Mapping[str, object],
    error: type[ApiError],
    words: str,
) -> None:
    box = workshop.create("mia", "Box", team, title="Box").path
    before = workshop.dump()
    with pytest.raises(error, match=words):
        copy(
            workshop,
            user,
            source.format(box=box, thing=thing),
            None if target is None else target.format(box=box),
            **values,
        )
    assert workshop.dump() == before


def test_a_flat_copy_may_lie_in_its_source(workshop: Gateway, team: str) -> None:
    box = workshop.create("mia", "Box", team, title="Nest").path
    assert copy(workshop, "mia", box, box, deep=False).path == f"{box}/nest"


def test_several_are_copied_or_none_and_a_dry_run_does_nothing(workshop: Gateway, thing: str, team: str) -> None:
    other = workshop.create("boss", "Team", "/", title=f"Lot {team}").path
    items = [CopyItem(ByPath(thing), ByPath(other)), CopyItem(ByPath(f"{team}/none"), ByPath(other))]
    before = workshop.dump()
    with pytest.raises(ApiError, match="none"):
        copy_all(workshop, "mia", items)
    plan = copy_all(workshop, "mia", items[:1], dry_run=True).plan
    assert workshop.dump() == before
    assert sorted(change.event for change in plan.changes) == ["create"] * 3
    outcome = copy_all(workshop, "mia", [*items, CopyItem(ByPath(thing), ByPath(other))], partial=True)
    assert [entry.error is None for entry in outcome.entries] == [True, False, False]


def test_what_a_copy_takes_is_bounded(workshop: Gateway, thing: str) -> None:
    site = replace(workshop.site, context=replace(workshop.site.context, most_tree=2))
    with pytest.raises(TooLarge, match="OBJAPI_MAX_TREE_OBJECTS"):
        copy(replace(workshop, site=site), "mia", thing, title="Too much")


def test_statements_do_not_grow_with_what_is_copied(workshop: Gateway, team: str, person: str) -> None:
    counts = []
    for number in (5, 120):
        box = workshop.create("mia", "Box", team, title=f"Box of {number}").path
        values = {"Maker": person, "Owner": person}
        things = workshop.create_all(
            "mia", [CreateItem("Thing", ByPath(box), {"title": f"T{n}", **values}) for n in range(number)]
        )
        workshop.create_all("mia", [CreateItem("Part", ByPath(e.path), {"Kind": "leg"}) for e in things.entries])
        with workshop.statements.counted() as inside:
            assert copy(workshop, "boss", box, title=f"Copy of {number}").copies == 1 + 2 * number
        counts.append(len(inside))
    assert counts[1] <= counts[0] + 4
    workshop.assert_settled()

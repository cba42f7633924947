"""Objects created in one request that refer to each other, or contain each other, by names in the request."""

from collections.abc import Sequence

import pytest

from objapi.errors import ApiError, BadRequest, Conflict, NotFound, UnresolvedReference, ValidationError
from objapi.store.requests import BatchFailed, ByItem, ByPath, CreateItem, Outcome, UpdateItem
from tests.objapi.store.workshop import Gateway


def create(gateway: Gateway, items: Sequence[CreateItem], user: str = "mia", **options: bool) -> Outcome:
    return gateway.run(user, lambda tx: tx.create(items, **options), write=True)


def failed(gateway: Gateway, items: Sequence[CreateItem]) -> dict[int, ApiError]:
    """The errors of items that fail, by place; nothing is stored."""
    before = gateway.dump()
    with pytest.raises(BatchFailed) as refused:
        create(gateway, items)
    assert gateway.dump() == before
    return {place: entry.error for place, entry in enumerate(refused.value.outcome.entries) if entry.error}


def thing(container: str | ByItem, person: object, title: str, name: str | None = None, **more: object) -> CreateItem:
    holder = ByPath(container) if isinstance(container, str) else container
    return CreateItem("Thing", holder, {"title": title, "Maker": person, **more}, name=name)


def test_items_refer_to_items_in_whatever_order(workshop: Gateway, team: str, person: str) -> None:
    items = [
        CreateItem("Part", ByItem("chair"), {"Kind": "leg"}),
        thing(ByItem("box"), {"ref": "mai"}, "Chair", "chair", Goes=[{"ref": "table"}, {"ref": "table"}]),
        CreateItem("Box", ByPath(team), {"title": "Crate"}, name="box"),
        thing(team, person, "Table", "table", Owner={"ref": "mai"}),
        CreateItem("Person", ByPath("/"), {"title": f"Mai of {team}"}, name="mai"),
    ]
    entries = create(workshop, items, "boss").entries
    assert [entry.path.removeprefix(team) for entry in entries[1:4]] == [
        f"/crate/{entries[1].id}",
        "/crate",
        f"/{entries[3].id}",
    ]
    assert entries[0].path == f"{entries[1].path}/{entries[1].id}-P01"
    chair = workshop.read("boss", entries[1].path)
    assert (chair["Maker"], chair["Goes"]) == (entries[4].uid, [entries[3].uid])
    assert workshop.read("boss", entries[4].path)["Things"] == ["Table"]
    workshop.assert_settled()


def test_what_refers_to_an_item_that_fails_fails_with_its_reason(workshop: Gateway, team: str, person: str) -> None:
    items = [
        CreateItem("Part", ByItem("bad"), {"Kind": "leg"}),
        thing(team, "title:nobody", "Bad", "bad"),
        thing(team, person, "Good"),
        thing(team, person, "Far", Goes=[{"ref": "near"}], Wheel=4),
        thing(team, person, "Near", "near", Goes=[{"ref": "bad"}]),
    ]
    errors = failed(workshop, items)
    assert errors.keys() == {0, 1, 3, 4}
    assert isinstance(errors[0], UnresolvedReference) and isinstance(errors[4], UnresolvedReference)
    assert errors[0].message.startswith("It refers to entry 1, which cannot be done: Maker not found")
    assert "Wheel" in errors[3].message and "entry 4, and that in the end to entry 1: Maker not" in errors[3].message
    outcome = create(workshop, items, partial=True)
    assert {place for place, entry in enumerate(outcome.entries) if entry.error} == errors.keys()
    assert [item["title"] for item in workshop.find("mia", {"path": team, "portal_type": "Thing"})] == ["Good"]


def test_a_fault_found_after_all_is_planned_fails_what_refers_to_it(workshop: Gateway, team: str, person: str) -> None:
    workshop.create("mia", "Thing", team, title="Taken", Maker=person)
    items = [
        thing(team, person, "Taken", "taken"),
        CreateItem("Part", ByItem("taken"), {"Kind": "leg"}),
        thing(team, person, "Free"),
    ]
    errors = failed(workshop, items)
    assert errors.keys() == {0, 1}
    assert "is taken in" in errors[1].message
    outcome = create(workshop, items, partial=True)
    assert [entry.error is None for entry in outcome.entries] == [False, False, True]


@pytest.mark.parametrize(
    ("items", "named"),
    [
        ([("a", {"ref": "nobody"})], "'nobody'"),
        ([("a", {"ref": "b"}), ("b", {"ref": "a"})], "circle"),
        ([("a", "title:Maker"), ("a", "title:Maker")], "already"),
    ],
)
def test_names_are_judged_before_anything_is_done(
    workshop: Gateway, team: str, person: str, items: list[tuple[str, object]], named: str
) -> None:
    made = [thing(team, person, title, title, Goes=[owner]) for title, owner in items]
    for partial in (False, True):
        with pytest.raises(BadRequest, match=named):
            create(workshop, [*made, thing(team, person, "Good")], partial=partial)
    assert workshop.find("mia", {"path": team, "portal_type": "Thing"}) == []


def test_rights_and_types_hold_for_what_the_request_makes(workshop: Gateway, team: str, person: str) -> None:
    errors = failed(
        workshop,
        [
            thing(team, person, "Chair", "chair", Owner={"ref": "box"}),
            CreateItem("Box", ByPath(team), {"title": "Crate"}, name="box"),
            CreateItem("Label", ByItem("box"), {"title": "red"}),
            CreateItem("Thing", ByItem("box"), {"title": "Stool", "Maker": {"ref": "box", "more": 1}}),
        ],
    )
    assert isinstance(errors[0], UnresolvedReference)
    assert "no Person that you may see matches" in errors[0].message
    assert isinstance(errors[2], BadRequest) and "cannot hold a Label" in str(errors[2])
    assert isinstance(errors[3], ValidationError) and '{"ref": "its name"}' in str(errors[3])


def test_a_name_means_nothing_where_items_have_none(workshop: Gateway, team: str, person: str) -> None:
    made = workshop.create("mia", "Thing", team, title="Chair", Maker=person)
    with pytest.raises(UnresolvedReference, match="Only entries of create_many have names"):
        workshop.run("mia", lambda tx: tx.update([UpdateItem(ByPath(made.path), {"Owner": {"ref": "x"}})]), write=True)
    with pytest.raises(UnresolvedReference, match="Only entries of create_many have names"):
        workshop.create("mia", "Thing", team, title="Stool", Maker={"ref": "x"})


def test_a_dry_run_of_linked_items_changes_nothing(workshop: Gateway, team: str, person: str) -> None:
    before = workshop.dump()
    items = [
        CreateItem("Box", ByPath(team), {"title": "Crate"}, name="box"),
        thing(ByItem("box"), person, "Chair"),
    ]
    outcome = create(workshop, items, dry_run=True)
    assert [(change.event, change.path) for change in outcome.plan.changes] == [
        ("create", f"{team}/crate"),
        ("create", outcome.entries[1].path),
    ]
    assert workshop.dump() == before


def test_entries_that_fail_are_named_by_place_and_name(workshop: Gateway, team: str, person: str) -> None:
    items = [thing("/nowhere", person, "A", "first"), thing(team, person, "B"), thing("/nowhere", person, "C")]
    with pytest.raises(BatchFailed) as refused:
        create(workshop, items)
    assert "entry 0 (first): There is no object '/nowhere'" in refused.value.message
    assert "entry 2: There is no object '/nowhere'" in refused.value.message
    assert [cause.index for cause in refused.value.causes] == [0, 2]
    assert all(isinstance(error, NotFound) for error in refused.value.outcome.errors)


def test_ids_asked_for_meet_in_one_request(workshop: Gateway, team: str, person: str) -> None:
    items = [CreateItem("Thing", ByPath(team), {"title": title, "Maker": person}, "own") for title in "AB"]
    errors = failed(workshop, items)
    assert errors.keys() == {1} and isinstance(errors[1], Conflict)


def test_statements_do_not_grow_with_names_or_depth(workshop: Gateway, team: str, person: str) -> None:
    counts = []
    for turn, number in enumerate((3, 15, 150)):
        boxes = [
            CreateItem(
                "Box",
                ByPath(team) if n % 15 == 0 else ByItem(f"box {n - 1}"),
                {"title": f"Box {turn} {n}"},
                name=f"box {n}",
            )
            for n in range(number)
        ]
        things = [thing(ByItem(f"box {n}"), person, f"Thing {turn} {n}", f"thing {n}") for n in range(number)]
        parts = [CreateItem("Part", ByItem(f"thing {n}"), {"Kind": "leg"}) for n in range(number)]
        with workshop.statements.counted() as inside:
            create(workshop, [*parts, *things, *boxes])
        counts.append(len(inside))
    assert counts[1] <= counts[0] + 2
    assert counts[2] <= counts[0] + 6

"""Objects that criteria find: one value for all of them, and removal by the hash of a plan that was looked at."""

import pytest
from sqlalchemy import Connection, event

from objapi.errors import BadRequest, Conflict, Forbidden, NotFound, ReferenceInUse, TooLarge, combine
from objapi.store.requests import BatchFailed, ByPath, CreateItem, Find, Outcome, VersionMatch
from tests.objapi.store.workshop import Gateway


def things(gateway: Gateway, team: str, person: str, *titles: str, **values: object) -> list[str]:
    items = [CreateItem("Thing", ByPath(team), {"title": title, "Maker": person, **values}) for title in titles]
    return [entry.path for entry in gateway.create_all("mia", items).entries]


def found(team: str, **criteria: object) -> Find:
    return Find({"path": team, "portal_type": "Thing", **criteria}, size=0)


def update(gateway: Gateway, find: Find, user: str = "mia", **values: object) -> Outcome:
    return gateway.run(user, lambda tx: tx.update_found(find, values), write=True)


def remove(gateway: Gateway, find: Find, plan_hash: str | None = None, user: str = "mia", **options: bool) -> Outcome:
    return gateway.run(user, lambda tx: tx.remove_found(find, plan_hash=plan_hash, **options), write=True)


def planned(gateway: Gateway, find: Find, user: str = "mia", **options: bool) -> str:
    return remove(gateway, find, user=user, dry_run=True, **options).plan_hash


# update


def test_one_value_is_set_in_all_that_is_found(workshop: Gateway, team: str, person: str) -> None:
    chair, table, stool = things(workshop, team, person, "Chair", "Table", "Stool")
    outcome = update(workshop, found(team, title=["Chair", "Stool"]), Count=7, Goes=[])
    assert {entry.path: entry.updated for entry in outcome.entries} == dict.fromkeys((chair, stool), ("Count", "Goes"))
    assert {item["title"]: item["Count"] for item in workshop.find("mia", found(team).criteria)} == {
        "Chair": 7,
        "Table": None,
        "Stool": 7,
    }
    assert workshop.read("mia", table)["version"] == 1
    workshop.assert_settled()


def test_a_bad_object_changes_nothing_unless_partial(workshop: Gateway, team: str, person: str) -> None:
    chair, table = things(workshop, team, person, "Chair", "Table")
    workshop.act("boss", "hide", table)
    before = workshop.dump()
    with pytest.raises(BatchFailed) as refused:
        update(workshop, found(team), "boss", title="Same")
    assert len(refused.value.outcome.entries) == 2
    assert workshop.dump() == before
    outcome = workshop.run("boss", lambda tx: tx.update_found(found(team), {"title": "Same"}, partial=True), write=True)
    assert [entry.error is None for entry in outcome.entries] == [True, False]
    assert workshop.read("boss", chair)["title"] == "Same"


@pytest.mark.parametrize(
    ("criteria", "error"),
    [
        ({}, BadRequest),
        ({"path": "/"}, BadRequest),
        ({"portal_type": "Thing", "colour": "red"}, BadRequest),
        ({"portal_type": "Thing", "title": "there is none"}, NotFound),
    ],
)
def test_criteria_that_cannot_be_meant_change_nothing(
    workshop: Gateway, team: str, person: str, criteria: dict[str, object], error: type[Exception]
) -> None:
    things(workshop, team, person, "Chair")
    before = workshop.dump()
    with pytest.raises(error):
        update(workshop, Find(criteria, size=0), Count=1)
    with pytest.raises(error):
        remove(workshop, Find(criteria, size=0), "x")
    assert workshop.dump() == before


def test_what_one_may_not_see_is_neither_found_nor_changed(workshop: Gateway, team: str, person: str) -> None:
    (chair,) = things(workshop, team, person, "Chair")
    with pytest.raises(NotFound):
        update(workshop, found(team), "olga", Count=1)
    with pytest.raises(NotFound):
        remove(workshop, found(team), user="olga", dry_run=True)
    assert workshop.read("mia", chair)["Count"] is None


def test_an_object_that_leaves_the_criteria_meanwhile_is_left_alone(workshop: Gateway, team: str, person: str) -> None:
    chair, table = things(workshop, team, person, "Chair", "Table", Count=1)
    meanwhile = [chair]

    def change_first(connection: Connection, cursor: object, statement: str, *rest: object) -> None:
        if meanwhile and connection.dialect.name != "sqlite" and "FROM entities" in statement:
            workshop.update("boss", meanwhile.pop(), Count=2)

    event.listen(workshop.site.engine, "before_cursor_execute", change_first)
    try:
        update(workshop, found(team, Count=1), Count=5)
    finally:
        event.remove(workshop.site.engine, "before_cursor_execute", change_first)
    counts = {path: workshop.read("mia", path)["Count"] for path in (chair, table)}
    assert counts == {chair: 5 if meanwhile else 2, table: 5}


def test_if_match_is_about_one_object(workshop: Gateway, team: str, person: str) -> None:
    things(workshop, team, person, "Chair", "Table")

    def run(find: Find, version: int) -> Outcome:
        match = VersionMatch(frozenset({version}))
        return workshop.run("mia", lambda tx: tx.update_found(find, {"Count": 3}, match=match), write=True)

    with pytest.raises(BadRequest, match="If-Match is about one object"):
        run(found(team), 1)
    with pytest.raises(Conflict, match="has version 1"):
        run(found(team, title="Chair"), 2)
    assert run(found(team, title="Chair"), 1).entries[0].version == 2


# remove


def test_a_plan_that_was_looked_at_is_carried_out(workshop: Gateway, team: str, person: str) -> None:
    chair, table, stool = things(workshop, team, person, "Chair", "Table", "Stool")
    workshop.create("mia", "Part", chair, Kind="leg")
    find = found(team, title=["Chair", "Table"])
    before = workshop.dump()
    plan_hash = planned(workshop, find)
    assert workshop.dump() == before
    assert plan_hash == planned(workshop, find)
    outcome = remove(workshop, find, plan_hash)
    assert [entry.path for entry in outcome.entries] == [chair, table]
    assert [item["path"] for item in workshop.find("mia", found(team).criteria)] == [stool]
    workshop.assert_settled()


def change_one(gateway: Gateway, paths: list[str], team: str, person: str) -> None:
    gateway.update("boss", paths[0], Count=1)


def change_a_part(gateway: Gateway, paths: list[str], team: str, person: str) -> None:
    gateway.update("boss", f"{paths[1]}/{paths[1].rpartition('/')[2]}-P01", Grams=7)


def add_a_part(gateway: Gateway, paths: list[str], team: str, person: str) -> None:
    gateway.create("boss", "Part", paths[0], Kind="arm")


def add_one(gateway: Gateway, paths: list[str], team: str, person: str) -> None:
    things(gateway, team, person, "Bench")


def remove_one(gateway: Gateway, paths: list[str], team: str, person: str) -> None:
    gateway.remove("boss", gateway.uid(paths[1]))


def move_one(gateway: Gateway, paths: list[str], team: str, person: str) -> None:
    gateway.act("boss", "hide", paths[0])
    gateway.act("boss", "show", paths[0])


def change_what_is_stored_elsewhere(gateway: Gateway, paths: list[str], team: str, person: str) -> None:
    """A field of what will go: the value lies on another object, whose version alone rises."""
    gateway.update("boss", paths[0], Colour="red")


def change_what_is_stored_beside_a_reference(gateway: Gateway, paths: list[str], team: str, person: str) -> None:
    gateway.update("boss", paths[2], Colour="red")


def refer_to_one(gateway: Gateway, paths: list[str], team: str, person: str) -> None:
    (other,) = things(gateway, f"{team}/crate", person, "Bulb")
    gateway.update("boss", other, Goes=[gateway.uid(paths[0])])


@pytest.mark.parametrize(
    "change",
    [
        change_one,
        change_a_part,
        add_a_part,
        add_one,
        remove_one,
        move_one,
        refer_to_one,
        change_what_is_stored_elsewhere,
        change_what_is_stored_beside_a_reference,
    ],
)
def test_whatever_has_changed_since_is_a_conflict(workshop: Gateway, team: str, person: str, change: object) -> None:
    workshop.create("boss", "Box", team, title="crate")
    models = [workshop.create("boss", "Model", "/", title=f"{name} {team}").uid for name in ("A", "B")]
    paths = things(workshop, team, person, "Chair", "Table", Model=models[0])
    goes, model = [workshop.uid(paths[0])], models[1]
    paths += things(workshop, f"{team}/crate", person, "Lamp", Goes=goes, Model=model)
    workshop.create("mia", "Part", paths[1], Kind="leg")
    find = Find({"path": {"query": team, "depth": 1}, "portal_type": "Thing"}, size=0)
    plan_hash = planned(workshop, find, break_references=True)
    change(workshop, paths, team, person)  # type: ignore[operator]
    before = workshop.dump()
    with pytest.raises(Conflict, match="Nothing was removed"):
        remove(workshop, find, plan_hash, break_references=True)
    assert workshop.dump() == before


def test_a_plan_is_one_users(workshop: Gateway, team: str, person: str) -> None:
    things(workshop, team, person, "Chair")
    plan_hash = planned(workshop, found(team), "max")
    with pytest.raises(Conflict, match="another user"):
        remove(workshop, found(team), plan_hash, "mia")
    assert remove(workshop, found(team), plan_hash, "max").applied


def test_rights_and_states_hold_for_each_object_and_all_in_it(workshop: Gateway, team: str, person: str) -> None:
    chair, table = things(workshop, team, person, "Chair", "Table")
    workshop.grant_local_roles(team, "olga", ["Client"])
    with pytest.raises(BatchFailed) as refused:
        planned(workshop, found(team), "olga")
    assert isinstance(combine(refused.value.outcome.errors), Forbidden)
    workshop.act("mia", "hide", table)
    with pytest.raises(BatchFailed) as refused:
        planned(workshop, found(team), "boss")
    assert isinstance(combine(refused.value.outcome.errors), Conflict)
    plan_hash = planned(workshop, found(team), "boss", partial=True)
    outcome = remove(workshop, found(team), plan_hash, "boss", partial=True)
    assert [entry.error is None for entry in outcome.entries] == [True, False]
    assert workshop.find("boss", {"path": chair}) == []


def test_what_stays_keeps_what_it_refers_to(workshop: Gateway, team: str, person: str) -> None:
    paths = things(workshop, team, person, *(f"Link {n}" for n in range(12)))
    uids = [workshop.uid(path) for path in paths]
    for path, uid in zip(paths, uids[1:], strict=False):
        workshop.update("mia", path, Goes=[uid])
    loose = things(workshop, team, person, "Loose")
    workshop.act("mia", "hide", paths[0])
    with workshop.statements.counted() as inside:
        outcome = remove(workshop, found(team), user="boss", partial=True, dry_run=True)
    assert [entry.error is None for entry in outcome.entries] == [False] * 12 + [True]
    assert isinstance(outcome.entries[5].error, ReferenceInUse)
    assert paths[4] in outcome.entries[5].error.message
    assert len(inside) < 25
    assert [entry.path for entry in outcome.entries if entry.error is None] == loose


def test_statements_do_not_grow_with_what_is_found(workshop: Gateway, team: str, person: str) -> None:
    counts: list[tuple[int, int]] = []
    label = workshop.create("boss", "Label", "/", title=f"Found {team}").uid
    for turn, number in enumerate((5, 200)):
        things(workshop, team, person, *(f"Many {turn} {n}" for n in range(number)), Count=turn + 100)
        find = found(team, Count=turn + 100)
        with workshop.statements.counted() as updating:
            update(workshop, find, Goes=[], Labels=[label])
        with workshop.statements.counted() as removing:
            remove(workshop, find, planned(workshop, find))
        counts.append((len(updating), len(removing)))
    assert counts[1][0] <= counts[0][0] + 3
    assert counts[1][1] <= counts[0][1] + 6


def test_no_more_is_taken_than_one_request_may(
    workshop: Gateway, team: str, person: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    things(workshop, team, person, "Chair", "Table")
    with pytest.raises(TooLarge, match="More than 1 objects match"):
        workshop.run("mia", lambda tx: tx._finder.matching(found(team), 1)())


def test_objects_are_searched_by_a_statement_that_is_built_once(workshop: Gateway, team: str, person: str) -> None:
    things(workshop, team, person, "Searched chair", "Searched table")
    built = []
    for title in ("Searched chair", "Searched table"):
        find = Find({"portal_type": "Thing", "title": title}, strict=True)
        update(workshop, find, Goes=[])
        built.append(sum(len(tables.prepared) for tables in workshop.site.context.tables.values()))
    assert built[0] == built[1] > 0

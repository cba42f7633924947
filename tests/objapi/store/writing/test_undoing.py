"""A request is taken back as a whole, or not at all; what was removed comes back as it was."""

from typing import Any

import orjson
import pytest
import sqlalchemy as sa

from objapi.errors import ApiError, Conflict, Forbidden, NotFound, ReferenceInUse, combine
from objapi.store.requests import BatchFailed, ByPath, ByUid, CreateItem, MoveItem, Outcome, UpdateItem
from objapi.store.schema import entities, history_entries, requests
from tests.objapi.store.workshop import Gateway

KEPT = ("uid", "id", "path", "portal_type", "states", "settings", "creator", "created", "data", "answer", "meta")


def request_of(workshop: Gateway, uid: str) -> str:
    """The id of the last request that changed an object; those of no HTTP request have one, too."""
    last = sa.select(requests.c.request_id).join(history_entries, history_entries.c.request == requests.c.id)
    last = last.where(history_entries.c.uid == uid).order_by(history_entries.c.id.desc()).limit(1)
    return workshop.site.transact(lambda connection: connection.scalars(last).one(), write=False)


def undo(workshop: Gateway, request_id: str, user: str = "boss", **options: bool) -> Outcome:
    try:
        return workshop.run(user, lambda tx: tx.undo(request_id, **options), write=True)
    except BatchFailed as failed:
        raise combine(failed.outcome.errors) from failed


def stored(workshop: Gateway, *uids: str) -> list[dict[str, Any]]:
    """The rows of objects, without what tells that something was done to them."""
    columns = [entities.c[name] for name in KEPT]

    def read(connection: sa.Connection) -> list[dict[str, Any]]:
        found = connection.execute(sa.select(*columns).where(entities.c.uid.in_(uids)).order_by(entities.c.path))
        return [{**row, "data": _with_value(row["data"])} for row in found.mappings()]

    return workshop.site.transact(read, write=False)


def _with_value(document: str) -> dict[str, Any]:
    return {name: value for name, value in orjson.loads(document).items() if value not in (None, [])}


@pytest.fixture
def lamp(workshop: Gateway, team: str, person: str) -> Any:
    return workshop.create("boss", "Thing", team, title="Lamp", Maker=person, Owner=person, Count=1)


def test_values_are_put_back_with_what_is_made_of_them(workshop: Gateway, team: str, person: str, lamp: Any) -> None:
    label = workshop.create("boss", "Label", "/", title=f"Red {team}")
    before = stored(workshop, lamp.uid)
    workshop.update("mia", lamp.path, title="Lantern", Count=2, Labels=label.uid, Owner=None)
    request_id = request_of(workshop, lamp.uid)
    plan = undo(workshop, request_id, dry_run=True)
    assert [change.event for change in plan.plan.changes] == ["update"]
    assert workshop.read("boss", lamp.path)["title"] == "Lantern"
    undo(workshop, request_id)
    assert stored(workshop, lamp.uid) == before
    (last, *_) = workshop.history("boss", ByUid(lamp.uid)).rows
    assert (last["event"], last["undoes"], last["actor"]) == ("update", request_id, "boss")
    assert workshop.read("boss", lamp.path)["version"] == 3
    with pytest.raises(Conflict, match="was changed since"):
        undo(workshop, request_id)
    workshop.assert_settled()


def test_an_undo_can_be_undone(workshop: Gateway, lamp: Any) -> None:
    workshop.update("mia", lamp.path, Count=2)
    undo(workshop, request_of(workshop, lamp.uid))
    undo(workshop, request_of(workshop, lamp.uid))
    assert workshop.read("boss", lamp.path)["Count"] == 2


def test_states_are_put_back_and_nothing_follows(workshop: Gateway, team: str, lamp: Any) -> None:
    part = workshop.create("boss", "Part", lamp.path, Kind="bulb")
    before = stored(workshop, lamp.uid, part.uid)
    # The last part that is done finishes its thing.
    workshop.act("boss", "do", part.path)
    assert workshop.read("boss", lamp.path)["review_state"] == "finished"
    undo(workshop, request_of(workshop, part.uid))
    assert [row["settings"] for row in stored(workshop, lamp.uid, part.uid)] == [row["settings"] for row in before]
    states = [workshop.read("boss", path)["review_state"] for path in (lamp.path, part.path)]
    assert states == ["open", "raw"]
    (last, *_) = workshop.history("boss", ByUid(part.uid)).rows
    assert (last["event"], last["transition"]) == ("transition", None)
    workshop.act("boss", "do", part.path)
    assert workshop.read("boss", lamp.path)["review_state"] == "finished"
    workshop.assert_settled()


def test_what_was_made_goes_unless_something_leads_to_it(workshop: Gateway, team: str, person: str, lamp: Any) -> None:
    items = [CreateItem("Thing", ByPath(team), {"title": title, "Maker": person}) for title in ("First", "Second")]
    first, second = workshop.create_all("boss", items).entries
    request_id = request_of(workshop, first.uid)
    workshop.update("boss", lamp.path, Goes=[first.uid])
    with pytest.raises(ReferenceInUse, match="Other objects refer"):
        undo(workshop, request_id)
    workshop.update("boss", lamp.path, Goes=[])
    part = workshop.create("boss", "Part", second.path, Kind="leg")
    with pytest.raises(Conflict, match="contains what came into it since"):
        undo(workshop, request_id)
    workshop.remove("boss", part.uid)
    undo(workshop, request_id)
    assert stored(workshop, first.uid, second.uid) == []
    workshop.assert_settled()


def test_what_was_removed_comes_back_as_it_was(workshop: Gateway, team: str, person: str, lamp: Any) -> None:
    part = workshop.create("mia", "Part", lamp.path, Kind="bulb")
    other = workshop.create("boss", "Thing", team, title="Other", Maker=person, Goes=[lamp.uid])
    before = stored(workshop, lamp.uid, part.uid, other.uid)
    workshop.remove("boss", lamp.uid, break_references=True)
    request_id = request_of(workshop, lamp.uid)
    undo(workshop, request_id)
    assert [_untimed(row) for row in stored(workshop, lamp.uid, part.uid, other.uid)] == list(map(_untimed, before))
    versions = [row["version"] for row in workshop.find("boss", {"UID": [lamp.uid, part.uid]})]
    assert versions == [3, 3]
    with pytest.raises(Conflict, match="was changed since"):
        undo(workshop, request_id)
    workshop.assert_settled()
    # The removal of what was restored is a removal like any other.
    workshop.remove("boss", lamp.uid, break_references=True)
    assert workshop.run("boss", lambda tx: tx.restore(lamp.uid), write=True).entries[0].version == 5


def _untimed(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in ("answer", "meta")}


def test_one_object_is_restored_with_what_it_contained(workshop: Gateway, team: str, person: str, lamp: Any) -> None:
    part = workshop.create("boss", "Part", lamp.path, Kind="bulb")
    other = workshop.create("boss", "Thing", team, title="Other", Maker=person)
    workshop.remove("boss", lamp.uid, other.uid)
    with pytest.raises(Conflict, match="what contained it"):
        workshop.run("boss", lambda tx: tx.restore(part.uid), write=True)
    workshop.run("boss", lambda tx: tx.restore(lamp.uid), write=True)
    assert [row["uid"] for row in stored(workshop, lamp.uid, part.uid, other.uid)] == [lamp.uid, part.uid]
    with pytest.raises(NotFound):
        workshop.run("boss", lambda tx: tx.restore(lamp.uid), write=True)
    workshop.create("boss", "Thing", team, id=other.id, title="Stranger", Maker=person)
    with pytest.raises(ApiError) as taken:
        workshop.run("boss", lambda tx: tx.restore(other.uid), write=True)
    assert taken.value.status == 409
    workshop.assert_settled()


def test_moves_and_names_are_put_back(workshop: Gateway, team: str, lamp: Any) -> None:
    box = workshop.create("boss", "Box", team, title="box")
    part = workshop.create("boss", "Part", lamp.path, Kind="bulb")
    before = stored(workshop, lamp.uid, part.uid)
    move = MoveItem(ByUid(lamp.uid), ByUid(box.uid), "elsewhere")
    workshop.run("boss", lambda tx: tx.move([move]), write=True)
    undo(workshop, request_of(workshop, lamp.uid))
    assert stored(workshop, lamp.uid, part.uid) == before
    workshop.assert_settled()


def test_what_may_not_be_undone_is_refused(workshop: Gateway, team: str, person: str, lamp: Any) -> None:
    workshop.update("mia", lamp.path, Count=2)
    first = request_of(workshop, lamp.uid)
    with pytest.raises(Forbidden):
        undo(workshop, first, user="mia")
    with pytest.raises(NotFound):
        undo(workshop, "nowhere")
    workshop.update("mia", lamp.path, Count=3)
    second = request_of(workshop, lamp.uid)
    with pytest.raises(Conflict, match=f"by {second}"):
        undo(workshop, first)
    undo(workshop, second)
    workshop.act("boss", "finish", lamp.path)
    workshop.act("boss", "publish", lamp.path)
    with pytest.raises(Conflict, match="in which nothing is undone"):
        undo(workshop, request_of(workshop, lamp.uid))
    workshop.grant_local_roles(team, "cleo", ["Client"])
    granted = request_of(workshop, workshop.uid(team))
    with pytest.raises(Conflict, match="who may do what"):
        undo(workshop, granted)


def test_many_objects_cost_as_many_statements_as_few(workshop: Gateway, person: str) -> None:
    def statements(count: int) -> int:
        team = workshop.create("boss", "Team", "/", title=f"Team of {count} {person}").path
        items = [CreateItem("Thing", ByPath(team), {"title": f"{count}-{n}", "Maker": person}) for n in range(count)]
        things = workshop.create_all("boss", items).entries
        workshop.update_all("boss", [UpdateItem(ByUid(thing.uid), {"Count": 2}) for thing in things])
        update = request_of(workshop, things[0].uid)
        with workshop.statements.counted() as texts:
            undo(workshop, update)
        workshop.remove("boss", *(thing.uid for thing in things))
        removal = request_of(workshop, things[0].uid)
        with workshop.statements.counted() as more:
            undo(workshop, removal)
        return len(texts) + len(more)

    assert statements(2) == statements(8)

"""Objects as they were: values, states and places of an instant, with the rights of today."""

from datetime import datetime
from typing import Any

import orjson
import pytest

from objapi.errors import Forbidden
from objapi.store.requests import ByPath, ByUid, MoveItem
from tests.objapi.store.workshop import Gateway


def now_of(workshop: Gateway, uid: str) -> datetime:
    """The instant of the last change of an object."""
    return datetime.fromisoformat(str(workshop.history("boss", ByUid(uid), size=1).rows[0]["time"]))


def former(workshop: Gateway, instant: datetime, *uids: str, user: str = "boss") -> list[dict[str, Any]]:
    found = workshop.run(user, lambda tx: tx.former([ByUid(uid) for uid in uids], instant))
    return [orjson.loads(orjson.dumps(item)) for item in found.objects]


def test_values_states_and_places_are_those_of_the_instant(workshop: Gateway, team: str, person: str) -> None:
    box = workshop.create("boss", "Box", team, title="old box")
    thing = workshop.create("boss", "Thing", box.path, title="Lamp", Maker=person, Count=1)
    at_first = now_of(workshop, thing.uid)
    workshop.update("boss", thing.path, Count=2, title="Lantern")
    in_between = now_of(workshop, thing.uid)
    workshop.run("boss", lambda tx: tx.move([MoveItem(ByPath(box.path), id="new-box")]), write=True)
    other = workshop.create("boss", "Box", team, title="other")
    workshop.run("boss", lambda tx: tx.move([MoveItem(ByUid(thing.uid), ByUid(other.uid))]), write=True)
    place = f"{other.path}/{thing.id}"
    workshop.act("boss", "finish", place)
    (lamp,) = former(workshop, at_first, thing.uid)
    assert (lamp["title"], lamp["Count"], lamp["review_state"], lamp["version"]) == ("Lamp", 1, "open", 1)
    assert lamp["path"] == thing.path
    assert "Weight" not in lamp
    (lantern,) = former(workshop, in_between, thing.uid)
    assert (lantern["title"], lantern["Count"]) == ("Lantern", 2)
    assert (lantern["review_state"], lantern["version"]) == ("open", 2)
    assert lantern["path"] == thing.path
    assert former(workshop, now_of(workshop, person), thing.uid) == []
    moved = workshop.run("boss", lambda tx: tx.former([ByUid(thing.uid)], tx.now))
    assert "Weight" in moved.left_out["Thing"]
    today = orjson.loads(orjson.dumps(moved.objects[0]))
    assert (today["path"], today["review_state"], today["version"]) == (place, "finished", 4)


def test_what_was_removed_is_told_to_those_who_may_see_its_history(workshop: Gateway, team: str, person: str) -> None:
    thing = workshop.create("boss", "Thing", team, title="Gone", Maker=person, Secret="s")
    before = now_of(workshop, thing.uid)
    workshop.remove("boss", thing.uid)
    after = now_of(workshop, thing.uid)
    (gone,) = former(workshop, before, thing.uid)
    assert (gone["title"], gone["Secret"], gone["review_state"], gone["version"]) == ("Gone", "s", "open", 1)
    assert former(workshop, after, thing.uid) == []
    (audited,) = former(workshop, before, thing.uid, user="anna")
    assert "Secret" not in audited
    assert former(workshop, before, thing.uid, "0" * 32, user="mia") == []


def test_rights_are_those_of_today(workshop: Gateway, team: str, person: str) -> None:
    thing = workshop.create("boss", "Thing", team, title="Kept", Maker=person, Secret="s")
    instant = now_of(workshop, thing.uid)
    workshop.update("boss", thing.path, Secret="t")
    assert former(workshop, instant, thing.uid)[0]["Secret"] == "s"
    assert "Secret" not in former(workshop, instant, thing.uid, user="anna")[0]
    with pytest.raises(Forbidden, match="View Log Tab"):
        former(workshop, instant, thing.uid, user="mia")


def test_many_objects_cost_as_many_statements_as_few(workshop: Gateway, team: str, person: str) -> None:
    things = [workshop.create("boss", "Thing", team, title=f"T{n}", Maker=person) for n in range(6)]
    instant = now_of(workshop, things[-1].uid)
    for thing in things:
        workshop.update("boss", thing.path, Count=7)

    def statements(count: int) -> int:
        with workshop.statements.counted() as texts:
            assert len(former(workshop, instant, *(thing.uid for thing in things[:count]))) == count
        return len(texts)

    assert statements(1) == statements(6)

"""What is stored besides values always equals what would be worked out from them now, whatever was done before."""

import random

import pytest

from objapi.errors import ApiError
from objapi.store.requests import ByPath, CreateItem, UpdateItem
from tests.objapi.store.workshop import Gateway


class Chance:
    """Random operations on the workshop, by one user; what is refused is passed over."""

    def __init__(self, gateway: Gateway, seed: int) -> None:
        self.gateway = gateway
        self.random = random.Random(seed)
        self.done = 0
        self.paths: dict[str, list[str]] = {name: [] for name in ("Team", "Person", "Label", "Model", "Thing", "Part")}
        for name in ("Team", "Person", "Label", "Model"):
            for number in range(2):
                self.make(name, "/", title=f"{name} {seed}.{number}")

    def make(self, portal_type: str, container: str, **values: object) -> None:
        self.paths[portal_type].append(self.gateway.create("boss", portal_type, container, **values).path)

    def any(self, name: str) -> str:
        return self.random.choice(self.paths[name]) if self.paths[name] else "/nowhere"

    def some(self, name: str) -> list[str]:
        known = self.paths[name]
        return self.random.sample(known, self.random.randint(0, len(known))) if known else []

    def word(self) -> str:
        return f"word {self.random.randint(0, 10**9)}"

    def step(self) -> None:
        operation = self.random.choice(
            [self.add_thing, self.add_parts, self.change_things, self.change_other, self.act, self.remove, self.refer]
        )
        try:
            operation()
            self.done += 1
        except ApiError:
            pass

    def add_thing(self) -> None:
        self.make(
            "Thing",
            self.any("Team"),
            title=self.word(),
            Maker=self.any("Person"),
            Owner=self.any("Person"),
            Labels=self.some("Label"),
            Model=self.random.choice(["", self.any("Model")]),
        )

    def add_parts(self) -> None:
        items = [
            CreateItem("Part", ByPath(self.any("Thing")), {"Kind": self.word(), "Grams": self.random.randint(0, 9)})
            for _ in range(2)
        ]
        self.paths["Part"].extend(entry.path for entry in self.gateway.create_all("boss", items).entries)

    def change_things(self) -> None:
        items = [
            UpdateItem(
                ByPath(path),
                self.random.choice(
                    [
                        {"title": self.word()},
                        {"Owner": self.random.choice(["", self.any("Person")])},
                        {"Labels": self.some("Label")},
                        {"Model": self.random.choice(["", self.any("Model")])},
                        {"Colour": self.word()},
                        {"Secret": self.word()},
                        {"description": self.word()},
                    ]
                ),
            )
            for path in self.some("Thing")
        ]
        self.gateway.update_all("boss", items)

    def change_other(self) -> None:
        name, values = self.random.choice(
            [
                ("Team", {"Address": {"city": self.word()}}),
                ("Person", {"title": self.word(), "Nickname": self.word()}),
                ("Label", {"title": self.word()}),
                ("Model", {"Colour": self.word()}),
                ("Model", {"Until": "2001-01-01"}),
                ("Part", {"Grams": self.random.randint(0, 99)}),
            ]
        )
        self.gateway.update("boss", self.any(name), **values)

    def refer(self) -> None:
        self.gateway.update("boss", self.any("Thing"), Goes=self.some("Thing"))

    def act(self) -> None:
        action, name = self.random.choice(
            [("hide", "Thing"), ("show", "Thing"), ("finish", "Thing"), ("publish", "Thing"), ("do", "Part")]
        )
        self.gateway.act("boss", action, self.any(name))

    def remove(self) -> None:
        name = self.random.choice(["Thing", "Part", "Label", "Person"])
        path = self.any(name)
        self.gateway.remove("boss", self.gateway.uid(path), break_references=True)
        for paths in self.paths.values():
            paths[:] = [known for known in paths if known != path and not known.startswith(f"{path}/")]


@pytest.mark.parametrize("seed", range(4))
def test_any_operations_leave_everything_in_step(workshop: Gateway, seed: int) -> None:
    chance = Chance(workshop, seed)
    for _ in range(120):
        chance.step()
    assert chance.done > 50
    workshop.assert_settled()


def test_a_changed_source_reaches_the_ends_of_every_way(workshop: Gateway, team: str) -> None:
    workshop.update("boss", team, Address={"city": "Ulm"})
    owner = workshop.create("boss", "Person", "/", title=f"Ida {team}", Nickname="id")
    thing = workshop.create("boss", "Thing", team, title="Cart", Maker=owner.uid, Owner=owner.uid)
    other = workshop.create("boss", "Thing", team, title="Yoke", Maker=owner.uid, Owner=owner.uid, Goes=[thing.uid])
    part = workshop.create("boss", "Part", thing.path, Kind="wheel", Grams=3)
    workshop.update("boss", part.path, Grams=30)
    workshop.update("boss", owner.path, title=f"Eva {team}", Nickname="ev")
    workshop.update("boss", team, Address={"city": "Bonn"})
    assert workshop.read("boss", team)["Heaviest"] == 30
    assert workshop.read("boss", team)["Weights"] == [30, 0]
    read = workshop.read("boss", thing.path)
    assert (read["Weight"], read["OwnerName"], read["City"]) == (30, f"Eva {team}", "Bonn")
    assert read["GoneTo"] == [f"Eva {team}"]
    assert workshop.read("boss", owner.path)["Things"] == ["Cart", "Yoke"]
    read = workshop.read("boss", part.path)
    assert (read["Where"], read["OwnerOfThing"]) == ("Bonn", "ev")
    assert workshop.total("boss", {"city": "Bonn", "path": team}) == 4
    assert workshop.total("boss", {"things": "Cart", "portal_type": "Person"}) == 1
    workshop.remove("boss", other.uid)
    assert workshop.read("boss", thing.path)["GoneTo"] == []
    assert workshop.read("boss", owner.path)["Things"] == ["Cart"]


def test_a_value_is_kept_on_another_object_while_that_is_named(workshop: Gateway, team: str, person: str) -> None:
    model = workshop.create("boss", "Model", "/", title="M", Colour="red")
    own = workshop.create("mia", "Thing", team, title="Own", Maker=person, Colour="blue").path
    kept = workshop.create("mia", "Thing", team, title="Kept", Maker=person, Model=model.uid).path
    assert (workshop.read("mia", own)["Colour"], workshop.read("mia", kept)["Colour"]) == ("blue", "red")
    workshop.update("mia", kept, Colour="green")
    assert workshop.read("mia", model.path)["Colour"] == "green"
    workshop.update("mia", own, Model=model.uid)
    assert workshop.read("mia", own)["Colour"] == "green"
    workshop.update("mia", own, Model="")
    assert workshop.read("mia", own)["Colour"] == "blue"


def test_rights_follow_into_what_an_object_holds(workshop: Gateway, team: str, person: str) -> None:
    thing = workshop.create("mia", "Thing", team, title="Safe", Maker=person).path
    part = workshop.create("mia", "Part", thing, Kind="door").path
    assert workshop.total("anna", {"path": thing}) == 2
    workshop.act("mia", "hide", thing)
    assert (workshop.total("anna", {"path": thing}), workshop.total("mia", {"path": thing})) == (0, 2)
    workshop.act("boss", "show", thing)
    assert workshop.total("anna", {"path": part}) == 1
    workshop.assert_settled()

"""Random operations on the workshop."""

import random

from objapi.errors import ApiError
from objapi.store.requests import ByPath, CopyItem, CreateItem, MoveItem, UpdateItem
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
            [
                self.add_thing,
                self.add_parts,
                self.change_things,
                self.change_other,
                self.act,
                self.remove,
                self.refer,
                self.move,
                self.copy,
            ]
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

    def move(self) -> None:
        path = self.any("Thing")
        item = MoveItem(
            ByPath(path), ByPath(self.any("Team")), self.random.choice([None, self.word().replace(" ", "-")])
        )
        new = self.gateway.run("boss", lambda tx: tx.move([item]), write=True).entries[0].path
        for paths in self.paths.values():
            paths[:] = [new + known[len(path) :] if f"{known}/".startswith(f"{path}/") else known for known in paths]

    def copy(self) -> None:
        item = CopyItem(ByPath(self.any("Thing")), ByPath(self.any("Team")), {"title": self.word()})
        made = self.gateway.run("boss", lambda tx: tx.copy([item]), write=True)
        self.paths["Thing"].append(made.entries[0].path)

    def act(self) -> None:
        action, name = self.random.choice(
            [("hide", "Thing"), ("show", "Thing"), ("finish", "Thing"), ("publish", "Thing"), ("do", "Part")]
        )
        self.gateway.act("boss", action, self.any(name))

    def remove(self) -> None:
        name = self.random.choice(["Thing", "Part", "Label", "Person"])
        path = self.paths[name][-1] if len(self.paths[name]) > 2 else "/nowhere"
        self.gateway.remove("boss", self.gateway.uid(path), break_references=True)
        for paths in self.paths.values():
            paths[:] = [known for known in paths if known != path and not known.startswith(f"{path}/")]

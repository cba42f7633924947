"""Requests that change many objects of a workshop at once, and what the database must hold after them.

Things come in batches, and each request changes all of one batch. It is told to a journal before it begins and after it
was acknowledged, so that who reads the journal afterwards knows what must be there, and of the last one that it may be.
"""

import os
import random
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from objapi.store.requests import ByPath, ByUid, CreateItem, UpdateItem
from tests.objapi.store.workshop import Gateway

BATCH: Final = 12
"""Things that one request makes."""
MOST: Final = 4
"""Batches from which on more are removed than made."""
TEAM: Final = "/bulk"

Batches = Mapping[int, tuple[int, str]]
"""Number of a batch → the number of the request that wrote its things last, and their state."""


class Half(AssertionError):
    """A batch of which not all things are as the same request has left them."""


@dataclass(frozen=True, slots=True)
class Step:
    """One request: what it does to which batch. Its own number is written into the things that it makes or updates."""

    number: int
    kind: str
    batch: int

    def after(self, before: Batches) -> Batches:
        """What is there once it was done."""
        found = dict(before)
        match self.kind:
            case "create":
                found[self.batch] = (self.number, "open")
            case "update":
                found[self.batch] = (self.number, found[self.batch][1])
            case "hide" | "show":
                found[self.batch] = (found[self.batch][0], "hidden" if self.kind == "hide" else "open")
            case "remove":
                del found[self.batch]
        return found


def prepare(gateway: Gateway) -> None:
    """Make the place of the things and the person who makes them."""
    gateway.create("boss", "Team", "/", id="bulk", title="Bulk", Address={"city": "Brno"})
    gateway.create("boss", "Person", "/", id="maker", title="Maker of bulk")


def stored(gateway: Gateway) -> Batches:
    """The batches that the database holds. Raises Half."""
    found: dict[int, list[tuple[int, str]]] = {}
    things = gateway.find("boss", {"portal_type": "Thing", "path": TEAM})
    for thing in things:
        batch = int(thing["title"].split()[1])
        found.setdefault(batch, []).append((thing["Count"], thing["review_state"]))
    for batch, states in found.items():
        if len(states) != BATCH or len(set(states)) != 1:
            raise Half(f"batch {batch}: {sorted(states)}")
    return {batch: states[0] for batch, states in found.items()}


@dataclass
class Worker:
    """Does one request after the other, each by chance, and tells the journal of them."""

    gateway: Gateway
    journal: int
    """Descriptor of the journal, open for adding to it."""
    chance: random.Random
    number: int
    """Number of the next request."""

    def tell(self, word: str, step: Step) -> None:
        # By one call, so that who is killed leaves a whole line or none.
        os.write(self.journal, f"{word} {step.number} {step.kind} {step.batch}\n".encode())

    def step(self, begin: Callable[[], None] = lambda: None) -> None:
        """Do one request; what is to happen when it begins is told."""
        there = stored(self.gateway)
        step = self._choose(there)
        self.number += 1
        self.tell("begun", step)
        begin()
        self._do(step)
        self.tell("done", step)

    def _choose(self, there: Batches) -> Step:
        kinds = ["create"] * max(MOST - len(there), 1)
        for batch, (_, state) in sorted(there.items()):
            # Only what is open may be removed.
            possible = ["update", "hide", "remove"] if state == "open" else ["update", "show"]
            kinds += [f"{kind} {batch}" for kind in possible]
        kind, _, batch = self.chance.choice(kinds).partition(" ")
        return Step(self.number, kind, int(batch or self.number))

    def _do(self, step: Step) -> None:
        if step.kind == "create":
            self.gateway.create_all("mia", list(self._items(step)))
            return
        criteria = {"portal_type": "Thing", "path": TEAM}
        found = self.gateway.find("boss", criteria, include_fields=("title", "UID"))
        uids = [item["UID"] for item in found if int(item["title"].split()[1]) == step.batch]
        if step.kind == "update":
            changed = {"Count": step.number, "Goes": uids[:2]}
            self.gateway.update_all("boss", [UpdateItem(ByUid(uid), changed) for uid in uids])
        elif step.kind == "remove":
            self.gateway.remove("boss", *uids)
        else:
            things = [ByUid(uid) for uid in uids]
            self.gateway.run("boss", lambda tx: tx.transition(things, step.kind), write=True)

    def _items(self, step: Step) -> Iterator[CreateItem]:
        maker = self.gateway.uid("/maker")
        for place in range(BATCH):
            content = b64encode(f"{step.number} {place}\n".encode() * 200).decode()
            values = {
                "title": f"Batch {step.number} {place}",
                "Maker": maker,
                "Count": step.number,
                "Manual": {"filename": "manual.txt", "base64": content} if place % 4 == 0 else None,
            }
            yield CreateItem("Thing", ByPath(TEAM), values)

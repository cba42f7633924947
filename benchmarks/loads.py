"""Loads of the comparison: each the requests that mean the same to the gateway and to the floor."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import orjson

from benchmarks.dataset import specimen
from benchmarks.driver import Call, Calls, Client

_API: Final = "/Plone/@@API"
_FIELDS: Final = "UID,path,id,portal_type,review_state,title,created,Remarks,Volume,Collected"
MANY: Final = 1_000
"""Objects of a bulk request."""
_STATE: Final = {"portal_type": "Specimen", "review_state": "registered"}
_STEPS: Final = ("receive", "reopen")

Measured = Literal["cpu", "wall", "crowd"]


@dataclass(frozen=True, slots=True)
class Load:
    """Requests of one kind on both sides, and the ratio of their cost that is aimed at; None: none is set."""

    name: str
    gateway: Calls
    floor: Calls
    aim: float | None
    measured: Measured = "cpu"


def single_loads(size: int, ids: Sequence[str]) -> Iterable[Load]:
    """The loads of one object or page. Writes take one specimen after the other; two transitions go there and back."""
    deep = size * 9 // 10

    def read(name: str, sort: str = "id", start: int = 0, count: int = 10) -> Load:
        asked = {"sort_on": {"id": "id", "title": "sortable_title"}[sort], "include_fields": _FIELDS}
        pages: dict[str, object] = {"page_nr": start // count, "page_size": count}
        return Load(
            name,
            lambda _: Call(f"{_API}/read", {**_STATE, **asked, **pages}),
            lambda _: Call("/read", {**_STATE, "sort": sort, "start": start, "size": count}),
            1.5,
        )

    yield read("read 10 with total")
    yield read("read 10 by title", "title")
    yield read("read 50", count=50)
    yield read("page at 90 %", start=deep)

    def one(turn: int) -> dict[str, str]:
        return {"portal_type": "Specimen", "id": ids[turn % len(ids)]}

    def path(turn: int) -> str:
        return _path(ids[turn % len(ids)])

    yield Load(
        "find 1",
        lambda turn: Call(f"{_API}/read", one(turn) | {"include_fields": _FIELDS}),
        lambda turn: Call("/find", one(turn)),
        1.5,
    )
    yield Load(
        "update 1",
        lambda turn: Call(f"{_API}/update", {"obj_path": path(turn), "Remarks": f"turn {turn}"}, posts=True),
        lambda turn: Call("/update", {"path": f"/{ids[turn % len(ids)]}", "Remarks": f"turn {turn}"}, posts=True),
        2.5,
    )
    yield Load(
        "transition 1",
        lambda turn: Call(f"{_API}/doActionFor", one(turn // 2) | {"action": _STEPS[turn % 2]}, posts=True),
        lambda turn: Call(
            "/transition",
            {"paths": json.dumps([f"/{ids[turn // 2 % len(ids)]}"]), "action": _STEPS[turn % 2]},
            posts=True,
        ),
        2.5,
    )
    yield Load(
        "create 1",
        lambda turn: Call(f"{_API}/create", {"obj_type": "Specimen", "obj_path": "/customer-2"} | _made(turn), True),
        lambda turn: Call("/create", _made(turn), True),
        3,
    )


def _made(turn: int) -> dict[str, object]:
    values = specimen(turn + 1)
    return {"title": values["title"], "Remarks": values["Remarks"]}


def bulk_loads(ids: Sequence[str]) -> Iterable[Load]:
    """The loads of many objects in one request."""
    paths = [_path(name) for name in ids]
    bare = [f"/{name}" for name in ids]
    yield Load(
        f"update_many {len(ids):,}",
        lambda turn: Call(f"{_API}/update_many", {"input_values": _remarks(paths, turn)}, True),
        lambda turn: Call("/update_many", {"input_values": _remarks(bare, turn)}, True),
        None,
        "wall",
    )
    yield Load(
        f"doActionFor {len(ids):,}",
        lambda turn: Call(
            f"{_API}/doActionFor_many", {"obj_paths": json.dumps(paths), "action": _STEPS[turn % 2]}, True
        ),
        lambda turn: Call("/transition", {"paths": json.dumps(bare), "action": _STEPS[turn % 2]}, True),
        None,
        "wall",
    )


def stream_load(size: int) -> Load:
    """All specimens in one answer."""
    every: dict[str, object] = {**_STATE, "include_fields": _FIELDS}
    return Load(
        "all in one answer",
        lambda _: Call(f"{_API}/read", {**every, "page_size": 0}),
        lambda _: Call("/read", {**_STATE, "sort": "id", "start": 0, "size": size}),
        None,
        "wall",
    )


def bulk_writers(ids: Sequence[str], writers: int) -> list[Calls]:
    """The requests of some writers, each of which changes objects of its own in bulk."""
    return [_writer([_path(name) for name in ids[number::writers]]) for number in range(writers)]


def _writer(paths: Sequence[str]) -> Calls:
    return lambda turn: Call(f"{_API}/update_many", {"input_values": _remarks(paths, turn)}, True)


def _path(name: str) -> str:
    return f"/customer-{int(name[2:]) % 500 + 1}/{name}"


def _remarks(paths: Sequence[str], turn: int) -> str:
    return json.dumps({path: {"Remarks": f"turn {turn}"} for path in paths})


def some_ids(client: Client, count: int) -> list[str]:
    """The ids of the first specimens of the gateway, which the floor has as well."""
    asked = _STATE | {"include_fields": "id", "page_size": count}
    answer = orjson.loads(client.ask(Call(f"{_API}/read", asked)))
    return [found["id"] for found in answer["objects"]]

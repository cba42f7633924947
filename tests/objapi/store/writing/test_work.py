"""The work of a write: values that are computed and rows that are written, at two sizes."""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event

from objapi.model.render_shapes import ShapeParts
from objapi.store.requests import ByPath, CreateItem, UpdateItem
from objapi.store.writing.render import Renderer
from objapi.store.writing.workspace import Workspace
from tests.objapi.store.workshop import Gateway

SIZES = (3, 12)
_WRITTEN = re.compile(r"(?:INSERT INTO|UPDATE|DELETE FROM) [`\"]?(\w+)")


@contextmanager
def _work(workshop: Gateway, monkeypatch: pytest.MonkeyPatch) -> Iterator[Counter[str]]:
    """Numbers of index values and acls computed, of objects rendered whole, and of rows written by table."""
    found: Counter[str] = Counter()

    def note(connection: Any, cursor: Any, statement: str, parameters: Any, context: Any, many: bool) -> None:
        written = _WRITTEN.match(statement)
        if written is not None:
            found[written[1]] += len(parameters) if many else _packed(parameters)

    read, render, compute_acl = Renderer._read, Renderer.render, Workspace.compute_acl

    def counted_read(self: Renderer, draft: Any, parts: ShapeParts, derived: Any) -> dict[str, dict[str, object]]:
        found["values"] += len(parts.indexed)
        return read(self, draft, parts, derived)

    def counted_render(self: Renderer, draft: Any) -> Any:
        found["rendered whole"] += 1
        return render(self, draft)

    def counted_acl(self: Workspace, draft: Any) -> Any:
        found["acls"] += 1
        return compute_acl(self, draft)

    event.listen(workshop.site.engine, "before_cursor_execute", note)
    try:
        with monkeypatch.context() as patched:
            patched.setattr(Renderer, "_read", counted_read)
            patched.setattr(Renderer, "render", counted_render)
            patched.setattr(Workspace, "compute_acl", counted_acl)
            yield found
    finally:
        event.remove(workshop.site.engine, "before_cursor_execute", note)


def _packed(parameters: Any) -> int:
    """The rows of one statement: those of a JSON table, if it has one."""
    values = parameters.values() if isinstance(parameters, dict) else parameters
    packets = [value for value in values if isinstance(value, str) and value.startswith("[[")]
    return len(json.loads(packets[0])) if packets else 1


@pytest.fixture
def things(workshop: Gateway, team: str, person: str) -> list[str]:
    """Things, and a part in each."""
    items = [CreateItem("Thing", ByPath(team), {"title": f"T {n}", "Maker": person}) for n in range(max(SIZES))]
    paths = [entry.path for entry in workshop.create_all("mia", items).entries]
    workshop.create_all("mia", [CreateItem("Part", ByPath(path), {"Kind": "part"}) for path in paths])
    return paths


def _update(workshop: Gateway, paths: Sequence[str]) -> None:
    workshop.update_all("mia", [UpdateItem(ByPath(path), {"Count": 7}) for path in paths])


def _update_parts(workshop: Gateway, paths: Sequence[str]) -> None:
    parts = [f"{path}/{path.rpartition('/')[2]}-P01" for path in paths]
    workshop.update_all("mia", [UpdateItem(ByPath(path), {"Grams": 7}) for path in parts])


def _hide(workshop: Gateway, paths: Sequence[str]) -> None:
    workshop.act("mia", "hide", *paths)


def _create(workshop: Gateway, paths: Sequence[str]) -> None:
    workshop.create_all("mia", [CreateItem("Part", ByPath(path), {"Kind": "more"}) for path in paths])


def _remove(workshop: Gateway, paths: Sequence[str]) -> None:
    workshop.remove("boss", *(workshop.uid(f"{path}/{path.rpartition('/')[2]}-P01") for path in paths))


Work = Callable[[Gateway, Sequence[str]], None]

PER_OBJECT: dict[Work, dict[str, int]] = {
    _update: {
        "values": 1, "rendered whole": 0, "entities": 1, "history_entries": 1, "cat_portal_catalog": 1,
        "cat_uid_catalog": 0, "cat_portal_catalog_words": 0, "cat_portal_catalog_kw": 0,
    },
    _update_parts: {
        "rendered whole": 0, "entities": 2, "history_entries": 1, "cat_portal_catalog": 1, "cat_uid_catalog": 0,
    },
    # Of its part, too, the feed tells that others see it then.
    _hide: {"rendered whole": 0, "history_entries": 2, "cat_portal_catalog_words": 0},
    # Parts hold nothing, so the acl of what each is in is computed once, and its own.
    _create: {"rendered whole": 1, "cat_uid_catalog": 1, "acls": 2},
    _remove: {"rendered whole": 0, "history_entries": 1},
}  # fmt: skip
"""Method → what each object costs; what is not named may cost anything, but the same for each."""


@pytest.mark.parametrize("work", PER_OBJECT, ids=lambda work: work.__name__.strip("_"))
def test_work_is_the_same_for_each_object_whatever_their_number(
    workshop: Gateway, things: list[str], monkeypatch: pytest.MonkeyPatch, work: Work
) -> None:
    costs = []
    start = 0
    for size in SIZES[:1], (SIZES[1] - SIZES[0],):
        with _work(workshop, monkeypatch) as found:
            work(workshop, things[start : start + size[0]])
        start += size[0]
        costs.append((size[0], found))
    (few, small), (many, large) = costs
    for name, cost in PER_OBJECT[work].items():
        # What is not of an object, such as its team's, is done once.
        assert (large[name] - small[name]) / (many - few) == cost, name


def test_one_request_is_one_row_however_many_objects_it_changes(
    workshop: Gateway, things: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for size in SIZES:
        with _work(workshop, monkeypatch) as found:
            workshop.update_all("mia", [UpdateItem(ByPath(path), {"Count": size}) for path in things[:size]])
        assert found["requests"] == 1


def test_what_is_stored_follows_from_the_values_after_every_kind_of_write(workshop: Gateway, things: list[str]) -> None:
    for work in (_update, _update_parts, _hide, _create):
        work(workshop, things[:3])
    workshop.update("boss", things[3], title="Another title", description="words of it", Secret="hush")
    workshop.update("boss", things[4], Labels=[], Count=None)
    workshop.assert_settled()

"""Transitions that are `automatic: always`: what sets them off, and what that costs."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from objapi import upkeep
from objapi.errors import Conflict, TransitionNotAllowed
from objapi.model.content import Content, ContentObject
from objapi.security.principals import command_line_user
from objapi.site import Site
from objapi.store.requests import ByPath, ByUid, CreateItem, Entry, Find, Outcome, UpdateItem
from objapi.store.transaction import Transaction
from tests.objapi.model.loading.small_profile import write_profile
from tests.objapi.store.test_concurrency import errors, together
from tests.objapi.store.workshop import Statements, open_site, quietly
from tests.objapi.store.writing.crates import FILES


class Store:
    """A site of crates, bottles and pallets."""

    def __init__(self, site: Site) -> None:
        self.site = site

    def write(self, work: Callable[[Transaction], Outcome]) -> Outcome:
        return self.site.run(lambda _: command_line_user(), work, write=True)

    def make(self, portal_type: str, container: str = "/", **values: object) -> Entry:
        item = CreateItem(portal_type, ByPath(container), {"title": portal_type, **values})
        return self.write(lambda tx: tx.create([item])).entries[0]

    def set(self, path: str, **values: object) -> Outcome:
        return self.write(lambda tx: tx.update([UpdateItem(ByPath(path), values)]))

    def state(self, path: str) -> str:
        found = self.site.run(
            lambda _: command_line_user(),
            lambda tx: tx.find(Find({"id": path.rpartition("/")[2]}, catalog="uid_catalog")),
            write=False,
        )
        (one,) = [item for item in map(_loaded, found.objects) if item["path"] == path]
        return str(one["review_state"])

    def history(self, path: str) -> list[tuple[str, object]]:
        page = self.site.run(lambda _: command_line_user(), lambda tx: tx.history(ByPath(path)), write=False)
        return [(str(row["event"]), row.get("transition")) for row in page.rows]


def _loaded(found: Any) -> dict[str, Any]:
    loaded: dict[str, Any] = orjson.loads(orjson.dumps(found))
    return loaded


@pytest.fixture
def store(database_url: str, tmp_path: Path) -> Iterator[Store]:
    site = open_site(database_url, tmp_path / "data", (str(write_profile(tmp_path / "profile", FILES)),))
    yield Store(site)
    site.close()


def test_a_change_of_a_related_object_sets_it_off(store: Store) -> None:
    crate = store.make("Crate").path
    first, second = (store.make("Bottle", crate).path for _ in range(2))
    store.set(first, Level=1)
    assert store.state(crate) == "open"
    outcome = store.set(second, Level=0)
    assert store.state(crate) == "full"
    changes = {change.path: [step.transition for step in change.states] for change in outcome.plan.changes}
    assert changes == {second: [], crate: ["fill"]}
    assert ("transition", "fill") in store.history(crate)


def test_it_follows_creation_and_removal(store: Store) -> None:
    crate = store.make("Crate").path
    store.make("Bottle", crate, Level=3)
    assert store.state(crate) == "full"
    empty = store.make("Bottle", crate)
    assert store.state(crate) == "open"
    store.write(lambda tx: tx.remove([str(empty.uid)]))
    assert store.state(crate) == "full"


def test_one_sets_off_another_and_a_cascade_counts(store: Store) -> None:
    crate = store.make("Crate")
    pallet = store.make("Pallet", Crates=[crate.uid]).path
    bottle = store.make("Bottle", str(crate.path)).path
    assert (store.state(str(crate.path)), store.state(str(pallet))) == ("open", "waiting")
    store.write(lambda tx: tx.transition([ByPath(str(bottle))], "pour"))
    assert (store.state(str(crate.path)), store.state(str(pallet))) == ("full", "ready")


def test_a_changed_reference_sets_it_off(store: Store) -> None:
    full, open_crate = store.make("Crate"), store.make("Crate")
    store.make("Bottle", str(full.path), Level=1)
    pallet = str(store.make("Pallet", Crates=[full.uid, open_crate.uid]).path)
    assert store.state(pallet) == "waiting"
    store.set(pallet, Crates=[full.uid])
    assert store.state(pallet) == "ready"


def test_a_dry_run_tells_it_and_does_nothing(store: Store) -> None:
    crate = str(store.make("Crate").path)
    bottle = str(store.make("Bottle", crate).path)
    items = [UpdateItem(ByPath(bottle), {"Level": 1})]
    outcome = store.write(lambda tx: tx.update(items, dry_run=True))
    assert [change.path for change in outcome.plan.changes] == [crate, bottle]
    assert store.state(crate) == "open"


def test_a_loop_is_refused_and_nothing_is_changed(store: Store) -> None:
    coin = str(store.make("Coin").path)
    with pytest.raises(Conflict, match="more than 100 automatic transitions of coin_workflow"):
        store.set(coin, Tossed=True)
    assert store.state(coin) == "heads"


def test_the_rest_of_a_partial_request_is_done(store: Store) -> None:
    coin, crate = str(store.make("Coin").path), str(store.make("Crate").path)
    bottle = str(store.make("Bottle", crate).path)
    items = [UpdateItem(ByPath(coin), {"Tossed": True}), UpdateItem(ByPath(bottle), {"Level": 1})]
    outcome = store.write(lambda tx: tx.update(items, partial=True))
    assert [type(entry.error) for entry in outcome.entries] == [Conflict, type(None)]
    assert store.state(crate) == "full"


def test_nobody_fires_it(store: Store) -> None:
    crate = store.make("Crate")
    with pytest.raises(TransitionNotAllowed, match="does not list"):
        store.write(lambda tx: tx.transition([ByUid(str(crate.uid))], "fill"))


def test_the_number_of_statements_does_not_grow_with_the_objects(store: Store) -> None:
    statements = Statements.of(store.site)
    counts = []
    for number in (5, 60):
        crates = store.write(
            lambda tx, n=number: tx.create([CreateItem("Crate", ByPath("/"), {"title": "c"}) for _ in range(n)])
        ).entries
        bottles = store.write(
            lambda tx, made=crates: tx.create([CreateItem("Bottle", ByPath(str(one.path)), {}) for one in made])
        ).entries
        store.write(
            lambda tx, made=crates: tx.create(
                [CreateItem("Pallet", ByPath("/"), {"title": "p", "Crates": [one.uid]}) for one in made]
            )
        )
        with statements.counted() as inside:
            store.write(
                lambda tx, made=bottles: tx.update([UpdateItem(ByPath(str(one.path)), {"Level": 1}) for one in made])
            )
        assert {store.state(str(one.path)) for one in crates} == {"full"}
        counts.append(len(inside))
    assert counts[0] == counts[1]


def test_the_last_two_changes_at_once_set_it_off(store: Store) -> None:
    for _ in range(3):
        crate = str(store.make("Crate").path)
        bottles = [str(store.make("Bottle", crate).path) for _ in range(4)]
        results = together(*(lambda path=path: store.set(path, Level=1) for path in bottles))
        assert errors(results) == []
        assert store.state(crate) == "full"
        assert [step for _, step in store.history(crate)].count("fill") == 1


def test_it_follows_the_loading_of_a_content_file(store: Store) -> None:
    crate = ContentObject(path="/crate-7", portal_type="Crate", fields={"title": "Seven"})
    bottle = ContentObject(path="/crate-7/bottle-1", portal_type="Bottle", fields={"Level": 2})
    upkeep.load_content(store.site, Content((), (crate, bottle)), quietly)
    assert store.state("/Plone/crate-7") == "full"

"""Reindexing: what differs is found by reading and rewritten, all else stays as it is."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Column, Connection, Table, delete, insert, select, update

from benchmarks.dataset import PROFILE
from objapi import comparing, upkeep
from objapi.store.requests import ByPath, CreateItem
from objapi.store.schema import entities
from objapi.store.upgrade import recompute
from objapi.store.upgrade.installing import system_planner
from objapi.store.upgrade.plain_types import plain_renderers
from objapi.store.upgrade.recompute import ObjectRendering, objects_after
from objapi.store.writing.render import Rendered
from tests.objapi.store.workshop import Gateway, open_site, quietly

LONG = "Ünïcode " + "x" * 200


@pytest.fixture
def plain(database_url: str, tmp_path: Path) -> Iterator[Gateway]:
    """A site of the comparison with a customer and two specimens."""
    site = open_site(database_url, tmp_path / "site", (str(PROFILE),))
    gateway = Gateway.on(site)
    gateway.add_users({"boss": (("Manager",), ())})
    gateway.create("boss", "Customer", "/", title="Hills & Dales", City="Łódź")
    specimens: list[dict[str, object]] = [{"title": LONG, "Volume": 3, "Collected": "2024-02-03"}, {"Remarks": "none"}]
    gateway.create_all("boss", [CreateItem("Specimen", ByPath("/customer-1"), values) for values in specimens])
    gateway.act("boss", "receive", "/customer-1/S-0000001")
    yield gateway
    site.close()


Renderings = list[tuple[Rendered, int | None]]


def renderings(gateway: Gateway) -> tuple[set[str], Renderings, Renderings]:
    """The plain types, and all objects as they are rendered with and without regard to them."""
    site = gateway.site.context
    plain = plain_renderers(site)

    def render(connection: Connection) -> list[Renderings]:
        objects = objects_after(connection, 0)
        ways = []
        for renderers in (plain, {}):
            planner = system_planner(site, connection, gateway.site.now(), writes=False)
            rendering = ObjectRendering(planner, renderers, objects)
            ways.append([(rendering.render(item.row), rendering.acl_number(item.row)) for item in objects])
        return ways

    compiled, general = gateway.site.transact(render, write=False)
    return set(plain), compiled, general


def test_plain_types_are_rendered_as_all_others_are(plain: Gateway) -> None:
    types, compiled, general = renderings(plain)
    assert types >= {"Customer", "Specimen"}
    assert compiled == general


def test_types_with_values_of_other_objects_are_not_plain(workshop: Gateway, team: str, person: str) -> None:
    workshop.create("boss", "Thing", team, title="Thing", Maker=person)
    workshop.create("boss", "Label", "/", title="Any label")
    types, compiled, general = renderings(workshop)
    assert {"Label", "Settings"} <= types
    assert not types & {"Team", "Person", "Model", "Thing", "Part"}
    assert compiled == general


def writes(statements: Sequence[str]) -> list[str]:
    return [text for text in statements if not text.startswith("SELECT")]


def test_where_nothing_differs_no_object_is_written(plain: Gateway) -> None:
    upkeep.reindex(plain.site, quietly)
    with plain.statements.counted() as statements:
        upkeep.reindex(plain.site, quietly)
    assert not [text for text in writes(statements) if "entities" in text.partition("SELECT")[0]]
    assert not [text for text in statements if "FOR UPDATE" in text]


def _of(gateway: Gateway) -> Callable[[Table], object]:
    rid = gateway.site.transact(
        lambda connection: connection.scalar(
            select(entities.c.rid).where(entities.c.path == "/Plone/customer-1/S-0000001")
        ),
        write=False,
    )
    return lambda table: table.c.rid == rid


def test_several_processes_find_what_one_does(plain: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    before = plain.dump(stamps=False)
    monkeypatch.setattr(comparing, "WORTH_A_PROCESS", 1)
    monkeypatch.setattr(recompute, "COMPARED", 2)
    damage = update(entities).where(entities.c.path.like("/Plone/customer-1%")).values(answer='"x":1')
    plain.site.transact(lambda connection: connection.execute(damage), write=True)
    with plain.statements.counted() as statements:
        upkeep.reindex(plain.site, quietly, jobs=2)
    assert plain.dump(stamps=False) == before
    # They have connections of their own: this process reads where chunks end, and writes.
    assert not [text for text in statements if "entities.answer" in text.partition("FROM")[0] and "LIMIT" in text]


Damage = Callable[[Gateway, Connection], object]
DAMAGES: Mapping[str, Damage] = {
    "answer": lambda gateway, connection: connection.execute(update(entities).values(answer='"x":1')),
    "title": lambda gateway, connection: connection.execute(update(entities).values(title="x")),
    "metadata": lambda gateway, connection: connection.execute(update(entities).values(meta="{}")),
    "acl": lambda gateway, connection: connection.execute(update(entities).where(_of(gateway)(entities)).values(acl=1)),
    "acl of a catalog": lambda gateway, connection: connection.execute(
        update(_main(gateway)).where(_of(gateway)(_main(gateway))).values(acl=99)
    ),
    "column": lambda gateway, connection: connection.execute(update(_main(gateway)).values({_column(gateway): "x"})),
    "row": lambda gateway, connection: connection.execute(delete(_main(gateway)).where(_of(gateway)(_main(gateway)))),
    "words": lambda gateway, connection: connection.execute(delete(_words(gateway))),
    "more words": lambda gateway, connection: connection.execute(
        insert(_words(gateway)).from_select(
            ["idx", "word", "rid", "pos"],
            select(_words(gateway).c.idx, _words(gateway).c.word, _words(gateway).c.rid, _words(gateway).c.pos + 50),
        )
    ),
}


def _main(gateway: Gateway) -> Table:
    return gateway.site.context.tables["portal_catalog"].main


def _column(gateway: Gateway) -> Column[Any]:
    return gateway.site.context.tables["portal_catalog"].column("sortable_title")


def _words(gateway: Gateway) -> Table:
    return gateway.site.context.tables["portal_catalog"].postings


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_whatever_differs_is_stored_anew(plain: Gateway, damage: Damage) -> None:
    upkeep.reindex(plain.site, quietly)
    before = plain.dump(stamps=False)
    plain.site.transact(lambda connection: damage(plain, connection), write=True)
    assert plain.dump(stamps=False) != before
    upkeep.reindex(plain.site, quietly)
    assert plain.dump(stamps=False) == before


def test_the_statements_do_not_grow_with_the_objects(plain: Gateway) -> None:
    def statements() -> int:
        with plain.statements.counted() as found:
            upkeep.reindex(plain.site, quietly)
        return len(found)

    few = statements()
    items = [CreateItem("Specimen", ByPath("/customer-1"), {"title": f"Water {number}"}) for number in range(300)]
    plain.create_all("boss", items)
    statements()
    assert statements() == few


def test_writers_go_on_while_everything_is_compared(plain: Gateway) -> None:
    """A write between the comparison of a chunk and the writing of what differs is not lost."""
    damage = DAMAGES["title"]
    plain.site.transact(lambda connection: damage(plain, connection), write=True)
    path, turns = "/customer-1/S-0000002", count(1)

    def write() -> None:
        # The chunk has been compared when this is called again, before what differs is written.
        plain.update("boss", path, Remarks=f"turn {next(turns)}")

    upkeep.reindex(plain.site, quietly, write)
    written = next(turns) - 1
    assert written >= 3
    assert plain.read("boss", path)["Remarks"] == f"turn {written}"
    plain.assert_settled()

"""What is stored besides values always equals what would be worked out from them now, whatever was done before."""

from dataclasses import replace

import orjson
import pytest
from sqlalchemy import Connection, select, update

from objapi.store.permissions.acls import PermissionOverrides, PermissionSetting
from objapi.store.schema import entities
from objapi.store.upgrade.installing import system_planner
from tests.objapi.store.chance import Chance
from tests.objapi.store.workshop import Gateway


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.extended) for seed in range(1, 4))])
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


def test_metadata_that_is_declared_no_more_goes_with_the_next_change(workshop: Gateway, team: str, person: str) -> None:
    thing = workshop.create("mia", "Thing", team, title="Cart", Maker=person).path
    of_thing = entities.c.path == thing

    def stored(connection: Connection) -> dict[str, object]:
        found: dict[str, object] = orjson.loads(connection.scalars(select(entities.c.meta).where(of_thing)).one())
        return found

    def add_former(connection: Connection) -> None:
        meta = orjson.dumps({"former": 1, **stored(connection)}).decode()
        connection.execute(update(entities).where(of_thing).values(meta=meta))

    workshop.site.transact(add_former, write=True)
    workshop.update("mia", thing, title="Coach")
    assert workshop.site.transact(stored, write=False) == {"Title": "Coach", "getOwner": ""}


def test_what_was_left_in_a_type_that_contains_none_any_more_has_the_acl_of_now(
    workshop: Gateway, team: str, person: str
) -> None:
    thing = workshop.create("mia", "Thing", team, title="Cart", Maker=person).path
    part = workshop.create("mia", "Part", thing, Kind="wheel").path
    site = workshop.site.context
    types = {name: replace(item, containers=item.containers - {"Thing"}) for name, item in site.registry.types.items()}
    former = replace(site, registry=replace(site.registry, types=types))

    def viewers(connection: Connection) -> list[bool]:
        workspace = system_planner(former, connection, workshop.site.now(), writes=False).workspace
        workspace.load_paths([thing, part])
        found = []
        for roles in ((), ("Maker",)):
            if roles:
                setting = PermissionSetting(acquire=False, roles=roles)
                workspace.by_path[thing].settings = PermissionOverrides({"View": setting})
            found.append(workspace.by_path[part].acl.roles_with("View") == {"Maker"})
        return found

    assert workshop.site.transact(viewers, write=False) == [False, True]

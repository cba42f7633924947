"""Access that follows a reference: who has local roles on the object named sees what names it, wherever that lies."""

from collections.abc import Sequence
from itertools import count

import pytest
from sqlalchemy import Connection, delete, select, update

from objapi import upkeep
from objapi.errors import ApiError, NotFound
from objapi.store.requests import ByPath, CreateItem, UpdateItem
from objapi.store.schema import entities, scope_tree
from tests.objapi.store.workshop import Gateway, quietly

_numbers = count(1)

FEW, MANY = 10, 200


@pytest.fixture
def teams(workshop: Gateway) -> tuple[str, str]:
    """Two new teams, with cleo in the first and carl in the second."""
    number = next(_numbers)
    paths = [workshop.create("boss", "Team", "/", title=f"Team {number}{letter}").path for letter in "ab"]
    for path, user in zip(paths, ("cleo", "carl"), strict=True):
        workshop.grant_local_roles(path, user, ["Owner"])
    return paths[0], paths[1]


def sees(workshop: Gateway, user: str, path: str) -> bool:
    """True when a user finds an object; every other way of asking must agree."""
    found = bool(workshop.find(user, {"path": {"query": path, "depth": 0}}))
    assert workshop.total(user, {"path": {"query": path, "depth": 0}}) == int(found)
    uid = workshop.uid(path)
    assert bool(workshop.find(user, {"UID": uid})) is found
    try:
        workshop.run(user, lambda tx: tx.entity(ByPath(path)))
    except NotFound:
        assert not found
    else:
        assert found
    return found


def parcel(workshop: Gateway, where: str, team: str | None) -> str:
    return workshop.create("mia", "Parcel", where, **({} if team is None else {"For": team})).path


@pytest.mark.parametrize("place", ["root", "other team", "own team", "box"])
def test_what_names_a_team_is_seen_by_it_wherever_it_lies(
    workshop: Gateway, teams: tuple[str, str], place: str
) -> None:
    mine, other = teams
    box = workshop.create("mia", "Box", other, title="Box").path
    where = {"root": "/", "other team": other, "own team": mine, "box": box}[place]
    before = {user: workshop.total(user, {"portal_type": "Parcel"}) for user in ("cleo", "carl", "olga")}
    path = parcel(workshop, where, mine)
    slip = workshop.create("mia", "Slip", path).path
    for inside in (path, slip):
        assert sees(workshop, "cleo", inside)
        # Who has local roles where it lies sees it as well.
        assert sees(workshop, "carl", inside) is (place in ("other team", "box"))
        assert not sees(workshop, "olga", inside)
    after = {user: workshop.total(user, {"portal_type": "Parcel"}) - seen for user, seen in before.items()}
    assert after == {"cleo": 1, "carl": int(place in ("other team", "box")), "olga": 0}
    workshop.assert_settled()


def test_access_follows_when_the_reference_changes_and_ends_with_it(workshop: Gateway, teams: tuple[str, str]) -> None:
    mine, other = teams
    path = parcel(workshop, "/", None)
    slip = workshop.create("mia", "Slip", path).path
    totals = {user: workshop.total(user, {"portal_type": "Parcel"}) for user in ("cleo", "carl")}
    for team, seen in ((mine, "cleo"), (other, "carl"), (None, None), (mine, "cleo")):
        workshop.update("mia", path, For=team or "")
        for user in ("cleo", "carl"):
            assert sees(workshop, user, path) is (user == seen)
            assert sees(workshop, user, slip) is (user == seen)
            assert workshop.total(user, {"portal_type": "Parcel"}) == totals[user] + int(user == seen)
    workshop.assert_settled()


def test_only_seeing_follows_and_what_scoped_roles_may(workshop: Gateway, teams: tuple[str, str]) -> None:
    path = parcel(workshop, "/", teams[0])
    workshop.update("boss", path, Secret="formula")
    # An owner of the team may change what lies in it and see its secrets; of what names it, neither.
    with pytest.raises(ApiError) as refused:
        workshop.update("cleo", path, Note="mine")
    assert refused.value.status == 403
    assert "Secret" not in workshop.read("cleo", path)
    own = parcel(workshop, teams[0], teams[0])
    workshop.update("cleo", own, Note="mine")
    with pytest.raises(ApiError):
        workshop.remove("cleo", workshop.uid(path))


def test_grants_and_their_end_bite_at_once(workshop: Gateway, teams: tuple[str, str]) -> None:
    path = parcel(workshop, "/", teams[0])
    assert not sees(workshop, "carl", path)
    workshop.grant_local_roles(teams[0], "carl", ["Owner"])
    assert sees(workshop, "carl", path)
    workshop.grant_local_roles(teams[0], "olga", ["Auditor"])
    assert sees(workshop, "olga", path)


def test_a_container_that_becomes_a_scope_lets_both_sides_in(workshop: Gateway, teams: tuple[str, str]) -> None:
    mine, other = teams
    box = workshop.create("mia", "Box", other, title="Box").path
    inner = workshop.create("mia", "Box", box, title="Inner").path
    paths = [parcel(workshop, where, mine) for where in (box, inner)]
    slip = workshop.create("mia", "Slip", paths[1]).path
    for granted in (inner, box):
        workshop.grant_local_roles(granted, "olga", ["Owner"])
        assert sees(workshop, "olga", paths[1])
        for path in (*paths, slip):
            assert sees(workshop, "cleo", path)
            assert sees(workshop, "carl", path)
        workshop.assert_settled()
    assert all(sees(workshop, "olga", path) for path in (*paths, slip))


def test_an_object_that_becomes_a_scope_of_its_own_is_still_reached(workshop: Gateway, teams: tuple[str, str]) -> None:
    mine, other = teams
    path = parcel(workshop, "/", mine)
    slip = workshop.create("mia", "Slip", path).path
    workshop.grant_local_roles(path, "olga", ["Owner"])
    workshop.assert_settled()
    for team, seen in ((mine, "cleo"), (other, "carl"), (None, None)):
        workshop.update("mia", path, For=team or "")
        for inside in (path, slip):
            assert [user for user in ("cleo", "carl") if sees(workshop, user, inside)] == ([seen] if seen else [])
            assert sees(workshop, "olga", inside)
        workshop.assert_settled()


def test_a_site_made_before_access_followed_gets_it_by_indexing_anew(workshop: Gateway, teams: tuple[str, str]) -> None:
    path = parcel(workshop, "/", teams[0])
    slip = workshop.create("mia", "Slip", path).path
    granted = parcel(workshop, "/", teams[0])
    workshop.grant_local_roles(granted, "olga", ["Owner"])
    wanted = workshop.dump(stamps=False)

    def forget(connection: Connection) -> None:
        root = connection.scalar(select(entities.c.rid).where(entities.c.parent.is_(None)))
        shared = connection.scalar(select(entities.c.scope).where(entities.c.path == path))
        connection.execute(delete(scope_tree).where(scope_tree.c.scope < 0))
        connection.execute(delete(scope_tree).where(scope_tree.c.scope == shared))
        connection.execute(update(entities).where(entities.c.scope == shared).values(scope=root))
        for catalog in workshop.site.context.tables.values():
            connection.execute(update(catalog.main).where(catalog.main.c.scope == shared).values(scope=root))

    workshop.site.transact(forget, write=True)
    assert not sees(workshop, "cleo", path)
    upkeep.reindex(workshop.site, quietly)
    for inside in (path, slip, granted):
        assert sees(workshop, "cleo", inside)
    assert workshop.dump(stamps=False)["entities"] == wanted["entities"]


def test_statements_do_not_grow_with_what_is_reached(workshop: Gateway, teams: tuple[str, str]) -> None:
    counts: list[Sequence[int]] = []
    for number in (FEW, MANY):
        with workshop.statements.counted() as created:
            items = [CreateItem("Parcel", ByPath("/"), {"For": teams[place % 2]}) for place in range(number)]
            made = workshop.create_all("mia", items).entries
        workshop.create_all("mia", [CreateItem("Slip", ByPath(entry.path), {}) for entry in made])
        changes = [{"For": teams[(place + 1) % 2]} for place in range(number)]
        with workshop.statements.counted() as changed:
            workshop.update_all(
                "mia", [UpdateItem(ByPath(e.path), values) for e, values in zip(made, changes, strict=True)]
            )
        with workshop.statements.counted() as read:
            workshop.find("cleo", {"portal_type": "Parcel"})
        counts.append((len(created), len(changed), len(read)))
    assert all(many <= few + 4 for few, many in zip(*counts, strict=True)), counts


def test_removing_the_object_named_ends_the_access_to_it(workshop: Gateway, teams: tuple[str, str]) -> None:
    path = parcel(workshop, "/", teams[0])
    workshop.remove("boss", workshop.uid(teams[0]), break_references=True)
    assert not sees(workshop, "cleo", path)
    workshop.assert_settled()

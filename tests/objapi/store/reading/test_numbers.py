"""Numbers of a read (count_only, facets) and operators: their rights, their statements, and who may be acted on."""

from typing import Any

import orjson
import pytest

from objapi.errors import BadRequest, NotFound
from objapi.store.requests import ByPath, CreateItem, Find, Found
from tests.objapi.store.workshop import Gateway


@pytest.fixture(scope="module")
def halls(module_workshop: Gateway) -> tuple[str, str]:
    """Two teams with six things each, of which max owns the first; each third thing has a secret."""
    gateway = module_workshop
    maker = gateway.create("boss", "Person", "/", title="Maker of halls").uid
    paths = []
    for name in ("North", "South"):
        team = gateway.create("boss", "Team", "/", title=name).path
        items = [
            CreateItem("Thing", ByPath(team), {"title": f"{name} {n}", "Maker": maker, "Count": n % 2 if n else None})
            for n in range(6)
        ]
        made = gateway.create_all("boss", items).entries
        for place in (0, 3):
            gateway.update("boss", made[place].path, Secret=f"{name} gold")
        paths.append(team)
    gateway.grant_local_roles(paths[0], "max", ["Owner"])
    return paths[0], paths[1]


def numbers(gateway: Gateway, user: str, halls: tuple[str, str], *facets: str, **more: Any) -> Found:
    find = Find({"path": list(halls), "portal_type": "Thing", **more}, count_only=True, facets=facets)
    return gateway.run(user, lambda tx: tx.find(find))


def test_facets_count_what_is_found(workshop: Gateway, halls: tuple[str, str]) -> None:
    found = numbers(workshop, "boss", halls, "Count", "review_state", "getLabels")
    assert found.total == 12
    assert found.objects == ()
    assert found.facets["Count"].values == ((1, 6), (0, 4), (None, 2))
    assert found.facets["review_state"].values == (("open", 12),)
    assert found.facets["getLabels"].values == ()
    assert numbers(workshop, "boss", halls, "Count", Count_empty="1").facets["Count"].values == ((None, 2),)


def test_values_that_may_not_be_read_are_not_counted(workshop: Gateway, halls: tuple[str, str]) -> None:
    everything = numbers(workshop, "boss", halls, "Secret").facets["Secret"]
    assert dict(everything.values) == {None: 8, "North gold": 2, "South gold": 2}
    own = numbers(workshop, "max", halls, "Secret")
    assert own.total == 12
    assert dict(own.facets["Secret"].values) == {None: 4, "North gold": 2}
    with pytest.raises(BadRequest, match="'Secret' is no index"):
        numbers(workshop, "mia", halls, "Secret")


@pytest.mark.parametrize("criteria", [{"Secret_empty": "0"}, {"Secret.contains": "gold"}, {"Secret": {"gt": "A"}}])
def test_an_operator_asks_for_the_rights_of_its_index(
    workshop: Gateway, halls: tuple[str, str], criteria: dict[str, Any]
) -> None:
    assert numbers(workshop, "boss", halls, **criteria).total == 4
    assert numbers(workshop, "max", halls, **criteria).total == 2
    blind = numbers(workshop, "mia", halls, **criteria)
    assert blind.total == 12
    assert any(next(iter(criteria)) in warning for warning in blind.warnings)
    with pytest.raises(BadRequest, match="Secret"):
        workshop.run("mia", lambda tx: tx.transition_found(Find(criteria, size=0), "hide", dry_run=True), write=True)


def test_an_operator_is_a_criterion_for_what_acts(workshop: Gateway, halls: tuple[str, str]) -> None:
    def found(**criteria: Any) -> int:
        find = Find({"portal_type": "Thing", "path": halls[1], **criteria}, size=0)
        outcome = workshop.run("boss", lambda tx: tx.transition_found(find, "hide", dry_run=True), write=True)
        return len(outcome.entries)

    assert found(Count_empty="1") == 1
    assert found(**{"Count.ge": "0", "Count.lt": "1"}) == 2
    assert found(created_since="1h") == 6
    with pytest.raises(NotFound):
        found(**{"Count.gt": "7"})
    with pytest.raises(BadRequest, match="neither 1"):
        found(Count_empty="maybe")


@pytest.mark.parametrize("user", ["boss", "max"])
def test_each_facet_is_one_statement(workshop: Gateway, halls: tuple[str, str], user: str) -> None:
    def cost(*facets: str, **options: Any) -> int:
        find = Find({"portal_type": "Thing", "sort_on": "id"}, facets=facets, **options)
        with workshop.statements.counted() as inside:
            workshop.run(user, lambda tx: tx.find(find))
        return len(inside)

    alone = cost(count_only=True)
    assert cost("Count", count_only=True) == alone + 1
    assert cost("Count", "review_state", "getLabels", count_only=True) == alone + 3
    assert cost("Count", "review_state") == cost() + 2


def test_a_cursor_that_means_nothing_is_refused_where_only_numbers_are_asked_for(workshop: Gateway) -> None:
    find = Find({"portal_type": "Thing"}, count_only=True, after="nonsense")
    with pytest.raises(BadRequest, match="next"):
        workshop.run("boss", lambda tx: tx.find(find))


def test_a_stream_has_facets_too(workshop: Gateway, halls: tuple[str, str]) -> None:
    find = Find({"path": halls[0], "portal_type": "Thing"}, size=0, facets=("Count",))

    def read(tx: Any) -> tuple[Any, int]:
        streamed = tx.stream(find)
        return streamed.facets["Count"].values, len(orjson.loads(b"[" + b",".join(streamed.chunks) + b"]"))

    assert workshop.run("boss", read) == (((1, 3), (0, 2), (None, 1)), 6)


@pytest.mark.parametrize(
    ("facets", "words"),
    [
        (("colour",), "'colour' is no index of portal_catalog"),
        (("path",), "path is a path index; counted are"),
        (("SearchableText", "allowedRolesAndUsers"), "SearchableText is a text index"),
        (tuple(f"i{n}" for n in range(11)), "at most 10"),
    ],
)
def test_what_cannot_be_counted_is_refused(
    workshop: Gateway, halls: tuple[str, str], facets: tuple[str, ...], words: str
) -> None:
    with pytest.raises(BadRequest, match=words):
        numbers(workshop, "boss", halls, *facets)


def test_pages_go_on_while_a_time_until_now_moves(workshop: Gateway, halls: tuple[str, str]) -> None:
    seen: list[str] = []
    following: str | None = None
    while True:
        # Each page is asked for at a later moment, from which the hour is counted back.
        find = Find({"portal_type": "Thing", "created_since": "1h", "path": halls[0]}, size=4, after=following)
        found = workshop.run("boss", lambda tx, find=find: tx.find(find))
        seen += [orjson.loads(bytes(orjson.dumps(item)))["title"] for item in found.objects]
        following = found.next
        if following is None:
            break
    assert seen == [f"North {n}" for n in range(6)]

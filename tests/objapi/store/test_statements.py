"""How many statements operations cost: the number does not grow with each object."""

from collections.abc import Callable, Sequence

import pytest

from objapi.store.access_requests import AccessQuestion, HasPermission, MayDo, MayStep, ObjectRule
from objapi.store.records import CHUNK
from objapi.store.requests import ByPath, CreateItem, Find, UpdateItem
from tests.objapi.store.workshop import Gateway

FEW, MANY, MOST = 10, 200, 600
"""Two numbers of things that fill less than a chunk with what is in them, and one that fills a few."""
assert 2 * MANY < CHUNK < MOST <= 2 * CHUNK


@pytest.fixture(autouse=True)
def fold_no_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Counts of catalogs are folded after some request or other, whose own statements are asked for here."""
    monkeypatch.setattr("objapi.site.ROWS_TO_FOLD", 10**9)


@pytest.fixture(scope="module")
def things(module_workshop: Gateway) -> list[str]:
    """The paths of many things, each with a part, an owner and two labels."""
    gateway = module_workshop
    team = gateway.create("boss", "Team", "/", title="Hall").path
    maker = gateway.create("boss", "Person", "/", title="Maker").uid
    for name in ("red", "green"):
        gateway.create("boss", "Label", "/", title=name)
    values = {"Maker": maker, "Owner": maker, "Labels": ["title:red", "title:green"]}
    items = [CreateItem("Thing", ByPath(team), {"title": f"Thing {n}", **values}) for n in range(MOST)]
    paths = [entry.path for entry in gateway.create_all("mia", items).entries]
    gateway.create_all("mia", [CreateItem("Part", ByPath(path), {"Kind": "part"}) for path in paths])
    return paths


Work = Callable[[Gateway, Sequence[str], int], object]


def part_of(path: str) -> str:
    return f"{path}/{path.rpartition('/')[2]}-P01"


def update(gateway: Gateway, paths: Sequence[str], turn: int) -> object:
    # Of one owner's things no two have the same number.
    numbers = range(turn * MOST, turn * MOST + len(paths))
    values = [{"Count": number} for number in numbers]
    return gateway.update_all("mia", [UpdateItem(ByPath(path), v) for path, v in zip(paths, values, strict=True)])


def update_parts(gateway: Gateway, paths: Sequence[str], turn: int) -> object:
    return gateway.update_all("mia", [UpdateItem(ByPath(part_of(path)), {"Grams": turn + 5}) for path in paths])


def refer(gateway: Gateway, paths: Sequence[str], turn: int) -> object:
    names = ["title:red", "portal_type:Label|title:green", "title:red|portal_type:Label"]
    values = [{"Labels": names[: 1 + (place + turn) % 3]} for place in range(len(paths))]
    return gateway.update_all("mia", [UpdateItem(ByPath(path), v) for path, v in zip(paths, values, strict=True)])


def refer_each_to_its_own(gateway: Gateway, paths: Sequence[str], turn: int) -> object:
    texts = [f"portal_type:Thing|title:Thing {(place + turn) % FEW}" for place in range(len(paths))]
    return gateway.update_all(
        "mia", [UpdateItem(ByPath(path), {"Goes": [text]}) for path, text in zip(paths, texts, strict=True)]
    )


def create(gateway: Gateway, paths: Sequence[str], turn: int) -> object:
    return gateway.create_all("mia", [CreateItem("Part", ByPath(path), {"Kind": f"part {turn}"}) for path in paths])


def create_with_ids(gateway: Gateway, paths: Sequence[str], turn: int) -> object:
    items = [CreateItem("Part", ByPath(path), {"Kind": f"own {turn}"}, f"own-{turn}") for path in paths]
    return gateway.create_all("mia", items)


def hide(gateway: Gateway, paths: Sequence[str], turn: int) -> object:
    return gateway.act("mia", "hide", *paths)


def show(gateway: Gateway, paths: Sequence[str], turn: int) -> object:
    return gateway.act("boss", "show", *paths)


def ready_for(gateway: Gateway, user: str, action: str, undo: Work, paths: Sequence[str]) -> None:
    """Bring the things among the paths that cannot take an action to where they can."""
    offered = gateway.run(user, lambda tx: tx.offered([ByPath(path) for path in paths]))
    lacking = [item.path for item in offered if action not in dict(item.transitions)]
    if lacking:
        undo(gateway, lacking, 0)


def offer(gateway: Gateway, paths: Sequence[str], turn: int) -> object:
    return gateway.run("mia", lambda tx: tx.offered([ByPath(path) for path in paths]))


def explain(gateway: Gateway, paths: Sequence[str], turn: int) -> object:
    return gateway.run("anna", lambda tx: tx.offered([ByPath(path) for path in paths], explain=True))


def ask(gateway: Gateway, paths: Sequence[str], turn: int) -> object:
    rules = [MayDo(rule.name, rule) for rule in ObjectRule]
    questions: list[AccessQuestion] = [*rules, MayStep("hide"), HasPermission("View", "View")]
    return gateway.run("mia", lambda tx: tx.access([ByPath(path) for path in paths], questions))


@pytest.mark.parametrize(
    "work",
    [update, update_parts, refer, refer_each_to_its_own, create, create_with_ids, offer, explain, ask, hide, show],
)
def test_statements_do_not_grow_with_objects(workshop: Gateway, things: list[str], work: Work) -> None:
    counts = []
    for turn, (first, last) in enumerate([(0, FEW), (FEW, FEW + MANY), (0, MOST)]):
        if work is hide:
            ready_for(workshop, "mia", "hide", show, things[first:last])
        if work is show:
            ready_for(workshop, "boss", "show", hide, things[first:last])
        with workshop.statements.counted() as inside:
            work(workshop, things[first:last], turn)
        counts.append(len(inside))
    few, many, most = counts
    assert many <= few + 4
    assert most <= 2 * few + 12


def test_a_page_with_its_total_is_two_statements(workshop: Gateway, things: list[str]) -> None:
    for size in (10, 300):
        find = Find({"portal_type": "Thing", "review_state": "open"}, size=size, include_fields=("title", "OwnerName"))
        with workshop.statements.counted() as inside:
            found = workshop.run("mia", lambda tx, find=find: tx.find(find))
        assert len(found.objects) == size
        assert len(inside) == 2
        with workshop.statements.counted() as inside:
            workshop.run("mia", lambda tx, size=size: tx.find(Find({"portal_type": "Thing"}, size=size)))
        assert len(inside) == 3


def test_what_is_added_to_a_page_costs_little(workshop: Gateway, things: list[str]) -> None:
    plain = Find({"portal_type": "Thing"}, include_fields=("title", "Owner"))
    for options, most in (
        ({"expand": ("Owner",)}, 5),
        ({"reference_titles": True}, 5),
        ({"include_fields": ("title", "transitions")}, 7),
    ):
        find = Find(plain.criteria, **{"include_fields": plain.include_fields, **options})
        with workshop.statements.counted() as inside:
            workshop.run("mia", lambda tx, find=find: tx.find(find))
        assert len(inside) <= most, options


def test_a_page_that_tells_its_own_total_is_not_counted(workshop: Gateway, things: list[str]) -> None:
    find = Find({"portal_type": "Team", "title": "Hall"}, include_fields=("title",))
    with workshop.statements.counted() as inside:
        assert workshop.run("mia", lambda tx: tx.find(find)).total == 1
    assert len(inside) == 2


def test_removing_many_costs_what_removing_few_costs(workshop: Gateway, things: list[str]) -> None:
    team = workshop.create("boss", "Team", "/", title="Attic").path
    counts = []
    for turn, number in enumerate((FEW, MANY)):
        names = [f"Old {turn} {n}" for n in range(number)]
        items = [CreateItem("Thing", ByPath(team), {"title": name, "Maker": "title:Maker"}) for name in names]
        made = workshop.create_all("mia", items).entries
        workshop.create_all("mia", [CreateItem("Part", ByPath(entry.path), {"Kind": "part"}) for entry in made])
        with workshop.statements.counted() as inside:
            workshop.remove("mia", *(entry.uid for entry in made))
        counts.append(len(inside))
    assert counts[1] <= counts[0] + 3


def test_one_object_is_searched_and_read_once(workshop: Gateway, things: list[str]) -> None:
    label = workshop.create("boss", "Label", "/", title="Searched once").path
    with workshop.statements.counted() as updating:
        workshop.update("boss", label, title="Read once")
    asked = Find({"portal_type": "Thing", "title": "Thing 3"}, strict=True)
    ready_for(workshop, "mia", "hide", show, things[3:4])
    with workshop.statements.counted() as moving:
        workshop.run("mia", lambda tx: tx.transition_found(asked, "hide"), write=True)
    assert len([text for text in updating if "FROM entities" in text and "entities.answer" in text]) == 1
    assert len([text for text in moving if text.startswith("SELECT cat_") and "entities.stamp" in text]) == 1

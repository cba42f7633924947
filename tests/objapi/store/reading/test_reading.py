"""Reading: pages, members, streams, and values that the time changes."""

import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta

import orjson
import pytest
from sqlalchemy import Connection, event
from sqlalchemy.exc import OperationalError

from objapi import upkeep
from objapi.errors import BadRequest, NotFound, TooLarge, Unavailable
from objapi.site import Site
from objapi.store.reading import finding
from objapi.store.requests import ByPath, CreateItem, Find, Streamed
from objapi.store.transaction import Transaction
from tests.objapi.store.workshop import USERS, Gateway, quietly


@pytest.fixture(scope="module")
def crowd(module_workshop: Gateway) -> str:
    """A team with 25 things of one kind."""
    team = module_workshop.create("boss", "Team", "/", title="Crowd").path
    maker = module_workshop.create("boss", "Person", "/", title="Maker of the crowd").uid
    items = [
        CreateItem("Thing", ByPath(team), {"title": f"Thing {n:02}", "Maker": maker, "Count": n % 5}) for n in range(25)
    ]
    module_workshop.create_all("boss", items)
    return team


def things(crowd: str, **more: object) -> dict[str, object]:
    return {"path": crowd, "portal_type": "Thing", **more}


def test_pages_neither_repeat_nor_skip(workshop: Gateway, crowd: str) -> None:
    for sort_on, sort_order in (("Count", None), ("Count", "descending"), ("title", None)):
        seen = [
            item["title"]
            for offset in range(0, 30, 7)
            for item in workshop.find(
                "mia", things(crowd), size=7, offset=offset, sort_on=sort_on, sort_order=sort_order
            )
        ]
        assert sorted(seen) == [f"Thing {n:02}" for n in range(25)]
        counts = [int(title[-2:]) % 5 for title in seen]
        if sort_on == "Count":
            assert counts == sorted(counts, reverse=sort_order is not None)


def test_ties_go_by_age_in_the_direction_of_the_sort(workshop: Gateway, crowd: str) -> None:
    up = [item["title"] for item in workshop.find("mia", things(crowd), sort_on="Count")]
    down = [item["title"] for item in workshop.find("mia", things(crowd), sort_on="Count", sort_order="reverse")]
    assert down == up[::-1]
    assert up[:5] == ["Thing 00", "Thing 05", "Thing 10", "Thing 15", "Thing 20"]


@pytest.mark.parametrize(
    ("options", "total", "found"),
    [
        ({"size": 10}, 25, 10),
        ({"size": 10, "offset": 20}, 25, 5),
        ({"size": 10, "offset": 30}, 25, 0),
        ({"size": 10, "limit": 12}, 12, 10),
        ({"size": 10, "offset": 10, "limit": 12}, 12, 2),
        ({"size": 0}, 25, 25),
        ({"size": 0, "offset": 5}, 25, 20),
        ({"size": 25}, 25, 25),
        ({"size": 0, "limit": 3}, 3, 3),
    ],
)
def test_totals_count_what_the_limit_leaves(
    workshop: Gateway, crowd: str, options: dict[str, int], total: int, found: int
) -> None:
    assert workshop.total("mia", things(crowd), **options) == total
    assert len(workshop.find("mia", things(crowd), **options)) == found


def test_no_criterion_finds_all_that_may_be_seen(workshop: Gateway, crowd: str) -> None:
    assert workshop.total("mia") >= 26
    assert workshop.total("olga") == 0


def test_unknown_criteria_are_warned_of_or_refused(workshop: Gateway, crowd: str) -> None:
    found = workshop.run("mia", lambda tx: tx.find(Find(things(crowd, Wheel="round"))))
    assert found.total == 25
    assert any("Wheel" in warning for warning in found.warnings)
    with pytest.raises(BadRequest, match="Wheel"):
        workshop.run("mia", lambda tx: tx.find(Find(things(crowd, Wheel="round"), strict=True)))
    with pytest.raises(BadRequest, match="catalog"):
        workshop.run("mia", lambda tx: tx.find(Find({}, catalog="no_catalog")))
    with pytest.raises(BadRequest):
        workshop.run("mia", lambda tx: tx.find(Find({}, sort_on="SearchableText")))


def test_objects_without_the_sort_index_are_counted_on_demand(workshop: Gateway, crowd: str) -> None:
    find = Find({"path": crowd}, sort_on="Count", count_missing=True)
    found = workshop.run("mia", lambda tx: tx.find(find))
    assert (found.total, [text for text in found.warnings if "1 matching" in text]) == (25, [found.warnings[0]])


def test_members_of_an_object(workshop: Gateway, crowd: str) -> None:
    read = workshop.find("boss", things(crowd), size=1)[0]
    expected = "id UID path portal_type review_state version Title title Parts Owner_uid"
    assert set(expected.split()) <= set(read)
    assert "transitions" not in read
    assert "allowedRolesAndUsers" not in read
    chosen = workshop.find("boss", things(crowd), size=1, include_fields=("title", "Weight", "nothing"))[0]
    assert set(chosen) == {"path", "title", "Weight"}
    assert set(workshop.find("boss", things(crowd), size=1, include_fields=("getPhysicalPath",))[0]) == {"path"}


def test_references_with_titles_and_paths(workshop: Gateway, team: str, person: str) -> None:
    labels = [workshop.create("boss", "Label", "/", title=f"{name}{team}").uid for name in "xy"]
    goal = workshop.create("mia", "Thing", team, title="Goal", Maker=person)
    path = workshop.create("mia", "Thing", team, title="Way", Maker=person, Labels=labels, Goes=[goal.uid]).path
    read = workshop.read("mia", path, expand=("Labels", "Maker", "Owner"))
    assert read["Labels"] == labels
    assert read["Labels_title"] == [f"x{team}", f"y{team}"]
    assert read["Maker_path"].startswith("/Plone/person-")
    assert (read["Owner_title"], read["Owner_path"]) == (None, None)
    read = workshop.read("mia", path, reference_titles=True)
    assert (read["Labels"], read["Labels_uid"], read["Owner"]) == ([f"x{team}", f"y{team}"], labels, None)
    workshop.act("mia", "hide", goal.path)
    read = workshop.read("anna", path, expand=("Goes",))
    assert (read["Goes"], read["Goes_title"], read["Goes_path"]) == ([goal.uid], [goal.uid], [None])


def test_contained_objects_are_answered_whole(workshop: Gateway, team: str, person: str) -> None:
    path = workshop.create("mia", "Thing", team, title="Table", Maker=person).path
    for kind in ("top", "leg"):
        workshop.create("mia", "Part", path, Kind=kind)
    read = workshop.read("mia", path)
    assert [(part["Kind"], part["review_state"]) for part in read["Parts"]] == [("top", "raw"), ("leg", "raw")]
    assert "Parts" not in workshop.read("mia", path, include_fields=("title",))
    assert len(workshop.read("mia", path, include_fields=("Parts",))["Parts"]) == 2


# transitions by criteria


def test_transitions_by_criteria_leave_nothing_to_chance(workshop: Gateway, team: str, person: str) -> None:
    for number in range(12):
        workshop.create("mia", "Thing", team, title=f"Batch {number}", Maker=person)

    def act(find: Find) -> int:
        return len(workshop.run("mia", lambda tx: tx.transition_found(find, "finish"), write=True).entries)

    for criteria in ({}, {"Wheel": 1}, {"portal_type": "Thing", "Wheel": 1}, {"portal_type": "Wheel"}):
        with pytest.raises(BadRequest):
            act(Find(criteria, size=0))
    with pytest.raises(NotFound):
        act(Find({"title": "No such thing"}, size=0))
    assert act(Find({"path": team, "portal_type": "Thing", "title": ["Batch 0", "Batch 1"]}, size=0)) == 2
    assert act(Find({"path": team, "review_state": "open", "portal_type": "Thing"}, size=4)) == 4
    assert act(Find({"path": team, "review_state": "open", "portal_type": "Thing"}, size=0)) == 6


def test_a_transition_of_more_than_the_limit_is_refused(workshop: Gateway, crowd: str) -> None:
    site = workshop.site
    narrow = replace(site, context=replace(site.context, most_objects=10))
    find = Find(things(crowd), size=0)
    with pytest.raises(TooLarge):
        narrow.run(workshop.authenticate("mia"), lambda tx: tx.transition_found(find, "finish"), write=True)
    assert workshop.total("mia", things(crowd, review_state="open")) == 25


# streams


@pytest.fixture
def pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small chunks, so that a stream has several."""
    monkeypatch.setattr(finding, "STREAMED", 4)


def stream(workshop: Gateway, find: Find, site: Site | None = None) -> Streamed:
    return (site or workshop.site).stream(workshop.authenticate("mia"), lambda tx: tx.stream(find))


def connections(workshop: Gateway) -> int:
    """How many are in use."""
    engines = {id(engine): engine for engine in (workshop.site.engine, workshop.site.stream_engine)}
    return sum(engine.pool.checkedout() for engine in engines.values())


def titles(chunks: Iterator[bytes]) -> list[str]:
    return [item["title"] for item in orjson.loads(b"[" + b",".join(chunks) + b"]")]


@pytest.mark.usefixtures("pieces")
@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, range(25)),
        ({"offset": 6}, range(6, 25)),
        ({"offset": 23}, range(23, 25)),
        ({"offset": 40}, range(0)),
        ({"limit": 9}, range(9)),
        ({"limit": 9, "offset": 5}, range(5, 9)),
        ({"sort_order": "descending"}, range(24, -1, -1)),
    ],
)
def test_a_stream_gives_what_pages_give(
    workshop: Gateway, crowd: str, options: dict[str, object], expected: range
) -> None:
    find = replace(Find(things(crowd), sort_on="title", size=0), **options)
    streamed = stream(workshop, find)
    assert streamed.count == len(expected)
    assert titles(streamed.chunks) == [f"Thing {n:02}" for n in expected]
    assert connections(workshop) == 0


@pytest.mark.usefixtures("pieces")
def test_a_stream_shows_one_moment(workshop: Gateway, team: str, person: str) -> None:
    items = [CreateItem("Thing", ByPath(team), {"title": f"S{n}", "Maker": person}) for n in range(9)]
    made = workshop.create_all("mia", items).entries
    streamed = stream(workshop, Find({"path": team, "portal_type": "Thing"}, sort_on="title", size=0))
    workshop.update("mia", made[8].path, title="A first one")
    workshop.remove("mia", made[7].uid)
    assert (streamed.total, titles(streamed.chunks)) == (9, [f"S{n}" for n in range(9)])


@pytest.mark.usefixtures("pieces")
def test_a_stream_that_is_left_gives_its_connection_back(workshop: Gateway, crowd: str) -> None:
    streamed = stream(workshop, Find(things(crowd), size=0))
    next(streamed.chunks)
    assert connections(workshop) == 1
    streamed.chunks.close()
    assert connections(workshop) == 0


@pytest.mark.usefixtures("pieces")
def test_a_stream_has_its_time(workshop: Gateway, crowd: str) -> None:
    site = replace(workshop.site, context=replace(workshop.site.context, stream_time_limit=-1.0))
    with pytest.raises(TimeoutError):
        stream(workshop, Find(things(crowd), size=0), site)
    assert connections(workshop) == 0


# what the time changes


class Later(Site):
    """A site whose clock is ahead."""

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(days=30)


def in_a_month(workshop: Gateway) -> Gateway:
    site = workshop.site
    later = Later(**{item.name: getattr(site, item.name) for item in fields(site)})
    return Gateway(later, workshop.statements)


def test_values_that_end_are_right_when_they_are_read(workshop: Gateway, team: str, person: str) -> None:
    end = datetime.now(UTC) + timedelta(days=3)
    model = workshop.create("boss", "Model", "/", title="Passing", Until=end)
    thing = workshop.create("boss", "Thing", team, title="Passing", Maker=person, Model=model.uid).path
    later = in_a_month(workshop)
    for path in (model.path, thing):
        assert workshop.read("boss", path)["Current"] is True
        assert later.read("boss", path)["Current"] is False
    later.update("boss", model.path, Colour="faded")
    assert later.read("boss", thing)["Current"] is False
    workshop.update("boss", model.path, Until="")
    assert later.read("boss", thing)["Current"] is True


def test_values_that_have_ended_cost_the_same_for_many(workshop: Gateway, team: str, person: str) -> None:
    end = datetime.now(UTC) + timedelta(days=3)
    model = workshop.create("boss", "Model", "/", title="Ending", Until=end).uid
    for number in range(7):
        workshop.create("boss", "Thing", team, title=f"Ending {number}", Maker=person, Model=model)
    later = in_a_month(workshop)
    counts = []
    for size in (1, 7):
        with workshop.statements.counted() as inside:
            found = later.find("boss", {"path": team, "portal_type": "Thing"}, size=size)
        assert [item["Current"] for item in found] == [False] * size
        counts.append(len(inside))
    assert counts[0] == counts[1]


def test_urls_of_files_begin_with_the_url_of_the_site(workshop: Gateway, team: str, person: str) -> None:
    thing = workshop.create("boss", "Thing", team, title="With a manual", Maker=person).path
    workshop.update("boss", thing, Manual={"filename": "m.txt", "base64": "aGVsbG8="})
    here = f"{thing}/@@API/file?field=Manual"
    assert workshop.read("boss", thing)["Manual"]["url"] == here
    site = replace(workshop.site, context=replace(workshop.site.context, public_url="https://lab.example.org/x"))
    outside = Gateway(site, workshop.statements)
    for more in ({}, {"include_fields": ("Manual",)}):
        assert outside.read("boss", thing, **more)["Manual"]["url"] == f"https://lab.example.org/x{here}"


def _list(tx: Transaction, path: str) -> Iterator[bytes]:
    return tx.stream(Find({"path": path})).chunks


def _download(tx: Transaction, path: str) -> Iterator[bytes]:
    return tx.file(ByPath(path), "Manual").chunks


def _lose(connection: Connection) -> None:
    """Lose the connection of a transaction, as a server that is restarted does; SQLite has a busy file for it."""
    if connection.dialect.name == "sqlite":
        busy = sqlite3.OperationalError("database is locked")
        busy.sqlite_errorcode = sqlite3.SQLITE_BUSY
        raise OperationalError("SELECT 1", None, busy)
    connection.exec_driver_sql("KILL CONNECTION_ID()")
    connection.exec_driver_sql("SELECT 1")


@pytest.mark.parametrize("read", [_list, _download])
@pytest.mark.parametrize("losses", [0, 1, 3])
def test_what_fails_before_its_first_byte_is_done_again_or_refused(
    workshop: Gateway, team: str, person: str, read: Callable[[Transaction, str], Iterator[bytes]], losses: int
) -> None:
    path = workshop.create("mia", "Thing", team, title="Chair", Maker=person).path
    workshop.update("mia", path, Manual={"filename": "m.txt", "base64": "aGVsbG8=", "content_type": "text/plain"})
    site = replace(workshop.site, settings=replace(workshop.site.settings, retries=2))
    calls: list[int] = []

    def work(tx: Transaction) -> Iterator[bytes]:
        calls.append(1)
        if len(calls) <= losses:
            _lose(tx.connection)
        return read(tx, path)

    before = connections(workshop)
    if losses > site.settings.retries:
        with pytest.raises(Unavailable):
            site.stream(workshop.authenticate("mia"), work)
    else:
        content = b"".join(site.stream(workshop.authenticate("mia"), work))
        assert (content == b"hello") if read is _download else (b"Chair" in content)
    assert len(calls) == min(losses + 1, 3)
    assert connections(workshop) == before


@pytest.mark.parametrize("read", [_list, _download])
def test_the_first_byte_is_read_before_the_answer_begins(
    workshop: Gateway, team: str, person: str, read: Callable[[Transaction, str], Iterator[bytes]]
) -> None:
    path = workshop.create("mia", "Thing", team, title="Chair", Maker=person).path
    workshop.update("mia", path, Manual={"filename": "m.txt", "base64": "aGVsbG8=", "content_type": "text/plain"})
    texts: list[str] = []
    event.listen(workshop.site.stream_engine, "before_cursor_execute", lambda *said: texts.append(said[2]))
    chunks = workshop.site.stream(workshop.authenticate("mia"), lambda tx: read(tx, path))
    read_before = len(texts)
    assert next(chunks)
    assert len(texts) == read_before
    chunks.close()


def test_a_stream_for_which_there_is_no_place_is_told_so(workshop: Gateway, crowd: str, pieces: None) -> None:
    settings = replace(workshop.site.settings, max_streams=1, lock_timeout=0.1)
    site = Site.open(settings)
    try:
        held = stream(workshop, Find(things(crowd), size=25), site)
        with pytest.raises(Unavailable, match=r"sending 1 streamed .*OBJAPI_MAX_STREAMS") as refused:
            stream(workshop, Find(things(crowd), size=25), site)
        assert int(refused.value.headers["Retry-After"]) > 0
        held.chunks.close()
        assert (
            len(orjson.loads(b"[" + b",".join(stream(workshop, Find(things(crowd), size=25), site).chunks) + b"]"))
            == 25
        )
    finally:
        site.close()


def test_totals_are_exact_through_transitions_grants_and_removals(workshop: Gateway, team: str, person: str) -> None:
    def totals() -> list[int]:
        asked = [{"portal_type": "Thing"}, {"portal_type": "Thing", "review_state": ["open", "hidden"]}, {}]
        finds = [Find(criteria, size=1) for criteria in asked]
        return [workshop.run(user, lambda tx, find=find: tx.find(find)).total for user in USERS for find in finds]

    def counted() -> list[int]:
        tables = workshop.site.context.tables["portal_catalog"]
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("objapi.store.reading.finding.number_found", lambda *asked: None)
            assert tables.counted[0] == "portal_type"
            return totals()

    paths = [workshop.create("boss", "Thing", team, title=f"Thing {n}", Maker=person).path for n in range(5)]
    steps: list[Callable[[], object]] = [
        lambda: workshop.act("mia", "hide", *paths[:2]),
        lambda: workshop.grant_local_roles(paths[2].removeprefix("/Plone"), "carl", ["Owner"]),
        lambda: workshop.remove("boss", workshop.uid(paths[3])),
        workshop.site.fold_counts,
        lambda: workshop.act("boss", "show", paths[0]),
        lambda: upkeep.reindex(workshop.site, quietly),
    ]
    for step in steps:
        step()
        assert totals() == counted()


@pytest.mark.parametrize("order", ["ascending", "descending"])
@pytest.mark.parametrize("sort_on", ["id", "created"])
def test_pages_read_from_the_end_are_those_read_from_the_beginning(
    workshop: Gateway, team: str, person: str, sort_on: str, order: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(11):
        workshop.create("boss", "Thing", team, title=f"Thing {number:02}", Maker=person)

    def pages(user: str) -> list[tuple[list[bytes], object]]:
        found = []
        for offset in range(0, 14, 3):
            asked = {"portal_type": "Thing"}
            find = Find(asked, sort_on=sort_on, sort_order=order, offset=offset, size=4, include_fields=("id",))
            page = workshop.run(user, lambda tx, find=find: tx.find(find))
            found.append(([orjson.dumps(item) for item in page.objects], page.next))
        return found

    for user in ("boss", "mia"):
        from_the_beginning = pages(user)
        assert from_the_beginning[0][0]
        monkeypatch.setattr(finding, "_FAR", 1)
        assert pages(user) == from_the_beginning
        monkeypatch.undo()


def test_the_work_of_a_page_does_not_grow_with_what_it_is_taken_from(workshop: Gateway, team: str, person: str) -> None:
    if workshop.site.engine.dialect.name != "sqlite":
        pytest.skip("only SQLite tells how many steps it takes")
    raw = workshop.site.engine.raw_connection().dbapi_connection
    assert raw is not None
    find = Find({"portal_type": "Thing", "review_state": "open"}, sort_on="id", include_fields=("title",))

    def steps() -> int:
        ticks: list[None] = []
        workshop.run("boss", lambda tx: tx.find(find))
        raw.set_progress_handler(lambda: ticks.append(None), 1)
        try:
            assert len(workshop.run("boss", lambda tx: tx.find(find)).objects) == 10
        finally:
            raw.set_progress_handler(None, 0)
        return len(ticks)

    work = []
    for number in (20, 400):
        items = [CreateItem("Thing", ByPath(team), {"title": f"{number} {n}", "Maker": person}) for n in range(number)]
        workshop.create_all("boss", items)
        workshop.site.fold_counts()
        work.append(steps())
    few, many = work
    assert many <= 1.5 * few

"""`Site.load_lines`: NDJSON in chunks, which a load that was cut short takes up again."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest
from sqlalchemy import func, inspect, select

from benchmarks.dataset import PROFILE
from objapi import upkeep
from objapi.errors import ValidationError
from objapi.model.loading import ProfileError
from objapi.site import Site
from objapi.store.requests import ByPath, CreateItem
from objapi.store.schema import entities, requests, site_state
from objapi.store.upgrade.search_keys import keys_put_off
from tests.objapi.store.workshop import Gateway, open_site, quietly

CHUNK: Final = 40
"""Lines of a chunk, unless a test says otherwise."""
KILLED_IN_THIRD_CHUNK: Final = """
import os, signal, sys
from contextlib import contextmanager
from pathlib import Path
from objapi import upkeep
from objapi.settings import Settings
from objapi.site import Site

url, profile, file, lines, data, very_many = sys.argv[1:]
done = 0

@contextmanager
def killing(label, total):
    def advance(count):
        global done
        done += count
        if done == 2 * int(lines):
            os.kill(os.getpid(), signal.SIGKILL)
    yield advance

site = Site.open(Settings(data_dir=Path(data), database_url=url, profiles=(profile,)))
upkeep.load_lines(site, Path(file), killing, lines=int(lines), very_many=int(very_many))
"""
COUNTED: Final = {"entities": entities, "requests": requests, "site_state": site_state}


@pytest.fixture
def plain(database_url: str, tmp_path: Path) -> Iterator[Gateway]:
    """A site of the comparison, without objects but its root."""
    site = open_site(database_url, tmp_path / "site", (str(PROFILE),))
    gateway = Gateway.on(site)
    gateway.add_users({"boss": (("Manager",), ())})
    yield gateway
    site.close()


def written(file: Path, lines: Sequence[Mapping[str, object] | str]) -> Path:
    texts = (line if isinstance(line, str) else json.dumps(line) for line in lines)
    file.write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")
    return file


def customers_with_specimens(count: int) -> list[dict[str, object]]:
    """Lines of a few customers, each followed by its specimens, in all spellings that a file may have."""
    lines: list[dict[str, object]] = []
    for number in range(1, count + 1):
        customer = f"/customer-{(number - 1) // 10 + 1}"
        if number % 10 == 1:
            fields = {"title": f"Customer {customer}", "City": "Łódź", "Phone": None}
            lines.append({"path": customer, "portal_type": "Customer", "fields": fields})
        specimen: dict[str, object] = {"path": f"{customer}/S-{number:07}", "portal_type": "Specimen"}
        specimen["fields"] = {
            "title": f"Water {number}",
            "Remarks": 'said: "yes": two\nlines',
            "Volume": [number, str(number), float(number)][number % 3],
            "Collected": ["2024-02-03", "2024-02-03T10:00:00+02:00", "2024/02/03 10:00 GMT+1"][number % 3],
        }
        if number % 4 == 0:
            specimen["states"] = {"review_state": "received"}
        if number % 5 == 0:
            specimen["created"] = "2020-01-01T12:00:00Z"
        lines.append(specimen)
    return lines


def counts(site: Site) -> dict[str, int]:
    def count(connection: Any) -> dict[str, int]:
        return {name: connection.scalar(select(func.count()).select_from(table)) for name, table in COUNTED.items()}

    return site.transact(count, write=False)


def answers(gateway: Gateway, portal_type: str, *without: str) -> list[dict[str, Any]]:
    found = gateway.find("boss", {"portal_type": portal_type, "sort_on": "id"})
    return [{name: value for name, value in item.items() if name not in without} for item in found]


def test_objects_are_loaded_in_chunks_each_of_which_is_one_request(plain: Gateway, tmp_path: Path) -> None:
    lines = customers_with_specimens(100)
    before = counts(plain.site)
    upkeep.load_lines(plain.site, written(tmp_path / "a.ndjson", lines), quietly, lines=CHUNK)
    after = counts(plain.site)
    assert after["entities"] - before["entities"] == len(lines) == 110
    assert after["requests"] - before["requests"] == 3
    assert after["site_state"] == before["site_state"]
    plain.assert_settled()


def test_loaded_objects_equal_those_that_create_makes(plain: Gateway, tmp_path: Path) -> None:
    lines = [line for line in customers_with_specimens(60) if "states" not in line and "created" not in line]
    upkeep.load_lines(plain.site, written(tmp_path / "a.ndjson", lines), quietly, lines=CHUNK)
    others = Gateway.on(open_site(f"sqlite:///{tmp_path / 'other.sqlite'}", tmp_path / "other", (str(PROFILE),)))
    others.add_users({"boss": (("Manager",), ())})
    for line in lines:
        path, _, own = str(line["path"]).rpartition("/")
        others.create_all("boss", [CreateItem(line["portal_type"], ByPath(path or "/"), line["fields"], own)])
    of_each = ("UID", "created", "modified", "creator", "modification_date", "creation_date")
    for portal_type in ("Customer", "Specimen"):
        made = answers(others, portal_type, *of_each)
        assert answers(plain, portal_type, *of_each) == made
        assert made
    pages = [gateway.history("boss", ByPath("/customer-1/S-0000001")) for gateway in (plain, others)]
    told = [[(row["event"], row["changes"]) for row in page.rows] for page in pages]
    assert told[0] == told[1]
    assert [event for event, _ in told[0]] == ["transition", "create"]
    following = [plain.create("boss", "Specimen", "/customer-1", title="next").id for _ in range(2)]
    assert following == [others.create("boss", "Specimen", "/customer-1", title="next").id for _ in range(2)]
    others.site.close()


def load_killed_in_third_chunk(site: Site, file: Path, data: Path, *, very_many: int) -> None:
    url = site.engine.url.render_as_string(hide_password=False)
    arguments = [url, str(PROFILE), str(file), str(CHUNK), str(data), str(very_many)]
    command = [sys.executable, "-c", KILLED_IN_THIRD_CHUNK, *arguments]
    killed = subprocess.run(command, check=False, capture_output=True, text=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr


def test_a_killed_load_goes_on_after_the_last_chunk(plain: Gateway, tmp_path: Path) -> None:
    lines = customers_with_specimens(100)
    file = written(tmp_path / "a.ndjson", lines)
    before = counts(plain.site)
    load_killed_in_third_chunk(plain.site, file, tmp_path, very_many=1000)
    between = counts(plain.site)
    assert between["entities"] - before["entities"] == 2 * CHUNK
    told: list[str] = []
    upkeep.load_lines(plain.site, file, quietly, told.append, lines=CHUNK)
    assert told == [f"Lines 1 to {2 * CHUNK} of {file} are loaded; going on after them."]
    after = counts(plain.site)
    assert after["entities"] - before["entities"] == len(lines)
    assert after["requests"] - between["requests"] == 1
    plain.assert_settled()


def test_a_file_that_was_changed_before_that_place_is_loaded_from_the_beginning(plain: Gateway, tmp_path: Path) -> None:
    lines = customers_with_specimens(30)
    file = written(tmp_path / "a.ndjson", [*lines, "no JSON"])
    with pytest.raises(ProfileError):
        upkeep.load_lines(plain.site, file, quietly, lines=20)
    lines[0]["fields"] = {"title": "Another"}
    told: list[str] = []
    upkeep.load_lines(plain.site, written(file, lines), quietly, told.append, lines=20)
    assert "was changed up to line 20 since it was last loaded" in told[0]
    assert answers(plain, "Customer")[0]["title"] == "Another"
    assert len(answers(plain, "Specimen")) == 30


@pytest.mark.parametrize(
    ("line", "error", "said"),
    [
        ("{", ProfileError, "a.ndjson:22: no valid JSON"),
        ("[1]", ProfileError, "a.ndjson:22: not an object in JSON"),
        ('{"path": "/a", "path": "/b", "portal_type": "Customer"}', ProfileError, "'path' is given twice"),
        ('{"path": "/a"}', ProfileError, "a.ndjson:22: portal_type"),
        ('{"path": "/a b", "portal_type": "Customer"}', ProfileError, "a.ndjson:22: path: the path '/a b' holds"),
        ('{"path": "/a", "portal_type": "Customer", "color": 1}', ProfileError, "a.ndjson:22: color"),
        ('{"path": "/a", "portal_type": "Custommer"}', ValidationError, "a.ndjson:22: /a: there is no type"),
        ('{"path": "/b/a", "portal_type": "Specimen"}', ValidationError, "a.ndjson:22: /b/a: there is no container /b"),
        (
            '{"path": "/customer-1", "portal_type": "Specimen"}',
            ValidationError,
            "a.ndjson:22: /customer-1: there is a Customer at this path already",
        ),
        (
            '{"path": "/a", "portal_type": "Customer", "fields": {"Colour": 1}}',
            ValidationError,
            "a.ndjson:22: /a: Colour is no field of Customer",
        ),
        (
            '{"path": "/customer-1/x", "portal_type": "Specimen", "fields": {"Volume": "much"}}',
            ValidationError,
            "a.ndjson:22: /customer-1/x: Volume: a whole number is expected",
        ),
        (
            '{"path": "/customer-1/x", "portal_type": "Specimen", "states": {"review_state": "lost"}}',
            ValidationError,
            "a.ndjson:22: /customer-1/x: review_state: 'lost' is no state",
        ),
        (
            '{"path": "/customer-1/x", "portal_type": "Specimen", "fields": {"title": {"ref": "/later"}}}',
            ValidationError,
            "a.ndjson:22: /customer-1/x: title: there is no object at /later",
        ),
    ],
)
def test_mistakes_name_file_and_line_and_what_stands_before_stays(
    sqlite_plain: Gateway, tmp_path: Path, line: str, error: type[Exception], said: str
) -> None:
    lines = customers_with_specimens(19)
    file = written(tmp_path / "a.ndjson", [*lines, line])
    assert len(lines) == 21
    told: list[str] = []
    with pytest.raises(error) as raised:
        upkeep.load_lines(sqlite_plain.site, file, quietly, told.append, lines=20)
    assert said in str(raised.value)
    assert told == [f"Lines 1 to 20 of {file} are loaded. Correct what follows and load the file again."]
    assert len(answers(sqlite_plain, "Specimen")) == 18
    upkeep.load_lines(sqlite_plain.site, written(file, lines), quietly, told.append, lines=20)
    assert len(answers(sqlite_plain, "Specimen")) == 19


@pytest.fixture
def sqlite_plain(tmp_path: Path) -> Iterator[Gateway]:
    site = open_site(f"sqlite:///{tmp_path / 'site.sqlite'}", tmp_path / "site", (str(PROFILE),))
    gateway = Gateway.on(site)
    gateway.add_users({"boss": (("Manager",), ())})
    yield gateway
    site.close()


def test_a_loaded_file_may_be_loaded_again_and_gives_its_values(plain: Gateway, tmp_path: Path) -> None:
    file = written(tmp_path / "a.ndjson", customers_with_specimens(30))
    upkeep.load_lines(plain.site, file, quietly, lines=CHUNK)
    before = plain.dump(stamps=False)
    upkeep.load_lines(plain.site, file, quietly, lines=CHUNK)
    assert plain.dump(stamps=False) == before
    plain.update("boss", "/customer-1/S-0000001", title="By hand")
    upkeep.load_lines(plain.site, file, quietly, lines=CHUNK)
    assert plain.read("boss", "/customer-1/S-0000001")["title"] == "Water 1"


def test_the_statements_of_a_chunk_do_not_grow_with_the_file(plain: Gateway, tmp_path: Path) -> None:
    lines = customers_with_specimens(400)
    upkeep.load_lines(plain.site, written(tmp_path / "first.ndjson", lines[:CHUNK]), quietly, lines=CHUNK)

    def statements(name: str, part: Sequence[Mapping[str, object]], size: int) -> int:
        with plain.statements.counted() as found:
            upkeep.load_lines(plain.site, written(tmp_path / name, part), quietly, lines=size)
        return len(found)

    few = statements("few.ndjson", lines[CHUNK : 2 * CHUNK], CHUNK)
    many = statements("many.ndjson", lines[2 * CHUNK : 7 * CHUNK], 5 * CHUNK)
    assert many <= few + 2, (few, many)


def test_references_and_derived_values_are_those_of_a_request(workshop: Gateway, team: str, tmp_path: Path) -> None:
    lines: list[dict[str, object]] = [
        {"path": "/reader", "portal_type": "Person", "fields": {"title": "Reader", "Nickname": "Ra"}},
        {"path": "/blue", "portal_type": "Label", "fields": {"title": "blue"}},
        {"path": "/model", "portal_type": "Model", "fields": {"title": "M"}},
    ]
    for number in range(30):
        thing = f"{team.removeprefix('/Plone')}/thing-{number}"
        fields: dict[str, object] = {
            "title": f"Thing {number}",
            "Maker": {"ref": "/reader"},
            "Model": {"ref": "/model"},
        }
        fields |= {"Labels": [{"ref": "/blue"}], "Owner": {"ref": "/reader"}, "Count": number}
        lines.append({"path": thing, "portal_type": "Thing", "fields": fields})
        lines.append({"path": f"{thing}/p", "portal_type": "Part", "fields": {"Kind": "screw", "Grams": number}})
    upkeep.load_lines(workshop.site, written(tmp_path / "a.ndjson", lines), quietly, lines=10)
    found = workshop.read("boss", f"{team}/thing-7")
    assert (found["OwnerName"], found["LabelNames"], found["Weight"]) == ("Reader", ["blue"], 7)
    assert workshop.read("boss", f"{team}/thing-7/p")["OwnerOfThing"] == "Ra"
    assert len(workshop.read("boss", "/reader")["Things"]) == 30
    workshop.assert_settled()


def counted_thing(team: str, name: str, count: int, owner: str) -> dict[str, object]:
    fields = {"title": name, "Maker": {"ref": "/keeper"}, "Owner": {"ref": owner}, "Count": count}
    return {"path": f"{team.removeprefix('/Plone')}/{name}", "portal_type": "Thing", "fields": fields}


def test_a_file_is_held_to_natural_keys(workshop: Gateway, team: str, tmp_path: Path) -> None:
    lines: list[dict[str, object]] = [
        {"path": f"/{name}", "portal_type": "Person", "fields": {"title": name}} for name in ("keeper", "lender")
    ]
    lines += [counted_thing(team, "one", 1, "/keeper"), counted_thing(team, "other", 1, "/lender")]
    lines += [counted_thing(team, "two", 2, "/keeper")]

    def load(name: str, *lines: dict[str, object], lines_each: int = 10) -> None:
        upkeep.load_lines(workshop.site, written(tmp_path / name, lines), quietly, lines=lines_each)

    same = counted_thing(team, "same", 1, "/keeper")
    with pytest.raises(ValidationError, match=rf"a.ndjson:6: .*Count 1 is that of {team}/one"):
        load("a.ndjson", *lines, same)
    assert workshop.find("boss", {"portal_type": "Person", "title": "keeper"}) == []
    with pytest.raises(ValidationError, match=rf"b.ndjson:6: .*Count 1 is that of {team}/one"):
        load("b.ndjson", *lines, same, lines_each=1)
    # What is there may be loaded again, and may change its key for a free one, or for one that is given up.
    load("c.ndjson", counted_thing(team, "one", 2, "/keeper"), counted_thing(team, "two", 1, "/keeper"))
    assert workshop.read("boss", f"{team}/one")["Count"] == 2
    with pytest.raises(ValidationError, match=rf"Count 1 is that of {team}/two"):
        load("d.ndjson", counted_thing(team, "one", 1, "/keeper"))
    workshop.assert_settled()


def test_the_progress_counts_lines(sqlite_plain: Gateway, tmp_path: Path) -> None:
    totals: list[int] = []
    steps: list[int] = []

    @contextmanager
    def noting(label: str, total: int) -> Iterator[Callable[[int], None]]:
        totals.append(total)
        yield steps.append

    file = written(tmp_path / "a.ndjson", customers_with_specimens(100))
    upkeep.load_lines(sqlite_plain.site, file, noting, lines=CHUNK)
    assert (totals, steps) == ([110], [CHUNK, CHUNK, 30])


def lacking_keys(site: Site) -> set[str]:
    """The keys of main tables that are declared and not there."""
    lacking: set[str] = set()
    for tables in site.context.tables.values():
        there = {index["name"] for index in inspect(site.engine).get_indexes(tables.main.name)}
        lacking |= {str(index.name) for index in tables.main.indexes} - there
    return lacking


def named_keys(site: Site) -> set[str]:
    return {name for tables in site.context.tables.values() for name in tables.named_keys}


def unfolded_counts(site: Site) -> int:
    """The number of counts that each read of the main catalog adds up one by one."""
    counts = site.context.tables["portal_catalog"].counts
    with site.engine.connect() as connection:
        return connection.scalar(select(func.count()).where(counts.c.folded == 0)) or 0


def put_off(site: Site) -> bool:
    return site.transact(keys_put_off, write=False) is not None


def test_very_many_objects_are_loaded_without_keys_which_are_made_at_the_end(plain: Gateway, tmp_path: Path) -> None:
    lines = customers_with_specimens(100)
    between: list[set[str]] = []
    labels: list[str] = []

    @contextmanager
    def looking(label: str, total: int) -> Iterator[Callable[[int], None]]:
        labels.append(label)
        yield lambda done: between.append(lacking_keys(plain.site))

    upkeep.load_lines(plain.site, written(tmp_path / "a.ndjson", lines), looking, lines=CHUNK, very_many=100)
    assert between[0] == between[2]
    assert len(between[0]) > 5
    # MariaDB refuses a statement that names a missing key, so those stay that searches name.
    assert plain.site.engine.dialect.name == "sqlite" or not between[0] & named_keys(plain.site)
    assert labels == ["Loading contents", "Making the keys of the catalogs"]
    assert lacking_keys(plain.site) == set()
    assert unfolded_counts(plain.site) == 0
    assert not put_off(plain.site)
    plain.assert_settled()


@pytest.mark.parametrize("finish", ["load", pytest.param("upgrade", marks=pytest.mark.extended)])
def test_keys_of_a_killed_load_are_missed_and_made_by_the_next_load_or_upgrade(
    plain: Gateway, tmp_path: Path, caplog: pytest.LogCaptureFixture, finish: str
) -> None:
    lines = customers_with_specimens(100)
    file = written(tmp_path / "a.ndjson", lines)
    load_killed_in_third_chunk(plain.site, file, tmp_path, very_many=100)
    assert lacking_keys(plain.site)
    upkeep.check_current(plain.site)
    assert "Catalogs lack keys since a load that began at" in caplog.text
    for sort in ("id", "sortable_title", "created"):
        found = plain.find("boss", {"portal_type": "Specimen", "sort_on": sort})
        assert len(found) == 2 * CHUNK - 8
    if finish == "load":
        upkeep.load_lines(plain.site, file, quietly, lines=CHUNK, very_many=100)
        assert len(answers(plain, "Specimen")) == 100
    else:
        upkeep.upgrade(plain.site, quietly)
    assert lacking_keys(plain.site) == set()
    assert not put_off(plain.site)
    caplog.clear()
    upkeep.check_current(plain.site)
    assert not caplog.text
    plain.assert_settled()


def test_keys_are_made_when_a_load_ends_with_a_mistake(sqlite_plain: Gateway, tmp_path: Path) -> None:
    file = written(tmp_path / "a.ndjson", [*customers_with_specimens(100), "no JSON"])
    with pytest.raises(ProfileError):
        upkeep.load_lines(sqlite_plain.site, file, quietly, lines=CHUNK, very_many=100)
    assert len(answers(sqlite_plain, "Specimen")) > 50
    assert lacking_keys(sqlite_plain.site) == set()
    assert unfolded_counts(sqlite_plain.site) == 0
    assert not put_off(sqlite_plain.site)


def test_a_site_with_objects_keeps_its_keys_while_others_are_loaded(sqlite_plain: Gateway, tmp_path: Path) -> None:
    lines = customers_with_specimens(200)
    upkeep.load_lines(sqlite_plain.site, written(tmp_path / "a.ndjson", lines[:110]), quietly)
    between: list[set[str]] = []

    @contextmanager
    def looking(label: str, total: int) -> Iterator[Callable[[int], None]]:
        yield lambda done: between.append(lacking_keys(sqlite_plain.site))

    file = written(tmp_path / "b.ndjson", lines[110:])
    upkeep.load_lines(sqlite_plain.site, file, looking, lines=CHUNK, very_many=100)
    assert between == [set()] * 3

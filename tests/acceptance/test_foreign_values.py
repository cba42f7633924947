"""Values that other programs left in an adopted table, and values that the table does not take, over HTTP."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import URL

from tests.acceptance.client import Client
from tests.acceptance.conftest import Serve
from tests.acceptance.test_adopted import adopt
from tests.conftest import DATABASES
from tests.databases import fresh_mariadb_database

TABLES = {
    "sqlite": """CREATE TABLE Sighting (id INTEGER PRIMARY KEY, at DATETIME, day DATE, clock TIME, amount DECIMAL(6, 2),
        grade TEXT CHECK (grade IN ('A', 'B')), tags TEXT, doc TEXT CHECK (doc IS NULL OR json_valid(doc)),
        size INTEGER CHECK (size < 100), doubled INTEGER GENERATED ALWAYS AS (size * 2) STORED, word VARCHAR(20),
        checked DATETIME DEFAULT '0000-00-00 00:00:00')""",
    "mariadb": """CREATE TABLE Sighting (id INT AUTO_INCREMENT PRIMARY KEY, at DATETIME, day DATE, clock TIME,
        amount DECIMAL(6, 2), grade ENUM('A', 'B'), tags SET('x', 'y'), doc LONGTEXT CHECK (json_valid(doc)),
        size INT CHECK (size < 100), doubled INT GENERATED ALWAYS AS (size * 2) STORED,
        word VARCHAR(20) CHARACTER SET latin1, checked DATETIME NOT NULL DEFAULT '0000-00-00 00:00:00')""",
}
ROWS = """INSERT INTO Sighting (id, at, day, clock, amount, grade, tags, doc, size, word) VALUES
    (1, '0000-00-00 00:00:00', '0000-00-00', NULL, NULL, NULL, NULL, NULL, NULL, NULL),
    (2, '2024-02-03 10:30:20', '2024-02-03', '10:30:00', 12.5, 'A', 'x,y', '{"a": 1}', 4, 'Zürich'),
    (3, '9999-12-31 23:59:59', '9999-12-31', '23:59:59', 0, 'B', '', '[]', 5, 'plain')"""


@pytest.fixture(scope="module", params=DATABASES)
def sightings(
    request: pytest.FixtureRequest,
    serve: Serve,
    mariadb: Callable[[], URL],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[str, Client]]:
    """The kind of database, and the administrator of a site that serves the table."""
    folder = tmp_path_factory.mktemp("sightings")
    with ExitStack() as stack:
        url = f"sqlite:///{folder / 'seen.sqlite'}"
        if request.param == "mariadb":
            url = stack.enter_context(fresh_mariadb_database(mariadb()))
        engine = sa.create_engine(url)
        with engine.begin() as connection:
            if request.param == "mariadb":
                connection.exec_driver_sql("SET SESSION sql_mode = ''")
            connection.exec_driver_sql(TABLES[request.param])
            connection.exec_driver_sql(ROWS)
        engine.dispose()
        done = adopt(url, folder / "profile", "--name", "seen")
        assert done.returncode == 0, done.stderr
        root = serve(request.param, OBJAPI_PROFILES=f"lims,{folder / 'profile'}", OBJAPI_DATABASES=f"seen={url}")
        client = Client(root, "admin")
        stack.callback(client.http.close)
        yield request.param, client


def test_date_that_no_calendar_has_is_null_and_the_list_goes_on(sightings: tuple[str, Client]) -> None:
    _, client = sightings
    found = client.read(portal_type="Sighting")
    assert (found["total_objects"], [item["id"] for item in found["objects"]]) == (3, ["1", "2", "3"])
    assert (found["objects"][0]["at"], found["objects"][0]["day"]) == (None, None)
    assert (found["objects"][1]["clock"], found["objects"][1]["amount"]) == ("10:30:00", "12.50")
    assert found["objects"][2]["day"].startswith("9999-12-31")


@pytest.mark.parametrize(
    ("criteria", "found"),
    [
        ({"day": "2024-02-03"}, ["2"]),
        ({"day.query:record:list": "2024-02-03", "day.range:record": "min:max"}, ["2"]),
        ({"day.query:record": "2024-02-03", "day.range:record": "min"}, ["2", "3"]),
        ({"at": "2024-02-03 10:30"}, ["2"]),
        ({"at.query:record": "9999-12-31", "at.range:record": "min"}, ["3"]),
        ({"clock": "10:30:00"}, ["2"]),
        ({"doubled": "8"}, ["2"]),
        ({"word": "Zürich"}, ["2"]),
        ({"word": "Łódź"}, []),
        ({"word": "Ω"}, []),
        ({"word_contains": "Ω"}, []),
        ({"word_contains": "ür"}, ["2"]),
    ],
)
def test_criteria_of_foreign_columns_find_rows(
    sightings: tuple[str, Client], criteria: dict[str, str], found: list[str]
) -> None:
    objects = sightings[1].read(portal_type="Sighting", **criteria)["objects"]
    assert [item["id"] for item in objects] == found


@pytest.mark.parametrize(
    ("field", "value", "on"),
    [
        ("amount", "12345.67", ("mariadb",)),
        ("grade", "Z", DATABASES),
        ("tags", "x,z", ("mariadb",)),
        ("doc", "{", DATABASES),
        ("size", "200", DATABASES),
        ("size", str(2**40), DATABASES),
        ("doubled", "3", DATABASES),
        ("day", "2024-02-31", DATABASES),
        ("word", "Łódź", ("mariadb",)),
        ("word", "x" * 21, ("mariadb",)),
    ],
)
def test_what_a_column_does_not_take_is_refused_by_name(
    sightings: tuple[str, Client], field: str, value: str, on: tuple[str, ...]
) -> None:
    database, client = sightings
    if database not in on:
        pytest.skip("the database takes it")
    before = client.only(portal_type="Sighting", id="2")
    answer = client.post("update", {"obj_path": before["path"], field: value})
    assert answer.json()["status"] in (409, 422), answer.text
    assert field in answer.json()["message"]
    assert client.only(portal_type="Sighting", id="2") == before


def test_row_is_created_where_a_column_has_the_zero_date_as_default(sightings: tuple[str, Client]) -> None:
    _, client = sightings
    answer = client.post("create", {"obj_type": "Sighting", "size": "7"}).json()
    assert answer["success"], answer
    assert client.only(portal_type="Sighting", UID=answer["obj_uid"])["checked"] is None
    assert client.post("remove", {"UID": answer["obj_uid"]}).json()["success"]

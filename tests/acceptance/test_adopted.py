"""A database that is there already, adopted and served: from `objapi adopt` to a transition over HTTP."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import URL

from tests.acceptance.client import Client, failed, succeeded
from tests.acceptance.conftest import Serve
from tests.acceptance.server import environment
from tests.conftest import DATABASES
from tests.databases import fresh_mariadb_database
from tests.objapi.store.mapped.conftest import fill
from tests.objapi.store.mapped.stock import Article, OtherProgram, Supplier
from tests.waiting import ENOUGH

OVER_IT = {
    "profile.yaml": "title: Our stock\nextends: [../adopted]\n",
    "types/articles.yaml": "StockArticle: {extend: true, workflows: [article_workflow]}\n",
    "workflows/articles.yaml": """
workflows:
  article_workflow:
    initial_state: open
    states: {open: {exits: [sell]}, sold: {exits: []}}
    transitions: {sell: {to: sold, guard: {roles: [Manager]}}}
""",
}


@dataclass(frozen=True)
class Adopted:
    client: Client
    other: OtherProgram
    elsewhere: bool


def fill_words(other: OtherProgram) -> None:
    """Tables with keys of text, of several columns, and a view."""
    for statement in (
        "CREATE TABLE Shelf (code VARCHAR(20) NOT NULL PRIMARY KEY, label VARCHAR(40))",
        """CREATE TABLE Place (shelf VARCHAR(20) NOT NULL, level INT NOT NULL, side VARCHAR(20) NOT NULL,
        uid VARCHAR(9), note VARCHAR(20), PRIMARY KEY (shelf, level, side),
        FOREIGN KEY (shelf) REFERENCES Shelf (code))""",
        "CREATE VIEW Shelf_list AS SELECT code, label FROM Shelf",
        "INSERT INTO Shelf VALUES ('A/1', '100% dry'), ('top', 'On top')",
        "INSERT INTO Place VALUES ('A/1', 2, 'north-east', 'u-1', NULL)",
    ):
        other.execute(sa.text(statement))


def adopt(url: str, folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "objapi", "adopt", url, *arguments, "--profile", str(folder)]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment({}))


@pytest.fixture(scope="module", params=DATABASES)
def adopted(
    request: pytest.FixtureRequest,
    serve: Serve,
    mariadb: Callable[[], URL],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Adopted]:
    folder = tmp_path_factory.mktemp("stock")
    with ExitStack() as stack:
        url = f"sqlite:///{folder / 'stock.sqlite'}"
        if request.param == "mariadb":
            url = stack.enter_context(fresh_mariadb_database(mariadb()))
        other = OtherProgram(url)
        stack.callback(other.close)
        fill(other)
        fill_words(other)
        done = adopt(url, folder / "adopted", "--name", "stock", "--prefix", "Stock")
        assert done.returncode == 0, done.stderr
        for name, text in OVER_IT.items():
            path = folder / "ours" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        root = serve(request.param, OBJAPI_PROFILES=f"lims,{folder / 'ours'}", OBJAPI_DATABASES=f"stock={url}")
        client = Client(root, "admin")
        stack.callback(client.http.close)
        yield Adopted(client, other, request.param == "sqlite")


def test_adopted_tables_are_read(adopted: Adopted) -> None:
    found = adopted.client.read(portal_type="StockArticle", sort_on="number", sort_order="reverse", code="mx")
    assert [item["number"] for item in found["objects"]] == [30, 7]
    watch = adopted.client.only(portal_type="StockWatch")
    assert (watch["id"], watch["note"]) == ("3-1", "mine too")


def test_adopted_tables_are_written(adopted: Adopted) -> None:
    client = adopted.client
    made = client.call("create", {"obj_type": "StockSupplier", "name": "New", "login": "newcomer"})
    request = {"obj_type": "StockArticle", "Supplier": "portal_type:StockSupplier|login:newcomer", "code": "NEW"}
    article = client.call("create", request)
    client.call("update", {"obj_uid": article["obj_uid"], "number": "5", "grade": "B"})
    row = next(row for row in adopted.other.rows(Article) if row["code"] == "NEW")
    assert (row["articleId"], row["number"], row["grade"]) == (int(article["obj_id"]), 5, "B")
    client.call("remove", [("UID", article["obj_uid"]), ("UID", made["obj_uid"])])
    assert "New" not in [row["name"] for row in adopted.other.rows(Supplier)]


def test_rows_go_through_a_workflow_of_our_own(adopted: Adopted) -> None:
    client = adopted.client
    article = client.only(portal_type="StockArticle", id="4")
    path = article["path"]
    offered = succeeded(client.get("allowedTransitionsFor", {"uid": article["UID"]}))
    assert [item["id"] for item in offered["transitions"][0]["transitions"]] == ["sell"]
    client.call("doActionFor", {"portal_type": "StockArticle", "id": "4", "action": "sell"})
    assert client.only(portal_type="StockArticle", id="4")["review_state"] == "sold"
    client.call("doActionFor", {"portal_type": "StockArticle", "code": "sx", "action": "sell"})
    assert client.only(portal_type="StockArticle", code="sx")["review_state"] == "sold"
    client.refused("doActionFor_many", {"obj_paths": path, "action": "sell"}, status=409)
    events = succeeded(client.get("history", {"obj_path": path}))["history"]
    assert [(item["event"], item["transition"]) for item in events] == [("transition", "sell")]
    if adopted.elsewhere:
        failed(client.get("read", {"portal_type": "StockArticle", "review_state": "sold"}), 400)
    else:
        found = client.read(portal_type="StockArticle", review_state="sold")
        assert [item["id"] for item in found["objects"]] == ["3", "4"]


def test_request_over_two_databases_changes_neither(adopted: Adopted) -> None:
    client = adopted.client
    clients = client.read(portal_type="Client", page_size="1")["objects"][0]
    article = client.only(portal_type="StockArticle", id="1")
    values = f'{{"{clients["path"]}": {{"Phone": "1"}}, "{article["path"]}": {{"number": 1000}}}}'
    if adopted.elsewhere:
        client.refused("update_many", {"input_values": values}, status=422, type="CrossDatabase")
        assert client.only(portal_type="StockArticle", id="1")["number"] == article["number"]
    else:
        client.call("update_many", {"input_values": values})
        assert client.only(portal_type="StockArticle", id="1")["number"] == 1000
        client.call("update", {"obj_path": article["path"], "number": str(article["number"])})


def test_keys_of_text_are_ids_that_a_path_can_hold(adopted: Adopted) -> None:
    client = adopted.client
    assert [item["id"] for item in client.read(portal_type="StockShelf")["objects"]] == ["A~2F1", "top"]
    shelf = client.only(portal_type="StockShelf", code="A/1")
    assert (shelf["id"], shelf["path"]) == ("A~2F1", "/Plone/stock/StockShelf/A~2F1")
    for criteria in ({"UID": shelf["UID"]}, {"path": shelf["path"]}, {"id": "A~2F1"}):
        assert client.only(portal_type="StockShelf", **criteria)["UID"] == shelf["UID"]
    place = client.only(portal_type="StockPlace", Shelf=shelf["UID"])
    assert (place["id"], place["Shelf"], place["Place_uid"]) == ("A~2F1-2-north~2Deast", shelf["UID"], "u-1")


def test_rows_with_keys_of_text_are_written(adopted: Adopted) -> None:
    client = adopted.client
    made = client.call("create", {"obj_type": "StockShelf", "code": "B 2", "label": "Second"})
    assert (made["obj_id"], made["path"]) == ("B~202", "/Plone/stock/StockShelf/B~202")
    place = client.call(
        "create", {"obj_type": "StockPlace", "Shelf": "portal_type:StockShelf|code:B 2", "level": "0", "side": "west"}
    )
    assert place["obj_id"] == "B~202-0-west"
    client.call("update", {"obj_path": place["path"], "note": "dry"})
    assert client.only(portal_type="StockPlace", id="B~202-0-west")["note"] == "dry"
    client.refused("create", {"obj_type": "StockShelf", "code": "B 2"}, status=409)
    client.refused("create", {"obj_type": "StockShelf", "obj_id": "C/3"}, status=422)
    client.refused("update", {"obj_path": place["path"], "side": "east"}, status=422)
    client.refused("remove", {"UID": made["obj_uid"]}, status=409)
    client.call("remove", [("UID", place["obj_uid"]), ("UID", made["obj_uid"])])
    assert [item["code"] for item in client.read(portal_type="StockShelf")["objects"]] == ["A/1", "top"]


def test_views_are_read_and_not_written(adopted: Adopted) -> None:
    client = adopted.client
    seen = client.only(portal_type="StockShelf_list", code="top")
    assert seen["id"] == "top"
    for method, request in (
        ("update", {"obj_uid": seen["UID"], "label": "x"}),
        ("remove", {"UID": seen["UID"]}),
        ("create", {"obj_type": "StockShelf_list", "code": "new", "label": "x"}),
    ):
        assert "read only" in client.refused(method, request, status=403)["message"]


@pytest.mark.parametrize(
    ("part", "found"),
    [("o", ["top"]), ("%", ["A/1"]), ("_", []), ("100% DR", ["A/1"]), ("!", []), ("", []), ("Ω", [])],
)
def test_part_of_a_text_finds_rows(adopted: Adopted, part: str, found: list[str]) -> None:
    objects = adopted.client.read(portal_type="StockShelf", label_contains=part)["objects"]
    assert [item["code"] for item in objects] == found


@pytest.mark.parametrize(
    ("criteria", "found"),
    [
        ({"label_startswith": "100% DR"}, ["A/1"]),
        ({"label.contains": "%"}, ["A/1"]),
        ({"label.startswith": "00"}, []),
        ({"label_empty": "1"}, []),
        ({"label_empty": "0"}, ["A/1", "top"]),
        ({"code.gt": "A/1"}, ["top"]),
        ({"scan": "a/1\r\n"}, ["A/1"]),
        ({"scan": "TOP"}, ["top"]),
    ],
)
def test_operators_and_codes_find_rows(adopted: Adopted, criteria: dict[str, str], found: list[str]) -> None:
    objects = adopted.client.read(portal_type="StockShelf", **criteria)["objects"]
    assert [item["code"] for item in objects] == found


def test_values_of_columns_are_counted(adopted: Adopted) -> None:
    answer = adopted.client.read(portal_type="StockShelf", facets="code,portal_type", count_only="1")
    assert answer["facets"]["code"]["values"] == [{"value": "A/1", "count": 1}, {"value": "top", "count": 1}]
    assert answer["facets"]["portal_type"] == {"values": [{"value": "StockShelf", "count": 2}], "more": False}


def test_rows_of_adopted_tables_are_the_managers_alone_at_first(adopted: Adopted) -> None:
    with Client(adopted.client.root, "pavel").http as http:
        http.auth = ("pavel", "secret")
        answer = http.get(adopted.client.url("read"), params={"portal_type": "StockArticle"}, timeout=ENOUGH)
    assert answer.json()["total_objects"] == 0


def test_a_column_of_an_unknown_type_is_told_in_a_line_of_its_own(mariadb: Callable[[], URL], tmp_path: Path) -> None:
    with fresh_mariadb_database(mariadb()) as url:
        other = OtherProgram(url)
        other.execute(sa.text("CREATE TABLE host (id INT PRIMARY KEY, name VARCHAR(30), address INET6)"))
        other.close()
        done = adopt(url, tmp_path / "p")
    assert done.returncode == 0, done.stderr
    assert "\nleft out: host.address: the database says no type, or none that is known here\n" in f"\n{done.stderr}"
    assert "Warning" not in done.stderr
    assert ".py" not in done.stderr


def test_what_cannot_be_adopted_is_told(tmp_path: Path) -> None:
    other = OtherProgram(f"sqlite:///{tmp_path / 'stock.sqlite'}")
    fill(other)
    other.close()
    refused = adopt(f"sqlite:///{tmp_path / 'stock.sqlite'}", tmp_path / "p", "Article", "Nothing")
    assert (refused.returncode, "no table Nothing" in refused.stderr) == (1, True)
    assert not (tmp_path / "p").exists()
    absent = adopt(f"sqlite:///{tmp_path / 'absent.sqlite'}", tmp_path / "p")
    assert (absent.returncode, "There is no file" in absent.stderr) == (1, True)

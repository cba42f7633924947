"""Writing and reading a catalog: upkeep in bulk, visibility, slices, what cannot be indexed."""

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from catalog import (
    CatalogTables,
    IndexRow,
    QueryOptions,
    chunk_statement,
    count_statement,
    missing_sort_statement,
    page_statement,
    parse_request,
    remove,
    row_problems,
    set_visibility,
    side_digest,
    truncate,
    upsert,
    visibility,
)
from catalog.dialect import begin_write, create_engine_for
from tests.catalog.randoms import SCHEMA

GATEWAY = QueryOptions.gateway("Plone")
METADATA = sa.MetaData()
TABLES = CatalogTables(SCHEMA, METADATA)


class Shelf:
    """A catalog on a database, its statements counted."""

    def __init__(self, connection: Connection, tables: CatalogTables) -> None:
        self.tables = tables
        self.connection = connection
        self.statements = 0
        sa.event.listen(connection, "before_cursor_execute", self._count)

    def _count(self, *arguments: Any) -> None:
        self.statements += 1

    def put(self, rid: int, acl: int = 1, scope: int = 0, **values: Any) -> None:
        upsert(self.connection, self.tables, [IndexRow(rid, rid, acl, scope, values)])

    def find(self, visible: Any = None, offset: int = 0, size: int | None = None, **criteria: Any) -> list[int]:
        query = parse_request(criteria, SCHEMA, GATEWAY).require()
        statement = page_statement(self.tables, query, visible=visible, offset=offset, size=size)
        return list(self.connection.execute(statement).scalars())

    def count(self, visible: Any = None, **criteria: Any) -> int:
        query = parse_request(criteria, SCHEMA, GATEWAY).require()
        return int(self.connection.execute(count_statement(self.tables, query, visible=visible)).scalar_one())


@pytest.fixture(scope="module")
def engine(module_database_url: str) -> Iterator[Engine]:
    made = create_engine_for(module_database_url, threads=1)
    METADATA.create_all(made)
    yield made
    made.dispose()


@pytest.fixture
def shelf(engine: Engine) -> Iterator[Shelf]:
    with engine.connect() as connection:
        transaction = begin_write(connection)
        yield Shelf(connection, TABLES)
        transaction.rollback()


def rows(count: int, word: str) -> list[IndexRow]:
    return [
        IndexRow(n, n, 1, 0, {"id": f"{word}{n}", "Subject": [word, f"s{n}"], "Title": f"{word} number {n}"})
        for n in range(count)
    ]


def test_a_document_put_again_replaces_all_of_it(shelf: Shelf) -> None:
    upsert(shelf.connection, shelf.tables, rows(3, "old"))
    upsert(shelf.connection, shelf.tables, [IndexRow(1, 1, 1, 0, {"id": "new", "Subject": "new", "Title": "new"})])
    assert shelf.find(id="old1") == shelf.find(Subject="s1") == shelf.find(Title="number 1") == []
    assert shelf.find(id="new") == shelf.find(Subject="new") == shelf.find(Title="new") == [1]
    assert shelf.find(Subject="old") == [0, 2]


def test_upkeep_takes_as_many_statements_for_many_documents_as_for_one(shelf: Shelf) -> None:
    counts = []
    for many in (1, 500):
        before = shelf.statements
        upsert(shelf.connection, shelf.tables, rows(many, "a"))
        counts.append(shelf.statements - before)
    assert counts[0] == counts[1] <= 7


def test_side_rows_are_left_alone_when_they_have_not_changed(shelf: Shelf) -> None:
    upsert(shelf.connection, shelf.tables, rows(2, "old"))
    upsert(shelf.connection, shelf.tables, rows(2, "new"), side_rids={1})
    assert shelf.find(Subject="old") == [0]
    assert shelf.find(Title="new") == [1]
    upsert(shelf.connection, shelf.tables, rows(2, "third"), side=False)
    assert shelf.find(id="third0") == [0]
    assert shelf.find(Subject="third") == []


def test_side_digests_tell_changes_of_keywords_and_words() -> None:
    values = {"id": "a", "Subject": ["x", "y"], "Title": "t"}
    assert side_digest(SCHEMA, values) == side_digest(SCHEMA, {**values, "id": "b"})
    assert side_digest(SCHEMA, values) == side_digest(SCHEMA, {**values, "Subject": ("x", "y")})
    assert side_digest(SCHEMA, values) != side_digest(SCHEMA, {**values, "Subject": ["x"]})
    assert side_digest(SCHEMA, values) != side_digest(SCHEMA, {**values, "Title": "u"})


def test_documents_can_be_removed_and_catalogs_emptied(shelf: Shelf) -> None:
    upsert(shelf.connection, shelf.tables, rows(4, "abc"))
    remove(shelf.connection, shelf.tables, [1, 2, 99])
    assert shelf.find() == shelf.find(Subject="abc") == shelf.find(Title="ab*") == [0, 3]
    truncate(shelf.connection, shelf.tables)
    assert shelf.find() == []
    assert all(
        shelf.connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one() == 0
        for table in (shelf.tables.main, *shelf.tables.side_tables)
    )


def test_only_what_may_be_seen_is_found_and_counted(shelf: Shelf) -> None:
    for rid, acl, scope in ((1, 1, 0), (2, 2, 0), (3, 2, 7), (4, 3, 7), (5, 2, 8)):
        shelf.put(rid, acl, scope, id=f"d{rid}")
    nobody = visibility(shelf.tables.main, [])
    some = visibility(shelf.tables.main, [1], [([7], [2]), ([], [3]), ([8], [])])
    assert shelf.find() == [1, 2, 3, 4, 5]
    assert shelf.find(nobody) == []
    assert shelf.find(some) == [1, 3]
    assert shelf.count(some, id=["d1", "d2", "d3"]) == 2
    set_visibility(shelf.connection, shelf.tables, {1: [2], 9: [3]}, {7: [5]})
    assert shelf.find(some) == [1, 2, 5]


def test_pages_are_slices_of_the_limited_result(shelf: Shelf) -> None:
    upsert(shelf.connection, shelf.tables, rows(9, "a"))
    order: dict[str, Any] = {"sort_on": "id", "sort_order": "descending"}
    assert shelf.find(offset=0, size=3, **order) == [8, 7, 6]
    assert shelf.find(offset=3, size=3, sort_limit=5, **order) == [5, 4]
    assert shelf.find(offset=9, size=3, sort_limit=5, **order) == []
    assert shelf.find(offset=2, **order) == [6, 5, 4, 3, 2, 1, 0]
    assert shelf.find(offset=1, size=5, b_start="6", b_size="4", **order) == [1, 0]
    assert shelf.count(sort_limit=5, **order) == 5
    assert shelf.count(b_start=6, b_size=4, **order) == 3


def test_equal_keys_go_by_creation_in_the_direction_of_the_sort(shelf: Shelf) -> None:
    for rid, created in ((1, 30), (2, 10), (3, 20), (4, 20)):
        upsert(shelf.connection, shelf.tables, [IndexRow(rid, created, 1, 0, {"state": "open"})])
    assert shelf.find(sort_on="state") == [2, 3, 4, 1]
    assert shelf.find(sort_on="state", sort_order="descending") == [1, 4, 3, 2]


def test_documents_without_the_sort_key_are_left_out_and_can_be_counted(shelf: Shelf) -> None:
    shelf.put(1, id="a", state="open")
    shelf.put(2, state="open")
    shelf.put(3, state="closed")
    query = parse_request({"state": "open", "sort_on": "id"}, SCHEMA, GATEWAY).require()
    missing = missing_sort_statement(shelf.tables, query, visible=None)
    assert shelf.find(state="open", sort_on="id") == [1]
    assert shelf.count(state="open", sort_on="id") == 1
    assert shelf.connection.execute(missing).scalar_one() == 1


def test_a_stream_goes_on_behind_long_and_decimal_keys(shelf: Shelf) -> None:
    words = ["x" * 200 + str(n) for n in range(4)] + ["a", "z"]
    for rid, word in enumerate(words):
        shelf.put(rid, id=word, price=Decimal(rid % 3) / 4)
    request: dict[str, Any] = {"sort_on": ["price", "id"], "sort_order": ["descending", "ascending"]}
    query = parse_request(request, SCHEMA, GATEWAY).require()
    found: list[int] = []
    after = None
    while rows_ := shelf.connection.execute(
        chunk_statement(shelf.tables, query, visible=None, after=after, size=1)
    ).all():
        found += [row[-1] for row in rows_]
        after = tuple(rows_[-1])
    assert found == shelf.find(**request)
    assert len(found) == 6


@pytest.mark.parametrize(
    ("criteria", "found"),
    [
        ({"id": [f"a{n}" for n in range(20_000)]}, 3),
        ({"id": {"not": [f"x{n}" for n in range(9_999)]}}, 3),
        ({"Subject": {"not": [f"x{n}" for n in range(9_999)]}}, 3),
        ({"path": {"query": [f"/x{n}" for n in range(9_999)], "depth": 0}}, 0),
        ({"path": {"query": ["/é"] * 9_999, "depth": 0}}, 0),
        ({"path": [f"/x{n}" for n in range(200)]}, 0),
        ({"Title": " ".join(f"word{n}" for n in range(50))}, 0),
        ({"Title": f'"{" ".join(f"word{n}" for n in range(50))}"'}, 0),
        ({"Title": " or ".join(["(a OR number)"] * 25)}, 3),
        ({"Title": "(" * 30 + "number" + ")" * 30}, 3),
        ({"id": "\ud800"}, 0),
        ({"id": "a\0b"}, 0),
        ({"id": "a1' OR '1'='1"}, 0),
        ({"path": {"query": "a' OR", "level": -1}}, 0),
    ],
)
def test_large_and_strange_criteria_stay_within_what_databases_take(
    shelf: Shelf, criteria: dict[str, Any], found: int
) -> None:
    upsert(shelf.connection, shelf.tables, rows(3, "a"))
    assert shelf.count(**criteria) == found


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ({"nonsense": 1}, "nonsense"),
        ({"id": 3}, "id"),
        ({"id": "\ud800"}, "id"),
        ({"count": "3"}, "count"),
        ({"count": 2.5}, "count"),
        ({"count": 2**63}, "count"),
        ({"price": Decimal("1e-13")}, "price"),
        ({"price": Decimal("1e26")}, "price"),
        ({"price": Decimal("NaN")}, "price"),
        ({"price": float("inf")}, "price"),
        ({"at": "2024/01/05"}, "at"),
        ({"Subject": [1]}, "Subject"),
        ({"created": "never"}, "created"),
        ({"created": datetime(9999, 1, 1, tzinfo=UTC)}, "created"),
        ({"effectiveRange": "2024/01/05"}, "effectiveRange"),
        ({"path": 3}, "path"),
        ({"path": "/"}, "path"),
        ({"path": "/é"}, "path"),
        ({"path": "/a\nb"}, "path"),
        ({"path": "/a" * 21}, "path"),
        ({"path": "/" + "a" * 1000}, "path"),
        ({"Title": 3}, "Title"),
        ({"position": "1"}, "position"),
        ({"UID": 3}, "UID"),
    ],
)
def test_values_that_cannot_be_indexed_are_named(values: dict[str, Any], name: str) -> None:
    tables = CatalogTables(SCHEMA, sa.MetaData())
    problems = row_problems(tables, {"state": "open", **values})
    assert len(problems) == 1
    assert problems[0].startswith(f"{name}: ")


def test_the_widest_values_fit(shelf: Shelf) -> None:
    values: dict[str, Any] = {
        "id": "\U0001f600" * 128,
        "state": "\U0001f600" * 5000,
        "count": -(2**63 - 1),
        "price": Decimal("-99999999999999999999999999.999999999999"),
        "at": datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
        "created": datetime(1, 1, 1, tzinfo=UTC),
        "path": "/Plone/" + "/".join(["a" * 51] * 19),
        "Subject": ["\U0001f600" * 5000],
        "Title": ["ü" * 5000, "word " * 2000],
        "UID": "u" * 128,
    }
    assert row_problems(shelf.tables, values) == []
    shelf.put(1, **values)
    for name, value in values.items():
        if name != "Title":
            criteria: dict[str, Any] = {name: {"query": value}}
            assert shelf.find(**criteria) == [1], name
    assert shelf.find(Title="ü" * 5000) == [1]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"id": "a", "sort_on": "id"}, {"id": "b", "sort_on": "id"}),
        ({"id": ["a", "b"]}, {"id": ["c", "d", "e"]}),
        ({"id": {"not": ["a", "b"]}}, {"id": {"not": ["c", "d", "e"]}}),
        ({"price": {"query": 1, "range": "min"}}, {"price": {"query": Decimal("2.5"), "range": "min"}}),
        ({"Subject": ["a", "b"], "Subject_operator": "and"}, {"Subject": ["c", "d", "e"], "Subject_operator": "and"}),
        ({"Title": 'water "one sample" la*'}, {"Title": 'lake "two words" wa?er'}),
        ({"path": {"query": "/a", "depth": 1}}, {"path": {"query": "/b/c", "depth": 1}}),
        ({"path": {"query": "a", "level": 1}}, {"path": {"query": "b/c", "level": 2}}),
        ({"effectiveRange": "2024/01/05"}, {"effectiveRange": "2025/01/05"}),
    ],
)
def test_queries_of_one_shape_are_compiled_once(shelf: Shelf, first: dict[str, Any], second: dict[str, Any]) -> None:
    def execute(criteria: dict[str, Any]) -> Any:
        query = parse_request(criteria, SCHEMA, GATEWAY).require()
        visible = visibility(shelf.tables.main, [1, len(criteria)], [([3], [4])])
        statement = page_statement(shelf.tables, query, visible=visible, offset=len(criteria), size=10)
        return shelf.connection.execute(statement).context

    execute(first)
    assert execute(second).cache_hit.name == "CACHE_HIT"

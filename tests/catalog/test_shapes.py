"""Statements are built once for the shape of a query, and find what the statement of the query itself finds."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from catalog import (
    CatalogTables,
    IndexRow,
    Query,
    QueryOptions,
    Visibility,
    count_statement,
    page_statement,
    parse_request,
    shaped_rows,
    upsert,
    visible_condition,
)
from catalog.dialect import PreparedSelect, begin_write, create_engine_for
from catalog.shapes import MOST_VALUES
from tests.catalog.randoms import SCHEMA

GATEWAY = QueryOptions.gateway("Plone")
METADATA = sa.MetaData()
TABLES = CatalogTables(SCHEMA, METADATA)
CONTACT = Visibility((1,), (((3, 7), (2, 4)),))
STRANGER = Visibility()


@pytest.fixture(scope="module")
def engine(module_database_url: str) -> Iterator[Engine]:
    made = create_engine_for(module_database_url, threads=1)
    METADATA.create_all(made)
    yield made
    made.dispose()


@pytest.fixture
def connection(engine: Engine) -> Iterator[Connection]:
    TABLES.prepared.clear()
    with engine.connect() as connection:
        transaction = begin_write(connection)
        documents = [
            IndexRow(
                n, n, n % 4, n % 9, {"id": f"d{n % 5}", "price": Decimal(n) / 4, "Subject": [f"s{n % 3}"], "Title": "t"}
            )
            for n in range(40)
        ]
        upsert(connection, TABLES, [*documents, IndexRow(99, 99, 1, 0, {"id": "x" * 200})])
        yield connection
        transaction.rollback()


def query_of(criteria: dict[str, Any]) -> Query:
    return parse_request(criteria, SCHEMA, GATEWAY).require()


def page(tables: CatalogTables, query: Query, visible: Any) -> sa.Select[Any]:
    return page_statement(tables, query, visible=visible_condition(tables, visible))


def count(tables: CatalogTables, query: Query, visible: Any) -> sa.Select[Any]:
    return count_statement(tables, query, visible=visible_condition(tables, visible))


@pytest.mark.parametrize("visible", [(), (CONTACT,), (STRANGER,), (CONTACT, Visibility((1, 2)))])
@pytest.mark.parametrize(
    "criteria",
    [
        {},
        {"id": "d1"},
        {"id": "é"},
        {"id": "x" * 200},
        {"id": ["d1", "d3"], "sort_on": "id", "sort_order": "descending"},
        {"price": {"query": Decimal("2.5"), "range": "min"}},
        {"price": {"query": [1, Decimal("7.25")], "range": "min:max"}, "sort_on": "price"},
        {"id": {"query": ["d1", "d2"], "not": "d1"}},
    ],
)
def test_a_shape_finds_what_the_query_finds(
    connection: Connection, criteria: dict[str, Any], visible: tuple[Visibility, ...]
) -> None:
    query = query_of(criteria)
    for build in (page, count):
        expected = connection.execute(build(TABLES, query, visible)).all()
        assert shaped_rows(TABLES, connection, build, query, visible, {}) == [tuple(row) for row in expected]


def test_one_statement_serves_all_values_of_a_shape(connection: Connection) -> None:
    for name, scopes in (("d1", (3, 7)), ("d4", (1, 2)), ("none", (8, 9))):
        visible = Visibility((1,), ((scopes, (2, 4)),))
        assert shaped_rows(TABLES, connection, page, query_of({"id": name}), (visible,), {}) is not None
    assert len(TABLES.prepared) == 1
    shaped_rows(TABLES, connection, page, query_of({"id": ["d1", "d4"]}), (), {})
    assert len(TABLES.prepared) == 2


@pytest.mark.parametrize(
    "criteria",
    [
        {"Subject": "s1"},
        {"Title": "t"},
        {"path": "/a"},
        {"id": [f"d{n}" for n in range(MOST_VALUES + 1)]},
        {"nothing": "asked"},
    ],
)
def test_a_query_whose_sql_depends_on_its_values_has_no_shape(connection: Connection, criteria: dict[str, Any]) -> None:
    query = parse_request(criteria, SCHEMA, QueryOptions.zope() if "nothing" in criteria else GATEWAY).query
    assert shaped_rows(TABLES, connection, page, query, (), {}) is None
    assert not TABLES.prepared


def test_listeners_are_told_of_prepared_statements(connection: Connection) -> None:
    told: list[str] = []
    sa.event.listen(connection, "before_cursor_execute", lambda *said: told.append(said[2]))
    assert PreparedSelect(sa.select(sa.literal(7))).rows(connection, {}) == [(7,)]
    assert len(told) == 1


def test_errors_of_prepared_statements_are_those_of_core(connection: Connection) -> None:
    missing = PreparedSelect(sa.select(sa.column("x")).select_from(sa.table("no_such_table")))
    with pytest.raises(sa.exc.DBAPIError) as prepared:
        missing.rows(connection, {})
    with pytest.raises(sa.exc.DBAPIError) as plain:
        connection.exec_driver_sql("SELECT x FROM no_such_table")
    assert type(prepared.value) is type(plain.value)
    assert not prepared.value.connection_invalidated


def test_text_outside_the_characters_of_a_column_finds_nothing(connection: Connection) -> None:
    narrow = sa.select(TABLES.main.c.rid).where(TABLES.main.c[TABLES.column("path").name] == sa.bindparam("path"))
    assert PreparedSelect(narrow).rows(connection, {"path": "/é"}) == []

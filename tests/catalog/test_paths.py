"""Path criteria, case by case, on a small tree."""

from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from catalog import CatalogTables, IndexRow, QueryOptions, page_statement, parse_query, upsert
from catalog.dialect import begin_write, create_engine_for
from tests.catalog.randoms import SCHEMA

TREE = ["/P", "/P/c", "/P/c/a", "/P/c/a/x", "/P/c-archive", "/c", "/c/P/c"]
P, P_C, P_C_A, P_C_A_X, ARCHIVE, C, C_P_C = range(len(TREE))
METADATA = sa.MetaData()
TABLES = CatalogTables(SCHEMA, METADATA)


@pytest.fixture(scope="module")
def tree(module_database_url: str) -> Iterator[Connection]:
    engine = create_engine_for(module_database_url)
    METADATA.create_all(engine)
    with engine.connect() as connection, begin_write(connection):
        upsert(connection, TABLES, [IndexRow(n, n, 1, 0, {"path": path}) for n, path in enumerate(TREE)])
        yield connection
    engine.dispose()


def found(tree: Connection, criterion: Any, options: QueryOptions) -> list[int]:
    query = parse_query({"path": criterion}, SCHEMA, options).require()
    return list(tree.execute(page_statement(TABLES, query, visible=None)).scalars())


@pytest.mark.parametrize(
    ("criterion", "documents"),
    [
        ("/P/c", [P_C, P_C_A, P_C_A_X]),
        ("P//c/", [P_C, P_C_A, P_C_A_X]),
        ("", [*range(7)]),
        ("/", [*range(7)]),
        ("/p", []),
        (["/c", "/P/c/a"], [P_C_A, P_C_A_X, C, C_P_C]),
        ({"query": ["/P", "/P/c"], "operator": "and"}, [P_C, P_C_A, P_C_A_X]),
        ({"query": "/P/c", "depth": 0}, [P_C]),
        ({"query": "P/c", "depth": 0}, [P_C]),
        ({"query": "/P/c/", "depth": 0}, []),
        ({"query": ["/P/c", "/c"], "depth": 0}, [P_C, C]),
        ({"query": "/P", "depth": 1}, [P_C, ARCHIVE]),
        ({"query": "/P/", "depth": 1}, []),
        ({"query": "/", "depth": 1}, [P, C]),
        ({"query": "/P", "depth": 2}, [P, P_C, P_C_A, ARCHIVE]),
        ({"query": "/P/", "depth": 2}, [P, P_C, P_C_A, ARCHIVE]),
        ({"query": "/", "depth": 2}, [P, P_C, ARCHIVE, C]),
        ({"query": "c", "level": 1}, [P_C, P_C_A, P_C_A_X]),
        ({"query": "c", "level": 1, "depth": 0}, [P_C]),
        ({"query": "c", "level": 1, "depth": 1}, [P_C, P_C_A]),
        ({"query": "P/c", "level": 1}, [C_P_C]),
        ({"query": "c", "level": -1}, [P_C, P_C_A, P_C_A_X, C, C_P_C]),
        ({"query": "c", "level": -1, "depth": 0}, [P_C, C, C_P_C]),
        ({"query": "a/x", "level": -1}, [P_C_A_X]),
        ({"query": "a", "level": -1, "depth": 1}, [P_C_A, P_C_A_X]),
        ({"query": "P/c", "level": -1, "depth": 1}, [P_C_A, C_P_C]),
        ({"query": "", "level": 2, "depth": 0}, [P_C, ARCHIVE]),
        ({"query": "", "level": 2, "depth": 1}, [P_C, P_C_A, ARCHIVE, C_P_C]),
        ({"query": "", "level": 2}, [*range(7)]),
        ({"query": "x", "level": 5000}, []),
        ({"query": "/P/c", "depth": 10**20}, [P_C, P_C_A, P_C_A_X]),
        ({"query": "/%", "depth": -1}, []),
        ({"query": ".*", "level": -1}, []),
    ],
)
def test_paths_by_the_rules(tree: Connection, criterion: Any, documents: list[int]) -> None:
    assert found(tree, criterion, QueryOptions.zope()) == documents


@pytest.mark.parametrize(
    ("criterion", "documents"),
    [
        ("c", [P_C, P_C_A, P_C_A_X]),
        ("", [P, P_C, P_C_A, P_C_A_X, ARCHIVE]),
        ({"query": "/", "depth": 1}, [P_C, ARCHIVE]),
        ({"query": "//c/", "depth": 1}, [P_C_A]),
        ({"query": "P/c/", "depth": 0}, [P_C]),
    ],
)
def test_paths_relative_to_the_site(tree: Connection, criterion: Any, documents: list[int]) -> None:
    assert found(tree, criterion, QueryOptions.gateway("P")) == documents

"""Random documents and random queries: the SQL finds what the rules say, on both databases."""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.engine import Connection

from catalog import (
    CatalogTables,
    IndexRow,
    Query,
    QueryOptions,
    chunk_statement,
    count_statement,
    page_statement,
    parse_request,
    row_problems,
    truncate,
    upsert,
)
from catalog.dialect import begin_write, create_engine_for
from tests.catalog.oracle import Document, Faulty, Oracle
from tests.catalog.randoms import KINDS, SCHEMA, random_document, random_query

OPTIONS = QueryOptions.zope()


@dataclass
class Store:
    """A catalog on a database; creation order is not rid order."""

    connection: Connection
    tables: CatalogTables

    def fill(self, contents: list[dict[str, Any]]) -> Oracle:
        found = [Document(n, (n * 7) % 5, values) for n, values in enumerate(contents)]
        truncate(self.connection, self.tables)
        for document in found:
            assert row_problems(self.tables, document.values) == []
        upsert(self.connection, self.tables, [IndexRow(d.rid, d.created, 1, 0, d.values) for d in found])
        return Oracle(KINDS, found)

    def page(self, query: Query) -> list[int]:
        return list(self.connection.execute(page_statement(self.tables, query, visible=None)).scalars())

    def count(self, query: Query) -> int:
        return int(self.connection.execute(count_statement(self.tables, query, visible=None)).scalar_one())

    def stream(self, query: Query, size: int) -> list[int]:
        found: list[int] = []
        after = None
        while True:
            statement = chunk_statement(self.tables, query, visible=None, after=after, size=size)
            rows = self.connection.execute(statement).all()
            found += [row[-1] for row in rows]
            if len(rows) < size:
                return found
            after = tuple(rows[-1])


@pytest.fixture(scope="module")
def store(module_database_url: str) -> Iterator[Store]:
    engine = create_engine_for(module_database_url, threads=1)
    metadata = sa.MetaData()
    tables = CatalogTables(SCHEMA, metadata)
    metadata.create_all(engine)
    connection = engine.connect()
    with begin_write(connection):
        yield Store(connection, tables)
    connection.close()
    engine.dispose()


def compare(store: Store, oracle: Oracle, criteria: dict[str, Any]) -> int | None:
    """Check one query; the number of documents found, None when it is faulty by both accounts."""
    parsed = parse_request(criteria, SCHEMA, OPTIONS)
    try:
        expected = oracle.search(criteria)
    except Faulty:
        assert parsed.problems, criteria
        return None
    assert not parsed.problems, (criteria, parsed.problems)
    assert store.page(parsed.query) == expected, criteria
    assert store.count(parsed.query) == len(expected), criteria
    if "sort_limit" not in criteria:
        assert store.stream(parsed.query, 2) == expected, criteria
    return len(expected)


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.extended) for seed in range(1, 5))])
def test_many_queries_find_what_the_rules_say(store: Store, seed: int) -> None:
    rng = Random(seed)
    oracle = store.fill([random_document(rng) for _ in range(25)])
    found = [compare(store, oracle, random_query(rng)) for _ in range(200)]
    answered = [count for count in found if count is not None]
    assert len(answered) > 120, "most queries are sound, else this test tests little"
    assert sum(count > 0 for count in answered) > 60, "many queries find something, else this test tests little"


@given(st.randoms(use_true_random=False), st.integers(1, 4))
@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
def test_queries_find_what_the_rules_say(store: Store, rng: Random, size: int) -> None:
    oracle = store.fill([random_document(rng) for _ in range(size)])
    for _ in range(4):
        compare(store, oracle, random_query(rng))

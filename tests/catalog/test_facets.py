"""Facets: values with their numbers, from the documents or from the counts, within what a query and a user see."""

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from catalog import (
    CatalogSchema,
    CatalogTables,
    Index,
    IndexKind,
    IndexRow,
    QueryOptions,
    ValueType,
    Visibility,
    fold_counts,
    parse_request,
    upsert,
)
from catalog.dialect import begin_write, create_engine_for
from catalog.facets import Facet, facet_of

INDEXES = [
    Index("id", IndexKind.FIELD),
    Index("portal_type", IndexKind.FIELD),
    Index("state", IndexKind.FIELD),
    Index("price", IndexKind.FIELD, ValueType.DECIMAL),
    Index("at", IndexKind.FIELD, ValueType.DATETIME),
    Index("flag", IndexKind.FIELD, ValueType.BOOLEAN),
    Index("active", IndexKind.BOOLEAN),
    Index("created", IndexKind.DATE),
    Index("Subject", IndexKind.KEYWORD),
    Index("sizes", IndexKind.KEYWORD, ValueType.INTEGER),
    Index("weights", IndexKind.KEYWORD, ValueType.DECIMAL),
]
SCHEMA = CatalogSchema("facets", {index.name: index for index in INDEXES})
METADATA = sa.MetaData()
TABLES = CatalogTables(SCHEMA, METADATA, counted=("portal_type", "state"), always=("id", "portal_type"))
ZONE = ZoneInfo("Europe/Berlin")
MOMENT = datetime(2024, 1, 5, 10, 30, 15, 250000, tzinfo=UTC)
STATES = ["open", "closed", "", None]


def values_of(rid: int) -> dict[str, Any]:
    """The values of a document; those that are None are missing."""
    values = {
        "id": f"d{rid}",
        "portal_type": "Sample" if rid % 3 else "Batch",
        "state": STATES[rid % 4],
        "price": Decimal(rid % 2) / 2,
        "at": MOMENT if rid % 5 == 0 else None,
        "flag": rid % 2 == 0,
        "active": rid % 3 == 0,
        "created": MOMENT if rid % 4 else None,
        "Subject": ["a", "b"] if rid % 2 else ["b"],
        "sizes": [-3, 7] if rid % 3 == 0 else [],
        "weights": Decimal("2.50") if rid % 3 == 1 else None,
    }
    return {name: value for name, value in values.items() if value is not None}


DOCUMENTS: Mapping[int, dict[str, Any]] = {rid: values_of(rid) for rid in range(1, 41)}
ACL_OF = {rid: rid % 2 for rid in DOCUMENTS}


@pytest.fixture(scope="module")
def connection(module_database_url: str) -> Iterator[Connection]:
    engine = create_engine_for(module_database_url, threads=1)
    METADATA.create_all(engine)
    with engine.connect() as connection:
        transaction = begin_write(connection)
        upsert(connection, TABLES, [IndexRow(rid, rid, ACL_OF[rid], 0, item) for rid, item in DOCUMENTS.items()])
        yield connection
        transaction.rollback()
    engine.dispose()


def facet(
    connection: Connection, name: str, criteria: Mapping[str, Any], seen: tuple[Visibility, ...] = (), most: int = 100
) -> Facet:
    query = parse_request(criteria, SCHEMA, QueryOptions.gateway("Plone")).require()
    return facet_of(TABLES, connection, SCHEMA.indexes[name], query, seen, most=most, zone=ZONE)


SHOWN = {MOMENT: "2024-01-05T11:30:15.250000+01:00", "": None, Decimal("2.50"): Decimal("2.5")}
"""Values of documents → as facets have them."""


def expected(name: str, rids: list[int]) -> Counter[Any]:
    numbers: Counter[Any] = Counter()
    for rid in rids:
        value = DOCUMENTS[rid].get(name)
        if name == "created" and value is not None:
            value = "2024-01-05T11:30:00+01:00"
        keywords = SCHEMA.indexes[name].kind is IndexKind.KEYWORD
        if keywords and value is None:
            continue
        for item in value if isinstance(value, list) else [value]:
            numbers[SHOWN.get(item, item)] += 1
    return numbers


@pytest.mark.parametrize("seen", [(), (Visibility((1,)),), (Visibility((1,)), Visibility((0,)))])
@pytest.mark.parametrize(
    "criteria",
    [{}, {"portal_type": "Sample"}, {"price": Decimal("0.5")}, {"portal_type": "Sample", "sort_on": "price"}],
)
@pytest.mark.parametrize("name", [index.name for index in INDEXES])
def test_every_value_is_counted(
    connection: Connection, name: str, criteria: dict[str, Any], seen: tuple[Visibility, ...]
) -> None:
    acls = [{0, 1}, *(set(item.acls) for item in seen)]
    rids = [
        rid
        for rid, document in DOCUMENTS.items()
        if all(document[key] == value for key, value in criteria.items() if key != "sort_on")
        and all(ACL_OF[rid] in acl for acl in acls)
    ]
    found = facet(connection, name, criteria, seen)
    assert dict(found.values) == dict(expected(name, rids))
    assert [number for _, number in found.values] == sorted((number for _, number in found.values), reverse=True)
    assert not found.more


def test_the_most_frequent_values_come_first_and_more_is_told(connection: Connection) -> None:
    found = facet(connection, "Subject", {}, most=1)
    assert found == Facet((("b", 40),), more=True)
    assert facet(connection, "Subject", {}, most=2).more is False


def test_counts_of_writers_are_added_up(connection: Connection) -> None:
    statements: list[str] = []
    sa.event.listen(connection, "before_cursor_execute", lambda *said: statements.append(said[2]))
    before = facet(connection, "state", {"portal_type": "Sample"})
    fold_counts(connection, TABLES)
    statements.clear()
    assert facet(connection, "state", {"portal_type": "Sample"}) == before
    assert len(statements) == 1
    assert TABLES.counts.name in statements[0]
    statements.clear()
    assert dict(facet(connection, "state", {"portal_type": "Sample", "state": ""}).values).keys() == {None}
    assert TABLES.counts.name not in statements[0]

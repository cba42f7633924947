"""Conditions that are tested row by row select the rows that their sets do, on both databases."""

from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from catalog.dialect import create_engine_for, distinct_values, has_row, in_join_order, unkeyed
from catalog.dialect.borrowed import BORROWED_TABLE_OPTIONS, folded_text

BOXES = sa.Table(
    "boxes",
    sa.MetaData(),
    sa.Column("key", sa.Integer, primary_key=True),
    sa.Column("kind", folded_text(10), index=True),
    sa.Column("within", sa.Integer, index=True),
    **BORROWED_TABLE_OPTIONS,
)
ROWS = [(1, None, None), (2, "b", 1), (3, "a", 1), (4, "B", 2), (5, "c", 4), (6, "a", None)]


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    engine = create_engine_for(database_url, threads=1)
    BOXES.create(engine)
    with engine.connect() as connection:
        connection.execute(sa.insert(BOXES), [dict(zip(BOXES.c.keys(), row, strict=True)) for row in ROWS])
        yield connection
    engine.dispose()


def keys(connection: Connection, condition: sa.ColumnElement[bool]) -> list[int]:
    return list(connection.scalars(sa.select(BOXES.c.key).where(condition).order_by(BOXES.c.key)))


def test_each_value_is_found_once_and_null_is_none(connection: Connection) -> None:
    found = connection.scalars(distinct_values(connection, BOXES.c.kind))
    assert sorted(value.lower() for value in found) == ["a", "b", "c"]
    connection.execute(sa.delete(BOXES))
    assert not list(connection.scalars(distinct_values(connection, BOXES.c.kind)))


def test_a_column_without_its_key_compares_as_it_does_with_it(connection: Connection) -> None:
    for values in (["b"], ["A", "c"], []):
        assert keys(connection, unkeyed(BOXES.c.kind).in_(values)) == keys(connection, BOXES.c.kind.in_(values))
    assert keys(connection, unkeyed(BOXES.c.within) == 1) == [2, 3]


def test_rows_that_have_others_are_found_by_a_test_of_each(connection: Connection) -> None:
    inner = BOXES.alias()
    within = has_row(sa.select(inner.c.key).where(inner.c.within == BOXES.c.key, unkeyed(inner.c.kind).in_(["B", "c"])))
    assert keys(connection, within) == [1, 2, 4]
    assert keys(connection, ~within) == [3, 5, 6]


def test_the_order_of_joins_changes_no_rows(connection: Connection) -> None:
    outer = BOXES.alias()
    joined = sa.select(BOXES.c.key, outer.c.key).join_from(BOXES, outer, outer.c.key == BOXES.c.within)
    page = joined.order_by(BOXES.c.key.desc()).limit(2)
    assert connection.execute(in_join_order(page)).all() == connection.execute(page).all() == [(5, 4), (4, 2)]

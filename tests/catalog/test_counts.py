"""Numbers that writers insert add up to what counting finds, through every kind of change, folding and races."""

import random
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from catalog import (
    CatalogSchema,
    CatalogTables,
    ColumnChange,
    CountsChanged,
    Index,
    IndexKind,
    IndexRow,
    QueryOptions,
    Visibility,
    count_statement,
    fold_counts,
    insert,
    number_found,
    parse_request,
    recount,
    remove,
    set_scope,
    set_visibility,
    truncate,
    update_columns,
    upsert,
    visible_condition,
)
from catalog.dialect import begin_write, create_engine_for

GATEWAY = QueryOptions.gateway("Plone")
INDEXES = [Index(name, IndexKind.FIELD) for name in ("id", "portal_type", "review_state")]
SCHEMA = CatalogSchema("counted", {index.name: index for index in INDEXES})
METADATA = sa.MetaData()
TABLES = CatalogTables(SCHEMA, METADATA, counted=("portal_type", "review_state"), always=("id",))

SEEN = [(), (Visibility((1,)),), (Visibility((1,), (((5, 6), (2, 3)),)),), (Visibility(),)]
COUNTED: list[dict[str, Any]] = [
    {},
    {"portal_type": "A"},
    {"portal_type": ["A", "B"], "review_state": "open", "sort_on": "id"},
    {"review_state": ["closed", "none"]},
]


@pytest.fixture(scope="module")
def engine(module_database_url: str) -> Iterator[Engine]:
    made = create_engine_for(module_database_url, threads=2)
    METADATA.create_all(made)
    yield made
    made.dispose()


@pytest.fixture
def connection(engine: Engine) -> Iterator[Connection]:
    with engine.connect() as connection:
        transaction = begin_write(connection)
        yield connection
        transaction.rollback()


def document(rid: int, dice: random.Random) -> IndexRow:
    values = {"id": f"d{rid}", "portal_type": dice.choice("ABC")}
    state = dice.choice(["open", "closed", None])
    values |= {"review_state": state} if state else {}
    return IndexRow(rid, rid, dice.randrange(1, 4), dice.randrange(5, 8), values)


def numbers(connection: Connection) -> list[tuple[int | None, int]]:
    """What the counts say and what counting finds, for every query and user."""
    pairs = []
    for criteria in COUNTED:
        query = parse_request(criteria, SCHEMA, GATEWAY).require()
        for seen in SEEN:
            statement = count_statement(TABLES, query, visible=visible_condition(TABLES, seen))
            pairs.append((number_found(TABLES, connection, query, seen), connection.execute(statement).scalar_one()))
    return pairs


def assert_exact(connection: Connection) -> None:
    found = numbers(connection)
    assert [told for told, _ in found] == [counted for _, counted in found]


@pytest.mark.parametrize("seed", range(4))
def test_counts_follow_every_change(connection: Connection, seed: int) -> None:
    dice = random.Random(seed)
    changes = [
        lambda rids: upsert(connection, TABLES, [document(rid, dice) for rid in rids]),
        lambda rids: remove(connection, TABLES, rids),
        lambda rids: set_visibility(connection, TABLES, {dice.randrange(1, 4): rids}, {dice.randrange(5, 8): rids}),
        lambda rids: set_scope(
            connection, TABLES, sa.select(TABLES.rid).where(TABLES.rid.in_(rids)), dice.randrange(5, 8)
        ),
        lambda _: fold_counts(connection, TABLES),
    ]
    insert(connection, TABLES, [document(rid, dice) for rid in range(30)])
    for _ in range(25):
        dice.choice(changes)(dice.sample(range(40), dice.randrange(1, 15)))
        assert_exact(connection)
    truncate(connection, TABLES)
    assert {told for told, _ in numbers(connection)} == {0}


def test_what_changes_no_group_writes_no_count(connection: Connection) -> None:
    upsert(connection, TABLES, [IndexRow(1, 1, 1, 5, {"id": "a", "portal_type": "A"})])
    rows = sa.select(sa.func.count()).select_from(TABLES.counts)
    before = connection.execute(rows).scalar_one()
    upsert(connection, TABLES, [IndexRow(1, 1, 1, 5, {"id": "b", "portal_type": "A"})])
    assert connection.execute(rows).scalar_one() == before == 1


def test_folding_leaves_one_row_for_each_group(connection: Connection) -> None:
    dice = random.Random(7)
    for rid in range(50):
        upsert(connection, TABLES, [document(rid % 20, dice)])
    assert fold_counts(connection, TABLES) > 20
    _, folded, *group, number = TABLES.counts.c
    kept = connection.execute(sa.select(number, folded, *group)).all()
    assert len({tuple(row[2:]) for row in kept}) == len(kept)
    assert all(row[0] > 0 and row[1] == 1 for row in kept)
    assert fold_counts(connection, TABLES) == 0
    assert_exact(connection)


def test_counting_anew_mends_counts_that_are_wrong(connection: Connection) -> None:
    dice = random.Random(8)
    upsert(connection, TABLES, [document(rid, dice) for rid in range(30)])
    connection.execute(sa.delete(TABLES.counts).where(TABLES.counts.c.n > 0))
    assert {told for told, _ in numbers(connection)} == {0}
    recount(connection, TABLES)
    assert_exact(connection)


@pytest.mark.parametrize(
    "criteria",
    [
        {"id": "d1"},
        {"portal_type": "A", "sort_on": "review_state"},
        {"portal_type": ""},
        {"portal_type": {"query": "A", "range": "min"}},
        {"portal_type": "A", "sort_on": "id", "sort_limit": 5},
    ],
)
def test_other_queries_are_counted_by_the_database(connection: Connection, criteria: dict[str, Any]) -> None:
    query = parse_request(criteria, SCHEMA, GATEWAY).require()
    assert number_found(TABLES, connection, query, ()) is None


def test_what_is_rolled_back_is_not_counted(engine: Engine) -> None:
    with engine.connect() as connection:
        transaction = begin_write(connection)
        upsert(connection, TABLES, [document(1, random.Random(1))])
        transaction.rollback()
    with engine.connect() as connection, connection.begin():
        assert {told for told, _ in numbers(connection)} == {0}


def test_two_that_fold_do_not_count_twice(engine: Engine) -> None:
    with engine.connect() as connection, begin_write(connection):
        upsert(connection, TABLES, [document(rid, random.Random(rid)) for rid in range(9)])
    try:
        with engine.connect() as connection, begin_write(connection):
            ids = list(connection.execute(sa.select(TABLES.counts.c.id)).scalars())
            # Another process has folded what this one has read.
            connection.execute(sa.update(TABLES.counts).values(folded=0))
            listened = iter([True])

            def fold_first(*told: Any) -> None:
                if "DELETE" in told[2] and next(listened, False):
                    connection.exec_driver_sql(f"DELETE FROM {TABLES.counts.name} WHERE id = {ids[0]}")

            sa.event.listen(connection, "before_cursor_execute", fold_first)
            with pytest.raises(CountsChanged):
                fold_counts(connection, TABLES)
            raise RuntimeError
    except RuntimeError:
        pass
    with engine.connect() as connection, begin_write(connection):
        assert_exact(connection)
        truncate(connection, TABLES)


def test_writing_some_columns_counts_what_they_change(connection: Connection) -> None:
    dice = random.Random(9)
    upsert(connection, TABLES, [document(rid, dice) for rid in range(30)])
    moved = [IndexRow(rid, rid, 3, 5, {"review_state": "closed", "id": "x"}) for rid in range(10)]
    update_columns(connection, TABLES, [ColumnChange(("review_state",), moved)])
    assert_exact(connection)
    without_values = ColumnChange(("review_state", "portal_type"), [IndexRow(11, 11, 1, 6, {})], visibility=True)
    update_columns(connection, TABLES, [without_values])
    assert_exact(connection)
    rows = connection.execute(sa.select(sa.func.count()).select_from(TABLES.counts)).scalar_one()
    update_columns(connection, TABLES, [ColumnChange(("id",), moved)])
    assert connection.execute(sa.select(sa.func.count()).select_from(TABLES.counts)).scalar_one() == rows

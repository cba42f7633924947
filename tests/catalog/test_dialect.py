"""The differences between the databases, from above: the same calls do the same on both."""

import gc
import socket
import sqlite3
from collections.abc import Callable, Iterator
from datetime import datetime
from decimal import Decimal
from random import Random
from threading import Thread
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.engine import URL, Connection, Engine

from catalog import (
    BulkWarning,
    CatalogTables,
    ColumnChange,
    IndexRow,
    dialect,
    insert,
    replace_side,
    truncate,
    update_columns,
    upsert,
)
from tests.catalog.randoms import SCHEMA, random_document
from tests.databases import fresh_mariadb_database

METADATA = sa.MetaData()
THINGS = sa.Table(
    "things",
    METADATA,
    sa.Column("rid", dialect.big_key(), primary_key=True, autoincrement=False),
    sa.Column("version", dialect.big_integer(), nullable=False),
    sa.Column("word", dialect.text_key(40)),
    sa.Column("code", dialect.ascii_key(40), unique=True),
    sa.Column("document", dialect.long_text()),
    sa.Column("price", dialect.exact_decimal()),
    **dialect.TABLE_OPTIONS,
)


def thing(rid: int, **values: Any) -> dict[str, Any]:
    return {"rid": rid, "version": 1, "word": None, "code": None, "document": None, "price": None} | values


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    made = dialect.create_engine_for(database_url, threads=2)
    METADATA.create_all(made)
    yield made
    made.dispose()


def contents(connection: Connection) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in connection.execute(sa.select(THINGS).order_by(THINGS.c.rid))]


def test_bulk_update_gives_every_row_its_own_values(engine: Engine) -> None:
    columns = [THINGS.c.word, THINGS.c.code, THINGS.c.document, THINGS.c.price]
    values = [
        thing(1, word="Zürich  ", code="a/b ", document='{"a": "\\"ü\\n"}', price=Decimal("57.100000000001")),
        thing(2, word="日本\U0001f600", document="", price=Decimal("-0.5")),
        thing(3),
    ]
    with dialect.begin_write(connection := engine.connect()):
        dialect.insert_rows(connection, THINGS, [thing(n, word="old") for n in (1, 2, 3, 4)])
        assert dialect.bulk_update(connection, THINGS, THINGS.c.rid, columns, values) == 3
        assert contents(connection)[:3] == [tuple(row.values()) for row in values]
        assert contents(connection)[3][2] == "old"
    connection.close()


def test_bulk_update_matches_rows_that_already_have_the_values(engine: Engine) -> None:
    with dialect.begin_write(connection := engine.connect()):
        dialect.insert_rows(connection, THINGS, [thing(1, word="same"), thing(2, word="same")])
        rows = [{"rid": 1, "word": "same"}, {"rid": 2, "word": "same"}, {"rid": 9, "word": "same"}]
        assert dialect.bulk_update(connection, THINGS, THINGS.c.rid, [THINGS.c.word], rows) == 2
    connection.close()


def test_bulk_update_passes_over_rows_of_another_version(engine: Engine) -> None:
    with dialect.begin_write(connection := engine.connect()):
        dialect.insert_rows(connection, THINGS, [thing(1), thing(2, version=7)])
        rows = [{"rid": 1, "word": "new", "version": 1}, {"rid": 2, "word": "new", "version": 6}]
        matched = dialect.bulk_update(connection, THINGS, THINGS.c.rid, [THINGS.c.word], rows, version=THINGS.c.version)
        assert matched == 1
        assert [row[:3] for row in contents(connection)] == [(1, 2, "new"), (2, 7, None)]
    connection.close()


def test_bulk_update_splits_what_exceeds_the_packet(engine: Engine) -> None:
    with dialect.begin_write(connection := engine.connect()):
        connection.info["max_allowed_packet"] = 40_000
        dialect.insert_rows(connection, THINGS, [thing(n) for n in range(50)])
        rows = [{"rid": n, "document": str(n) * 500} for n in range(50)]
        assert dialect.bulk_update(connection, THINGS, THINGS.c.rid, [THINGS.c.document], rows) == 50
        assert [row[4] for row in contents(connection)] == [row["document"] for row in rows]
        del connection.info["max_allowed_packet"]
    connection.close()


def test_text_keys_tell_case_accents_and_trailing_blanks_apart_and_sort_by_code_point(engine: Engine) -> None:
    words = ["", " ", "A", "Z", "a", "a ", "e", "z", "é", "ﬀ", "\U0001f600"]
    with dialect.begin_write(connection := engine.connect()):
        dialect.insert_rows(connection, THINGS, [thing(n, word=word) for n, word in enumerate(reversed(words))])
        found = connection.execute(sa.select(THINGS.c.word).order_by(THINGS.c.word)).scalars().all()
        assert list(found) == words
        for word in words:
            query = sa.select(sa.func.count()).select_from(THINGS).where(THINGS.c.word == word)
            assert connection.execute(query).scalar_one() == 1
    connection.close()


def test_insert_ignore_and_upsert(engine: Engine) -> None:
    with dialect.begin_write(connection := engine.connect()):
        dialect.insert_ignore(connection, THINGS, [thing(1, word="first")])
        dialect.insert_ignore(connection, THINGS, [thing(1, word="second"), thing(2, word="second")])
        assert [row[2] for row in contents(connection)] == ["first", "second"]
        dialect.upsert_rows(connection, THINGS, [thing(2, word="third", version=5), thing(3, word="third")])
        assert [row[:3] for row in contents(connection)] == [(1, 1, "first"), (2, 5, "third"), (3, 1, "third")]
        dialect.upsert_rows(connection, THINGS, [thing(3, word="fourth", version=9)], update=[THINGS.c.word])
        assert contents(connection)[2][:3] == (3, 1, "fourth")
    connection.close()


@pytest.fixture
def mariadb_engine(mariadb: Callable[[], URL]) -> Iterator[Engine]:
    with fresh_mariadb_database(mariadb()) as url:
        made = dialect.create_engine_for(url, threads=1)
        METADATA.create_all(made)
        yield made
        made.dispose()


def test_a_value_too_long_is_refused_by_mariadb_and_never_cut(mariadb_engine: Engine) -> None:
    connection = mariadb_engine.connect()
    with pytest.raises(sa.exc.DataError), dialect.begin_write(connection):
        dialect.insert_rows(connection, THINGS, [thing(1)])
        rows = [{"rid": 1, "word": "x" * 41}]
        dialect.bulk_update(connection, THINGS, THINGS.c.rid, [THINGS.c.word], rows)
    assert contents(connection) == []
    connection.close()


def test_a_warning_of_a_bulk_statement_is_an_error(mariadb_engine: Engine) -> None:
    connection = mariadb_engine.connect()
    with pytest.raises(BulkWarning), dialect.begin_write(connection):
        connection.exec_driver_sql("SET sql_mode = ''")
        dialect.insert_rows(connection, THINGS, [thing(1)])
        rows = [{"rid": 1, "word": "x" * 41}]
        dialect.bulk_update(connection, THINGS, THINGS.c.rid, [THINGS.c.word], rows)
    assert contents(connection) == []
    connection.invalidate()
    connection.close()


def test_a_connection_cut_while_idle_is_replaced(mariadb_engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("catalog.dialect.engines.IDLE_PING_SECONDS", -1.0)
    with mariadb_engine.connect() as connection:
        number = connection.exec_driver_sql("SELECT CONNECTION_ID()").scalar_one()
    other = sa.create_engine(mariadb_engine.url)
    with other.connect() as connection:
        connection.exec_driver_sql(f"KILL {number}")
    other.dispose()
    with mariadb_engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT CONNECTION_ID()").scalar_one() != number


def test_a_reader_sees_one_snapshot_while_a_writer_commits(engine: Engine) -> None:
    with dialect.begin_write(writer := engine.connect()):
        dialect.insert_rows(writer, THINGS, [thing(1)])
    writer.close()
    with engine.connect() as reader:
        before = contents(reader)
        with dialect.begin_write(writer := engine.connect()):
            dialect.insert_rows(writer, THINGS, [thing(2)])
        writer.close()
        assert contents(reader) == before


@pytest.mark.parametrize(
    ("code", "retryable"), [(1213, True), (1205, True), (1020, True), (2013, True), (1047, True), (1064, False)]
)
def test_mysql_errors_worth_another_try(code: int, retryable: bool) -> None:
    error = sa.exc.OperationalError("SELECT 1", None, Exception(code, "said the server"))
    assert dialect.is_retryable(error) is retryable


def test_a_busy_sqlite_is_worth_another_try(tmp_path: Any) -> None:
    engine = dialect.create_engine_for(f"sqlite:///{tmp_path / 'busy'}", threads=2, wait=0.05)
    with dialect.begin_write(first := engine.connect()):
        second = engine.connect()
        with pytest.raises(sa.exc.OperationalError) as caught:
            dialect.begin_write(second)
        assert dialect.is_retryable(caught.value)
        assert not dialect.is_unavailable(caught.value)
        second.close()
    first.close()
    engine.dispose()


def test_a_database_that_is_not_there_is_unavailable(tmp_path: Any) -> None:
    for url in (f"sqlite:///{tmp_path / 'no' / 'such' / 'folder'}", "mysql+pymysql://root@127.0.0.1:1/none"):
        engine = dialect.create_engine_for(url, threads=1)
        with pytest.raises(sa.exc.OperationalError) as caught:
            engine.connect()
        assert dialect.is_unavailable(caught.value)
        assert not dialect.is_retryable(caught.value)
        engine.dispose()


ENDLESS = {
    "sqlite": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n",
    "mysql": "SELECT SLEEP(60)",
}


@pytest.mark.parametrize("write", [False, True])
def test_a_statement_beyond_its_time_is_stopped_and_the_next_one_is_not(database_url: str, write: bool) -> None:
    engine = dialect.create_engine_for(database_url, threads=1, limit=0.2)
    for _ in range(2):
        with engine.connect() as connection:
            if write:
                dialect.begin_write(connection)
            with pytest.raises(sa.exc.DBAPIError) as caught:
                connection.exec_driver_sql(ENDLESS["sqlite" if engine.dialect.name == "sqlite" else "mysql"]).all()
        assert dialect.fault_of(caught.value) is dialect.DatabaseFault.OVER_TIME
        assert dialect.is_unavailable(caught.value)
        assert not dialect.is_retryable(caught.value)
        with engine.connect() as connection:
            assert connection.exec_driver_sql("SELECT 1").scalar() == 1
    engine.dispose()


def test_a_server_that_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("catalog.dialect.engines.SILENCE_SECONDS", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"mysql+pymysql://nobody@127.0.0.1:{silent.getsockname()[1]}/none"
        engine = dialect.create_engine_for(url, threads=1, wait=0.1, limit=0.1)
        with pytest.raises(sa.exc.DBAPIError) as caught:
            engine.connect()
        engine.dispose()
    assert dialect.fault_of(caught.value) is dialect.DatabaseFault.HANGS
    assert dialect.is_unavailable(caught.value)
    assert not dialect.is_retryable(caught.value)


@pytest.mark.parametrize("asked", ["SELECT x FROM nowhere", "SELECT y FROM there", "INSERT INTO there (no) VALUES (1)"])
def test_a_schema_that_is_another_is_told_from_other_faults(database_url: str, asked: str) -> None:
    engine = dialect.create_engine_for(database_url, threads=1)
    with engine.connect() as connection:
        connection.exec_driver_sql("CREATE TABLE there (x INTEGER)")
        with pytest.raises(sa.exc.DBAPIError) as caught:
            connection.exec_driver_sql(asked)
    assert dialect.fault_of(caught.value) is dialect.DatabaseFault.CHANGED
    assert dialect.is_unavailable(caught.value)
    assert not dialect.is_retryable(caught.value)
    engine.dispose()


def test_a_full_disk_is_told_from_other_faults() -> None:
    full = sqlite3.OperationalError("database or disk is full")
    full.sqlite_errorcode = sqlite3.SQLITE_FULL
    for original in (full, Exception(1021, "Disk full"), Exception(1114, "The table 'entities' is full")):
        error = sa.exc.OperationalError("INSERT", None, original)
        assert dialect.fault_of(error) is dialect.DatabaseFault.FULL
        assert dialect.is_unavailable(error)


def decimals() -> st.SearchStrategy[Decimal]:
    return st.decimals(min_value=-(10**25), max_value=10**25, places=12, allow_nan=False, allow_infinity=False)


@given(decimals(), decimals())
def test_decimals_as_text_sort_like_the_numbers(one: Decimal, other: Decimal) -> None:
    first, second = dialect.sortable_decimal(one), dialect.sortable_decimal(other)
    assert (first < second) is (one < other)
    assert dialect.decimal_of_sortable(first) == one


def test_dates_can_be_set_in_bulk(mariadb_engine: Engine) -> None:
    metadata = sa.MetaData()
    column = sa.Column("at", sa.DateTime())
    table = sa.Table("times", metadata, sa.Column("rid", dialect.big_key(), primary_key=True), column)
    metadata.create_all(mariadb_engine)
    at = datetime(2024, 1, 5, 10, 30)  # noqa: DTZ001
    with dialect.begin_write(connection := mariadb_engine.connect()):
        dialect.insert_rows(connection, table, [{"rid": 1, "at": None}])
        assert dialect.bulk_update(connection, table, table.c.rid, [column], [{"rid": 1, "at": at}]) == 1
        assert connection.execute(sa.select(column)).scalar_one() == at
    connection.close()


def test_a_connection_that_is_dropped_while_it_writes_lets_the_next_writer_go(tmp_path: Any) -> None:
    engine = dialect.create_engine_for(f"sqlite:///{tmp_path / 'dropped.db'}", threads=2, wait=0.1)
    pooled: Any = engine.raw_connection()
    kind, lock_path = type(pooled.dbapi_connection), pooled.dbapi_connection.lock_path
    pooled.close()
    dropped = kind(tmp_path / "dropped.db", isolation_level=None)
    dropped.lock_path = lock_path
    dropped.begin(write=True)
    with engine.connect() as connection, pytest.raises(sa.exc.OperationalError):
        dialect.begin_write(connection)
    del dropped
    gc.collect()
    with engine.connect() as connection, dialect.begin_write(connection):
        connection.exec_driver_sql("CREATE TABLE made (number INTEGER)")
    engine.dispose()


def test_writers_that_meet_wait_for_each_other(database_url: str) -> None:
    engine = dialect.create_engine_for(database_url, threads=4)
    metadata = sa.MetaData()
    tables = CatalogTables(SCHEMA, metadata)
    metadata.create_all(engine)
    failures: list[Exception] = []

    def work(seed: int) -> None:
        rng = Random(seed)
        for turn in range(6):
            shared = rng.sample(range(60), 20)
            own = range(1000 * seed + 20 * turn, 1000 * seed + 20 * turn + 20)
            rows = [IndexRow(rid, rid, 1, 0, random_document(rng)) for rid in (*shared, *own)]
            try:
                with engine.connect() as connection, dialect.begin_write(connection):
                    upsert(connection, tables, rows)
            except sa.exc.DBAPIError as failure:
                failures.append(failure)

    threads = [Thread(target=work, args=(seed,)) for seed in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    with engine.connect() as connection:
        count = connection.execute(sa.select(sa.func.count()).where(tables.main.c.rid >= 1000)).scalar_one()
    assert count == 4 * 6 * 20
    engine.dispose()


def test_writes_are_told_to_listeners_and_fail_as_core_has_them_fail(engine: Engine) -> None:
    told: list[str] = []
    sa.event.listen(engine, "before_cursor_execute", lambda connection, cursor, text, *others: told.append(text))
    with dialect.begin_write(connection := engine.connect()):
        told.clear()
        dialect.insert_rows(connection, THINGS, [thing(1, code="a"), thing(2, code="b")])
        dialect.insert_rows(connection, THINGS, [thing(3, code="c")])
        assert [text.split()[:3] for text in told] == [["INSERT", "INTO", "things"]] * 2
        with pytest.raises(sa.exc.IntegrityError):
            dialect.insert_rows(connection, THINGS, [thing(4, code="a")])
    connection.close()


def test_statements_are_counted_for_the_thread_that_asks(engine: Engine) -> None:
    use = dialect.DATABASE_USE
    use.statements, use.seconds = 0, 0.0
    with dialect.transaction(engine, write=True) as connection:
        dialect.insert_rows(connection, THINGS, [thing(1), thing(2)])
        connection.execute(sa.select(THINGS.c.rid)).all()
        dialect.PreparedSelect(sa.select(THINGS.c.rid)).rows(connection, {})
        with pytest.raises(sa.exc.IntegrityError):
            dialect.insert_rows(connection, THINGS, [thing(1)])
    assert use.statements == 4
    assert use.seconds > 0
    others: list[int] = []
    thread = Thread(target=lambda: others.append(use.statements))
    thread.start()
    thread.join()
    assert others == [0]


def test_defaults_of_a_table_are_filled(engine: Engine) -> None:
    metadata = sa.MetaData()
    counted = sa.Table(
        "counted",
        metadata,
        sa.Column("rid", dialect.big_key(), primary_key=True, autoincrement=False),
        sa.Column("times", sa.Integer, nullable=False, default=7),
        **dialect.TABLE_OPTIONS,
    )
    metadata.create_all(engine)
    with dialect.begin_write(connection := engine.connect()):
        dialect.insert_rows(connection, counted, [{"rid": 1}, {"rid": 2}])
        dialect.upsert_rows(connection, counted, [{"rid": 3, "times": 1}])
        assert connection.scalars(sa.select(counted.c.times).order_by(counted.c.rid)).all() == [7, 7, 1]
    connection.close()


CATALOG = CatalogTables(SCHEMA, sa.MetaData())


def catalog_rows(connection: Connection) -> list[list[tuple[Any, ...]]]:
    tables = (CATALOG.main, *CATALOG.side_tables)
    return [sorted(map(tuple, connection.execute(sa.select(table))), key=repr) for table in tables]


@pytest.mark.parametrize("seed", range(5))
def test_parts_of_rows_come_to_the_same_as_whole_rows(engine: Engine, seed: int) -> None:
    """Documents inserted, then changed index by index, are as if they had been put there whole."""
    random = Random(seed)
    CATALOG.main.metadata.create_all(engine)
    before, after = ({n: random_document(random) for n in range(1, 9)} for _ in range(2))
    with dialect.begin_write(connection := engine.connect()):
        upsert(connection, CATALOG, [IndexRow(n, n, 2, 0, values) for n, values in after.items()])
        whole = catalog_rows(connection)
        truncate(connection, CATALOG)
        insert(connection, CATALOG, [IndexRow(n, n, 1, 0, values) for n, values in before.items()])
        rows = [IndexRow(n, n, 2, 0, values) for n, values in after.items()]
        names = list(SCHEMA.indexes)
        for part in (names[::2], names[1::2]):
            halves = [ColumnChange(tuple(part), rows[:4]), ColumnChange(tuple(part), rows[4:])]
            assert update_columns(connection, CATALOG, halves) == len(rows)
        acls = ColumnChange((), [*rows, IndexRow(99, 9, 2, 0, {})], visibility=True)
        assert update_columns(connection, CATALOG, [acls]) == len(rows)
        replace_side(connection, CATALOG, rows)
        assert catalog_rows(connection) == whole
        with pytest.raises(sa.exc.IntegrityError):
            insert(connection, CATALOG, rows[:1])
    connection.close()


def test_columns_of_tables_and_views_are_named_at_once(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE VIEW Words AS SELECT word AS Named FROM things")
        found = dialect.column_names(connection, ["THINGS", "words", "nothing"])
        assert found == {"things": set(THINGS.columns.keys()), "words": {"named"}}
        assert dialect.column_names(connection, []) == {}

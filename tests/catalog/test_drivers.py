"""The drivers of the MySQL family: the same values, errors and round trips with either, and the choice between them."""

import builtins
import socket
from collections.abc import Callable, Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import URL, Engine, make_url

from catalog import BulkWarning, dialect
from catalog.dialect.borrowed import wall_clock
from catalog.dialect.drivers import driver_arguments, with_driver
from tests.databases import fresh_mariadb_database

METADATA = sa.MetaData()
THINGS = sa.Table(
    "things",
    METADATA,
    sa.Column("rid", dialect.big_key(), primary_key=True, autoincrement=False),
    sa.Column("code", dialect.ascii_key(20), unique=True),
    sa.Column("word", dialect.text_key(40)),
    sa.Column("document", dialect.long_text()),
    sa.Column("price", dialect.exact_decimal()),
    sa.Column("day", wall_clock()),
    sa.Column("data", dialect.long_bytes()),
    **dialect.TABLE_OPTIONS,
)
ROW = {
    "rid": 2**60,
    "code": "a-1",
    "word": "naïve 🧪 %s %(x)s",
    "document": '{"a": "\\u00e9", "b": "100 %"}',
    "price": Decimal("12.3400"),
    "day": datetime.fromisoformat("2024-02-29T23:59:58"),
    "data": bytes(range(256)),
}


@pytest.fixture(params=["pymysql", "mysqlclient"])
def driver(request: pytest.FixtureRequest) -> str:
    if request.param == "mysqlclient":
        pytest.importorskip("MySQLdb")
    return str(request.param)


@pytest.fixture
def url(mariadb: Callable[[], URL]) -> Iterator[str]:
    with fresh_mariadb_database(mariadb()) as made:
        yield made


@pytest.fixture
def engine(url: str, driver: Any) -> Iterator[Engine]:
    made = dialect.create_engine_for(url, threads=2, driver=driver)
    METADATA.create_all(made)
    yield made
    made.dispose()


def test_values_come_back_as_they_were_written(engine: Engine) -> None:
    with dialect.transaction(engine, write=True) as connection:
        dialect.insert_rows(connection, THINGS, [ROW, ROW | {"rid": 1, "code": "a-2"}])
    prepared = dialect.PreparedSelect(sa.select(THINGS).where(THINGS.c.word == sa.bindparam("word")))
    with dialect.transaction(engine, write=False) as connection:
        expected = [tuple((ROW | {"rid": 1, "code": "a-2"}).values()), tuple(ROW.values())]
        assert [tuple(row) for row in connection.execute(sa.select(THINGS).order_by(THINGS.c.rid))] == expected
        assert sorted(prepared.rows(connection, {"word": ROW["word"]})) == expected
        sums = "SELECT COUNT(*), SUM(rid > 1), JSON_OBJECT('a', 1), CAST('é' AS BINARY) FROM things"
        assert connection.exec_driver_sql(sums).all() == [(2, Decimal(1), '{"a": 1}', "é".encode())]


def test_texts_in_rows_come_back_whatever_is_in_them(engine: Engine) -> None:
    plain = [
        '"',
        "\\",
        "'",
        '\\"',
        "\\'",
        "%s",
        "%(rows)s",
        "\b\t\n\r",
        "\x7f",
        "é🧪",
        "\\0",
        "\\%",
        "\\Z",
        "--",
        "/*",
        "",
    ]
    others = ["\0", "\f", "\x1a", "\x1b[0m", "\\u0041", "C:\\files"]
    texts = sa.Table(
        "texts",
        sa.MetaData(),
        sa.Column("rid", dialect.big_key(), primary_key=True, autoincrement=False),
        sa.Column("body", dialect.long_text()),
        **dialect.TABLE_OPTIONS,
    )
    texts.create(engine)
    for number, sent in enumerate((plain, others, plain + others)):
        with dialect.transaction(engine, write=True) as connection:
            connection.execute(sa.delete(texts))
            rows = [{"rid": place, "body": text} for place, text in enumerate(sent, start=1)]
            dialect.insert_rows(connection, texts, rows)
            found = sa.select(texts.c.body).order_by(texts.c.rid)
            assert connection.scalars(found).all() == sent, number
            again = [{"rid": place, "body": text} for place, text in enumerate(reversed(sent), start=1)]
            assert dialect.bulk_update(connection, texts, texts.c.rid, [texts.c.body], again) == len(sent)
            assert connection.scalars(found).all() == sent[::-1], number
            dialect.upsert_rows(connection, texts, rows)
            assert connection.scalars(found).all() == sent, number


def test_a_date_that_no_calendar_has_reads_as_none(engine: Engine) -> None:
    with engine.connect() as connection:
        with dialect.begin_write(connection):
            connection.exec_driver_sql("SET SESSION sql_mode = ''")
            connection.exec_driver_sql("INSERT INTO things (rid, day) VALUES (1, '0000-00-00')")
            assert connection.execute(sa.select(THINGS.c.day)).scalar_one() is None
        connection.invalidate()


def test_text_beyond_a_narrow_column_is_compared_and_found_nowhere(engine: Engine) -> None:
    with dialect.transaction(engine, write=True) as connection:
        dialect.insert_rows(connection, THINGS, [ROW])
        assert connection.execute(sa.select(THINGS.c.rid).where(THINGS.c.code == "ä-1")).all() == []
        assert connection.execute(sa.select(THINGS.c.rid).where(THINGS.c.code == "a-1")).all() == [(2**60,)]


def test_rows_written_are_counted(engine: Engine) -> None:
    rows = [ROW | {"rid": number, "code": str(number)} for number in range(1, 501)]
    with dialect.transaction(engine, write=True) as connection:
        dialect.insert_rows(connection, THINGS, rows)
        changed = [{"rid": number, "word": "x"} for number in range(400, 600)]
        for _ in range(2):
            assert dialect.bulk_update(connection, THINGS, THINGS.c.rid, [THINGS.c.word], changed) == 101


@pytest.mark.parametrize("document", ["x" * 3_000, "x" * 300_000])
def test_many_rows_go_in_few_statements(engine: Engine, document: str) -> None:
    rows = [ROW | {"rid": number, "code": str(number), "document": document} for number in range(1, 13)]
    with dialect.transaction(engine, write=True) as connection:
        before = _counted(connection, "Com_insert")
        dialect.insert_rows(connection, THINGS, rows)
        assert _counted(connection, "Com_insert") - before <= 1 + 12 * len(document) // 600_000


def test_a_warning_of_a_bulk_statement_is_an_error(engine: Engine) -> None:
    with engine.connect() as connection:
        with pytest.raises(BulkWarning), dialect.begin_write(connection):
            connection.exec_driver_sql("SET sql_mode = ''")
            dialect.insert_rows(connection, THINGS, [ROW])
            dialect.bulk_update(
                connection, THINGS, THINGS.c.rid, [THINGS.c.word], [{"rid": ROW["rid"], "word": "x" * 41}]
            )
        connection.invalidate()


def test_what_a_table_refuses_is_told_by_the_same_errors(engine: Engine) -> None:
    with dialect.transaction(engine, write=True) as connection:
        dialect.insert_rows(connection, THINGS, [ROW])
    for row, error in ((ROW | {"rid": 3}, sa.exc.IntegrityError), (ROW | {"code": "b", "rid": 4}, None)):
        if error is not None:
            with pytest.raises(error), dialect.transaction(engine, write=True) as connection:
                dialect.insert_rows(connection, THINGS, [row])
        with pytest.raises(sa.exc.DataError), dialect.transaction(engine, write=True) as connection:
            dialect.insert_rows(connection, THINGS, [row | {"code": "c", "rid": 5, "word": "x" * 41}])
    with pytest.raises(sa.exc.ProgrammingError), dialect.transaction(engine, write=False) as connection:
        connection.exec_driver_sql("SELECT nothing FROM nowhere")


def test_a_connection_that_was_killed_is_worth_another_try(engine: Engine) -> None:
    with pytest.raises(sa.exc.DBAPIError) as caught, dialect.transaction(engine, write=False) as connection:
        number = connection.exec_driver_sql("SELECT CONNECTION_ID()").scalar_one()
        with dialect.transaction(engine, write=False) as other:
            other.exec_driver_sql(f"KILL {number}")
        connection.exec_driver_sql("SELECT 1")
    assert caught.value.connection_invalidated
    assert dialect.is_retryable(caught.value)
    with dialect.transaction(engine, write=False) as connection:
        assert connection.exec_driver_sql("SELECT 1").scalar_one() == 1


@pytest.mark.parametrize("prepared", [False, True])
def test_a_server_that_falls_silent_is_given_up(
    url: str, driver: Any, prepared: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("catalog.dialect.engines.SILENCE_SECONDS", 0.0)
    engine = dialect.create_engine_for(url, wait=0.1, limit=0.5, driver=driver)
    with pytest.raises(sa.exc.DBAPIError) as caught, dialect.transaction(engine, write=False) as connection:
        # The server's own limit would come first.
        connection.exec_driver_sql("SET SESSION max_statement_time = 0")
        sleep = sa.select(sa.func.sleep(30))
        dialect.PreparedSelect(sleep).rows(connection, {}) if prepared else connection.execute(sleep).all()
    engine.dispose()
    assert dialect.fault_of(caught.value) is dialect.DatabaseFault.HANGS
    assert not dialect.is_retryable(caught.value)


def test_a_server_that_never_answers_is_given_up(driver: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("catalog.dialect.engines.SILENCE_SECONDS", 0.0)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"mysql+pymysql://nobody@127.0.0.1:{silent.getsockname()[1]}/none"
        engine = dialect.create_engine_for(url, wait=0.1, limit=0.1, driver=driver)
        with pytest.raises(sa.exc.DBAPIError) as caught:
            engine.connect()
        engine.dispose()
    assert dialect.fault_of(caught.value) is dialect.DatabaseFault.HANGS


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"port": 1}, dialect.DatabaseFault.UNREACHABLE),
        ({"username": "nobody", "password": "wrong"}, dialect.DatabaseFault.REFUSED_LOGIN),
        ({"database": "nowhere"}, dialect.DatabaseFault.NO_DATABASE),
    ],
)
def test_what_keeps_a_connection_from_being_made_is_told(
    url: str, driver: Any, change: Any, fault: dialect.DatabaseFault
) -> None:
    engine = dialect.create_engine_for(make_url(url).set(**change), driver=driver)
    with pytest.raises(sa.exc.DBAPIError) as caught:
        engine.connect()
    engine.dispose()
    assert dialect.fault_of(caught.value) is fault


def _counted(connection: sa.Connection, *names: str) -> int:
    texts = connection.exec_driver_sql("SHOW SESSION STATUS LIKE 'Com%%'").all()
    return sum(int(value) for name, value in texts if name in names)


ENDS = ("Com_commit", "Com_rollback")


@pytest.mark.parametrize("write", [False, True])
def test_a_transaction_ends_in_one_round_trip(url: str, driver: Any, write: bool) -> None:
    engine = dialect.create_engine_for(url, driver=driver)
    with dialect.transaction(engine, write=write) as connection:
        before = {name: _counted(connection, name) for name in (*ENDS, "Com_set_option")}
    for _ in range(9):
        with dialect.transaction(engine, write=write) as connection:
            connection.exec_driver_sql("SELECT 1")
    with dialect.transaction(engine, write=write) as connection:
        assert _counted(connection, "Com_commit") - before["Com_commit"] == (10 if write else 0)
        assert _counted(connection, "Com_rollback") - before["Com_rollback"] == (0 if write else 10)
        assert _counted(connection, "Com_set_option") == before["Com_set_option"]
    engine.dispose()


def test_a_failed_transaction_is_rolled_back(engine: Engine) -> None:
    with pytest.raises(ZeroDivisionError), dialect.transaction(engine, write=True) as connection:
        dialect.insert_rows(connection, THINGS, [ROW])
        raise ZeroDivisionError
    with dialect.transaction(engine, write=False) as connection:
        assert connection.execute(sa.select(THINGS.c.rid)).all() == []


def test_writers_see_what_others_commit_and_readers_do_not(engine: Engine) -> None:
    for write in (True, False, True):
        with dialect.transaction(engine, write=write) as connection:
            before = connection.execute(sa.select(sa.func.count()).select_from(THINGS)).scalar_one()
            with dialect.transaction(engine, write=True) as other:
                dialect.insert_rows(other, THINGS, [ROW | {"rid": before + 1, "code": str(before)}])
            seen = connection.execute(sa.select(sa.func.count()).select_from(THINGS)).scalar_one()
            assert seen - before == int(write)


def test_without_mysqlclient_pymysql_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    found = builtins.__import__

    def without(name: str, *rest: Any, **more: Any) -> Any:
        if name == "MySQLdb":
            raise ImportError("libmariadb.so.3: cannot open shared object file")
        return found(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    assert dialect.chosen_driver() == "pymysql"
    with pytest.raises(dialect.DriverMissing, match=r"libmariadb\.so\.3"):
        dialect.create_engine_for("mariadb://db/lab", driver="mysqlclient")


@pytest.mark.parametrize("scheme", ["mysql", "mariadb", "mysql+pymysql", "mariadb+pymysql"])
def test_the_driver_is_put_into_every_url(scheme: str, driver: Any) -> None:
    address = "://ada:pass@db.example:3307/lab?ssl_ca=/ca.pem"
    backend, name = scheme.partition("+")[0], {"pymysql": "pymysql", "mysqlclient": "mysqldb"}[driver]
    assert with_driver(make_url(f"{scheme}{address}"), driver) == make_url(f"{backend}+{name}{address}")


@pytest.mark.parametrize(
    ("address", "encrypted"),
    [
        ("127.0.0.1/lab", False),
        ("[::1]:3307/lab", False),
        ("localhost/lab?unix_socket=/run/mysqld/mysqld.sock", False),
        ("/lab", False),
        ("127.0.0.1/lab?ssl_ca=/ca.pem", True),
        ("127.0.0.1/lab?read_default_file=/etc/my.cnf", True),
        ("10.0.0.7/lab", True),
        ("db.example/lab", True),
    ],
)
def test_a_connection_that_leaves_the_machine_or_says_so_may_be_encrypted(address: str, encrypted: bool) -> None:
    arguments = driver_arguments(make_url(f"mysql+pymysql://{address}"), "SET autocommit=0", None)
    assert arguments.get("ssl_disabled", False) is not encrypted

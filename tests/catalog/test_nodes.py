"""Several hosts in a database URL: which of them is connected to, and what becomes of connections to a lost one."""

import logging
import socket
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest
from sqlalchemy import exc
from sqlalchemy.engine import URL, Engine

from catalog import dialect
from catalog.dialect import engines, is_retryable
from catalog.dialect.existing import same_database, schema_on_same_server
from catalog.dialect.nodes import node_name, nodes_of
from tests.cutting_proxy import cutting_proxy
from tests.ports import free_port


@pytest.fixture(params=["pymysql", "mysqlclient"])
def driver(request: pytest.FixtureRequest) -> Any:
    if request.param == "mysqlclient":
        pytest.importorskip("MySQLdb")
    return request.param


@pytest.fixture
def server(mariadb: Callable[[], URL]) -> URL:
    return mariadb().set(database="information_schema")


@contextmanager
def engine_of(server: URL, *ports: int, driver: Any) -> Iterator[Engine]:
    """An engine whose nodes are loopback ports, in this order."""
    hosts = ",".join(f"127.0.0.1:{port}" for port in ports)
    shown = server.set(host="HOST", port=1).render_as_string(hide_password=False)
    made = dialect.create_engine_for(shown.replace("HOST:1", hosts), threads=2, driver=driver)
    try:
        yield made
    finally:
        made.dispose()


def asked(engine: Engine) -> int:
    with dialect.transaction(engine, write=False) as connection:
        return int(connection.exec_driver_sql("SELECT 1").scalar_one())


@pytest.mark.parametrize(
    ("url", "nodes", "password"),
    [
        ("mysql://u:p@one/lab", ["one:3306"], "p"),
        ("mysql://u:p@one:3307,two,[::1]:3308/lab?ssl_ca=/a,b", ["one:3307", "two:3306", "::1:3308"], "p"),
        ("mariadb+pymysql://u:p,q/r@one,two/lab", ["one:3306", "two:3306"], "p,q/r"),
        ("mysql://one,two/lab", ["one:3306", "two:3306"], None),
    ],
)
def test_a_url_names_the_nodes_in_their_order(url: str, nodes: list[str], password: str | None) -> None:
    found = nodes_of(url)
    assert [node_name(node) for node in found] == nodes
    assert {(node.database, node.password) for node in found} == {("lab", password)}


@pytest.mark.parametrize("url", ["mysql://u@one,/lab", "mysql://u@,one/lab", "mysql://u@one:x,two/lab"])
def test_hosts_that_cannot_be_read_are_refused(url: str) -> None:
    with pytest.raises(ValueError, match="host"):
        nodes_of(url)


def test_databases_of_a_cluster_are_the_same_on_all_its_nodes() -> None:
    own = "mysql://u@one,two:3306/lab"
    assert same_database(own, "mysql://u@two/lab")
    assert schema_on_same_server(own, "mysql://u@three,two/other") == "other"
    assert schema_on_same_server(own, "mysql://u@two:3307/other") is None


def test_the_first_node_that_lives_is_connected_to(server: URL, driver: Any, caplog: pytest.LogCaptureFixture) -> None:
    dead = free_port()
    with engine_of(server, dead, server.port or 3306, driver=driver) as engine:
        assert asked(engine) == 1
        with engine.connect(), engine.connect():
            pass
    (line,) = [record for record in caplog.records if record.name == "objapi.database"]
    assert line.levelno == logging.WARNING
    assert line.getMessage().startswith(f"database: 127.0.0.1:{server.port} in place of 127.0.0.1:{dead} (")
    assert line.exc_info is None


def test_a_node_that_hangs_is_given_up_soon_and_then_passed_over(
    server: URL, driver: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "CONNECT_SECONDS", 0.2)
    # The system takes connections on its behalf, as it does for a process that was stopped.
    with (
        socket.create_server(("127.0.0.1", 0)) as hung,
        engine_of(server, hung.getsockname()[1], server.port or 3306, driver=driver) as engine,
    ):
        assert asked(engine) == 1
        with engine.connect(), engine.connect():
            pass
        hung.setblocking(False)
        with closing(hung.accept()[0]), pytest.raises(BlockingIOError):
            hung.accept()


def test_connections_to_a_node_that_has_left_its_cluster_are_dropped_at_once(
    server: URL, driver: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with (
        cutting_proxy(server) as first,
        cutting_proxy(server) as second,
        engine_of(server, first.port, second.port, driver=driver) as engine,
    ):
        with engine.connect() as one, engine.connect() as two:
            assert [each.exec_driver_sql("SELECT 1").scalar_one() for each in (one, two)] == [1, 1]
        assert (first.connections, second.connections) == (2, 0)
        first.refuses = True
        with pytest.raises(exc.DBAPIError) as refusal:
            asked(engine)
        assert is_retryable(refusal.value)
        with engine.connect() as one, engine.connect() as two:
            assert [each.exec_driver_sql("SELECT 1").scalar_one() for each in (one, two)] == [1, 1]
        assert second.connections == 2
    assert [record.getMessage() for record in caplog.records if record.exc_info] == []


def test_connections_go_back_to_the_first_node_when_it_lives_again(
    server: URL, driver: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with cutting_proxy(server) as first, engine_of(server, first.port, server.port or 3306, driver=driver) as engine:
        first.refuses = True
        assert asked(engine) == 1
        first.refuses = False
        assert asked(engine) == 1
        seen = first.connections
        monkeypatch.setattr("catalog.dialect.nodes.RETURN_SECONDS", 0.0)
        monkeypatch.setattr("catalog.dialect.nodes.time.monotonic", lambda now=engines.time.monotonic: now() + 60)
        assert asked(engine) == 1
        assert first.connections == seen + 1


def test_a_wrong_password_is_wrong_on_every_node(server: URL, driver: Any) -> None:
    wrong = server.set(username="nobody", password="wrong")
    with (
        cutting_proxy(server) as second,
        engine_of(wrong, server.port or 3306, second.port, driver=driver) as engine,
        pytest.raises(exc.DBAPIError) as refusal,
    ):
        asked(engine)
    assert dialect.fault_of(refusal.value) is dialect.DatabaseFault.REFUSED_LOGIN
    assert second.connections == 0

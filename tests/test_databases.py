"""The fixtures themselves: every test gets a database of its own, and it is empty."""

import pytest
from sqlalchemy import create_engine, inspect, text


@pytest.mark.parametrize("turn", [1, 2])
def test_each_test_gets_an_empty_database(database_url: str, turn: int) -> None:
    engine = create_engine(database_url)
    try:
        with engine.begin() as connection:
            assert inspect(connection).get_table_names() == []
            connection.execute(text("CREATE TABLE t (a INTEGER PRIMARY KEY)"))
            connection.execute(text("INSERT INTO t VALUES (:turn)"), {"turn": turn})
            assert connection.execute(text("SELECT a FROM t")).scalars().all() == [turn]
    finally:
        engine.dispose()

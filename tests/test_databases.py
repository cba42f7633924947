"""The fixtures themselves: every test gets a database of its own, and it is empty."""

from pathlib import Path

import pytest
from sqlalchemy import create_engine, inspect, text

from tests.conftest import is_roomy


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


def test_databases_are_kept_in_memory_where_there_is_room(tmp_path: Path) -> None:
    assert is_roomy(tmp_path, needed=1)
    assert not is_roomy(tmp_path, needed=2**60)
    assert not is_roomy(tmp_path / "missing", needed=1)

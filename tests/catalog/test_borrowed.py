"""What tables that follow another system's model do alike on both databases."""

from collections.abc import Iterator
from datetime import datetime

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from catalog.dialect import create_engine_for
from catalog.dialect.borrowed import seconds_between, wall_clock

SPANS = sa.Table(
    "spans",
    sa.MetaData(),
    sa.Column("key", sa.Integer, primary_key=True),
    sa.Column("begun", wall_clock()),
    sa.Column("ended", wall_clock()),
)


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    made = create_engine_for(database_url, threads=1)
    SPANS.create(made)
    yield made
    made.dispose()


@pytest.mark.parametrize(
    ("begun", "ended", "seconds"),
    [
        ("2023-01-01 10:00:00", "2023-01-01 10:00:59", 59),
        ("2023-02-28 23:59:59", "2023-03-01 00:00:01", 2),
        ("2023-01-01 00:00:00", "2024-01-01 00:00:00", 365 * 86400),
        ("2023-01-01 10:00:00", "2023-01-01 09:00:00", -3600),
        ("2023-01-01 10:00:00", None, None),
        (None, "2023-01-01 10:00:00", None),
    ],
)
def test_the_seconds_between_two_times(
    engine: Engine, begun: str | None, ended: str | None, seconds: int | None
) -> None:
    times = [None if text is None else datetime.fromisoformat(text) for text in (begun, ended)]
    with engine.begin() as connection:
        connection.execute(sa.insert(SPANS).values(key=1, begun=times[0], ended=times[1]))
        found = connection.execute(sa.select(seconds_between(SPANS.c.begun, SPANS.c.ended))).scalar_one()
    assert found == seconds

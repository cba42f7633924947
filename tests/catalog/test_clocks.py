"""Wall-clock columns are asked for by the minute, in their zone."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from catalog.statements import ClockMinutes, equals_any, within
from catalog.values import minutes_of

BERLIN = ZoneInfo("Europe/Berlin")
TABLE = sa.Table("t", sa.MetaData(), sa.Column("id", sa.Integer, primary_key=True), sa.Column("at", sa.DateTime))
COLUMN = sa.type_coerce(TABLE.c.at, ClockMinutes(BERLIN))
INSTANTS = st.datetimes(datetime(2026, 1, 1), datetime(2026, 3, 1), timezones=st.just(UTC))  # noqa: DTZ001


def found(instants: list[datetime], condition: sa.ColumnElement[bool]) -> list[int]:
    engine = sa.create_engine("sqlite://")
    with engine.begin() as connection:
        TABLE.create(connection)
        rows = [
            {"id": place, "at": instant.astimezone(BERLIN).replace(tzinfo=None)}
            for place, instant in enumerate(instants)
        ]
        connection.execute(sa.insert(TABLE), rows)
        return list(connection.scalars(sa.select(TABLE.c.id).where(condition).order_by(TABLE.c.id)))


@given(st.lists(INSTANTS, min_size=1, max_size=5), st.lists(INSTANTS, min_size=1, max_size=3))
def test_a_minute_is_all_of_its_seconds(instants: list[datetime], asked: list[datetime]) -> None:
    minutes = [minutes_of(instant, UTC) for instant in asked]
    expected = [place for place, instant in enumerate(instants) if minutes_of(instant, UTC) in minutes]
    assert found(instants, equals_any(COLUMN, minutes)) == expected


@given(st.lists(INSTANTS, min_size=1, max_size=5), INSTANTS, INSTANTS)
def test_bounds_are_inclusive_by_the_minute(instants: list[datetime], first: datetime, second: datetime) -> None:
    low, high = sorted((minutes_of(first, UTC), minutes_of(second, UTC)))
    expected = [place for place, instant in enumerate(instants) if low <= minutes_of(instant, UTC) <= high]
    assert found(instants, sa.and_(*within(COLUMN, low, high))) == expected


@pytest.mark.parametrize(("seconds", "there"), [(-1, []), (0, [0]), (59, [0]), (60, [])])
def test_the_edges_of_a_minute(seconds: int, there: list[int]) -> None:
    minute = datetime(2026, 2, 1, 12, 30, tzinfo=UTC)
    condition = equals_any(COLUMN, [minutes_of(minute, UTC)])
    assert found([minute + timedelta(seconds=seconds)], condition) == there


def test_other_columns_are_compared_as_they_are() -> None:
    assert str(equals_any(TABLE.c.id, [1, 2])) == str(TABLE.c.id.in_([1, 2]))
    assert [str(part) for part in within(TABLE.c.id, 1, 2)] == [str(TABLE.c.id >= 1), str(TABLE.c.id <= 2)]

"""Columns of other programs: what they hold and no calendar has is NULL, what they do not take is known."""

from collections.abc import Iterator
from datetime import date, datetime
from zoneinfo import ZoneInfo

import pymysql
import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from catalog.dialect import create_engine_for
from catalog.dialect.borrowed import wall_clock
from catalog.dialect.existing import as_moment, existing_columns
from catalog.dialect.failures import is_refused_value
from catalog.statements import ClockMinutes, equals_any, within

ODD = sa.MetaData()
Odd = sa.Table("Odd", ODD, sa.Column("id", sa.Integer, primary_key=True), sa.Column("moment", wall_clock()))
GOOD = datetime(2026, 3, 1, 10, 30)  # noqa: DTZ001 - a wall clock's time


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = create_engine_for(database_url)
    yield engine
    engine.dispose()


@pytest.mark.parametrize("written", ["0000-00-00 00:00:00", "2026-00-10 00:00:00", "2026-02-00 10:00:00"])
def test_a_date_that_no_calendar_has_is_null_and_the_other_rows_are_read(engine: Engine, written: str) -> None:
    ODD.create_all(engine)
    with engine.begin() as connection:
        if engine.dialect.name != "sqlite":
            connection.exec_driver_sql("SET SESSION sql_mode = 'ALLOW_INVALID_DATES'")
        connection.execute(sa.text("INSERT INTO Odd VALUES (1, :written)"), {"written": written})
        connection.execute(sa.insert(Odd).values(id=2, moment=GOOD))
        found = connection.execute(sa.select(Odd.c.moment).order_by(Odd.c.id)).scalars().all()
    assert found == [None, GOOD]


def test_text_that_is_no_date_is_null_on_sqlite(engine: Engine) -> None:
    if engine.dialect.name != "sqlite":
        pytest.skip("only SQLite stores any text in such a column")
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE Free (id INTEGER PRIMARY KEY, moment DATETIME, day DATE, hour TIME)")
        connection.exec_driver_sql("INSERT INTO Free VALUES (1, 'soon', 'x', 'noon')")
        connection.exec_driver_sql("INSERT INTO Free VALUES (2, '2026-03-01 10:30:00', '2026-03-01', '10:30')")
        known = existing_columns(connection, "Free", None)
        table = sa.Table("Free", sa.MetaData(), *(sa.Column(column.name, column.type) for column in known))
        rows = [tuple(row) for row in connection.execute(sa.select(table).order_by(table.c.id))]
        connection.execute(sa.update(table).where(table.c.id == 2).values(hour="11:00"))
    assert rows == [(1, None, None, "noon"), (2, GOOD, date(2026, 3, 1), "10:30")]


@pytest.mark.parametrize(
    ("column", "value", "rule"),
    [
        ("price", "99999.5", "price"),
        ("choice", "a,c", "choice"),
        ("word", "z", "word"),
        ("document", "{bad", "document"),
        ("number", "1", "number"),
        ("twice", "3", "twice"),
        ("hour", "99x", "hour"),
    ],
)
def test_a_value_that_a_rule_of_the_table_forbids_is_told_from_other_failures(
    engine: Engine, column: str, value: str, rule: str
) -> None:
    if engine.dialect.name == "sqlite":
        pytest.skip("SQLite has none of these rules but CHECK")
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "CREATE TABLE Ruled (id INT PRIMARY KEY AUTO_INCREMENT, price DECIMAL(5,2), choice SET('a','b'),"
            " document JSON, twice INT AS (number * 2) STORED, hour TIME, word ENUM('x','y'),"
            " number INT CHECK (number > 3))"
        )
        known = {item.name: item for item in existing_columns(connection, "Ruled", None)}
    assert known["choice"].words == ("a", "b")
    assert known["choice"].takes_several
    assert known["word"].words == ("x", "y")
    assert [name for name, item in known.items() if item.computed] == ["twice"]
    with pytest.raises(sa.exc.DBAPIError, match=rule) as caught, engine.begin() as connection:
        connection.execute(sa.text(f"INSERT INTO Ruled ({column}) VALUES (:value)"), {"value": value})
    assert is_refused_value(caught.value)


@pytest.mark.parametrize("zone", ["UTC", "America/La_Paz", "Pacific/Auckland"])
def test_a_day_is_found_by_equality_and_in_ranges(engine: Engine, zone: str) -> None:
    place = ZoneInfo(zone)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE Days (id INTEGER PRIMARY KEY, day DATE)")
        for key, day in enumerate(("2026-02-28", "2026-03-01", "2026-03-02"), start=1):
            connection.execute(sa.text("INSERT INTO Days VALUES (:key, :day)"), {"key": key, "day": day})
        known = existing_columns(connection, "Days", None)
        table = sa.Table("Days", sa.MetaData(), *(sa.Column(column.name, column.type) for column in known))
        day = sa.type_coerce(as_moment(table.c.day), ClockMinutes(place))
        minute = int(datetime(2026, 3, 1, tzinfo=place).timestamp()) // 60

        def found(*conditions: sa.ColumnElement[bool]) -> list[int]:
            return list(connection.scalars(sa.select(table.c.id).where(*conditions).order_by(day)))

        assert found(equals_any(day, [minute])) == [2]
        assert found(*within(day, minute, minute + 24 * 60 - 1)) == [2]
        assert found(*within(day, minute, None)) == [2, 3]
        assert found(*within(day, None, minute)) == [1, 2]


@pytest.mark.parametrize("code", [1067, 1978])
def test_default_that_the_database_does_not_take_is_a_refused_value(code: int) -> None:
    refused = pymysql.err.OperationalError(code, "Incorrect default value '2000-00-00' for column 'day'")
    assert is_refused_value(sa.exc.OperationalError("INSERT", {}, refused))

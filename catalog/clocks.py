"""Dates of tables that are already there: wall-clock times, asked for by the minute.

Criteria of a date index are minutes since 1970 UTC. A column of a table that other programs write holds the time that a
clock in some zone showed, with seconds. A minute then means all of its sixty seconds, so that the same criteria find
the same rows as in a catalog of our own, and the column's database keys still serve.
"""

from datetime import tzinfo
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Dialect
from sqlalchemy.sql import ColumnElement
from sqlalchemy.types import TypeDecorator

from catalog.clauses import Key
from catalog.values import EPOCH, MINUTE


class ClockMinutes(TypeDecorator[int]):
    """A column of wall-clock times in a zone, compared with minutes since 1970 UTC; results are times as they are."""

    impl = sa.DateTime()
    cache_ok = True

    def __init__(self, zone: tzinfo) -> None:
        super().__init__()
        self.zone = zone

    def process_bind_param(self, value: int | None, dialect: Dialect) -> Any:
        """The wall-clock time at the beginning of the minute."""
        return None if value is None else (EPOCH + value * MINUTE).astimezone(self.zone).replace(tzinfo=None)


def equals_any(column: ColumnElement[Any], values: "tuple[Key, ...] | list[Key]") -> ColumnElement[bool]:
    """The rows whose key is one of the values (at least one)."""
    if isinstance(column.type, ClockMinutes):
        minutes = [int(value) for value in values]
        return sa.or_(*(sa.and_(column >= minute, column < minute + 1) for minute in minutes))
    return column == values[0] if len(values) == 1 else column.in_(values)


def within(column: ColumnElement[Any], low: Key | None, high: Key | None) -> list[ColumnElement[bool]]:
    """What holds of the rows whose key lies within bounds, both inclusive; None: no bound."""
    bounds: list[ColumnElement[bool]] = []
    if low is not None:
        bounds.append(column >= low)
    if high is not None:
        bounds.append(column < int(high) + 1 if isinstance(column.type, ClockMinutes) else column <= high)
    return bounds

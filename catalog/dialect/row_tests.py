"""Conditions that are tested row by row, for statements that go through rows in an order until a page is full.

A database that finds the rows of a condition by a key has to sort them all before it knows the first ones.
"""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from catalog.dialect.engines import is_mysql_family


class unkeyed(FunctionElement[Any]):  # noqa: N801 - named as functions of SQL are
    """A column by whose keys rows are not looked for; the MySQL family weighs that itself."""

    inherit_cache = True
    name = "unkeyed"

    def __init__(self, column: sa.ColumnElement[Any]) -> None:
        super().__init__(column)
        self.type = column.type


@compiles(unkeyed)
def _unkeyed(element: Any, compiler: Any, **kw: Any) -> str:
    return f"+{compiler.process(element.clauses, **kw)}"


@compiles(unkeyed, "mysql")
@compiles(unkeyed, "mariadb")
def _unkeyed_mysql(element: Any, compiler: Any, **kw: Any) -> str:
    return str(compiler.process(element.clauses, **kw))


def has_row(statement: sa.Select[Any]) -> sa.ColumnElement[bool]:
    """The condition that a statement about the row at hand finds one; it selects what is never NULL.

    For a mere EXISTS, MariaDB may first list what any row of the outer statement could find.
    """
    return statement.limit(1).scalar_subquery().is_not(None)


def in_join_order(statement: sa.Select[Any]) -> sa.Select[Any]:
    """A statement whose page is in the order of its first table, from which the others are reached row by row.

    MariaDB would rather begin with a smaller table, and sort everything that it leads to.
    """
    for family in ("mysql", "mariadb"):
        statement = statement.prefix_with("STRAIGHT_JOIN", dialect=family)
    return statement


def counts_by_sets(connection: Connection) -> bool:
    """True where rows that lead to others are counted faster by the set of those than by a test of each.

    SQLite fills a set row by row; in the MySQL family each test costs more than that.
    """
    return is_mysql_family(connection.dialect)


def distinct_values(connection: Connection, column: sa.Column[Any]) -> sa.Select[Any]:
    """The values that a column holds, NULL aside, each once; with a key over it no more rows than these are read."""
    if is_mysql_family(connection.dialect):
        return sa.select(column).where(column.is_not(None)).distinct()
    # SQLite reads the whole key for DISTINCT; so it goes from each value to the next greater one.
    least = sa.select(sa.func.min(column).label("value"))
    values = least.cte("distinct_values", recursive=True)
    step = least.where(column > values.c.value).correlate(values).scalar_subquery()
    values = values.union_all(sa.select(step).where(values.c.value.is_not(None)))
    return sa.select(values.c.value).where(values.c.value.is_not(None))

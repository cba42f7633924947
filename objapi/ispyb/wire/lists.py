"""Parts of list routes: the order that the caller may choose, and rows that belong to those of a page."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any, Final

import sqlalchemy as sa

from objapi.ispyb.values.types import enum
from objapi.ispyb.wire.call import Call

Rows = list[sa.RowMapping]
Answers = list[dict[str, Any]]

ORDER: Final = enum("Order", "asc", "desc")


def ordered(
    statement: sa.Select[Any],
    query: Mapping[str, Any],
    columns: Mapping[str, sa.ColumnElement[Any]],
    *,
    by: sa.ColumnElement[Any],
) -> sa.Select[Any]:
    """A statement in the order of the parameters `order_by` and `order`; both are needed, else it is in that of `by`.

    Ties are broken by `by`, so that pages do not overlap.
    """
    if query["order_by"] is None or query["order"] is None:
        return statement.order_by(by)
    column = columns[query["order_by"]]
    return statement.order_by(column.desc() if query["order"] == "desc" else column.asc(), by)


def grouped(call: Call, statement: sa.Select[Any], key: str) -> defaultdict[Any, Rows]:
    """The rows of a statement by the value of one of their columns, each group in the statement's order."""
    groups: defaultdict[Any, Rows] = defaultdict(list)
    for row in call.rows(statement):
        groups[row[key]].append(row)
    return groups

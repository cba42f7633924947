"""The order of a list that the caller may choose: by one of several columns, up or down."""

from collections.abc import Mapping
from typing import Any, Final

import sqlalchemy as sa

from objapi.ispyb.values.types import enum

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

"""What hangs below the rows of a page: one statement for each kind of thing, for all rows together."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa

from objapi.ispyb.wire.call import Call

Rows = list[sa.RowMapping]


def among(column: sa.ColumnElement[Any], ids: Iterable[int]) -> sa.ColumnElement[bool]:
    """The condition that a column holds one of the ids, which are integers of the database.

    They stand in the statement as literals, because a page may have more rows than a statement may have parameters.
    """
    numbers = sorted(set(ids))
    return column.in_(sa.bindparam(None, numbers, expanding=True, literal_execute=True)) if numbers else sa.false()


def grouped(call: Call, statement: sa.Select[Any], key: str) -> defaultdict[Any, Rows]:
    """The rows of a statement by the value of one of their columns, each group in the statement's order."""
    groups: defaultdict[Any, Rows] = defaultdict(list)
    for row in call.rows(statement):
        groups[row[key]].append(row)
    return groups

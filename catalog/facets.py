"""Facets: the values that documents have in an index, with their numbers, among those that a query finds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, tzinfo
from decimal import Decimal
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.types import TypeEngine

from catalog.clauses import Query
from catalog.counts import counted_by
from catalog.dates import in_zone
from catalog.schema import Index, IndexKind, ValueType, index_number
from catalog.statements import ClockMinutes, Visibility, conditions, visible_condition
from catalog.tables import MARK, CatalogTables, Searchable, keyword_of
from catalog.values import EPOCH, MICROSECOND, MINUTE

FACET_KINDS: Final = frozenset({IndexKind.FIELD, IndexKind.KEYWORD, IndexKind.DATE, IndexKind.BOOLEAN, IndexKind.UUID})
"""Kinds of indexes whose values can be counted."""


@dataclass(frozen=True, slots=True)
class Facet:
    """Values of an index, each with the number of documents that have it, most frequent first.

    A value is as JSON has it: text, number, truth value, ISO 8601 in the zone asked for; None stands for documents
    without a value. `more` is True when there are further values.
    """

    values: tuple[tuple[object, int], ...]
    more: bool = False
    titles: Mapping[str, str] = field(default_factory=dict)
    """Value → the title of what it stands for, where whoever asked for the facet knows one."""


def facet_of(
    tables: Searchable,
    connection: Connection,
    index: Index,
    query: Query,
    seen: Sequence[Visibility] | sa.ColumnElement[bool],
    *,
    most: int,
    zone: tzinfo,
) -> Facet:
    """The `most` frequent values of an index among the documents that a query finds; one statement.

    `seen`: what the user may see, as a condition for tables that other programs write. Limit and start of the query
    are left aside. Each keyword of a document counts; documents without any keyword do not.
    """
    query = replace(query, limit=None, start=0)
    statement = counted_by(tables, index.name, query, seen) if isinstance(tables, CatalogTables) else None
    if statement is None:
        visible = seen if isinstance(seen, sa.ColumnElement) else _visible(tables, seen)
        statement = _counted(tables, index, query, visible)
    value, number = statement.selected_columns
    ordered = statement.order_by(number.desc(), value).limit(most + 1)
    numbers: dict[object, int] = {}
    rows = connection.execute(ordered).all()
    for stored, count in rows[:most]:
        shown = shown_key(index, stored, value.type, zone)
        numbers[shown] = numbers.get(shown, 0) + int(count)
    return Facet(tuple(sorted(numbers.items(), key=lambda item: -item[1])), len(rows) > most)


def _visible(tables: Searchable, seen: Sequence[Visibility]) -> sa.ColumnElement[bool] | None:
    return visible_condition(tables, seen) if isinstance(tables, CatalogTables) else None


def _counted(tables: Searchable, index: Index, query: Query, visible: sa.ColumnElement[bool] | None) -> sa.Select[Any]:
    where = [*conditions(tables, query), *([] if visible is None else [visible])]
    if index.kind is IndexKind.KEYWORD:
        side = tables.keywords.c
        found = sa.select(tables.rid).where(*where)
        held = sa.select(side.word.label("value")).where(side.idx == index_number(index.name), side.rid.in_(found))
    else:
        held = sa.select(tables.column(index.name).label("value")).select_from(tables.main).where(*where)
    # A value may be a query of its own, such as the state of a row, by which MariaDB does not group.
    values = held.subquery("held")
    return sa.select(values.c.value, sa.func.count().label("number")).group_by(values.c.value)


def shown_key(index: Index, stored: Any, column_type: TypeEngine[Any], zone: tzinfo) -> object:
    """A stored key as JSON has it; None for a text that is empty, and for no key at all."""
    if stored is None or stored == "":
        return None
    if index.kind is IndexKind.KEYWORD:
        stored = keyword_of(stored, index.value_type)
    if isinstance(stored, datetime):
        own = column_type.zone if isinstance(column_type, ClockMinutes) else zone
        return in_zone(stored.replace(tzinfo=own), zone).isoformat()
    if index.kind is IndexKind.DATE:
        return in_zone(EPOCH + stored * MINUTE, zone).isoformat()
    if index.kind is IndexKind.BOOLEAN:
        return bool(stored)
    match index.value_type:
        case ValueType.BOOLEAN:
            return bool(stored)
        case ValueType.DATETIME:
            return in_zone(EPOCH + stored * MICROSECOND, zone).isoformat()
        case ValueType.DECIMAL if isinstance(stored, Decimal):
            return stored.normalize() if stored else Decimal(0)
    # Of a long text the beginning is stored, then a digest.
    return f"{stored.partition(MARK)[0]}…" if isinstance(stored, str) and MARK in stored else stored

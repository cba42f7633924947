"""Clauses as SQL conditions on the table of a catalog. Every value is a bound parameter."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql import ColumnElement

from catalog.clauses import (
    AllOf,
    Clause,
    During,
    Exact,
    HasKey,
    Key,
    Nothing,
    OnlyNot,
    Query,
    Range,
    Truth,
    Under,
    Without,
    Words,
)
from catalog.clocks import equals_any, within
from catalog.kinds import IndexKind
from catalog.names import index_number
from catalog.searchable import Searchable
from catalog.stored import keyword_text
from catalog.tables import span_names
from catalog.textsql import text_condition

Condition = ColumnElement[bool]


def conditions(tables: Searchable, query: Query) -> list[Condition]:
    """The conditions of a query, to be joined by *and*; those of its order included, which drop missing documents."""
    if query.nothing:
        return [sa.false()]
    sorted_by = dict.fromkeys(key.index for key in query.sort)
    return [
        *(condition(tables, clause) for clause in query.clauses),
        *(tables.column(name).is_not(None) for name in sorted_by),
    ]


def condition(tables: Searchable, clause: Clause) -> Condition:
    """The condition of one clause."""
    match clause:
        case Nothing():
            return sa.false()
        case Truth(index, value):
            return tables.column(index) == int(value)
        case During(index, minute):
            return _during(tables, index, minute)
        case Under(index, places, every):
            return tables.under(index, places, every)
        case Words(index, tree):
            return text_condition(tables.rid, tables.postings, index_number(index), tree)
        case HasKey() | Exact() | AllOf() | Range() | Without() | OnlyNot():
            if tables.schema.indexes[clause.index].kind is IndexKind.KEYWORD:
                return _keyword(tables, clause)
            return _single(tables, clause)


# One key a document

ValueClause = HasKey | Exact | AllOf | Range | Without | OnlyNot


def _single(tables: Searchable, clause: ValueClause) -> Condition:
    column = tables.column(clause.index)
    match clause:
        case HasKey():
            return column.is_not(None)
        case Exact(_, values) | AllOf(_, values):
            return equals_any(column, values)
        case Range(_, low, high):
            return sa.and_(column.is_not(None), *within(column, low, high))
        case Without(_, values):
            return sa.or_(column.is_(None), sa.not_(equals_any(column, values)))
        case OnlyNot(_, values):
            other, same = tables.elsewhere(clause.index)
            used = sa.exists().select_from(other).where(equals_any(same, values))
            without = sa.or_(column.is_(None), sa.not_(equals_any(column, values)))
            return sa.and_(without, sa.or_(column.is_not(None), used))


# Keywords


def _keyword(tables: Searchable, clause: ValueClause) -> Condition:
    table = tables.keywords
    number = index_number(clause.index)

    def rids(*where: Condition) -> sa.Select[Any]:
        return sa.select(table.c.rid).where(table.c.idx == number, *where)

    def words(values: Sequence[Key]) -> Condition:
        return equals_any(table.c.word, [keyword_text(value) for value in values])

    match clause:
        case HasKey():
            return tables.rid.in_(rids())
        case Exact(_, values):
            return tables.rid.in_(rids(words(values)))
        case AllOf(_, values):
            having = sa.func.count() == len(values)
            return tables.rid.in_(rids(words(values)).group_by(table.c.rid).having(having))
        case Range(_, low, high, every):
            texts = [None if bound is None else keyword_text(bound) for bound in (low, high)]
            bounds = within(table.c.word, *texts)
            if not every:
                return tables.rid.in_(rids(*bounds))
            used = sa.select(sa.func.count(table.c.word.distinct())).where(table.c.idx == number, *bounds)
            having = sa.func.count() == used.scalar_subquery()
            return tables.rid.in_(rids(*bounds).group_by(table.c.rid).having(having))
        case Without(_, values):
            return tables.rid.not_in(rids(words(values)))
        case OnlyNot(_, values):
            anyone = sa.exists(rids(words(values)))
            return sa.and_(tables.rid.not_in(rids(words(values))), sa.or_(anyone, tables.rid.in_(rids())))


# Spans


def _during(tables: Searchable, index: str, minute: int) -> Condition:
    start, end = (tables.main.c[name] for name in span_names(tables.schema.indexes[index]))
    return sa.and_(sa.or_(start.is_(None), start <= minute), sa.or_(end.is_(None), end >= minute))

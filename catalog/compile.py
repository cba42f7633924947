"""Clauses as SQL conditions on the table of a catalog. Every value is a bound parameter."""

import re
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
    Place,
    Query,
    Range,
    Truth,
    Under,
    Without,
    Words,
)
from catalog.conditions import MOST_LEVELS
from catalog.kinds import IndexKind
from catalog.names import column_name, index_number
from catalog.stored import keyword_text, parent_number
from catalog.tables import CatalogTables, path_names, span_names
from catalog.textsql import text_condition

Condition = ColumnElement[bool]


def conditions(tables: CatalogTables, query: Query) -> list[Condition]:
    """The conditions of a query, to be joined by *and*; those of its order included, which drop missing documents."""
    if query.nothing:
        return [sa.false()]
    sorted_by = dict.fromkeys(key.index for key in query.sort)
    return [
        *(condition(tables, clause) for clause in query.clauses),
        *(tables.column(name).is_not(None) for name in sorted_by),
    ]


def condition(tables: CatalogTables, clause: Clause) -> Condition:
    """The condition of one clause."""
    match clause:
        case Nothing():
            return sa.false()
        case Truth(index, value):
            return tables.column(index) == int(value)
        case During(index, minute):
            return _during(tables, index, minute)
        case Under(index, places, every):
            return _under(tables, index, places, every)
        case Words(index, tree):
            return text_condition(tables.rid, tables.postings, index_number(index), tree)
        case HasKey() | Exact() | AllOf() | Range() | Without() | OnlyNot():
            if tables.schema.indexes[clause.index].kind is IndexKind.KEYWORD:
                return _keyword(tables, clause)
            return _single(tables, clause)


def _any_of(column: ColumnElement[Any], values: Sequence[Any]) -> Condition:
    return column == values[0] if len(values) == 1 else column.in_(values)


def _within(column: ColumnElement[Any], low: Any, high: Any) -> list[Condition]:
    bounds: list[Condition] = []
    if low is not None:
        bounds.append(column >= low)
    if high is not None:
        bounds.append(column <= high)
    return bounds


# One key a document

ValueClause = HasKey | Exact | AllOf | Range | Without | OnlyNot


def _single(tables: CatalogTables, clause: ValueClause) -> Condition:
    column = tables.column(clause.index)
    match clause:
        case HasKey():
            return column.is_not(None)
        case Exact(_, values) | AllOf(_, values):
            return _any_of(column, values)
        case Range(_, low, high):
            return sa.and_(column.is_not(None), *_within(column, low, high))
        case Without(_, values):
            return sa.or_(column.is_(None), sa.not_(_any_of(column, values)))
        case OnlyNot(_, values):
            other = tables.main.alias("other")
            used = sa.exists().where(_any_of(other.c[column_name(clause.index)], values))
            without = sa.or_(column.is_(None), sa.not_(_any_of(column, values)))
            return sa.and_(without, sa.or_(column.is_not(None), used))


# Keywords


def _keyword(tables: CatalogTables, clause: ValueClause) -> Condition:
    table = tables.keywords
    number = index_number(clause.index)

    def rids(*where: Condition) -> sa.Select[Any]:
        return sa.select(table.c.rid).where(table.c.idx == number, *where)

    def words(values: Sequence[Key]) -> Condition:
        return _any_of(table.c.word, [keyword_text(value) for value in values])

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
            within = _within(table.c.word, *texts)
            if not every:
                return tables.rid.in_(rids(*within))
            used = sa.select(sa.func.count(table.c.word.distinct())).where(table.c.idx == number, *within)
            having = sa.func.count() == used.scalar_subquery()
            return tables.rid.in_(rids(*within).group_by(table.c.rid).having(having))
        case Without(_, values):
            return tables.rid.not_in(rids(words(values)))
        case OnlyNot(_, values):
            anyone = sa.exists(rids(words(values)))
            return sa.and_(tables.rid.not_in(rids(words(values))), sa.or_(anyone, tables.rid.in_(rids())))


# Spans and paths


def _during(tables: CatalogTables, index: str, minute: int) -> Condition:
    start, end = (tables.main.c[name] for name in span_names(tables.schema.indexes[index]))
    return sa.and_(sa.or_(start.is_(None), start <= minute), sa.or_(end.is_(None), end >= minute))


def _under(tables: CatalogTables, index: str, places: Sequence[Place], every: bool) -> Condition:
    columns = tuple(tables.main.c[name] for name in path_names(tables.schema.indexes[index]))
    if not every and all(place.level == 0 and place.depth == 0 for place in places):
        exact = [place.text for place in places if place.text.isascii()]
        return _any_of(columns[0], exact) if exact else sa.false()
    parts = [_place(columns, place) for place in places]
    return sa.and_(*parts) if every else sa.or_(*parts)


def _place(columns: Sequence[ColumnElement[Any]], place: Place) -> Condition:
    if not place.text.isascii() or place.level >= MOST_LEVELS:
        return sa.false()
    if place.level < 0:
        return sa.or_(_from_root(columns, place), _anywhere(columns, place))
    return _from_root(columns, place) if place.level == 0 else _at_level(columns, place)


def _below(path: ColumnElement[Any], components: Sequence[str]) -> Condition:
    # "0" is the character after "/", so this is all that starts with the path and a slash.
    text = f"/{'/'.join(components)}"
    return sa.and_(path >= f"{text}/", path < f"{text}0")


def _from_root(columns: Sequence[ColumnElement[Any]], place: Place) -> Condition:
    path, parent, depth = columns
    components, count = place.components, len(place.components)
    canonical = f"/{'/'.join(components)}"
    if place.depth == 0:
        return path == place.text
    if place.depth == 1:
        if place.text != canonical:
            return sa.false()
        child = f"{canonical}/x" if components else "/x"
        parts = [parent == parent_number(child), depth == count + 1]
        return sa.and_(*parts, _below(path, components)) if components else sa.and_(*parts)
    whole = sa.or_(path == canonical, _below(path, components)) if components else path.is_not(None)
    return whole if place.depth < 0 else sa.and_(whole, depth <= count + place.depth)


def _literal(components: Sequence[str]) -> str:
    return "".join(f"/{re.escape(component)}" for component in components)


def _at_level(columns: Sequence[ColumnElement[Any]], place: Place) -> Condition:
    path, _, depth = columns
    least = place.level + len(place.components)
    if not place.components and place.depth < 0:
        return path.is_not(None)
    parts: list[Condition] = [depth >= least]
    if place.depth >= 0:
        parts.append(depth <= least + place.depth)
    if place.components:
        pattern = f"^(/[^/]+){{{place.level}}}{_literal(place.components)}(/|$)"
        parts.append(path.regexp_match(pattern))
    return sa.and_(*parts)


def _anywhere(columns: Sequence[ColumnElement[Any]], place: Place) -> Condition:
    """At any position but the first, which has a rule of its own."""
    path, _, depth = columns
    if not place.components:
        return path.is_not(None) if place.depth < 0 else depth >= 1
    tail = "(/|$)" if place.depth < 0 else f"(/[^/]+){{0,{place.depth}}}$"
    return path.regexp_match(f"^(/[^/]+)+{_literal(place.components)}{tail}")

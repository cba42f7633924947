"""Conditions on the columns of a path index: what is at a place, directly below it, or anywhere below it."""

import re
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql import ColumnElement

from catalog.clauses import PathPlace
from catalog.conditions import MOST_LEVELS
from catalog.values import parent_number

Condition = ColumnElement[bool]


def under(columns: Sequence[ColumnElement[Any]], places: Sequence[PathPlace], *, every: bool) -> Condition:
    """The rows at any of the places, or with `every` at all of them; `columns` as `path_names` names them."""
    if not every and all(place.level == 0 and place.depth == 0 for place in places):
        exact = [place.text for place in places if place.text.isascii()]
        return columns[0].in_(exact) if exact else sa.false()
    parts = [_place(columns, place) for place in places]
    return sa.and_(*parts) if every else sa.or_(*parts)


def _place(columns: Sequence[ColumnElement[Any]], place: PathPlace) -> Condition:
    if not place.text.isascii() or place.level >= MOST_LEVELS:
        return sa.false()
    if place.level < 0:
        return sa.or_(_from_root(columns, place), _anywhere(columns, place))
    return _from_root(columns, place) if place.level == 0 else _at_level(columns, place)


def _below(path: ColumnElement[Any], components: Sequence[str]) -> Condition:
    # "0" is the character after "/", so this is all that starts with the path and a slash.
    text = f"/{'/'.join(components)}"
    return sa.and_(path >= f"{text}/", path < f"{text}0")


def _from_root(columns: Sequence[ColumnElement[Any]], place: PathPlace) -> Condition:
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


def _at_level(columns: Sequence[ColumnElement[Any]], place: PathPlace) -> Condition:
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


def _anywhere(columns: Sequence[ColumnElement[Any]], place: PathPlace) -> Condition:
    """At any position but the first, which has a rule of its own."""
    path, _, depth = columns
    if not place.components:
        return path.is_not(None) if place.depth < 0 else depth >= 1
    tail = "(/|$)" if place.depth < 0 else f"(/[^/]+){{0,{place.depth}}}$"
    return path.regexp_match(f"^(/[^/]+)+{_literal(place.components)}{tail}")

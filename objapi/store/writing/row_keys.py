"""Natural keys of rows written with a route's authority, held as those of every other request."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from objapi.errors import Cause
from objapi.model.natural_keys import SITE
from objapi.model.types import NaturalKey
from objapi.store.mapped.layouts import Layout
from objapi.store.mapped.names import RowNames
from objapi.store.row_requests import NewRow
from objapi.store.writing.key_search import KeySearch, KeyValues, compared, not_to_be_given


@dataclass(frozen=True, slots=True, eq=False)
class WrittenRow:
    """A row as it will be: `number` is its packed key, None for a new one; `written` the columns that are given."""

    layout: Layout
    number: int | None
    values: Mapping[str, Any]
    written: Collection[str]
    label: str | None


@dataclass(frozen=True, slots=True)
class _Claim:
    row: WrittenRow
    values: KeyValues
    scope: object
    """The row within which the key holds: its UID, or a row that is new itself; None on the whole site."""


def keyed(rows: Iterable[WrittenRow]) -> list[WrittenRow]:
    """Those of written rows that may have another natural key than before."""
    return [row for row in rows if any(_is_given(row, key) for key in _keys(row))]


def taken_row_keys(
    names: RowNames, search: KeySearch, rows: Sequence[WrittenRow], gone: Collection[int]
) -> list[Cause]:
    """Causes for natural keys that other rows have, those of the request included; `gone` are numbers of removed rows.

    Which row has it is not told: a route's authority sees more than the caller may.
    """
    groups: dict[tuple[str, NaturalKey], list[_Claim]] = {}
    for row in rows:
        for key in _keys(row):
            claim = _claim(names, row, key) if _is_given(row, key) else None
            if claim is not None:
                groups.setdefault((row.layout.entity_type.portal_type, key), []).append(claim)
    scopes = {key: list(_stored_scopes(claims)) for (_, key), claims in groups.items() if key.within != SITE}
    search.find({group: [claim.values for claim in claims] for group, claims in groups.items()}, scopes)
    changing = {names.rid(row.layout.entity_type.portal_type, row.number) for row in rows if row.number is not None}
    causes = []
    for (portal_type, key), claims in groups.items():
        taken = {
            (values, search.scope_of(other, key))
            for values in {claim.values for claim in claims}
            for other in search.having(portal_type, key, values)
            if other.rid not in gone and other.rid not in changing
        }
        for claim in claims:
            if (claim.values, claim.scope) in taken:
                causes.append(_cause(claim, key))
            taken.add((claim.values, claim.scope))
    return causes


def _keys(row: WrittenRow) -> Iterator[NaturalKey]:
    for key in row.layout.entity_type.natural_keys:
        if not key.shared:
            yield key


def _is_given(row: WrittenRow, key: NaturalKey) -> bool:
    columns = {row.layout.fields[name].name for name in (*key.fields, key.within) if name in row.layout.fields}
    return any(name in row.written for name in columns)


def _claim(names: RowNames, row: WrittenRow, key: NaturalKey) -> _Claim | None:
    """The key of a row; None without one, or without that within which it holds."""
    fields = row.layout.fields
    if any(name not in fields for name in key.fields):
        return None
    values = tuple(row.values.get(fields[name].name) for name in key.fields)
    if any(value in (None, "") for value in values):
        return None
    scope = None
    if key.within != SITE:
        scope = row.values.get(fields[key.within].name) if key.within in fields else None
        if scope is None:
            return None
        if not isinstance(scope, NewRow):
            scope = names.uid(row.layout.entity_type.fields[key.within].targets[0], int(scope))
    return _Claim(row, tuple(compared(row.layout.entity_type, value) for value in values), scope)


def _stored_scopes(claims: Iterable[_Claim]) -> Iterator[str]:
    yield from dict.fromkeys(claim.scope for claim in claims if isinstance(claim.scope, str))


def _cause(claim: _Claim, key: NaturalKey) -> Cause:
    column = claim.row.layout.fields[key.fields[-1]].name
    text = not_to_be_given(key, tuple(claim.row.values[claim.row.layout.fields[name].name] for name in key.fields))
    return Cause("field", column, text, object=claim.row.label, code="taken")

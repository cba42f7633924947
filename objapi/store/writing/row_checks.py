"""Checks that a table can take the values of a row: before anything is written, so that all mistakes are reported."""

from collections.abc import Collection, Iterable, Iterator
from datetime import UTC, datetime, tzinfo
from decimal import ROUND_HALF_UP, Decimal

import sqlalchemy as sa

from catalog.dialect.borrowed import foreign_character
from catalog.dialect.existing import ExistingColumn, holds_bytes, integer_bounds
from objapi.errors import ApiError, Cause, Forbidden
from objapi.model.types import Field, Kind
from objapi.store.mapped.layouts import Layout
from objapi.store.mapped.rows import Rows
from objapi.store.writing.draft import Draft
from objapi.store.writing.row_naming import NEW


def row_causes(rows: Rows, draft: Draft) -> list[Cause]:
    """Causes why the table cannot take the values of a row; empty when it can."""
    layout = rows.site.layout(draft.portal_type, rows.connections)
    names = draft.data if draft.is_new else draft.changed
    causes = [
        Cause("field", name, f"{name}: {problem}", object=draft.path, code=code)
        for name in names
        for code, problem in _problems(
            layout, draft.type.fields[name], draft.data.get(name), draft, rows.site.conversion.zone
        )
    ]
    if draft.is_new:
        causes.extend(_lacking(layout, draft))
        causes.extend(_key_problems(rows, layout, draft))
    return causes


def read_only_errors(drafts: Iterable[Draft]) -> Iterator[ApiError]:
    """Refusals of changes to rows of a view, or of what else is declared as read only."""
    for draft in drafts:
        if draft.type.table is not None and draft.type.table.read_only:
            name = draft.type.table.name
            yield Forbidden(
                f"{draft.portal_type} is read only: its rows are those of the view {name}. Write the tables behind it.",
                causes=[Cause("object", draft.path, f"{name} is read only", object=draft.path, code="read_only")],
            )


def _key_problems(rows: Rows, layout: Layout, draft: Draft) -> Iterator[Cause]:
    """Keys that were asked for and that the columns do not take."""
    if draft.id == NEW:
        return
    for column, value in zip(layout.key, rows.key_values(draft.rid), strict=True):
        problem = value_problem(layout.columns[column.name], value)
        if problem is not None:
            yield Cause("parameter", "obj_id", f"obj_id: {problem}", object=draft.path, code="invalid")


def _problems(layout: Layout, field: Field, value: object, draft: Draft, zone: tzinfo) -> Iterator[tuple[str, str]]:
    # In order of what makes the rest moot: a missing column, an empty value, a key that stays; then the value itself.
    column = layout.fields.get(field.name)
    if column is None:
        if value is not None:
            yield "lacking", f"the table {layout.table.name} of this site's database has no such column; leave it out"
        return
    known = layout.columns[column.name]
    if value is None:
        if not known.nullable and not draft.is_new:
            yield "required", "the column cannot be emptied"
        return
    if not draft.is_new and column.name in {item.name for item in layout.key}:
        yield "read_only", "the column is part of the key, and a row keeps its key"
    if field.kind in (Kind.STRING, Kind.TEXT) or not isinstance(value, str):
        problem = value_problem(known, value)
        if problem is not None:
            yield "invalid", problem
    if field.kind in (Kind.FIXEDPOINT, Kind.NUMBER, Kind.INTEGER):
        problem = number_problem(known, value)
        if problem is not None:
            yield "invalid", problem
    if field.kind is Kind.DATETIME and not _is_in_calendar(str(value), UTC if known.in_utc else zone):
        yield "invalid", "the date is outside the years 1 to 9999 in the zone of the table"
    if field.kind is Kind.STRING and holds_bytes(known.type) and not _is_hexadecimal(str(value)):
        yield "invalid", "bytes are written as pairs of hexadecimal digits"


def value_problem(known: ExistingColumn, value: object, *, is_new: bool = True) -> str | None:
    """Reason why a column cannot take a value as it is; None when it can."""
    if value is None:
        return None if known.nullable or is_new else "the column cannot be emptied"
    if known.computed:
        return "the database computes the column; leave it out"
    if known.words and isinstance(value, str):
        return _word_problem(known, value)
    most = known.most_characters
    if most is not None and isinstance(value, str) and len(value) > most:
        return f"at most {most} characters fit, and there are {len(value)}"
    foreign = foreign_character(value, known.charset) if isinstance(value, str) else None
    if foreign is not None:
        return f"the column's character set, {known.charset}, has no {foreign!r}"
    if isinstance(value, int) and not isinstance(value, bool):
        low, high = integer_bounds(known)
        if not low <= value <= high:
            return f"a whole number from {low} to {high} fits, not {value}"
    return None


def _word_problem(known: ExistingColumn, value: str) -> str | None:
    """Reason why a column with a list of words cannot take a text; letters count without their case."""
    words = {word.casefold() for word in known.words}
    given = value.split(",") if known.takes_several and value else [value]
    strange = next((word for word in given if word.rstrip(" ").casefold() not in words), None)
    if strange is None or (known.takes_several and not value):
        return None
    return f"{strange!r} is none of {', '.join(known.words)}"


def number_problem(known: ExistingColumn, value: object) -> str | None:
    """Reason why a column of so many decimal digits cannot take a number."""
    type_ = known.type
    if isinstance(type_, sa.Float) or not isinstance(type_, sa.Numeric) or type_.precision is None:
        return None
    whole = type_.precision - (type_.scale or 0)
    # A number that rounds up to one digit more does not fit either.
    rounded = Decimal(str(value)).quantize(Decimal(1).scaleb(-(type_.scale or 0)), ROUND_HALF_UP)
    return f"at most {whole} digits fit before the decimal point" if abs(rounded) >= 10**whole else None


def missing_columns(layout: Layout, names: Collection[str]) -> list[str]:
    """The columns that a new row must fill and that are not among those named."""
    return [
        name for name, known in layout.columns.items() if name not in names and not known.nullable and not known.given
    ]


def _lacking(layout: Layout, draft: Draft) -> Iterator[Cause]:
    """The columns that must be filled and are not."""
    for name, column in layout.fields.items():
        known = layout.columns[column.name]
        if not known.nullable and not known.given and draft.data.get(name) is None:
            yield Cause("field", name, f"{name}: the field is required", object=draft.path, code="required")
    if draft.id == NEW and not all(layout.columns[column.name].given for column in layout.key):
        message = f"{layout.table.name} gives its rows no keys: send the key as obj_id"
        yield Cause("parameter", "obj_id", message, object=draft.path, code="required")


def _is_in_calendar(stored: str, zone: tzinfo) -> bool:
    """False for an instant that a wall-clock column cannot hold: in its zone it is past the years 1 to 9999."""
    try:
        datetime.fromisoformat(stored).astimezone(zone)
    except OverflowError:
        return False
    return True


def _is_hexadecimal(text: str) -> bool:
    try:
        bytes.fromhex(text)
    except ValueError:
        return False
    return True

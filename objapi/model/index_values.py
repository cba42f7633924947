"""Stored values as indexes take them."""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from functools import partial

import orjson

from catalog import Index, IndexKind, ValueType
from catalog.values import DateReading, exact_key

_WHOLE = re.compile(r"[+-]?[0-9]{1,19}")


def index_converter(index: Index) -> Callable[[object], object]:
    """Conversion of stored values, other than None, into those that an index takes; None for those it cannot take."""
    if index.kind in _BY_KIND:
        return _BY_KIND[index.kind]
    return _text if index.value_type is ValueType.STRING else partial(index_value, index)


def index_value(index: Index, stored: object) -> object:
    """A stored value as an index takes it; None where it cannot be of the index's type: the index has no value then."""
    if index.kind in _BY_KIND:
        return _BY_KIND[index.kind](stored)
    value = None if stored is None else _BY_TYPE[index.value_type](stored)
    # A number beyond the range of the column cannot be found there.
    return None if isinstance(value, int | Decimal) and exact_key(index, value, DateReading()) is None else value


def _range(stored: object) -> tuple[datetime | None, datetime | None]:
    start, end = stored if isinstance(stored, list | tuple) and len(stored) == 2 else (None, None)
    return (_instant(start), _instant(end))


def _keywords(stored: object) -> list[str] | None:
    items = stored if isinstance(stored, list) else [stored]
    return [str(item) for item in items if item not in (None, "")] or None


def _codes(stored: object) -> list[str] | None:
    # One of the values of an object, each from a path of its own, may be several.
    items = stored if isinstance(stored, list) else [stored]
    return _keywords([code for item in items for code in (item if isinstance(item, list) else (item,))])


def _words(stored: object) -> str | list[object] | None:
    if stored is None or isinstance(stored, str | list):
        return stored
    return str(stored)


def _truth(stored: object) -> bool | None:
    return None if stored is None else bool(stored)


def _position(stored: object) -> int | None:
    return stored if isinstance(stored, int) else None


def _boolean(stored: object) -> bool | None:
    return stored if isinstance(stored, bool) else None


def _text(stored: object) -> str:
    if isinstance(stored, str):
        return stored
    if isinstance(stored, list):
        return ", ".join(str(item) for item in stored)
    if isinstance(stored, dict):
        return orjson.dumps(stored, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
    return str(stored)


def _integer(stored: object) -> int | None:
    if isinstance(stored, int):
        return int(stored)
    return int(stored) if isinstance(stored, str) and _WHOLE.fullmatch(stored.strip()) else None


def _decimal(stored: object) -> Decimal | None:
    try:
        value = Decimal(str(stored))
    except InvalidOperation:
        return None
    return value if value.is_finite() else None


def _instant(stored: object) -> datetime | None:
    if isinstance(stored, datetime):
        return stored
    return datetime.fromisoformat(stored) if isinstance(stored, str) and stored else None


_BY_KIND: Mapping[IndexKind, Callable[[object], object]] = {
    IndexKind.DATE: _instant,
    IndexKind.DATE_RANGE: _range,
    IndexKind.KEYWORD: _keywords,
    IndexKind.CODE: _codes,
    IndexKind.TEXT: _words,
    IndexKind.BOOLEAN: _truth,
    IndexKind.POSITION: _position,
}
_BY_TYPE: Mapping[ValueType, Callable[[object], object]] = {
    ValueType.STRING: _text,
    ValueType.INTEGER: _integer,
    ValueType.DECIMAL: _decimal,
    ValueType.DATETIME: _instant,
    ValueType.BOOLEAN: _boolean,
}
"""Conversions for indexes of other kinds, by the type of their values."""

"""Criteria of another type than their index: the spelling that works, and conversion into the type. Pure."""

import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

from catalog.dates import parse_date
from catalog.errors import DateSyntaxError
from catalog.schema import Index, IndexKind, ValueType
from catalog.values import DateReading

_COMPARED: Final = frozenset({IndexKind.FIELD, IndexKind.KEYWORD, IndexKind.UUID})
_NUMERIC: Final = frozenset({ValueType.INTEGER, ValueType.DECIMAL, ValueType.BOOLEAN})
_NUMBER: Final = re.compile(r"[+-]?(?:[0-9]{1,30}(?:\.[0-9]{1,30})?|\.[0-9]{1,30})(?:[eE][+-]?[0-9]{1,2})?", re.ASCII)
_WHOLE: Final = re.compile(r"[+-]?[0-9]{1,30}", re.ASCII)
_TRUTHS: Final = {
    "true": True,
    "yes": True,
    "on": True,
    "1": True,
    "false": False,
    "no": False,
    "off": False,
    "0": False,
}
# Day and month could be either of the first two numbers.
_EITHER_WAY: Final = re.compile(
    r"(?:0?[1-9]|1[0-2])[/.\-\s]+(?:0?[1-9]|1[0-2])[/.\-\s]+[0-9]{2,4}(?![0-9]).*", re.ASCII | re.DOTALL
)
_HELD: Final = {
    ValueType.STRING: "texts",
    ValueType.INTEGER: "whole numbers",
    ValueType.DECIMAL: "numbers",
    ValueType.DATETIME: "dates",
    ValueType.BOOLEAN: "truth values",
}
_SUFFIXES: Final = {
    ValueType.INTEGER: "int",
    ValueType.DECIMAL: "float",
    ValueType.DATETIME: "date",
    ValueType.BOOLEAN: "boolean",
}


def is_mistyped(index: Index, value: object) -> bool:
    """True for a value that no document can have in a field, keyword or UUID index, whatever the documents hold."""
    if index.kind not in _COMPARED or value is None:
        return False
    if index.kind is IndexKind.UUID or index.value_type is ValueType.STRING:
        return not isinstance(value, str)
    if index.value_type in _NUMERIC:
        return not isinstance(value, (int, float, Decimal))
    return not isinstance(value, datetime)


def advice(index: Index, value: object) -> str:
    """The sentence that such a value finds nothing, and the spelling that works where one does."""
    held = _HELD[ValueType.STRING if index.kind is IndexKind.UUID else index.value_type]
    sent = _shown(value)
    if held == "texts":
        return f"the index holds texts, {sent} is not one and finds nothing; send it as text"
    reason = f"the index holds {held}, {sent} is not one and finds nothing"
    text = value.strip() if isinstance(value, str) else None
    # Of an empty text nothing says which value was meant, only how one is sent.
    suffix = _SUFFIXES[index.value_type] if text == "" else _converter(index.value_type, text)
    return f"{reason}; send {index.name}:{suffix}={text if text and len(text) <= 40 else '…'}" if suffix else reason


def _converter(wanted: ValueType, text: str | None) -> str | None:
    """The converter that makes a value of the type of a text; None when none does."""
    if text is None:
        return None
    if wanted is ValueType.BOOLEAN:
        is_one = text.lower() in _TRUTHS
    elif wanted is ValueType.DATETIME:
        is_one = _is_date(text)
    elif _WHOLE.fullmatch(text):
        return _SUFFIXES[ValueType.INTEGER]
    else:
        is_one = wanted is ValueType.DECIMAL and _NUMBER.fullmatch(text) is not None
    return _SUFFIXES[wanted] if is_one else None


def _is_date(text: str) -> bool:
    try:
        parse_date(text, UTC)
    except DateSyntaxError:
        return False
    return True


def converted(index: Index, value: object, dates: DateReading) -> object:
    """The value in the type of the index where that is unambiguous, else the value as it is."""
    if not is_mistyped(index, value):
        return value
    if index.kind is IndexKind.UUID or index.value_type is ValueType.STRING:
        return str(value) if isinstance(value, (int, Decimal)) and not isinstance(value, bool) else value
    if not isinstance(value, str):
        return value
    text = value.strip()
    if index.value_type is ValueType.BOOLEAN:
        return _TRUTHS.get(text.lower(), value)
    if index.value_type in _NUMERIC:
        return Decimal(text) if _NUMBER.fullmatch(text) else value
    if _EITHER_WAY.fullmatch(text):
        return value
    try:
        return parse_date(text, dates.zone, iso=dates.iso)
    except DateSyntaxError:
        return value


def _shown(value: object) -> str:
    text = ascii(value)
    return text if len(text) <= 40 else f"{text[:40]}…"

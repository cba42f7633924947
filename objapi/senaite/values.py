"""Values of fields in the shapes of SENAITE, by kind. Pure."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from objapi.model.types import Kind
from objapi.store.reading.object_records import uids_of

_INSTANT: Final = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d+)?(Z|[+-]\d\d:\d\d)?")

_WHOLE: Final = len("2021-11-29T13:17:37+00:00")

Reference = Mapping[str, Any]


def instant(value: object) -> str | None:
    """An instant in whole seconds with a numeric offset; None for no value."""
    if not isinstance(value, str) or not value:
        return None
    if len(value) == _WHOLE and value[19] in "+-":
        return value
    match = _INSTANT.fullmatch(value)
    if match is None:
        return value
    offset = match[2] or "+00:00"
    return f"{match[1]}{'+00:00' if offset == 'Z' else offset}"


def converter(kind: Kind, multi: bool, reference: Callable[[str], Reference]) -> Callable[[Any], Any] | None:
    """The conversion of values of a kind from what a read answers; None where they are the same.

    `reference` gives the record of an object by its UID. Texts, lists and records are answered empty already.
    """
    match kind:
        case Kind.REFERENCE if multi:
            return lambda value: [reference(uid) for uid in uids_of(value)]
        case Kind.REFERENCE:
            return lambda value: reference(value) if isinstance(value, str) and value else {}
        case Kind.DATETIME:
            return lambda value: [instant(item) for item in value] if isinstance(value, list) else instant(value)
        case Kind.STRING | Kind.TEXT | Kind.FIXEDPOINT:
            return lambda value: "" if value is None else value
    return None

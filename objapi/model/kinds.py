"""The kinds of fields: what a client's value becomes when it is stored, and what a stored value becomes when answered.

Stored forms are JSON values of one type for each kind, and None for "no value" in all of them:

==============  =====================================================================================
string, text    str
integer         int of 64 bits
fixedpoint      str, a decimal with exactly the field's places: ``"12.50"``
number          float, for what instruments measure and other programs' tables hold in binary
boolean         bool
datetime        str, ISO 8601 in UTC: ``2026-03-01T09:30:00+00:00``
reference       str, a UID; a list of UIDs when multi-valued (found by the store, see `references`)
lines           list of str
record          dict of the subfields; records: list of them
json            any JSON value
file            dict with filename, size and content_type (made by the store from a `NewFile`)
==============  =====================================================================================

Each kind is a marshmallow field, so that the schema of a type collects every problem of a request at once.
"""

from collections.abc import Mapping
from datetime import datetime, tzinfo
from typing import Any

from marshmallow import fields

from objapi.model.kind_fields import FIELD_CLASSES, reading_with
from objapi.model.types import Field, Kind
from objapi.model.values import LoadContext


def load(raw: object, field: Field, context: LoadContext) -> object:
    """The stored form of what a client sent for a field; None when that is empty.

    Raises marshmallow's `ValidationError` with sentences that do not name the field. References are refused here: a
    UID is found by the store, from what `references` reads. A file gives a `NewFile`.
    """
    with reading_with(context):
        return marshmallow_field(field).deserialize(raw)


def answer(stored: object, field: Field, zone: tzinfo, url: str | None = None) -> object:
    """The JSON value that a read gives for a stored form; `url` is where a file can be fetched.

    Without a value texts are ``""``, lists ``[]``, records ``{}``, all else None. Dates carry the offset of `zone`.
    """
    if stored is None:
        return _nothing(field)
    if field.kind is Kind.DATETIME and isinstance(stored, str):
        return datetime.fromisoformat(stored).astimezone(zone).isoformat()
    if field.kind is Kind.FILE and isinstance(stored, Mapping):
        return {name: stored.get(name) for name in ("filename", "size", "content_type")} | {"url": url}
    return stored


def marshmallow_field(field: Field) -> fields.Field[Any]:
    """The marshmallow field that reads the values of a declared field; it must be used within `reading_with`."""
    return FIELD_CLASSES[field.kind](field)


def _nothing(field: Field) -> object:
    match field.kind:
        case Kind.STRING | Kind.TEXT:
            return ""
        case Kind.LINES | Kind.RECORDS:
            return []
        case Kind.RECORD:
            return {}
        case Kind.REFERENCE if field.multi:
            return []
    return None

"""Stored values against a declaration that may have changed since they were stored: which fit, and which are moved."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from marshmallow import ValidationError

from objapi.model.kinds import load
from objapi.model.types import Field, Kind
from objapi.model.values import INTEGER_BOUND, LoadContext, is_empty, shown

_STORED_AS: Final[Mapping[Kind, tuple[type, ...]]] = {
    Kind.STRING: (str,),
    Kind.TEXT: (str,),
    Kind.INTEGER: (int,),
    Kind.FIXEDPOINT: (str,),
    Kind.NUMBER: (int, float),
    Kind.BOOLEAN: (bool,),
    Kind.DATETIME: (str,),
    Kind.LINES: (list,),
    Kind.RECORD: (dict,),
    Kind.RECORDS: (list,),
    Kind.FILE: (dict,),
}
"""Kind → the types of its stored form; any will do for JSON."""


def has_value(field: Field, stored: object) -> bool:
    """True unless the stored form stands for no value."""
    return stored is not None and not is_empty(stored, field.kind)


def misfit(field: Field, stored: object, context: LoadContext) -> str | None:
    """Reason for which the declared field would not take a value stored under its name; None: it fits.

    References are judged by form alone: where they lead is the store's to find.
    """
    forms = _STORED_AS.get(field.kind)
    if field.kind is Kind.REFERENCE:
        forms = (list,) if field.multi else (str,)
    if forms is None:
        return None
    if not isinstance(stored, forms) or (isinstance(stored, bool) and field.kind is not Kind.BOOLEAN):
        return f"{shown(stored)} is not stored as a {_kind(field)} is"
    if field.kind is Kind.REFERENCE or _plainly_fits(field, stored, context):
        return None
    if field.kind is Kind.FILE:
        return None if isinstance(stored, dict) and "sha256" in stored else "the stored value is not a file"
    try:
        load(stored, field, context)
    except ValidationError as error:
        return "; ".join(str(message) for message in error.messages)
    return None


def _kind(field: Field) -> str:
    return "reference to several objects" if field.kind is Kind.REFERENCE and field.multi else str(field.kind)


def _plainly_fits(field: Field, stored: object, context: LoadContext) -> bool:
    """True for what needs no reading; nearly all values, of which there may be millions."""
    if field.kind is Kind.DATETIME:
        try:
            datetime.fromisoformat(str(stored))
        except ValueError:
            return False
        return True
    if field.kind in (Kind.STRING, Kind.TEXT) and isinstance(stored, str):
        return len(stored) <= context.max_text and (not field.vocabulary or stored in field.vocabulary)
    if field.kind is Kind.INTEGER and isinstance(stored, int):
        return not field.vocabulary and -INTEGER_BOUND <= stored < INTEGER_BOUND
    return field.kind in (Kind.BOOLEAN, Kind.NUMBER)


def moved_value(field: Field, stored: object) -> object:
    """The value that takes the place of a stored one by the declared `moved_values`; the same where none does."""
    if isinstance(stored, list):
        return list(dict.fromkeys(moved_value(field, item) for item in stored))
    word = str(stored) if isinstance(stored, str | int) and not isinstance(stored, bool) else None
    if word is None or word not in field.moved_values:
        return stored
    return int(field.moved_values[word]) if field.kind is Kind.INTEGER else field.moved_values[word]

"""Cursors: the place of an object in a sorted result as opaque text, from which a later read goes on. Pure.

The place is the sort keys of the object before it, so that rows which come or go before it move nothing.
"""

import base64
import binascii
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final

import orjson

from catalog import Query
from catalog.clauses import Range
from objapi.errors import BadRequest

_MOST_CHARACTERS: Final = 8000
_INTEGER_BOUND: Final = 2**63


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place in a result: the sort keys of the object before it, and how many objects were before."""

    keys: tuple[Any, ...]
    position: int


def encode_cursor(cursor: Cursor, search: str) -> str | None:
    """The text of a cursor of a search; None when a key is of a type that text does not hold."""
    keys = [_encoded(key) for key in cursor.keys]
    if None in keys:
        return None
    document = orjson.dumps([search, cursor.position, keys])
    return base64.urlsafe_b64encode(document).rstrip(b"=").decode()


def decode_cursor(text: str, search: str, width: int) -> Cursor:
    """The cursor in a text. Raises BadRequest for one of another search, and for what is not a cursor."""
    try:
        if len(text) > _MOST_CHARACTERS:
            raise ValueError("too long")
        document = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        made_for, position, keys = orjson.loads(document)
        cursor = Cursor(tuple(_decoded(key) for key in keys), position)
        if not isinstance(position, int) or not 0 <= position < _INTEGER_BOUND or len(cursor.keys) != width:
            raise ValueError("no place")
    except (ValueError, TypeError, KeyError, binascii.Error, InvalidOperation):
        raise bad_cursor() from None
    if made_for != search:
        raise BadRequest.of_parameter("next", "next: it belongs to another search; send the same criteria and order.")
    return cursor


def bad_cursor() -> BadRequest:
    """The refusal of a text that no answer gave."""
    return BadRequest.of_parameter("next", "next: send it as the last answer gave it.")


def search_digest(catalog: str, query: Query) -> str:
    """A short text that differs for searches with other criteria or another order."""
    # A time that lasts until now begins later with every request of one search.
    clauses = tuple(replace(c, low=None) if isinstance(c, Range) and c.moving else c for c in query.clauses)
    parts = (catalog, clauses, query.sort, query.ties_descending, query.limit, query.start)
    return hashlib.blake2b(repr(parts).encode("utf-8", "replace"), digest_size=9).hexdigest()


def _encoded(key: object) -> list[object] | None:
    match key:
        case bool():
            return ["b", key]
        case int():
            return ["i", key]
        case str():
            return ["s", key]
        case float():
            return ["f", key]
        case Decimal():
            return ["d", str(key)]
        case datetime():
            return ["t", key.isoformat()]
        case date():
            return ["D", key.isoformat()]
        case bytes():
            return ["x", key.hex()]
    return None


def _decoded(pair: Sequence[Any]) -> object:
    kind, value = pair
    match kind, value:
        case "b", bool():
            return value
        case "i", int() if -_INTEGER_BOUND <= value < _INTEGER_BOUND:
            return value
        case "s", str():
            return value
        case "f", float():
            return value
        case "d", str():
            return Decimal(value)
        case "t", str():
            return datetime.fromisoformat(value)
        case "D", str():
            return date.fromisoformat(value)
        case "x", str():
            return bytes.fromhex(value)
    raise ValueError("not a key")

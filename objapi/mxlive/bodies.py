"""Bodies of uploads: msgpack or JSON, told apart by the first byte, since the client names no content type."""

import math
from decimal import Decimal
from typing import Any, Final

import msgpack

from objapi.errors import BadRequest
from objapi.model.json_text import parse_json
from objapi.mxlive.shape import check_shape

_JSON_STARTS: Final = (b"{", b"[")
_BLANKS: Final = b" \t\r\n"
_INTEGER_BOUND: Final = 2**63


def read_map(body: bytes, *, depth: int) -> dict[str, object]:
    """The map that a body holds, its keys text. Raises BadRequest."""
    value = _read(body, depth)
    if not isinstance(value, dict):
        raise BadRequest("The body is no map; send one with text keys, as msgpack or JSON.")
    return value


def read_maps(body: bytes, *, depth: int) -> list[dict[str, object]]:
    """The list of maps that a body holds. Raises BadRequest."""
    value = _read(body, depth)
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise BadRequest("The body is no list of maps; send one, as msgpack or JSON.")
    return value


def _read(body: bytes, depth: int) -> Any:
    if not body:
        raise BadRequest("The body is empty; send msgpack or JSON.")
    # In msgpack these first bytes would be a number, which no upload is.
    if body.lstrip(_BLANKS)[:1] in _JSON_STARTS:
        return _read_json(body, depth)
    check_shape(body, depth)
    try:
        return _checked(msgpack.unpackb(body, raw=False, strict_map_key=True, timestamp=0), depth)
    except (ValueError, TypeError, msgpack.UnpackException):
        raise BadRequest("The body is no msgpack with text in UTF-8 and text keys.") from None


def _read_json(body: bytes, depth: int) -> Any:
    try:
        return _checked(parse_json(body.decode()), depth)
    except ValueError as problem:
        raise BadRequest(f"The body cannot be read: {problem}.") from None


def _checked(value: Any, left: int) -> Any:
    """The value with plain numbers. Raises BadRequest for what no JSON document can keep."""
    if isinstance(value, str):
        if "\0" in value:
            raise BadRequest("A text in the body holds a NUL character.")
        return value
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        if not -_INTEGER_BOUND <= value < _INTEGER_BOUND:
            raise BadRequest("A whole number in the body has more than 64 bits.")
        return value
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, dict | list):
        if not left:
            raise BadRequest("The body is nested too deep.")
        if isinstance(value, list):
            return [_checked(item, left - 1) for item in value]
        return {_checked(key, 0): _checked(item, left - 1) for key, item in value.items()}
    return value


def without_nan(value: Any) -> Any:
    """The value with null for what is not a finite number, which pipelines write and JSON does not have."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, list):
        return [without_nan(item) for item in value]
    if isinstance(value, dict):
        return {key: without_nan(item) for key, item in value.items()}
    return value

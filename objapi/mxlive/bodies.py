"""Bodies of uploads: msgpack or JSON, distinguished by the first byte, since the client names no content type.

A few bytes of msgpack can claim arrays of arrays with millions of entries each, for which an unpacker would make room;
so the shape of a body is checked before it is unpacked. Format: the msgpack specification. Binary and extension values
have no place in JSON and are refused.
"""

import math
from decimal import Decimal
from typing import Any, Final

import msgpack

from objapi.errors import BadRequest
from objapi.model.json_text import parse_json

_JSON_STARTS: Final = (b"{", b"[")
_BLANKS: Final = b" \t\r\n"
_INTEGER_BOUND: Final = 2**63
_SIZES: Final = [0] * 256
"""First byte → bytes of the whole value, for values of fixed size."""
for _byte in (*range(0x80), *range(0xE0, 0x100), 0xC0, 0xC2, 0xC3):
    _SIZES[_byte] = 1
for _size, _bytes in ((2, (0xCC, 0xD0)), (3, (0xCD, 0xD1)), (5, (0xCE, 0xD2, 0xCA)), (9, (0xCF, 0xD3, 0xCB))):
    for _byte in _bytes:
        _SIZES[_byte] = _size

_TEXTS: Final = {0xD9: 1, 0xDA: 2, 0xDB: 4}
_ARRAYS: Final = {0xDC: 2, 0xDD: 4}
_MAPS: Final = {0xDE: 2, 0xDF: 4}
"""First byte → bytes of the length that follows it."""
_CUT_SHORT: Final = "The body is cut short: it holds less than its msgpack headers say."


def read_map(body: bytes, *, depth: int) -> dict[str, object]:
    """The map that a body holds, its keys text. Raises BadRequest."""
    value = _read(body, depth)
    if not isinstance(value, dict):
        raise BadRequest("The body is not a map; send one with text keys, as msgpack or JSON.")
    return value


def read_maps(body: bytes, *, depth: int) -> list[dict[str, object]]:
    """The list of maps that a body holds. Raises BadRequest."""
    value = _read(body, depth)
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise BadRequest("The body is not a list of maps; send one, as msgpack or JSON.")
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
        raise BadRequest("The body is not msgpack with text in UTF-8 and text keys.") from None


def _read_json(body: bytes, depth: int) -> Any:
    try:
        return _checked(parse_json(body.decode()), depth)
    except ValueError as problem:
        raise BadRequest(f"The body cannot be read: {problem}.") from None


def _checked(value: Any, left: int) -> Any:
    """The value with plain numbers. Raises BadRequest for values that a JSON document cannot hold."""
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


def check_shape(body: bytes, depth: int) -> None:
    """Check that a body is one complete value without a tail, nested at most `depth` levels. Raises BadRequest."""
    size, place = len(body), 0
    waiting = [1]
    while waiting:
        if not waiting[-1]:
            waiting.pop()
            continue
        waiting[-1] -= 1
        if place >= size:
            raise BadRequest(_CUT_SHORT)
        fixed = _SIZES[body[place]]
        if fixed:
            place += fixed
            continue
        place, text, entries = _header(body, place)
        place += text
        if entries is not None:
            if entries > size - place:
                raise BadRequest(_CUT_SHORT)
            waiting.append(entries)
            if len(waiting) > depth + 1:
                raise BadRequest(f"The body is nested more than {depth} levels deep.")
    if place > size:
        raise BadRequest(_CUT_SHORT)
    if place < size:
        raise BadRequest("The body has something behind its msgpack value.")


def _header(body: bytes, place: int) -> tuple[int, int, int | None]:
    """The place behind a header, the bytes of the text that follows, and the number of entries of an array or map."""
    byte = body[place]
    if 0xA0 <= byte <= 0xBF:
        return place + 1, byte & 0x1F, None
    if 0x90 <= byte <= 0x9F:
        return place + 1, 0, byte & 0x0F
    if 0x80 <= byte <= 0x8F:
        return place + 1, 0, 2 * (byte & 0x0F)
    for lengths, factor in ((_TEXTS, 0), (_ARRAYS, 1), (_MAPS, 2)):
        width = lengths.get(byte)
        if width is not None:
            behind = place + 1 + width
            length = int.from_bytes(body[place + 1 : behind], "big")
            return (behind, 0, factor * length) if factor else (behind, length, None)
    raise BadRequest("The body holds binary or extension values; only what JSON has is taken.")

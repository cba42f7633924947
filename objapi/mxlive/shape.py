"""The shape of a msgpack body, looked at before it is unpacked: its depth, and whether it is as long as it claims.

A few bytes can claim arrays of arrays with millions of entries each, for which an unpacker would make room. Format: the
msgpack specification. Binary and extension values have no place in JSON and are refused here.
"""

from typing import Final

from objapi.errors import BadRequest

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


def check_shape(body: bytes, depth: int) -> None:
    """See that a body is one value, complete and without a tail, nested at most `depth` levels. Raises BadRequest."""
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


_CUT_SHORT: Final = "The body is cut short: it holds less than its msgpack headers say."


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

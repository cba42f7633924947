"""Reading JSON that a client wrote: strictly, and with numbers as they were written.

The standard library does the parsing; what it would let pass (duplicate keys, NaN, any depth, lone surrogates) is
refused here, because each of these loses or changes data further on (RFC 8259 sections 4, 6 and 8.2 warn of them).
"""

import json
import re
from decimal import Decimal
from typing import Any, Final, NoReturn, Self

MAX_DEPTH: Final = 64
_MAX_EXPONENT: Final = 400
_SURROGATE_ESCAPE: Final = re.compile(r"\\u[dD][89a-fA-F]")


class NumberLiteral(Decimal):
    """A number of a JSON text, exactly as it was written.

    It is a Decimal, so a number field takes it as a value; `text` (also `str()`) is the client's spelling, which a
    text field takes: `57.10` stays `57.10`. Whole numbers in plain spelling are not wrapped: they arrive as `int`.
    """

    __slots__ = ("text",)
    text: str

    def __new__(cls, text: str) -> Self:
        """Read a JSON number. Raises ValueError when its size is beyond any sensible range (exponent over 400)."""
        try:
            number = super().__new__(cls, text)
        except ArithmeticError:
            raise ValueError(f"the number {text[:40]} is out of range") from None
        if abs(number.adjusted()) > _MAX_EXPONENT:
            raise ValueError(f"the number {text[:40]} is out of range")
        number.text = text
        return number

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"NumberLiteral({self.text!r})"

    def __reduce__(self) -> tuple[type[Self], tuple[str]]:
        return (type(self), (self.text,))


def parse_json(text: str) -> Any:
    """The value of a JSON text; fractions and exponents are `NumberLiteral`s.

    Raises ValueError, with the place and the reason, for text that is not JSON and for duplicate keys, `NaN` and
    `Infinity`, nesting beyond 64 levels, numbers out of range and escapes of half a character.
    """
    try:
        value = json.loads(
            text,
            parse_float=NumberLiteral,
            parse_int=_whole_number,
            parse_constant=_refuse_constant,
            object_pairs_hook=_unique_keys,
        )
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None
    except json.JSONDecodeError as reason:
        raise ValueError(f"no valid JSON: {reason}") from None
    _check_depth(text, value)
    if _SURROGATE_ESCAPE.search(text):
        _check_characters(value)
    return value


_TOO_DEEP: Final = f"the JSON is nested more than {MAX_DEPTH} levels deep"


def _whole_number(text: str) -> int | NumberLiteral:
    if text == "-0" or len(text) > _MAX_EXPONENT:
        return NumberLiteral(text)
    return int(text)


def _refuse_constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is not a JSON number; send null or leave the key out")


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise ValueError(f"the key {key!a} is given twice in one JSON object")
            seen.add(key)
    return members


def _check_depth(text: str, value: Any) -> None:
    """Refuse nesting beyond `MAX_DEPTH`; a text with fewer brackets than that is not walked."""
    if text.count("[") + text.count("{") <= MAX_DEPTH:
        return
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [child for parent in level for child in _children(parent) if isinstance(child, (dict, list))]
        if not level:
            return
    raise ValueError(_TOO_DEEP)


def _children(parent: Any) -> Any:
    if isinstance(parent, dict):
        return parent.values()
    return parent if isinstance(parent, list) else ()


def _check_characters(value: Any) -> None:
    """Refuse lone surrogates: such an escape alone is half a character, which no UTF-8 can hold."""
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, str):
            try:
                item.encode()
            except UnicodeEncodeError:
                raise ValueError(f"the text {item[:60]!a} holds half of a surrogate pair") from None
        elif isinstance(item, dict):
            waiting.extend(item)
            waiting.extend(item.values())
        elif isinstance(item, list):
            waiting.extend(item)

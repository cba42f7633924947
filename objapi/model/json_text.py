"""Reading JSON that a client wrote: strictly, and with numbers as they were written.

The standard library does the parsing; what it would let pass (duplicate keys, NaN, any depth, lone surrogates) is
refused here, because each of these loses or changes data further on (RFC 8259 sections 4, 6 and 8.2 warn of them).
Depth and number of values are bounded by a look at the brackets and commas, before anything is made of the text: values
take up to fifty times the memory of their text.
"""

import json
import re
from decimal import Decimal
from typing import Any, Final, NoReturn, Self

MAX_DEPTH: Final = 64
MAX_VALUES: Final = 250_000
"""Values in one JSON text: texts, numbers, words, and the objects and lists around them; keys are not counted."""
_MAX_NUMBER_LENGTH: Final = 1000
# A text as a whole, or one of the marks outside of texts. A text that is not closed goes on to the end.
_SHAPE: Final = re.compile(r'"(?:[^"\\]++|\\.)*+"?|\[\s*\]|\{\s*\}|[][{},]', re.DOTALL)
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
        """Read a JSON number. Raises ValueError beyond any sensible range (exponent over 400, 1000 characters)."""
        if len(text) > _MAX_NUMBER_LENGTH:
            raise ValueError(f"the number {text[:40]} is out of range")
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


class TooManyValues(ValueError):
    """A JSON text with more values than are read."""


def parse_json(text: str, *, most_values: int = MAX_VALUES) -> Any:
    """The value of a JSON text; fractions and exponents are `NumberLiteral`s.

    Raises ValueError, with the place and the reason, for text that is not JSON and for duplicate keys, `NaN` and
    `Infinity`, nesting beyond 64 levels, numbers out of range and escapes of half a character; TooManyValues, which is
    one, beyond `most_values`.
    """
    check_shape(text, most_values)
    try:
        value = json.loads(
            text,
            parse_float=NumberLiteral,
            parse_int=_whole_number,
            parse_constant=_refuse_constant,
            object_pairs_hook=_unique_keys,
        )
    except json.JSONDecodeError as reason:
        raise ValueError(f"no valid JSON: {reason}") from None
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


def check_shape(text: str, most_values: int = MAX_VALUES) -> None:
    """Refuse nesting beyond 64 levels (ValueError) and more than `most_values` values (TooManyValues).

    Whether the text is JSON is not looked at; one too small to be either is not walked.
    """
    containers = text.count("[") + text.count("{")
    if containers <= MAX_DEPTH and containers + text.count(",") < most_values:
        return
    # Outside of texts the first value of a container follows its bracket, each other one a comma. Texts are counted for
    # themselves, too: each is a value or the key of one, and what is no JSON may have texts without commas.
    depth, values, texts = 0, 1, 0
    for mark in _SHAPE.finditer(text):
        character = text[mark.start()]
        if character == '"':
            texts += 1
        elif character == ",":
            values += 1
        elif character in "]}":
            depth -= 1
        elif mark.end() - mark.start() == 1:
            values += 1
            depth += 1
        elif depth == MAX_DEPTH:  # one without values
            raise ValueError(_TOO_DEEP)
        if depth > MAX_DEPTH:
            raise ValueError(_TOO_DEEP)
        if values > most_values or texts > 2 * most_values:
            raise TooManyValues(f"the JSON holds more than {most_values} values")


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

"""Types of single values: how each is read from a request, shown in an answer and described in OpenAPI.

Reading is lenient in the way of pydantic 1, which the clients of this API count on: digits in text are integers,
`2.7` is the integer 2, numbers are texts, `"yes"` is true. Own code, since `pydantic.v1` would let through what cannot
be stored or answered (lone surrogates, infinite numbers) and gives times a zone, which wall clock times have not.
"""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

import orjson

from objapi.ispyb.values.errors import Fault

JsonSchema = dict[str, Any]

INT32: Final = 2**31 - 1
INT64: Final = 2**63 - 1
# Unix times beyond this many seconds are taken for milliseconds.
_SECONDS_LIMIT: Final = 2e10
_TRUE: Final = frozenset({"1", "on", "t", "true", "y", "yes"})
_FALSE: Final = frozenset({"0", "off", "f", "false", "n", "no"})
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_INSTANT: Final = re.compile(
    r"(\d{4})-(\d{1,2})-(\d{1,2})[T ](\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:\.\d{1,12})?)?(?:Z|[+-]\d{2}(?::?\d{2})?)?",
    re.IGNORECASE | re.ASCII,
)


@dataclass(frozen=True, slots=True)
class ScalarType:
    """One kind of value.

    `read` turns a raw value that is not None into one of this kind or raises Fault; `show` turns a database value that
    is not None into one for JSON; `schema` is its JSON Schema, `reference` the name of the component that holds it.
    """

    read: Callable[[Any], Any]
    show: Callable[[Any], Any]
    schema: Mapping[str, Any] = field(default_factory=dict)
    reference: str | None = None


def _read_integer(value: Any) -> int:
    try:
        if isinstance(value, (str, int, float)):
            return int(value)
    except (ValueError, OverflowError):
        pass
    raise Fault("value is not a valid integer", "type_error.integer")


def _bounded_integer(least: int, most: int) -> Callable[[Any], int]:
    def read(value: Any) -> int:
        number = _read_integer(value)
        if number < least:
            raise Fault(
                f"ensure this value is greater than or equal to {least}",
                "value_error.number.not_ge",
                limit_value=least,
            )
        if number > most:
            raise Fault(
                f"ensure this value is less than or equal to {most}", "value_error.number.not_le", limit_value=most
            )
        return number

    return read


def _read_number(value: Any) -> float:
    try:
        if isinstance(value, (str, int, float)) and math.isfinite(number := float(value)):
            return number
    except (ValueError, OverflowError):
        pass
    raise Fault("value is not a valid float", "type_error.float")


def _read_text(value: Any) -> str:
    # JSON can spell halves of surrogate pairs, which are no text and cannot be stored.
    if isinstance(value, str) and not _SURROGATE.search(value):
        return value
    if isinstance(value, (int, float)):
        return str(value)
    raise Fault("str type expected", "type_error.str")


def _read_boolean(value: Any) -> bool:
    text = value.lower() if isinstance(value, str) else None
    if text in _TRUE or (text is None and isinstance(value, (int, float)) and value == 1):
        return True
    if text in _FALSE or (text is None and isinstance(value, (int, float)) and value == 0):
        return False
    raise Fault("value could not be parsed to a boolean", "type_error.bool")


def _read_instant(value: Any) -> datetime:
    """A wall clock time: zone and fractions are cut off, not converted. Numbers are Unix times."""
    fault = Fault("invalid datetime format", "value_error.datetime")
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise Fault("invalid type; expected datetime, string, bytes, int or float", "type_error")
    try:
        match = _INSTANT.fullmatch(value.strip()) if isinstance(value, str) else None
        if match:
            year, month, day, hour, minute, second = (int(part or 0) for part in match.groups())
            return datetime(year, month, day, hour, minute, second)  # noqa: DTZ001 - a wall clock time has no zone
        seconds = float(value)
        if not math.isfinite(seconds):
            raise fault
        while abs(seconds) > _SECONDS_LIMIT:
            seconds /= 1000
        return datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None, microsecond=0)
    except (ValueError, OverflowError, OSError):
        raise fault from None


def _read_json(value: Any) -> Any:
    try:
        return orjson.loads(value)
    except (orjson.JSONDecodeError, TypeError):
        raise Fault("Invalid JSON", "value_error.json") from None


def _read_object(value: Any) -> dict[str, Any]:
    if isinstance(value, dict):
        return value
    raise Fault("value is not a valid dict", "type_error.dict")


def _show_number(value: Any) -> float | int | None:
    number: float | int = float(value) if isinstance(value, Decimal) else value
    return number if math.isfinite(number) else None


def _same(value: Any) -> Any:
    return value


def _show_instant(value: Any) -> Any:
    # Existing MySQL databases have zero dates, which are no dates and come as text.
    if isinstance(value, str) and value.startswith("0000-00-00"):
        return None
    return value.replace(microsecond=0) if isinstance(value, datetime) else value


def _whole(least: int, most: int) -> ScalarType:
    return ScalarType(_bounded_integer(least, most), int, {"type": "integer", "minimum": least, "maximum": most})


INT: Final = _whole(-INT64 - 1, INT64)
"""An integer: ids and counts."""

INT_COLUMN: Final = _whole(-INT32 - 1, INT32)
"""An integer that is stored in a column of four bytes."""

TINY_COLUMN: Final = _whole(-128, 127)
"""An integer that is stored in a column of one byte, such as a flag."""

ANY_INT: Final = ScalarType(_read_integer, int, {"type": "integer"})
"""An integer of any size, such as the key of a user portal, whose bounds the route knows."""

NUMBER: Final = ScalarType(_read_number, _show_number, {"type": "number"})
TEXT: Final = ScalarType(_read_text, str, {"type": "string"})
BOOL: Final = ScalarType(_read_boolean, bool, {"type": "boolean"})
STAMP: Final = ScalarType(_read_instant, _show_instant, {"type": "string"})
"""A wall clock time without an offset, which is no `date-time` of JSON Schema."""

INSTANT: Final = ScalarType(_read_instant, _show_instant, {"type": "string", "format": "date-time"})
"""A time that is answered with its offset."""

_OF_EVERY_YEAR: Final = "(0[1-9]|1[0-2])-?(0[1-9]|1[0-9]|2[0-8])|(0[13-9]|1[0-2])-?(29|30)|(0[13578]|1[02])-?31"
# Years that four divides, and of those at the turn of a century the ones that 400 divides.
_LEAP_YEAR: Final = "[1-9][0-9](0[48]|[2468][048]|[13579][26])|([2468][048]|[13579][26])00"
_DAY: Final = f"([1-9][0-9]{{3}}-?({_OF_EVERY_YEAR})|({_LEAP_YEAR})-?02-?29)"

WRITTEN_STAMP: Final = ScalarType(
    _read_instant,
    _show_instant,
    {
        "type": "string",
        "pattern": f"^{_DAY.replace('-?', '-')}[T ]([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\\.[0-9]{{1,12}})?)?"
        "(Z|[+-][0-9]{2}:?[0-9]{2})?$",
    },
)
"""A wall clock time in a body, in the form that is documented; its `read` takes Unix times, too."""

JSON_IDS: Final = ScalarType(
    _read_json,
    _same,
    {"type": "string", "format": "json-string", "pattern": r"^\[[1-9][0-9]{0,17}(, ?[1-9][0-9]{0,17})*\]$"},
)
"""A JSON list of ids, written as text in a parameter. Its `read` takes any JSON; the route judges what it got."""

JOINED_IDS: Final = ScalarType(_read_text, str, {"type": "string", "pattern": "^[0-9]{1,18}(,[0-9]{1,18})*$"})
"""Ids that are joined by commas. Its `read` takes any text; the route judges what it got."""

DAY: Final = ScalarType(
    _read_text,
    str,
    {"type": "string", "pattern": f"^{_DAY}$"},
)
"""A day such as 2023-01-31 or 20230131. Its `read` takes any text; the route judges what it got."""

OBJECT: Final = ScalarType(_read_object, _same, {"type": "object"})
"""A JSON object with any keys."""

ANYTHING: Final = ScalarType(_same, _same)


def pattern(expression: str) -> ScalarType:
    """Text that matches a regular expression from its beginning; its `read` raises Fault for another value."""
    compiled = re.compile(expression)

    def read(value: Any) -> str:
        text = _read_text(value)
        if not compiled.match(text):
            raise Fault(f'string does not match regex "{expression}"', "value_error.str.regex", pattern=expression)
        return text

    return ScalarType(read, str, {"type": "string", "pattern": expression})


def short_text(most: int) -> ScalarType:
    """Text of at most so many characters; its `read` raises Fault for another value."""

    def read(value: Any) -> str:
        text = _read_text(value)
        if len(text) > most:
            raise Fault(
                f"ensure this value has at most {most} characters", "value_error.any_str.max_length", limit_value=most
            )
        return text

    return ScalarType(read, str, {"type": "string", "maxLength": most})


def integer(*, least: int | None = None, above: int | None = None, most: int | None = None) -> ScalarType:
    """An integer within bounds; `above` is exclusive; its `read` raises Fault for another value."""

    def read(value: Any) -> int:
        number = _read_integer(value)
        if above is not None and number <= above:
            raise Fault(f"ensure this value is greater than {above}", "value_error.number.not_gt", limit_value=above)
        return number

    bounded = _bounded_integer(-INT64 - 1 if least is None else least, INT64 if most is None else most)
    schema: JsonSchema = {"type": "integer", "maximum": INT64 if most is None else most}
    schema |= {"minimum": -INT64 - 1 if least is None else least} if above is None else {"exclusiveMinimum": above}
    return ScalarType(lambda value: bounded(read(value)), int, schema)


def _permitted(values: tuple[Any, ...]) -> str:
    return ", ".join(repr(value) for value in values)


def enum(name: str, *values: Any) -> ScalarType:
    """One of several values, described by a component of its own; its `read` raises Fault for another value."""

    def read(value: Any) -> Any:
        if not isinstance(value, bool) and value in values:
            return value
        raise Fault(
            f"value is not a valid enumeration member; permitted: {_permitted(values)}",
            "type_error.enum",
            enum_values=list(values),
        )

    schema = {"title": name, "enum": list(values), "description": "An enumeration."}
    if all(isinstance(value, str) for value in values):
        schema["type"] = "string"
    return ScalarType(read, _same, schema, name)


def constant(*values: str) -> ScalarType:
    """One of several texts, described where it stands; its `read` raises Fault for another value."""

    def read(value: Any) -> str:
        if isinstance(value, str) and value in values:
            return value
        raise Fault(
            f"unexpected value; permitted: {_permitted(values)}",
            "value_error.const",
            given=value,
            permitted=list(values),
        )

    return ScalarType(read, _same, {"type": "string", "enum": list(values)})

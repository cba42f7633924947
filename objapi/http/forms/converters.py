"""Converters of form values: `:int`, `:lines`, `:date` and the others.

Each takes the text of one value and returns the typed value or raises ValueError with a reason for people. They follow
Zope's converters; where a gateway should be stricter the choice is a named option.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any, Final, Literal

from catalog.dates import IsoZone, parse_date
from objapi.model.json_text import parse_json

_LINE_END: Final = re.compile("\r\n|\n\r")
_FALSE_WORDS: Final = frozenset({"", "0", "false", "no", "off"})


@dataclass(frozen=True, slots=True)
class ConversionContext:
    """The options of a converter beside the text.

    `booleans`: "zope" takes everything but the empty text and `False` for true, "safe" reads `0 false no off` in any
    case as false. `json`: "zope" is the standard library's reading, "strict" that of JSON bodies. `local_zone` is where
    dates without a zone are; `iso_dates` the zone of ISO 8601 without an offset, UTC as Zope has it or the local one.
    `encoding` is the charset that the text was read in.
    """

    local_zone: tzinfo
    booleans: Literal["zope", "safe"] = "zope"
    json: Literal["zope", "strict"] = "zope"
    iso_dates: IsoZone = "utc"
    encoding: str = "utf-8"


Converter = Callable[[str, ConversionContext], Any]


def is_false(text: str) -> bool:
    """True for a text that means no: empty, `0`, `false`, `no` or `off` in any case."""
    return text.strip().casefold() in _FALSE_WORDS


def _integer(text: str, context: ConversionContext) -> int:
    if not text:
        raise ValueError("a whole number is expected, the value is empty")
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"{shown(text)} is not a whole number") from None


def _long(text: str, context: ConversionContext) -> int:
    return _integer(text[:-1] if text[-1:] in ("L", "l") else text, context)


def _float(text: str, context: ConversionContext) -> float:
    if not text:
        raise ValueError("a number is expected, the value is empty")
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"{shown(text)} is not a number") from None


def _boolean(text: str, context: ConversionContext) -> bool:
    if context.booleans == "safe":
        return not is_false(text)
    return text not in ("", "False")


def _string(text: str, context: ConversionContext) -> str:
    return text


def _text(text: str, context: ConversionContext) -> str:
    return _LINE_END.sub("\n", text)


def _lines(text: str, context: ConversionContext) -> list[str]:
    return text.splitlines()


def _tokens(text: str, context: ConversionContext) -> list[str]:
    return text.split()


def _required(text: str, context: ConversionContext) -> str:
    if not text.strip():
        raise ValueError("a value is required")
    return text


def _date(text: str, context: ConversionContext) -> Any:
    return parse_date(text, context.local_zone, iso=context.iso_dates)


def _date_international(text: str, context: ConversionContext) -> Any:
    return parse_date(text, context.local_zone, international=True, iso=context.iso_dates)


def _json(text: str, context: ConversionContext) -> Any:
    if context.json == "strict":
        return parse_json(text)
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("the JSON is nested too deeply") from None
    except ValueError as reason:
        raise ValueError(f"{shown(text)} is not JSON: {reason}") from None


def _bytes(text: str, context: ConversionContext) -> bytes:
    return text.encode(context.encoding, "surrogateescape")


# `ustring` and its like are what these were called when plain values were byte strings.
CONVERTERS: Final[dict[str, Converter]] = {
    "int": _integer,
    "long": _long,
    "float": _float,
    "boolean": _boolean,
    "string": _string,
    "ustring": _string,
    "text": _text,
    "utext": _text,
    "lines": _lines,
    "ulines": _lines,
    "tokens": _tokens,
    "utokens": _tokens,
    "required": _required,
    "date": _date,
    "date_international": _date_international,
    "json": _json,
    "bytes": _bytes,
}


def shown(text: str, limit: int = 60) -> str:
    """A client's text, quoted and shortened, fit for a message: no control characters, no lone surrogates."""
    cut = text if len(text) <= limit else f"{text[:limit]}…"
    return ascii(cut) if any("\ud800" <= character <= "\udfff" for character in cut) else repr(cut)

"""Structured values that arrive as text: JSON, or the Python look-alike that old clients send.

`{'address': '1 Wendy Way', 'ready': True}` is what a script gets that sends `str()` of a dict. It is read by a reader
of our own that knows displays, texts, numbers and three words; nothing is evaluated.
"""

import ast
import re
from typing import Any, Final

from objapi.model.json_text import MAX_DEPTH, NumberLiteral, parse_json
from objapi.model.values import shown

MAX_LITERAL_LENGTH: Final = 64 * 1024

_ESCAPE: Final = r"\\(?:[\\'\"abfnrtv]|x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8})"
_TOKEN: Final = re.compile(
    rf"""(?P<text>[uU]?(?:'(?:[^'\\\r\n]|{_ESCAPE})*'|"(?:[^"\\\r\n]|{_ESCAPE})*"))
    |(?P<number>-?(?:(?:0|[1-9][0-9]*)L?(?![0-9.eEL])
        |(?:[0-9]+\.[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?
        |[0-9]+[eE][-+]?[0-9]+))
    |(?P<word>[A-Za-z_][A-Za-z_0-9]*)
    |(?P<mark>[][{{}}(),:])
    |(?P<blank>[ \t\r\n]+)""",
    re.VERBOSE,
)
_WORDS: Final[dict[str, bool | None]] = {"True": True, "False": False, "None": None}
_CLOSING: Final = {"[": "]", "(": ")", "{": "}"}


def parse_structured(text: str) -> Any:
    """The value of a text that holds JSON or, up to 64 KiB, a Python literal.

    Dicts have texts as keys; lists and tuples both give lists; numbers with a fraction are `NumberLiteral`s. Raises
    ValueError that says why it is neither.
    """
    try:
        return parse_json(text)
    except ValueError as reason:
        json_reason = str(reason)
    if len(text) > MAX_LITERAL_LENGTH:
        raise ValueError(f"{json_reason} (beyond {MAX_LITERAL_LENGTH} characters only JSON is read)")
    try:
        return _Reader(text).read()
    except ValueError as reason:
        raise ValueError(f"{json_reason}; nor is it a Python literal: {reason}") from None


class _Reader:
    """Recursive descent over the tokens of one literal; the depth is bounded as that of JSON."""

    def __init__(self, text: str) -> None:
        self._tokens = _tokens(text)
        self._place = 0

    def read(self) -> Any:
        """The value of the whole text. Raises ValueError for text that is not one literal."""
        value = self._value(0)
        if self._peek() != "":
            raise ValueError(f"{shown(self._peek())} follows the end of the value")
        return value

    def _peek(self) -> str:
        return self._tokens[self._place][1] if self._place < len(self._tokens) else ""

    def _next(self) -> tuple[str, str]:
        if self._place >= len(self._tokens):
            raise ValueError("it breaks off")
        self._place += 1
        return self._tokens[self._place - 1]

    def _expect(self, mark: str) -> None:
        found = self._next()[1]
        if found != mark:
            raise ValueError(f"{mark!r} is expected, not {shown(found)}")

    def _value(self, depth: int) -> Any:
        kind, lexeme = self._next()
        if kind == "text":
            return _text(lexeme)
        if kind == "number":
            return _number(lexeme)
        if kind == "word" and lexeme in _WORDS:
            return _WORDS[lexeme]
        if lexeme not in _CLOSING:
            raise ValueError(f"a value is expected, not {shown(lexeme)}")
        if depth >= MAX_DEPTH:
            raise ValueError(f"it is nested more than {MAX_DEPTH} levels deep")
        return self._dict(depth + 1) if lexeme == "{" else self._sequence(lexeme, depth + 1)

    def _sequence(self, opening: str, depth: int) -> Any:
        """A list or tuple; parentheses around one value without a comma are only parentheses."""
        closing = _CLOSING[opening]
        values: list[Any] = []
        while self._peek() != closing:
            values.append(self._value(depth))
            if self._peek() == closing:
                self._next()
                return values[0] if opening == "(" and len(values) == 1 else values
            self._expect(",")
        self._next()
        return values

    def _dict(self, depth: int) -> dict[str, Any]:
        members: dict[str, Any] = {}
        while self._peek() != "}":
            kind, token = self._next()
            if kind != "text":
                raise ValueError(f"a quoted key is expected, not {shown(token)}")
            key = _text(token)
            if key in members:
                raise ValueError(f"the key {shown(key)} is given twice")
            self._expect(":")
            members[key] = self._value(depth)
            if self._peek() != "}":
                self._expect(",")
        self._next()
        return members


def _tokens(text: str) -> list[tuple[str, str]]:
    tokens: list[tuple[str, str]] = []
    place = 0
    while place < len(text):
        match = _TOKEN.match(text, place)
        if match is None:
            raise ValueError(f"{shown(text[place : place + 20])} at character {place} cannot be read")
        place = match.end()
        if match.lastgroup is not None and match.lastgroup != "blank":
            tokens.append((match.lastgroup, match.group()))
    return tokens


def _text(token: str) -> str:
    """The text of one string token; the token pattern lets only plain characters and known escapes through."""
    text = str(ast.literal_eval(token))
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError(f"the text {token[:60]!a} holds half of a surrogate pair") from None
    return text


def _number(token: str) -> int | NumberLiteral:
    digits = token.removesuffix("L")
    return int(digits) if digits.lstrip("-").isdigit() and len(digits) < 400 else NumberLiteral(digits)

"""The language of formulas: its tree, its parser, and the tree as text again.

A formula is made of numbers, names in square brackets, operators, parentheses and functions::

    ([WetMass] - [DryMass]) / ([WetMass] - [DishMass]) * 100
    if([Ca.BELOWLDL], 0, round([Ca] * 2.497, 1))

From the loosest to the tightest bind ``a if condition else b``, ``or``, ``and``, ``not``, comparisons (``<``, ``<=``,
``>``, ``>=``, ``==``, ``!=``; not chained), ``+`` and ``-``, ``*`` and ``/``, the sign, and ``**``.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final, TypeAlias

MAX_LENGTH: Final = 4_000
"""Characters of a formula."""
MAX_DEPTH: Final = 80
"""Levels of a formula's tree. Every operator of a chain such as ``a + b + c`` is one, and so is every parenthesis."""

_MAX_NUMBER: Final = 40
"""Characters of a number, and the largest exponent of ten in it."""
_SHOWN: Final = 40


class FormulaSyntaxError(ValueError):
    """Raised for a text that is no formula; `position` counts characters from 1."""

    def __init__(self, problem: str, position: int) -> None:
        super().__init__(f"{problem}, at character {position}")
        self.position = position


@dataclass(frozen=True, slots=True)
class Number:
    """A constant."""

    value: Decimal


@dataclass(frozen=True, slots=True)
class Name:
    """What stands in square brackets: a value of another service, or an interim result."""

    name: str
    position: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Apply:
    """An operator or a function with its operands."""

    operation: str
    operands: "tuple[Expression, ...]"
    position: int = field(default=0, compare=False)


Expression: TypeAlias = Number | Name | Apply

NEGATE: Final = "negate"
"""The operation of a minus sign before one operand."""
CHOOSE: Final = "if"
"""The operation that gives its second operand when the first is not 0, else the third."""

FUNCTIONS: Final[Mapping[str, tuple[int, int]]] = {
    "abs": (1, 1),
    "exp": (1, 1),
    CHOOSE: (3, 3),
    "ln": (1, 1),
    "log10": (1, 1),
    "max": (1, 50),
    "min": (1, 50),
    "round": (1, 2),
    "sqrt": (1, 1),
}
"""Function → the least and the greatest number of its operands."""

_CONDITIONAL, _COMPARISON, _SIGN, _POWER = 1, 5, 8, 9
_BINDING: Final[Mapping[str, int]] = {
    "if": _CONDITIONAL, "or": 2, "and": 3,
    "<": _COMPARISON, "<=": _COMPARISON, ">": _COMPARISON, ">=": _COMPARISON, "==": _COMPARISON, "!=": _COMPARISON,
    "+": 6, "-": 6, "*": 7, "/": 7, "**": _POWER,
}  # fmt: skip
"""Operator between operands → how tightly it binds."""
_NOT: Final = 4

_TOKEN: Final = re.compile(
    r"\s*(?:(?P<number>(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)"
    r"|\[(?P<name>[^\[\]]*)\]"
    r"|(?P<word>[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<sign>\*\*|<=|>=|==|!=|[-+*/<>(),])"
    r"|(?P<end>\Z))"
)
_HINTS: Final[Mapping[str, str]] = {
    "^": "; a power is written **",
    "=": "; equality is written ==",
    "[": "; a name ends with ]",
    "%": "; divide by 100",
}


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    position: int

    def __str__(self) -> str:
        text = {"end": "the end", "name": f"[{self.text}]"}.get(self.kind, repr(self.text))
        return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def parse_formula(text: str) -> Expression:
    """The tree of a formula. Raises FormulaSyntaxError with the position of what is wrong."""
    if len(text) > MAX_LENGTH:
        raise FormulaSyntaxError(f"the formula is longer than {MAX_LENGTH} characters", MAX_LENGTH + 1)
    return _Parser(text).whole()


def names_in(expression: Expression) -> tuple[str, ...]:
    """The names of a formula, each once, in order."""
    return tuple(dict.fromkeys(_names(expression)))


def _names(expression: Expression) -> Iterator[str]:
    match expression:
        case Name(name):
            yield name
        case Apply(_, operands):
            for operand in operands:
                yield from _names(operand)


def text_of_formula(expression: Expression) -> str:
    """A formula as text that is read as the same tree; every operation stands in parentheses."""
    match expression:
        case Number(value):
            return str(value)
        case Name(name):
            return f"[{name}]"
        case Apply(operation, operands):
            texts = [text_of_formula(operand) for operand in operands]
            if operation in FUNCTIONS:
                return f"{operation}({', '.join(texts)})"
            if len(texts) == 1:
                return f"({'-' if operation == NEGATE else 'not '}{texts[0]})"
            return f"({texts[0]} {operation} {texts[1]})"


def _tokens(text: str) -> Iterator[_Token]:
    at = 0
    while True:
        match = _TOKEN.match(text, at)
        if match is None:
            at += len(text[at:]) - len(text[at:].lstrip())
            raise FormulaSyntaxError(f"{text[at]!r} means nothing here{_HINTS.get(text[at], '')}", at + 1)
        kind = match.lastgroup or "end"
        yield _Token(kind, match[kind].strip(), match.start(kind) + 1 - (kind == "name"))
        if kind == "end":
            return
        at = match.end()


class _Parser:
    """Precedence climbing over the tokens: each operand takes along what binds more tightly than its operator."""

    def __init__(self, text: str) -> None:
        self._tokens = _tokens(text)
        self._next = next(self._tokens)
        self._open = 0
        self._levels: dict[int, int] = {}
        """Identity of a node of the tree → the levels below it and itself."""

    def whole(self) -> Expression:
        found = self._expression(_CONDITIONAL)
        if self._next.kind != "end":
            hint = "; numbers have a decimal point" if self._next.text == "," else ""
            raise self._problem(f"an operator or the end is expected, not {self._next}{hint}")
        return found

    def _expression(self, least: int) -> Expression:
        """An expression whose operators bind at least as tightly as `least`."""
        self._open += 1
        if self._open > MAX_DEPTH:
            raise self._problem(f"the formula is nested more than {MAX_DEPTH} levels deep")
        left = self._operand()
        while _BINDING.get(self._next.text, 0) >= least and self._next.kind in ("sign", "word"):
            operator = self._take()
            left = self._conditional(left, operator) if operator.text == "if" else self._binary(left, operator)
        self._open -= 1
        return left

    def _binary(self, left: Expression, operator: _Token) -> Expression:
        binding = _BINDING[operator.text]
        # A power takes a sign and further powers to its right.
        right = self._expression(_SIGN if binding == _POWER else binding + 1)
        if binding == _COMPARISON and _BINDING.get(self._next.text) == _COMPARISON:
            raise self._problem("comparisons do not follow each other; join two by and")
        return self._node(operator.text, (left, right), operator.position)

    def _conditional(self, chosen: Expression, operator: _Token) -> Expression:
        condition = self._expression(_CONDITIONAL + 1)
        self._expect("else")
        return self._node(CHOOSE, (condition, chosen, self._expression(_CONDITIONAL)), operator.position)

    def _operand(self) -> Expression:
        token = self._take()
        match token.kind, token.text:
            case "number", text:
                return self._number(token, text)
            case "name", "":
                raise self._problem("a name is missing between the brackets", token)
            case "name", text:
                return Name(text, token.position)
            case "sign", "(":
                inner = self._expression(_CONDITIONAL)
                self._expect(")")
                return inner
            case "sign", "-":
                return self._node(NEGATE, (self._expression(_SIGN),), token.position)
            case "sign", "+":
                return self._expression(_SIGN)
            case "word", "not":
                return self._node("not", (self._expression(_NOT),), token.position)
            case "word", text:
                return self._call(token, text)
        raise self._problem(f"a number, a [name], a function or ( is expected, not {token}", token)

    def _number(self, token: _Token, text: str) -> Expression:
        value = Decimal(text) if len(text) <= _MAX_NUMBER else Decimal("Infinity")
        if not value.is_finite() or abs(value.adjusted()) > _MAX_NUMBER:
            raise self._problem(f"the number {token} is too long", token)
        return Number(value)

    def _call(self, token: _Token, function: str) -> Expression:
        if function not in FUNCTIONS:
            known = ", ".join(FUNCTIONS)
            raise self._problem(f"there is no function {token} (there are {known}); a name stands in [brackets]", token)
        self._expect("(")
        operands = [self._expression(_CONDITIONAL)]
        while self._next.text == "," and self._next.kind == "sign":
            self._take()
            operands.append(self._expression(_CONDITIONAL))
        self._expect(")")
        least, most = FUNCTIONS[function]
        if not least <= len(operands) <= most:
            takes = f"{least}" if least == most else f"{least} to {most}"
            raise self._problem(f"{function} takes {takes} operands, not {len(operands)}", token)
        return self._node(function, tuple(operands), token.position)

    def _node(self, operation: str, operands: tuple[Expression, ...], position: int) -> Expression:
        node = Apply(operation, operands, position)
        levels = 1 + max(self._levels.get(id(operand), 1) for operand in operands)
        if levels > MAX_DEPTH:
            raise FormulaSyntaxError(f"the formula is nested more than {MAX_DEPTH} levels deep", position)
        self._levels[id(node)] = levels
        return node

    def _take(self) -> _Token:
        token = self._next
        if token.kind != "end":
            self._next = next(self._tokens)
        return token

    def _expect(self, text: str) -> None:
        if self._next.text != text or self._next.kind not in ("sign", "word"):
            raise self._problem(f"{text!r} is expected, not {self._next}")
        self._take()

    def _problem(self, problem: str, token: _Token | None = None) -> FormulaSyntaxError:
        return FormulaSyntaxError(problem, (token or self._next).position)

"""Working a formula out, in decimals, with detection limits followed as far as they decide the result.

``<0.1`` stands for some value from 0 up to 0.1, ``>50`` for some value beyond 50. An operation on such values gives
another limit where the result stays on one side of it whatever they are: ``100 - <0.1`` is ``>99.9``, and
``<0.1 + <0.2`` is ``<0.3``. Where it does not (``<0.1 - <0.2``) there is no result.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import (
    ROUND_CEILING,
    ROUND_FLOOR,
    ROUND_HALF_EVEN,
    ROUND_HALF_UP,
    Context,
    Decimal,
    DivisionByZero,
    InvalidOperation,
    Overflow,
)
from typing import Final, Literal, TypeAlias

from objapi.model.formulas.grammar import CHOOSE, Apply, Expression, Name, Number

Limit: TypeAlias = Literal["", "<", ">"]

MAX_DIGITS: Final = 15
"""Significant digits of a result; as many as a binary number of 64 bits keeps."""
_ARITHMETIC: Final = Context(
    prec=50, rounding=ROUND_HALF_EVEN, Emax=999, Emin=-999, traps=[DivisionByZero, InvalidOperation, Overflow]
)
_ROUNDING: Final[Mapping[Limit, str]] = {"": ROUND_HALF_UP, "<": ROUND_CEILING, ">": ROUND_FLOOR}
"""How a number is rounded; a limit to the side on which it still holds."""
_PLAIN: Final = 21
"""Digits up to which a result is written out, without an exponent."""
_MAX_PLACES: Final = 30
_ZERO, _ONE = Decimal(0), Decimal(1)


@dataclass(frozen=True, slots=True)
class Measured:
    """A number, or with `limit` an unknown value below (``<``) or above (``>``) it."""

    number: Decimal
    limit: Limit = ""
    maybe_negative: bool = False
    """True for a value below a limit that, unlike what is measured, may lie below zero."""
    reached: bool = False
    """True for a value that may also be the limit itself, as rounding makes it."""

    @property
    def never_negative(self) -> bool:
        """True if the value is 0 or more, whatever it is."""
        return self.number > 0 and not self.maybe_negative if self.limit == "<" else self.number >= 0


class NoResult(Exception):
    """Raised where a formula gives no number; the text says why."""


def evaluate(expression: Expression, value_of: Callable[[str], Measured]) -> Measured:
    """The value of a formula. `value_of` gives the value of a name; it is asked only for those that decide the result.

    Raises NoResult, and whatever `value_of` raises.
    """
    match expression:
        case Number(value):
            return Measured(value)
        case Name(name):
            return value_of(name)
        case Apply(operation, (condition, chosen, other)) if operation == CHOOSE:
            return evaluate(chosen if _holds(evaluate(condition, value_of)) else other, value_of)
        case Apply("and" | "or" as operation, (left, right)):
            first = _holds(evaluate(left, value_of))
            decided = first if operation == "or" else not first
            return _truth(first if decided else _holds(evaluate(right, value_of)))
        case Apply(operation, operands, position):
            values = [evaluate(operand, value_of) for operand in operands]
            try:
                result = _apply(operation, values)
                is_reached = bool(result.limit) and any(value.reached for value in values)
                return replace(result, reached=True) if is_reached else result
            except DivisionByZero:
                raise NoResult(f"division by zero, at character {position}") from None
            except InvalidOperation:
                raise NoResult(f"{operation} of {_listed(values)} is no number, at character {position}") from None
            except Overflow:
                raise NoResult(f"the number is too large, at character {position}") from None
            except _Open as undecided:
                message = f"{undecided}: the result could lie on either side, at character {position}"
                raise NoResult(message) from None


def shown(value: Measured) -> str:
    """A value as the text of a result: at most 15 significant digits, no zeros at the end, a limit's sign first."""
    number = Context(prec=MAX_DIGITS, rounding=_ROUNDING[value.limit]).plus(value.number).normalize()
    plain = number == 0 or -_PLAIN < number.adjusted() < _PLAIN
    text = "0" if number == 0 else f"{number:f}" if plain else str(number)
    return f"{value.limit}{text}"


class _Open(Exception):
    """Raised where a limit does not decide what an operation gives; the text names the operation."""


def _listed(values: Iterable[Measured]) -> str:
    return " and ".join(shown(value) for value in values)


def _truth(holds: bool) -> Measured:
    return Measured(_ONE if holds else _ZERO)


def _holds(value: Measured) -> bool:
    """True for every value but 0. Raises NoResult for a limit, which may be either."""
    positive = value.number > 0 or (value.number == 0 and not value.reached)
    if value.limit and not (value.limit == ">" and positive):
        raise NoResult(f"{shown(value)} is no condition")
    return bool(value.limit) or value.number != 0


def _apply(operation: str, values: list[Measured]) -> Measured:
    match operation, values:
        case "not", [value]:
            return _truth(not _holds(value))
        case "negate", [value]:
            return _negated(value)
        case "+", [left, right]:
            number = _ARITHMETIC.add(left.number, right.number)
            return _limited("a sum", number, left.limit, right.limit, positive=_none_negative(values))
        case "-", [left, right]:
            return _apply("+", [left, _negated(right)])
        case "*", [left, right]:
            return _product(left, right)
        case "/", [left, right]:
            return _quotient(left, right)
        case "**", [base, exponent]:
            return _power(base, exponent)
        case (("<" | "<=" | ">" | ">=" | "==" | "!="), [left, right]):
            return _truth(_compared(operation, left, right))
        case (("min" | "max"), _):
            return _extreme(operation, values)
        case "round", [value, *places]:
            return _rounded(value, places)
        case "abs", [value]:
            _require_not_negative("an absolute value", *(values if value.limit else ()))
            return replace(value, number=value.number.copy_abs())
    return _growing(operation, values[0])


def _limited(what: str, number: Decimal, *limits: Limit, positive: bool) -> Measured:
    """The result of an operation that grows with operands of these limits. Raises _Open when they contradict."""
    found = {limit for limit in limits if limit}
    if len(found) > 1:
        raise _Open(f"{what} of a value below a limit and one above it")
    limit = found.pop() if found else ""
    return Measured(number, limit, limit == "<" and not positive)


def _none_negative(values: Iterable[Measured]) -> bool:
    return all(value.never_negative for value in values)


def _require_not_negative(what: str, *values: Measured) -> None:
    if not _none_negative(values):
        raise _Open(f"{what} with a limit whose value may be negative")


def _other_side(limit: Limit) -> Limit:
    return "" if limit == "" else ">" if limit == "<" else "<"


def _negated(value: Measured) -> Measured:
    limit = _other_side(value.limit)
    return Measured(value.number.copy_negate(), limit, limit == "<")


def _product(left: Measured, right: Measured) -> Measured:
    number = _ARITHMETIC.multiply(left.number, right.number)
    if not left.limit or not right.limit:
        exact, limited = (right, left) if left.limit else (left, right)
        return _scaled("a product", number, limited, exact)
    _require_not_negative("a product", left, right)
    return _limited("a product", number, left.limit, right.limit, positive=True)


def _scaled(what: str, number: Decimal, value: Measured, factor: Measured) -> Measured:
    """A value times or divided by an exact number, which gives `number`."""
    if factor.number == 0:
        return Measured(_ZERO)
    limit = value.limit if factor.number > 0 else _other_side(value.limit)
    return _limited(what, number, limit, positive=factor.number > 0 and value.never_negative)


def _quotient(left: Measured, right: Measured) -> Measured:
    number = _ARITHMETIC.divide(left.number, right.number)
    if not right.limit:
        return _scaled("a quotient", number, left, right)
    _require_not_negative("a quotient", right)
    if left.limit:
        _require_not_negative("a quotient", left)
    elif left.number <= 0:
        return Measured(number, "" if left.number == 0 else right.limit, maybe_negative=True)
    return _limited("a quotient", number, left.limit, _other_side(right.limit), positive=True)


def _power(base: Measured, exponent: Measured) -> Measured:
    if exponent.limit:
        raise _Open("a power with a limit as exponent")
    if base.number == 0 and exponent.number < 0:
        raise DivisionByZero
    number = _ARITHMETIC.power(base.number, exponent.number)
    if not base.limit or exponent.number == 0:
        return Measured(number)
    _require_not_negative("a power", base)
    limit = base.limit if exponent.number > 0 else _other_side(base.limit)
    return _limited("a power", number, limit, positive=True)


def _growing(function: str, value: Measured) -> Measured:
    """The functions that grow with their operand, so that the result has its limit."""
    number = value.number
    if function == "exp":
        return Measured(_ARITHMETIC.exp(number), value.limit)
    if value.limit == "<":
        _require_not_negative(function, value)
    if function == "sqrt":
        return Measured(_ARITHMETIC.sqrt(number), value.limit)
    if number == 0:
        raise InvalidOperation
    logarithm = _ARITHMETIC.ln(number) if function == "ln" else _ARITHMETIC.log10(number)
    return Measured(logarithm, value.limit, value.limit == "<")


def _rounded(value: Measured, places: list[Measured]) -> Measured:
    """The number to so many places after the point: halves away from zero, a limit to the side on which it holds."""
    wanted = places[0] if places else Measured(_ZERO)
    if wanted.limit or wanted.number != wanted.number.to_integral_value() or abs(wanted.number) > _MAX_PLACES:
        raise NoResult(f"a number is rounded to a whole number of places, at most {_MAX_PLACES}, not {shown(wanted)}")
    unit = Decimal(1).scaleb(-int(wanted.number))
    wide = Context(prec=_ARITHMETIC.prec + _ARITHMETIC.Emax, rounding=_ROUNDING[value.limit])
    return replace(value, number=value.number.quantize(unit, context=wide), reached=bool(value.limit))


_ORDER: Final[Mapping[Limit, int]] = {"<": 0, "": 1, ">": 2}
"""Of values at the same number: which is the least."""


def _extreme(which: str, values: list[Measured]) -> Measured:
    """The greatest or the least of some values."""
    positive = _none_negative(values)
    found, *others = values if which == "max" else map(_negated, values)
    for value in others:
        found = _greater(found, value)
    found = found if which == "max" else _negated(found)
    return replace(found, maybe_negative=found.limit == "<" and not positive)


def _greater(left: Measured, right: Measured) -> Measured:
    """The greater of two values. Raises _Open where a value above the lower limit may be the greater one."""
    low, high = sorted((left, right), key=lambda value: (value.number, _ORDER[value.limit]))
    if low.limit == ">" and high.limit != ">":
        raise _Open("the choice between values and limits")
    return high


def _compared(operator: str, left: Measured, right: Measured) -> bool:
    if operator in (">", ">="):
        return _compared("<" if operator == ">" else "<=", right, left)
    if operator == "!=":
        return not _compared("==", left, right)
    if not left.limit and not right.limit:
        holds = {"<": left.number < right.number, "<=": left.number <= right.number}
        return holds.get(operator, left.number == right.number)
    if _is_below(left, right):
        return operator != "=="
    if _is_below(right, left):
        return False
    raise _Open("a comparison with a limit")


def _is_below(left: Measured, right: Measured) -> bool:
    """True when the left one of two values, of which one is a limit, is less than the right one, whatever they are."""
    apart = any(value.limit and not value.reached for value in (left, right))
    near_enough = left.number <= right.number if apart else left.number < right.number
    return left.limit != ">" and right.limit != "<" and near_enough

"""Values as literals in the text of a statement of the MySQL family, many rows at once.

Its drivers make a literal of each value by Python code, which takes longer than the server needs for all the rest.
JSON writes numbers, null and text as SQL does in the mode that every connection is given (`engines.SQL_MODE`: a double
quote begins a text, a backslash an escape), so a JSON encoder does it here for a row at a time. Two escapes of JSON
mean something else in SQL: values that need them are left to the driver, and so are values that are no JSON.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

import orjson
import sqlalchemy as sa
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator, TypeEngine

from catalog.dialect.drivers import STATEMENT_BYTES
from catalog.dialect.types import ExactDecimal

_INSERT: Final = re.compile(r"(INSERT INTO .*? VALUES )\(%s(?:, %s)*\)(.*)", re.DOTALL)
_OTHER_ESCAPES: Final = re.compile(rb"\\[fu]")
"""What stands for a form feed or another control character in JSON; after a second backslash it does not matter."""


@dataclass(frozen=True, slots=True)
class InsertFrame:
    """The text of an insert around its rows."""

    before: bytes
    after: bytes

    def statements(self, rows: Iterable[Sequence[Any]]) -> Iterator[bytes] | None:
        """The insert of rows, in few statements; None when a value is left to the driver."""
        try:
            literals = [b"(" + orjson.dumps(row, default=_number)[1:-1] + b")" for row in rows]
        except TypeError:
            return None
        if any(map(_OTHER_ESCAPES.search, literals)):
            return None
        return self._joined(literals)

    def _joined(self, literals: Sequence[bytes]) -> Iterator[bytes]:
        room = STATEMENT_BYTES - len(self.before) - len(self.after)
        start = size = 0
        for end, literal in enumerate(literals):
            size += len(literal) + 1
            if size > room and end > start:
                yield self.before + b",".join(literals[start:end]) + self.after
                start, size = end, len(literal) + 1
        yield self.before + b",".join(literals[start:]) + self.after


def insert_frame(text: str, types: Iterable[TypeEngine[Any]], dialect: Dialect) -> InsertFrame | None:
    """The frame of an insert whose parameters have some types; None where these, or the insert, are left to the driver.

    Floats have no place here: JSON has neither infinity nor what is no number.
    """
    found = _INSERT.fullmatch(text)
    if found is None or not all(_has_literals(type_, dialect) for type_ in types):
        return None
    # The driver would do so with all that is no placeholder.
    before, after = (part.replace("%%", "%").encode() for part in found.groups())
    return InsertFrame(before, after)


def _has_literals(type_: TypeEngine[Any], dialect: Dialect) -> bool:
    implementation = type_.dialect_impl(dialect)
    base = implementation.impl_instance if isinstance(implementation, TypeDecorator) else implementation
    return isinstance(base, sa.String | sa.Integer | sa.Boolean) or isinstance(type_, ExactDecimal)


def text_literal(text: str) -> bytes | None:
    """A text as a literal; None when it is left to the driver."""
    try:
        literal = orjson.dumps(text)
    except TypeError:
        return None
    return None if _OTHER_ESCAPES.search(literal) else literal


def _number(value: object) -> str:
    """An exact number as text, which the server turns into the same number."""
    if isinstance(value, Decimal) and value.is_finite():
        return str(value)
    raise TypeError(f"{type(value).__name__} is left to the driver")

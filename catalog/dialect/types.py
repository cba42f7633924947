"""Column types that compare alike on every database, and the options of every table."""

from decimal import Context, Decimal
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import mysql
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.types import TypeDecorator, TypeEngine

from catalog.dialect.engines import is_mariadb
from catalog.schema import DECIMAL_DIGITS, DECIMAL_PLACES


class BinaryText(sa.String):
    """Text compared by code point, trailing blanks included; no length means long text."""

    cache_ok = True
    __visit_name__ = "catalog_binary_text"


class AsciiText(sa.String):
    """ASCII text compared by code point, at most `length` bytes."""

    cache_ok = True
    __visit_name__ = "catalog_ascii_text"


class LongText(TypeDecorator[str]):
    """A text column that holds texts up to a length as they are, and something else for longer ones."""

    cache_ok = True
    kept_length: int
    """Length of the longest text that is stored as it is."""


def _mysql_text(length: int | None, charset: str, collation: str) -> str:
    kind = "LONGTEXT" if length is None else f"VARCHAR({length})"
    return f"{kind} CHARACTER SET {charset} COLLATE {collation}"


@compiles(BinaryText)
@compiles(AsciiText)
def _text_by_default(type_: sa.String, compiler: Any, **kw: Any) -> str:
    return "TEXT"


@compiles(BinaryText, "mysql")
@compiles(BinaryText, "mariadb")
def _binary_text_mysql(type_: sa.String, compiler: Any, **kw: Any) -> str:
    collation = "utf8mb4_nopad_bin" if is_mariadb(compiler.dialect) else "utf8mb4_0900_bin"
    return _mysql_text(type_.length, "utf8mb4", collation)


@compiles(AsciiText, "mysql")
@compiles(AsciiText, "mariadb")
def _ascii_text_mysql(type_: sa.String, compiler: Any, **kw: Any) -> str:
    collation = "ascii_nopad_bin" if is_mariadb(compiler.dialect) else "ascii_bin"
    return _mysql_text(type_.length, "ascii", collation)


class ExactDecimal(TypeDecorator[Decimal]):
    """DECIMAL(38,12); on SQLite a text of 39 digits that sorts like the number."""

    impl = sa.Numeric(DECIMAL_DIGITS, DECIMAL_PLACES)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """TEXT on SQLite, whose own numbers are floats beyond 64 bits."""
        if dialect.name == "sqlite":
            return dialect.type_descriptor(BinaryText())
        return dialect.type_descriptor(sa.Numeric(DECIMAL_DIGITS, DECIMAL_PLACES))

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> Any:
        """Write a number; one outside 26 + 12 digits raises ArithmeticError, so check values first."""
        if value is None or dialect.name != "sqlite":
            return value
        return sortable_decimal(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> Decimal | None:
        """Read a number as Decimal with 12 places."""
        if value is None or dialect.name != "sqlite":
            return value  # type: ignore[no-any-return]
        return decimal_of_sortable(value)


_DECIMAL_SPAN: Final = 10**DECIMAL_DIGITS
_WIDE: Final = Context(prec=100)


def sortable_decimal(value: Decimal) -> str:
    """A text of 39 digits for a number of at most 26 + 12 digits; texts sort as the numbers do.

    Raises ArithmeticError for a larger number.
    """
    scaled = int(value.scaleb(DECIMAL_PLACES, context=_WIDE))
    if abs(scaled) >= _DECIMAL_SPAN:
        raise ArithmeticError(f"{value} has more than {DECIMAL_DIGITS - DECIMAL_PLACES} digits before the point")
    return f"1{scaled:0{DECIMAL_DIGITS}d}" if scaled >= 0 else f"0{_DECIMAL_SPAN + scaled:0{DECIMAL_DIGITS}d}"


def decimal_of_sortable(text: str) -> Decimal:
    """The number that `sortable_decimal` wrote."""
    scaled = int(text[1:]) - (0 if text[0] == "1" else _DECIMAL_SPAN)
    return Decimal(scaled).scaleb(-DECIMAL_PLACES, context=_WIDE)


def exact_decimal() -> TypeEngine[Decimal]:
    """A number of 26 digits before and 12 after the point, compared exactly."""
    return ExactDecimal()


def long_text() -> TypeEngine[str]:
    """Text of any length, compared by code point."""
    return BinaryText()


def text_key(length: int) -> TypeEngine[str]:
    """Text of at most `length` characters that may be a key, compared by code point."""
    return BinaryText(length)


def ascii_key(length: int) -> TypeEngine[str]:
    """ASCII text of at most `length` bytes that may be a key."""
    return AsciiText(length)


def long_bytes() -> TypeEngine[bytes]:
    """Bytes of any length."""
    return sa.LargeBinary().with_variant(mysql.LONGBLOB(), "mysql", "mariadb")


def big_key() -> TypeEngine[int]:
    """A 64-bit integer that may be a primary key (on SQLite the rowid)."""
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def big_integer() -> TypeEngine[int]:
    """A 64-bit integer."""
    return big_key()


def small_integer() -> TypeEngine[int]:
    """A 16-bit integer (SQLite's strict tables know only INTEGER)."""
    return sa.SmallInteger().with_variant(sa.Integer(), "sqlite")


TABLE_OPTIONS: Final[dict[str, Any]] = {
    "sqlite_strict": True,
    "mysql_engine": "InnoDB",
    "mysql_charset": "utf8mb4",
    "mysql_row_format": "DYNAMIC",
    "mariadb_engine": "InnoDB",
    "mariadb_charset": "utf8mb4",
    "mariadb_row_format": "DYNAMIC",
}
"""Keyword arguments of every `sqlalchemy.Table`: InnoDB on one side, STRICT on the other."""

"""Keys of existing rows that are no whole numbers: their texts, and those texts and their digests as SQL.

A key is a tuple of texts, one for each of its columns: text as it is, whole numbers and dates as they are written,
bytes in hexadecimal digits. Python and the databases compute the same digest of 60 bits of such a key, so a row is
found by the digest without remembering it, although not as fast as by its key.
"""

import hashlib
import uuid
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import mysql
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeEngine

DIGEST_DIGITS: Final = 15
"""Hexadecimal digits of a digest."""
_SEPARATOR: Final = "\x1f"


def key_text(value: object) -> str | None:
    """The text of what a key column holds; None for what can be no part of a key."""
    match value:
        case bool() | float() | datetime():
            return None
        case str():
            return value
        case bytes():
            return value.hex()
        case int() | uuid.UUID():
            return str(value)
        case date():
            return value.isoformat()
    return None


def is_key_type(type_: TypeEngine[Any]) -> bool:
    """True for columns whose values have a text of their own, and so can be part of a key."""
    if isinstance(type_, (mysql.SET, mysql.BIT, sa.JSON)):
        return False
    return isinstance(type_, (sa.Integer, sa.String, sa.Uuid, sa.LargeBinary, sa.BINARY, sa.VARBINARY, sa.Date))


def key_value(text: str, type_: TypeEngine[Any], words: Sequence[str] = ()) -> Any:
    """The value of a key column, as its database stores it, for a text; None when the column holds no such value.

    `words` are the only ones that the column takes.
    """
    try:
        match type_:
            case sa.Integer():
                return int(text) if str(int(text)) == text else None
            case sa.Date():
                return date.fromisoformat(text)
            case sa.Uuid():
                found = uuid.UUID(text)
                return found if type_.as_uuid else str(found)
            case sa.LargeBinary() | sa.BINARY() | sa.VARBINARY():
                known = bytes.fromhex(text)
                fixed = type_.length if isinstance(type_, sa.BINARY) else None
                return known.ljust(fixed or 0, b"\0")
            case sa.CHAR():
                text = text.rstrip(" ")
    except ValueError:
        return None
    return next((word for word in words if word.casefold() == text.casefold()), None) if words else text


def digest(texts: Sequence[str]) -> int:
    """The digest of a key."""
    joined = "-".join(text.encode("utf-8", "surrogatepass").hex().upper() for text in texts)
    return int(hashlib.sha256(joined.encode()).hexdigest()[:DIGEST_DIGITS], 16)


def joined_text(texts: Sequence[str]) -> str:
    """A key as one text, as `key_as_text` makes it."""
    return _SEPARATOR.join(texts)


def split_text(text: str) -> tuple[str, ...]:
    """The key that a joined text is of."""
    return tuple(text.split(_SEPARATOR))


class key_digest(FunctionElement[int]):  # noqa: N801 - named as functions of SQL are
    """The digest of a key, from its columns."""

    type = sa.BigInteger()
    inherit_cache = True
    name = "key_digest"


class key_as_text(FunctionElement[str]):  # noqa: N801 - named as functions of SQL are
    """A key as one text, from its columns."""

    type = sa.String()
    inherit_cache = True
    name = "key_as_text"


@compiles(key_digest)
@compiles(key_as_text)
def _by_function(element: Any, compiler: Any, **kw: Any) -> str:
    """A call of the function that connections to SQLite have under the name."""
    return f"{element.name}({', '.join(compiler.process(column, **kw) for column in element.clauses)})"


@compiles(key_digest, "mysql")
@compiles(key_digest, "mariadb")
def _key_digest_mysql(element: Any, compiler: Any, **kw: Any) -> str:
    parts = ", ".join(f"HEX({_text_mysql(column, compiler, kw)})" for column in element.clauses)
    return f"CAST(CONV(LEFT(SHA2(CONCAT_WS('-', {parts}), 256), {DIGEST_DIGITS}), 16, 10) AS UNSIGNED)"


@compiles(key_as_text, "mysql")
@compiles(key_as_text, "mariadb")
def _key_as_text_mysql(element: Any, compiler: Any, **kw: Any) -> str:
    parts = ", ".join(_text_mysql(column, compiler, kw) for column in element.clauses)
    return f"(CONCAT_WS(CHAR({ord(_SEPARATOR)}), {parts}) COLLATE utf8mb4_bin)"


def _text_mysql(column: Any, compiler: Any, options: dict[str, Any]) -> str:
    text = compiler.process(column, **options)
    if isinstance(column.type, (sa.LargeBinary, sa.BINARY, sa.VARBINARY)):
        text = f"LOWER(HEX({text}))"
    return f"CONVERT({text} USING utf8mb4)"


def sqlite_key_digest(*values: object) -> int | None:
    """`key_digest` as SQLite calls it: NULL when a value can be no part of a key."""
    texts = [text for text in map(key_text, values) if text is not None]
    return digest(texts) if len(texts) == len(values) else None


def sqlite_key_as_text(*values: object) -> str | None:
    """`key_as_text` as SQLite calls it: NULL when a value can be no part of a key."""
    texts = [text for text in map(key_text, values) if text is not None]
    return joined_text(texts) if len(texts) == len(values) else None

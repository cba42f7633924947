"""Letters without their case: in the database as here, one character for one.

SQLite and the collations of MySQL know different letters, and collations take accented ones for plain ones, so neither
is left to decide.
"""

from typing import Any, Final

from sqlalchemy import String, Table
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql import ColumnElement
from sqlalchemy.sql.functions import FunctionElement

SQLITE_FOLDED: Final = "folded"
_BINARY: Final = ("_bin", "_cs")


def fold(text: str) -> str:
    """A text in small letters, as long as it was: of one that becomes a letter and an accent, the letter."""
    small = text.lower()
    return small if len(small) == len(text) else "".join(letter.lower()[0] for letter in text)


def has_case(text: str) -> bool:
    """True for a text that other cases of its letters would change."""
    return text.lower() != text or text.upper() != text


def sqlite_folded(value: object) -> object:
    """`fold` as SQLite calls it; what is no text stays as it is."""
    return fold(value) if isinstance(value, str) else value


class folded(FunctionElement[str]):  # noqa: N801 - named like the functions of SQLAlchemy
    """A text column in small letters, to be compared with texts that `fold` gives."""

    type = String()
    inherit_cache = True


@compiles(folded)
def _folded(element: folded, compiler: Any, **kw: Any) -> str:
    return f"{SQLITE_FOLDED}({compiler.process(element.clauses, **kw)})"


@compiles(folded, "mysql")
@compiles(folded, "mariadb")
def _folded_mysql(element: folded, compiler: Any, **kw: Any) -> str:
    return f"(LOWER(CONVERT({compiler.process(element.clauses, **kw)} USING utf8mb4)) COLLATE utf8mb4_bin)"


def like_ignores_case(column: ColumnElement[Any]) -> bool:
    """True when LIKE finds a column's texts at least in whatever case, for all letters of ASCII."""
    collation = getattr(column.type, "collation", None)
    table = getattr(column, "table", None)
    if collation is None and isinstance(table, Table):
        collation = next((str(value) for name, value in table.kwargs.items() if name.endswith("collate")), None)
    return collation is None or not collation.lower().endswith(_BINARY)

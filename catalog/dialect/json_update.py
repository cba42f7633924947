"""Updates of many rows on the MySQL family, which takes them as a table of JSON."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final

import orjson
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Dialect
from sqlalchemy.types import TypeDecorator

from catalog.dialect.engines import PACKET, is_mariadb, is_mysql_family
from catalog.dialect.literals import text_literal
from catalog.dialect.prepared import on_cursor
from catalog.dialect.types import AsciiText
from catalog.errors import BulkWarning

DEFAULT_PACKET_BYTES: Final = 16 * 1024 * 1024
_ROWS: Final = "%(rows)s"


def _json_type(column: sa.Column[Any], dialect: Dialect) -> str:
    implementation = column.type.dialect_impl(dialect)
    base = implementation.impl_instance if isinstance(implementation, TypeDecorator) else implementation
    if isinstance(base, AsciiText):
        return f"LONGTEXT CHARACTER SET ascii COLLATE {'ascii_nopad_bin' if is_mariadb(dialect) else 'ascii_bin'}"
    if isinstance(base, (sa.String, sa.Text)):
        return f"LONGTEXT CHARACTER SET utf8mb4 COLLATE {'utf8mb4_nopad_bin' if is_mariadb(dialect) else 'utf8mb4_bin'}"
    if isinstance(base, (sa.Integer, sa.Boolean)):
        return "BIGINT"
    if isinstance(base, sa.Numeric):
        return "DECIMAL(65,30)"
    if isinstance(base, sa.DateTime):
        return "DATETIME(6)"
    raise TypeError(f"column {column.name}: {column.type!r} cannot be set by bulk_update")


def _json_value(value: object) -> str:
    """What JSON has no notation of, as text."""
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    raise TypeError(f"{type(value).__name__} cannot be passed by bulk_update")


def _json_rows(
    columns: Sequence[sa.Column[Any]], rows: Sequence[Mapping[str, Any]], dialect: Dialect
) -> Iterator[bytes]:
    processors = [(column.name, column.type.dialect_impl(dialect).bind_processor(dialect)) for column in columns]
    for row in rows:
        values = [row[name] if process is None else process(row[name]) for name, process in processors]
        yield orjson.dumps(values, default=_json_value, option=orjson.OPT_PASSTHROUGH_DATETIME)


def _packets(texts: Iterable[bytes], limit: int) -> Iterator[str]:
    """JSON arrays of as many rows as stay below the limit in bytes, quoting included."""
    gathered: list[bytes] = []
    size = 0
    for text in texts:
        bytes_ = len(text) + text.count(b'"') + text.count(b"\\") + 1
        if gathered and size + bytes_ > limit:
            yield f"[{b','.join(gathered).decode()}]"
            gathered, size = [], 0
        gathered.append(text)
        size += bytes_
    if gathered:
        yield f"[{b','.join(gathered).decode()}]"


def update_by_json(
    connection: Connection,
    table: sa.Table,
    key_column: sa.Column[Any],
    columns: tuple[sa.Column[Any], ...],
    rows: Sequence[Mapping[str, Any]],
    version: sa.Column[Any] | None,
) -> int:
    """Give many rows their own values, as `bulk_update`; the rows are the one parameter of a statement."""
    dialect = connection.dialect
    passed = [key_column, *columns, *([] if version is None else [version])]
    text = _json_table_text(dialect, table, key_column, columns, version)
    limit = int(connection.info.get(PACKET, DEFAULT_PACKET_BYTES)) // 4
    return sum(
        on_cursor(connection, text, {"rows": packet}, _updated_from_json, many=False)
        for packet in _packets(_json_rows(passed, rows, dialect), limit)
    )


def _updated_from_json(dialect: Dialect, cursor: Any, text: str, parameters: Any) -> int:
    literal = text_literal(parameters["rows"])
    if literal is None:
        return executed_update(dialect, cursor, text, parameters)
    before, after = (part.replace("%%", "%").encode() for part in text.split(_ROWS))
    return executed_update(dialect, cursor, before + literal + after, None)


@lru_cache(maxsize=1000)
def _json_table_text(
    dialect: Dialect,
    table: sa.Table,
    key_column: sa.Column[Any],
    columns: tuple[sa.Column[Any], ...],
    version: sa.Column[Any] | None,
) -> str:
    """The statement, whose rows are its one parameter."""
    quote = dialect.identifier_preparer.quote
    passed = [key_column, *columns, *([] if version is None else [version])]
    declared = ", ".join(f"c{n} {_json_type(column, dialect)} PATH '$[{n}]'" for n, column in enumerate(passed))
    match = [f"t.{quote(key_column.name)} = j.c0"]
    settings = [f"t.{quote(column.name)} = j.c{n}" for n, column in enumerate(columns, start=1)]
    if version is not None:
        match.append(f"t.{quote(version.name)} = j.c{len(passed) - 1}")
        settings.append(f"t.{quote(version.name)} = t.{quote(version.name)} + 1")
    name = dialect.identifier_preparer.format_table(table)
    # Only quoted identifiers are put together here; every value travels in :rows.
    joined = f"{name} t JOIN JSON_TABLE({_ROWS}, '$[*]' COLUMNS ({declared})) j ON {' AND '.join(match)}"
    return f"UPDATE {joined} SET {', '.join(settings)}"  # noqa: S608


def executed_update(dialect: Dialect, cursor: Any, text: str | bytes, parameters: Any) -> int:
    """Execute an update; the number of rows that were matched. Raises BulkWarning when the database warns."""
    cursor.execute(text, parameters)
    matched = int(cursor.rowcount)
    if is_mysql_family(dialect) and cursor.warning_count:
        cursor.execute("SHOW WARNINGS")
        raise BulkWarning("; ".join(f"{row[1]}: {row[2]}" for row in cursor.fetchmany(5)))
    return matched

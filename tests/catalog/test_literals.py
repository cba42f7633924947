"""Values as literals in the text of a statement: what is written so, what is left to the driver."""

from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.dialects.mysql.mariadb import MariaDBDialect

from catalog import dialect
from catalog.dialect.drivers import STATEMENT_BYTES
from catalog.dialect.literals import InsertFrame, insert_frame, text_literal

FRAME = InsertFrame(b"INSERT INTO t (a, b) VALUES ", b" ON DUPLICATE KEY UPDATE a = VALUES(a)")
UNESCAPED = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", '"': '"', "\\": "\\"}


def _as_sql_reads(literal: str) -> str:
    """A literal in double quotes by the rules of the MySQL family; refuses what has another meaning there."""
    assert literal[0] == literal[-1] == '"'
    found, rest = [], iter(literal[1:-1])
    for character in rest:
        assert character != '"'
        found.append(UNESCAPED[next(rest)] if character == "\\" else character)
    return "".join(found)


@given(st.text())
def test_a_text_is_read_as_it_was_or_left_to_the_driver(text: str) -> None:
    literal = text_literal(text)
    if literal is None:
        assert any(character < " " for character in text) or "\\u" in text or "\\f" in text
    else:
        assert _as_sql_reads(literal.decode()) == text


@pytest.mark.parametrize(
    ("row", "literal"),
    [
        pytest.param((1, None), b"(1,null)", id="none"),
        pytest.param((2**63 - 1, 'it\'s 100 % "é"'), '(9223372036854775807,"it\'s 100 % \\"é\\"")'.encode(), id="text"),
        pytest.param((True, Decimal("1.50")), b'(true,"1.50")', id="decimal"),
    ],
)
def test_a_row_is_one_literal(row: tuple[Any, ...], literal: bytes) -> None:
    assert list(FRAME.statements([row, row]) or ()) == [FRAME.before + literal + b"," + literal + FRAME.after]


@pytest.mark.parametrize(
    "value",
    [
        pytest.param("\x1b", id="escape"),
        pytest.param("\f", id="form feed"),
        pytest.param("\ud800", id="surrogate"),
        pytest.param(2**64, id="too large"),
        pytest.param(b"x", id="bytes"),
        pytest.param(Decimal("NaN"), id="no number"),
    ],
)
def test_what_json_writes_otherwise_is_left_to_the_driver(value: object) -> None:
    assert FRAME.statements([(1, "plain"), (2, value)]) is None


def test_statements_stay_below_the_limit_of_servers_unless_one_row_does_not() -> None:
    rows = [(number, "x" * size) for number, size in enumerate([400_000, 400_000, 400_000, 2_000_000, 5])]
    lengths = [len(statement) for statement in FRAME.statements(rows) or ()]
    assert [length > STATEMENT_BYTES for length in lengths] == [False, False, True, False]


@pytest.mark.parametrize(
    ("columns", "written"),
    [
        pytest.param([sa.Column("a", dialect.big_key()), sa.Column("b %", dialect.text_key(9))], True, id="plain"),
        pytest.param([sa.Column("a", dialect.exact_decimal())], True, id="exact"),
        pytest.param([sa.Column("a", sa.Double())], False, id="float"),
        pytest.param([sa.Column("a", dialect.long_bytes())], False, id="bytes"),
    ],
)
def test_the_types_of_columns_decide(columns: list[sa.Column[Any]], written: bool) -> None:
    text = f"INSERT INTO t ({', '.join(column.name.replace('%', '%%') for column in columns)}) VALUES "
    frame = insert_frame(text + f"({', '.join(['%s'] * len(columns))})", [c.type for c in columns], MariaDBDialect())
    assert (frame is not None) is written
    assert frame is None or frame.before.decode() == text.replace("%%", "%")

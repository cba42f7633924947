"""Stored values as indexes want them."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from catalog import Index, IndexKind, ValueType
from objapi.model.index_values import index_converter, index_value

MOMENT = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("kind", "value_type", "stored", "expected"),
    [
        (IndexKind.FIELD, ValueType.STRING, "x", "x"),
        (IndexKind.FIELD, ValueType.STRING, "", ""),
        (IndexKind.FIELD, ValueType.STRING, None, None),
        (IndexKind.FIELD, ValueType.STRING, 12, "12"),
        (IndexKind.FIELD, ValueType.STRING, ["a", "b"], "a, b"),
        (IndexKind.FIELD, ValueType.STRING, {"a": 1}, '{"a":1}'),
        (IndexKind.FIELD, ValueType.INTEGER, 12, 12),
        (IndexKind.FIELD, ValueType.INTEGER, " -12 ", -12),
        (IndexKind.FIELD, ValueType.INTEGER, "1.5", None),
        (IndexKind.FIELD, ValueType.INTEGER, "٣", None),
        (IndexKind.FIELD, ValueType.INTEGER, "+-5", None),
        (IndexKind.FIELD, ValueType.INTEGER, [], None),
        (IndexKind.FIELD, ValueType.DECIMAL, "1.50", Decimal("1.50")),
        (IndexKind.FIELD, ValueType.DECIMAL, "much", None),
        (IndexKind.FIELD, ValueType.DECIMAL, "NaN", None),
        (IndexKind.FIELD, ValueType.DECIMAL, "Infinity", None),
        (IndexKind.FIELD, ValueType.DATETIME, MOMENT.isoformat(), MOMENT),
        (IndexKind.FIELD, ValueType.BOOLEAN, True, True),
        (IndexKind.FIELD, ValueType.BOOLEAN, "yes", None),
        (IndexKind.KEYWORD, ValueType.STRING, ["a", None, "", 1], ["a", "1"]),
        (IndexKind.KEYWORD, ValueType.STRING, "a", ["a"]),
        (IndexKind.KEYWORD, ValueType.STRING, [], None),
        (IndexKind.KEYWORD, ValueType.STRING, None, None),
        (IndexKind.CODE, ValueType.STRING, "A-1", ["A-1"]),
        (IndexKind.CODE, ValueType.STRING, ["A-1", None, "", 7, ["B", None, "C"]], ["A-1", "7", "B", "C"]),
        (IndexKind.CODE, ValueType.STRING, [None, []], None),
        (IndexKind.BOOLEAN, ValueType.BOOLEAN, False, False),
        (IndexKind.BOOLEAN, ValueType.BOOLEAN, None, None),
        (IndexKind.BOOLEAN, ValueType.BOOLEAN, 1, True),
        (IndexKind.DATE, ValueType.DATETIME, MOMENT.isoformat(), MOMENT),
        (IndexKind.DATE, ValueType.DATETIME, "", None),
        (IndexKind.DATE_RANGE, ValueType.DATETIME, [None, MOMENT.isoformat()], (None, MOMENT)),
        (IndexKind.DATE_RANGE, ValueType.DATETIME, None, (None, None)),
        (IndexKind.TEXT, ValueType.STRING, ["one", "two"], ["one", "two"]),
        (IndexKind.TEXT, ValueType.STRING, 3, "3"),
        (IndexKind.UUID, ValueType.STRING, "0" * 32, "0" * 32),
    ],
)
def test_a_stored_value_for_an_index(kind: IndexKind, value_type: ValueType, stored: object, expected: object) -> None:
    index = Index("x", kind, value_type)
    assert index_value(index, stored) == expected
    if stored is not None:
        assert index_converter(index)(stored) == expected


def test_a_number_beyond_the_column_is_missing() -> None:
    index = Index("x", IndexKind.FIELD, ValueType.INTEGER)
    assert index_value(index, 2**63 - 1) == 2**63 - 1
    for stored in (2**63, "9" * 30, -(2**63) - 1):
        assert index_value(index, stored) is None

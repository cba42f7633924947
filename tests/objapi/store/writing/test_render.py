"""Stored values as indexes and keys want them."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog import Index, IndexKind, ValueType
from objapi.store.records import RowIds
from objapi.store.writing.draft import sortable
from objapi.store.writing.render import KEY_LENGTH, index_value, title_key

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
    assert index_value(Index("x", kind, value_type), stored) == expected


def test_a_number_beyond_the_column_is_missing() -> None:
    index = Index("x", IndexKind.FIELD, ValueType.INTEGER)
    assert index_value(index, 2**63 - 1) == 2**63 - 1
    for stored in (2**63, "9" * 30, -(2**63) - 1):
        assert index_value(index, stored) is None


@given(st.text(max_size=300), st.text(max_size=300))
def test_keys_of_titles_are_equal_only_for_equal_titles(one: str, other: str) -> None:
    assert len(title_key(one)) <= KEY_LENGTH
    assert (title_key(one) == title_key(other)) == (one == other)


@pytest.mark.parametrize(
    ("title", "expected"),
    [("Éclair 7", "eclair 0007"), ("  B 12345 ", "b 12345"), ("x" * 99, "x" * 70), ("", "")],
)
def test_titles_to_sort_by(title: str, expected: str) -> None:
    assert sortable(title) == expected


def test_row_numbers_rise() -> None:
    given_out = RowIds()
    numbers = [given_out.next() for _ in range(5000)]
    assert numbers == sorted(set(numbers))
    assert 0 < numbers[-1] < 2**63

"""Keys of titles, and row numbers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from objapi.store.records import RowIds
from objapi.store.writing.draft import sortable
from objapi.store.writing.render import KEY_LENGTH, title_key


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

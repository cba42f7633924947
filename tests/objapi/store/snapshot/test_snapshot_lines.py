"""Lines of snapshots: what is written is read again, and every change of a line is found."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from objapi.store.snapshot.snapshot_lines import (
    BLOCK_ROWS,
    SnapshotError,
    SnapshotHeader,
    read_blocks,
    read_header,
    written_lines,
)

HEADER = SnapshotHeader(
    "1", "0001", "Plone", ("lims",), "f", "2026-01-01T00:00:00+00:00", {"one": ["a"], "two": ["a", "b"]}, {}
)
VALUES = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(max_size=20)
ROWS = st.lists(
    st.one_of(
        st.tuples(st.just("one"), st.lists(VALUES, min_size=1, max_size=1)),
        st.tuples(st.just("two"), st.lists(VALUES, min_size=2, max_size=2)),
    ),
    max_size=30,
)


def read(lines: list[bytes]) -> tuple[SnapshotHeader, list[tuple[str, list[Any]]]]:
    header = read_header(lines[0])
    return header, [row for block in read_blocks(iter(lines[1:]), header, lines[0]) for row in block.rows]


@given(rows=ROWS)
def test_what_is_written_is_read_again(rows: list[tuple[str, list[Any]]]) -> None:
    assert read(list(written_lines(HEADER, rows))) == (HEADER, rows)


@given(rows=ROWS, data=st.data())
def test_every_change_is_found(rows: list[tuple[str, list[Any]]], data: st.DataObject) -> None:
    lines = list(written_lines(HEADER, rows))
    place = data.draw(st.integers(1, len(lines) - 1))
    other = data.draw(st.sampled_from(["change", "leave out", "repeat", "end"]))
    changed = {
        "change": [*lines[:place], lines[place][:-1] + b" \n", *lines[place + 1 :]],
        "leave out": [*lines[:place], *lines[place + 1 :]],
        "repeat": [*lines[:place], lines[place], *lines[place:]],
        "end": lines[:place],
    }[other]
    if other == "change" and place == len(lines) - 1:
        # White space in the last line alone changes nothing of what it says.
        assert read(changed) == (HEADER, rows)
        return
    with pytest.raises(SnapshotError):
        read(changed)


def test_blocks_end_after_so_many_rows() -> None:
    lines = list(written_lines(replace(HEADER), [("one", [1])] * (BLOCK_ROWS + 1)))
    blocks = list(read_blocks(iter(lines[1:]), HEADER, lines[0]))
    assert [len(block.rows) for block in blocks] == [BLOCK_ROWS, 1]
    assert [block.is_last for block in blocks] == [False, True]

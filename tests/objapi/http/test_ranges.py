"""Parts of files: which bytes a request means."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from objapi.errors import RangeNotSatisfiable
from objapi.http.ranges import FileConditions


@pytest.mark.parametrize(
    ("conditions", "part"),
    [
        (FileConditions(), None),
        (FileConditions("bytes=0-3"), (0, 4)),
        (FileConditions("bytes=4-"), (4, 10)),
        (FileConditions("bytes=-3"), (7, 10)),
        (FileConditions("bytes=-30"), (0, 10)),
        (FileConditions("bytes=8-400"), (8, 10)),
        (FileConditions("bytes=0-1,4-5"), None),
        (FileConditions("lines=0-1"), None),
        (FileConditions("bytes=5-2"), None),
        (FileConditions("bytes"), None),
        (FileConditions("bytes=0-3", '"tag"'), (0, 4)),
        (FileConditions("bytes=0-3", '"other"'), None),
        (FileConditions("bytes=0-3", 'W/"tag"'), None),
        (FileConditions("bytes=0-3", "Wed, 21 Oct 2015 07:28:00 GMT"), None),
    ],
)
def test_a_single_range_of_the_file_as_it_is(conditions: FileConditions, part: tuple[int, int] | None) -> None:
    assert conditions.part(10, "tag") == part


@pytest.mark.parametrize(("asked", "size"), [("bytes=10-", 10), ("bytes=99-100", 10), ("bytes=0-", 0), ("bytes=-1", 0)])
def test_bytes_that_there_are_not(asked: str, size: int) -> None:
    with pytest.raises(RangeNotSatisfiable) as refused:
        FileConditions(asked).part(size, "tag")
    assert refused.value.headers == {"Content-Range": f"bytes */{size}"}


@given(st.text("bytes=0123456789-, ", max_size=20), st.integers(0, 50))
def test_whatever_is_asked_lies_within_the_file(asked: str, size: int) -> None:
    try:
        part = FileConditions(asked).part(size, "tag")
    except RangeNotSatisfiable:
        return
    if part is not None:
        assert 0 <= part[0] < part[1] <= size


@pytest.mark.parametrize(
    ("tags", "current"),
    [("", False), ('"tag"', True), ('W/"tag"', True), ('"a", "tag"', True), ("*", True), ('"other"', False)],
)
def test_a_client_may_have_the_file(tags: str, current: bool) -> None:
    assert FileConditions(if_none_match=tags).is_current("tag") is current

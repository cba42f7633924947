"""Reading bodies: what is complete and shallow enough is read as it was written, and nothing else passes."""

import json
import math
from typing import Any

import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from objapi.errors import ApiError, BadRequest
from objapi.mxlive.bodies import check_shape, read_map, read_maps, without_nan
from objapi.mxlive.entries import UploadEntries

TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=40)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS
)
VALUES: st.SearchStrategy[Any] = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=6) | st.dictionaries(TEXTS, inner, max_size=6), max_leaves=15
)
MAPS = st.dictionaries(TEXTS, VALUES, max_size=6)


@settings(max_examples=40, deadline=None)
@given(MAPS, st.booleans())
def test_a_map_is_read_as_it_was_written_in_msgpack_of_either_age(value: dict[str, Any], modern: bool) -> None:
    assert read_map(msgpack.packb(value, use_bin_type=modern), depth=50) == value


@settings(max_examples=40, deadline=None)
@given(MAPS)
def test_json_is_read_alike(value: dict[str, Any]) -> None:
    assert read_map(json.dumps(value).encode(), depth=50) == value


@settings(max_examples=40, deadline=None)
@given(MAPS.filter(bool), st.data())
def test_a_body_that_is_cut_short_or_has_a_tail_is_refused(value: dict[str, Any], data: st.DataObject) -> None:
    body = msgpack.packb(value)
    cut = body[: data.draw(st.integers(0, len(body) - 1))]
    for wrong in (cut, body + b"\xc0"):
        with pytest.raises(BadRequest):
            read_map(wrong, depth=50)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_map_or_refused(body: bytes) -> None:
    try:
        assert isinstance(read_map(body, depth=8), dict)
    except ApiError as refused:
        assert refused.status == 400


@pytest.mark.parametrize("depth", [1, 4, 8])
def test_depth_is_bounded_exactly(depth: int) -> None:
    body = msgpack.packb({"a": 1})
    for _ in range(depth - 1):
        body = b"\x81\xa1a" + body
    assert read_map(body, depth=depth)
    with pytest.raises(BadRequest, match="nested"):
        read_map(b"\x81\xa1a" + body, depth=depth)


@pytest.mark.parametrize(
    "body", [b"\xdd\x7f\xff\xff\xff" * 30, b"\xdf\x7f\xff\xff\xff", b"\xdb\xff\xff\xff\xffabc", b"\xdc\xff\xff\xc0"]
)
def test_lengths_that_only_are_claimed_are_refused_before_anything_is_unpacked(body: bytes) -> None:
    with pytest.raises(BadRequest):
        check_shape(body, 64)


@pytest.mark.parametrize(
    "value", [{"a": b"x"}, {"a": msgpack.ExtType(5, b"x")}, {"a": msgpack.Timestamp(1)}, {b"a": 1}, {"a": {1: 2}}]
)
def test_what_json_does_not_have_is_refused(value: Any) -> None:
    with pytest.raises(BadRequest):
        read_map(msgpack.packb(value), depth=8)


def test_lists_of_maps_are_read_and_nothing_else() -> None:
    assert read_maps(msgpack.packb([{"a": 1}, {}]), depth=8) == [{"a": 1}, {}]
    for wrong in ([1], {"a": 1}, 7):
        with pytest.raises(BadRequest):
            read_maps(msgpack.packb(wrong), depth=8)


@settings(max_examples=60, deadline=None)
@given(st.recursive(st.floats() | SCALARS, lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner)))
def test_what_is_left_without_nan_is_json(value: Any) -> None:
    assert json.loads(json.dumps(without_nan(value), allow_nan=False)) == without_nan(value)


def test_numbers_that_are_not_finite_become_null_wherever_they_are() -> None:
    assert without_nan({"a": [math.nan, {"b": -math.inf}, 1.5]}) == {"a": [None, {"b": None}, 1.5]}


def test_a_message_tells_all_that_is_wrong_at_once() -> None:
    message = UploadEntries({"name": 7, "energy": "x", "when": "soon"})
    message.text("name", most=5)
    message.number("energy")
    message.text("type", most=5, required=True)
    with pytest.raises(ApiError) as caught:
        message.raise_problems()
    assert [cause.name for cause in caught.value.causes] == ["name", "energy", "type"]

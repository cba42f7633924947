"""`input_values` as items: both shapes, and every entry that cannot be meant named at once."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from objapi.api.methods.batch import entries_of
from objapi.api.methods.create_many import items_of
from objapi.errors import ApiError, BadRequest, TooLarge
from objapi.store.requests import ByPath, ByUid, UpdateItem
from tests.shipped import load_once


@pytest.mark.parametrize(
    ("values", "items"),
    [
        ({"/a": {"x": 1}}, [UpdateItem(ByPath("/a"), {"x": 1})]),
        (
            [{"obj_path": "/a", "fields": {"x": 1}}, {"obj_uid": "u", "fields": {"y": None}, "version": 3}],
            [UpdateItem(ByPath("/a"), {"x": 1}), UpdateItem(ByUid("u"), {"y": None}, 3)],
        ),
        ([{"UID": "u", "fields": {"x": 1}}], [UpdateItem(ByUid("u"), {"x": 1})]),
    ],
)
def test_both_shapes_give_items(values: Any, items: list[UpdateItem]) -> None:
    assert entries_of(values, 10) == items


@pytest.mark.parametrize(
    ("values", "kind", "named"),
    [
        (None, BadRequest, "input_values"),
        ("x", BadRequest, "input_values"),
        ({}, BadRequest, "no object"),
        ({"/a": 1, "/b": {}}, BadRequest, "/b"),
        ([1, {"fields": {"x": 1}}], BadRequest, "entry 1"),
        ([{"obj_path": "/a", "obj_uid": "u", "fields": {"x": 1}}], BadRequest, "either obj_path or obj_uid"),
        ([{"obj_path": 1, "fields": {"x": 1}}], BadRequest, "as text"),
        ([{"obj_path": "/a", "fields": {}}], BadRequest, "fields"),
        ([{"obj_path": "/a", "fields": {"x": 1}, "version": True}], BadRequest, "version"),
        ([{"obj_path": "/a", "fields": {"x": 1}, "more": 1}], BadRequest, "more"),
        ({"/a": {"x": 1}, "/b": {"x": 1}, "/c": {"x": 1}}, TooLarge, "3"),
    ],
)
def test_what_cannot_be_meant_is_named(values: Any, kind: type[ApiError], named: str) -> None:
    with pytest.raises(kind, match=named):
        entries_of(values, 2)


def test_every_bad_entry_is_named_at_once() -> None:
    with pytest.raises(BadRequest) as refused:
        entries_of({"/a": 1, "/b": {"x": 1}, "/c": {}}, 10)
    assert [cause.index for cause in refused.value.causes] == [0, 2]


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
KEYS = st.sampled_from(["obj_path", "obj_uid", "UID", "fields", "version", "obj_type", "obj_id", "id", "ref", "title"])
ENTRIES = st.dictionaries(KEYS, VALUES, max_size=5)


def _read_or_refused(read: Callable[[Any], Sequence[object]], value: Any) -> None:
    try:
        assert len(read(value)) == len(value)
    except (BadRequest, TooLarge) as refused:
        assert refused.causes
        assert all(cause.message for cause in refused.causes)


@given(VALUES | st.lists(ENTRIES | VALUES, max_size=4))
def test_any_value_is_items_or_refused_entry_by_entry(value: Any) -> None:
    _read_or_refused(lambda sent: entries_of(sent, 3), value)


@given(st.lists(ENTRIES | VALUES, max_size=4))
def test_any_list_is_objects_to_create_or_refused_entry_by_entry(values: list[Any]) -> None:
    registry = load_once(("lims",))
    _read_or_refused(lambda sent: items_of(sent, registry), values)


PATHS = st.text("/ab-1", min_size=1, max_size=8)
FIELDS = st.dictionaries(st.text("xyz", min_size=1, max_size=3), VALUES, min_size=1, max_size=3)


@given(st.dictionaries(PATHS, FIELDS, min_size=1, max_size=4))
def test_both_shapes_mean_the_same(sent: dict[str, dict[str, Any]]) -> None:
    listed = [{"obj_path": path, "fields": fields} for path, fields in sent.items()]
    assert (
        entries_of(listed, 10)
        == entries_of(sent, 10)
        == [UpdateItem(ByPath(path), fields) for path, fields in sent.items()]
    )

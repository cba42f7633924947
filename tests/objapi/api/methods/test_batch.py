"""`input_values` as items: both shapes, and every entry that cannot be meant named at once."""

from typing import Any

import pytest

from objapi.api.methods.batch import entries_of
from objapi.errors import ApiError, BadRequest, TooLarge
from objapi.store.requests import ByPath, ByUid, UpdateItem


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

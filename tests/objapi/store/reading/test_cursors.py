"""Cursors: text that names a place, and reads that go on from there in every order that a catalog has."""

from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from objapi.errors import BadRequest
from objapi.store.reading.cursors import Cursor, decode_cursor, encode_cursor
from objapi.store.requests import Find, Found
from tests.objapi.store.workshop import Gateway

KEYS = (
    st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
    | st.integers(-(2**63), 2**63 - 1)
    | st.booleans()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.decimals(allow_nan=False, allow_infinity=False)
    | st.datetimes()
    | st.dates()
    | st.binary(max_size=20)
)


@given(st.lists(KEYS, max_size=4), st.integers(0, 2**62))
def test_a_cursor_is_read_as_it_was_written(keys: list[object], position: int) -> None:
    cursor = Cursor(tuple(keys), position)
    text = encode_cursor(cursor, "search")
    assert text is not None
    read = decode_cursor(text, "search", len(keys))
    assert read == cursor
    assert [type(key) for key in read.keys] == [type(key) for key in keys]


@given(st.text(max_size=60))
def test_any_text_is_a_cursor_or_refused(text: str) -> None:
    with pytest.raises(BadRequest):
        decode_cursor(text, "search", 2)


def test_a_cursor_of_another_search_or_width_is_refused() -> None:
    text = encode_cursor(Cursor(("a", 1), 5), "search")
    assert text is not None
    for search, width in (("other", 2), ("search", 3)):
        with pytest.raises(BadRequest):
            decode_cursor(text, search, width)


def test_a_key_that_text_does_not_hold_gives_no_cursor() -> None:
    assert encode_cursor(Cursor((object(),), 1), "search") is None
    assert encode_cursor(Cursor((date(2024, 1, 2), datetime(2024, 1, 2), Decimal(1)), 1), "search")  # noqa: DTZ001


def test_the_order_of_every_index_can_be_followed(laboratory: Gateway) -> None:
    def page(find: Find) -> Found:
        return laboratory.run("admin", lambda tx: tx.find(find))

    catalogs = {
        name: catalog.name
        for catalog in laboratory.site.registry.catalogs.values()
        for name, index in catalog.schema.indexes.items()
        if index.sortable and name not in catalog.hidden
    }
    for number, (name, catalog) in enumerate(catalogs.items()):
        order = ("ascending", "descending")[number % 2]
        find = Find({}, catalog, (name,), (order,), size=30, include_fields=("UID",))
        whole = page(replace(find, size=60))
        first = page(find)
        second = page(replace(find, after=first.next)) if first.next is not None else Found(0, ())
        found = [orjson.dumps(item) for item in (*first.objects, *second.objects)]
        assert found == [orjson.dumps(item) for item in whole.objects], (catalog, name, order)
        assert second.offset == (30 if first.next is not None else 0)
    assert len(catalogs) > 50

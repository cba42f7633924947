"""Rows of tables that are there already are read as any other objects are."""

from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from objapi.errors import BadRequest, NotFound
from objapi.store.requests import ByPath, Find
from tests.objapi.store.mapped.conftest import StoreRoom, opened_room


@pytest.fixture(scope="module")
def shared_room(module_database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoreRoom]:
    with opened_room(module_database_url, tmp_path_factory.mktemp("room")) as room:
        yield room


@pytest.fixture
def room(shared_room: StoreRoom) -> StoreRoom:
    """One store room for all tests here, which leave it as it is."""
    return shared_room


def numbers(room: StoreRoom, user: str = "boss", **criteria: Any) -> list[int]:
    options = {name: criteria.pop(name) for name in ("sort_on", "sort_order", "limit") if name in criteria}
    found = room.gateway.find(user, {"portal_type": "Article", **criteria}, **options)
    return [int(item["id"]) for item in found]


def test_row_is_answered_with_its_columns_as_fields(room: StoreRoom) -> None:
    (found,) = room.gateway.find("boss", {"portal_type": "Article", "number": 7})

    supplier = room.gateway.uid("/stock/Supplier/1")
    assert found["path"] == "/Plone/stock/Article/1"
    assert (found["id"], found["portal_type"], found["title"]) == ("1", "Article", "MX")
    assert found["UID"] == room.gateway.uid("/stock/Article/1")
    assert (found["Supplier"], found["Supplier_uid"]) == (supplier, supplier)
    assert (found["code"], found["number"], found["price"], found["weight"]) == ("MX", 7, "12.50", 0.25)
    assert (found["active"], found["delivered"], found["grade"]) == (True, "2026-03-01T10:30:20+00:00", "A")
    assert found["SupplierName"] == "Acme"
    assert found["review_state"] == "open"


@pytest.mark.parametrize(
    ("criteria", "expected"),
    [
        ({}, [1, 2, 3, 4]),
        ({"code": "MX"}, [1, 2]),
        ({"code": ["sx", "tx"]}, [3, 4]),
        ({"code": {"query": "n", "range": "min"}}, [3, 4]),
        ({"code": {"not": "MX"}}, [3, 4]),
        ({"number": {"query": [5, 30], "range": "min:max"}}, [1, 2]),
        ({"active": False}, [4]),
        ({"delivered": "2026-03-01 10:30"}, [1]),
        ({"delivered": {"query": "2026-03-01 10:30", "range": "max"}}, [1]),
        ({"delivered": {"query": "2026-03-01 10:31", "range": "min"}}, []),
        ({"weight": 0.25}, [1]),
        ({"grade": "A"}, [1]),
        ({"supplierId": 2}, [3, 4]),
        ({"id": ["1", "4"]}, [1, 4]),
        ({"id": "x"}, []),
        ({"path": "/stock/Article"}, [1, 2, 3, 4]),
        ({"path": "/stock"}, [1, 2, 3, 4]),
        ({"path": "/stock/Supplier"}, []),
        ({"path": {"query": "/stock/Article/3", "depth": 0}}, [3]),
        ({"path": {"query": "/stock", "depth": 1}}, []),
        ({"path": {"query": "/stock", "depth": 2}}, [1, 2, 3, 4]),
        ({"review_state": "open"}, [1, 2, 3, 4]),
        ({"review_state": "sold"}, []),
        ({"title": "sx"}, [3]),
    ],
)
def test_columns_are_indexes(room: StoreRoom, criteria: dict[str, Any], expected: list[int]) -> None:
    assert numbers(room, **criteria) == expected


def test_rows_are_found_by_uid_of_themselves_and_of_what_they_refer_to(room: StoreRoom) -> None:
    assert numbers(room, UID=room.gateway.uid("/stock/Article/3")) == [3]
    assert numbers(room, Supplier=room.gateway.uid("/stock/Supplier/2")) == [3, 4]
    assert numbers(room, Supplier="0" * 32) == []


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"sort_on": "number"}, [3, 1, 2]),
        ({"sort_on": "number", "sort_order": "reverse"}, [2, 1, 3]),
        ({"sort_on": "id", "sort_order": "descending"}, [4, 3, 2, 1]),
        ({"sort_on": "code", "sort_order": "reverse"}, [4, 3, 2, 1]),
        ({"sort_on": "review_state"}, [1, 2, 3, 4]),
        ({"limit": 2}, [1, 2]),
    ],
)
def test_rows_are_sorted_by_columns(room: StoreRoom, options: dict[str, Any], expected: list[int]) -> None:
    assert numbers(room, **options) == expected


def test_pages_and_totals(room: StoreRoom) -> None:
    def page(offset: int, size: int) -> tuple[int, list[str]]:
        find = Find({"portal_type": "Article"}, sort_on="code", offset=offset, size=size)
        found = room.gateway.run("boss", lambda tx: tx.find(find))
        return found.total, [orjson.loads(orjson.dumps(item))["id"] for item in found.objects]

    assert page(0, 3) == (4, ["1", "2", "3"])
    assert page(3, 3) == (4, ["4"])


def test_own_rows_alone_are_seen_without_the_permission(room: StoreRoom) -> None:
    assert numbers(room, "acme") == [1, 2, 3]
    assert numbers(room, "olga") == []
    assert numbers(room, "kim") == [1, 2, 3, 4]
    with pytest.raises(NotFound):
        room.gateway.uid("/stock/Article/4", "acme")
    with pytest.raises(NotFound):
        room.gateway.run("olga", lambda tx: tx.entity(ByPath("/stock/Article/1")))


def test_restricted_field_is_neither_answered_nor_searched(room: StoreRoom) -> None:
    assert "price" not in room.gateway.find("kim", {"portal_type": "Article", "id": "1"})[0]
    assert numbers(room, "boss", price=12.5) == [1]
    with pytest.raises(BadRequest):
        room.gateway.find("kim", {"portal_type": "Article", "price": 12.5}, strict=True)


def test_members_asked_for_and_titles_of_references(room: StoreRoom) -> None:
    (chosen,) = room.gateway.find(
        "boss", {"portal_type": "Article", "id": "1"}, include_fields=("code", "Supplier"), expand=("Supplier",)
    )
    assert chosen == {
        "path": "/Plone/stock/Article/1",
        "code": "MX",
        "Supplier": room.gateway.uid("/stock/Supplier/1"),
        "Supplier_title": "Acme",
        "Supplier_path": "/Plone/stock/Supplier/1",
    }
    (titled,) = room.gateway.find("boss", {"portal_type": "Article", "id": "3"}, reference_titles=True)
    assert titled["Supplier"] == "Bolts & Co"


def test_row_with_a_key_of_two_columns(room: StoreRoom) -> None:
    (found,) = room.gateway.find("boss", {"portal_type": "Watch"})
    assert (found["id"], found["path"]) == ("3-1", "/Plone/stock/Watch/3-1")
    assert found["Article"] == room.gateway.uid("/stock/Article/3")
    assert room.gateway.find("boss", {"portal_type": "Watch", "id": "3-1"}) == [found]
    assert room.gateway.find("boss", {"portal_type": "Watch", "id": "3-2"}) == []
    assert room.gateway.find("boss", {"portal_type": "Watch", "UID": found["UID"]}) == [found]


def test_column_that_the_database_lacks_is_an_empty_field(room: StoreRoom) -> None:
    (found,) = room.gateway.find("boss", {"portal_type": "Supplier", "id": "1"})
    assert found["fax"] == ""
    assert room.gateway.find("boss", {"portal_type": "Supplier", "fax": "1"}) == []

"""Criteria of another type than their index."""

from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from catalog import QueryOptions, load_catalog, parse_request
from catalog.mistyped import converted, is_mistyped
from catalog.values import DateReading

SCHEMA = load_catalog(
    "things",
    {
        "indexes": {
            "name": {"kind": "field"},
            "price": {"kind": "field", "type": "decimal"},
            "count": {"kind": "field", "type": "integer"},
            "flag": {"kind": "field", "type": "boolean"},
            "at": {"kind": "field", "type": "datetime"},
            "UID": {"kind": "uuid"},
            "day": {"kind": "date"},
        }
    },
    source="test",
)
DATES = DateReading(ZoneInfo("Europe/Berlin"), iso="local")


@pytest.mark.parametrize(
    ("name", "value", "spelling"),
    [
        ("price", "1.99", "price:float=1.99"),
        ("price", " 2 ", "price:int=2"),
        ("count", "7", "count:int=7"),
        ("count", "", "count:int=…"),
        ("flag", "true", "flag:boolean=true"),
        ("at", "2024-01-01", "at:date=2024-01-01"),
        ("name", 5, "as text"),
        ("name", True, "as text"),
        ("UID", 5, "as text"),
        ("price", ["1.99"], "price:float=1.99"),
        ("price", {"query": "1.99"}, "price:float=1.99"),
        ("price", {"not": "1.99"}, "price:float=1.99"),
    ],
)
def test_a_value_of_another_type_is_told_with_the_spelling_that_works(name: str, value: object, spelling: str) -> None:
    for options in (QueryOptions.zope(), QueryOptions.gateway("Plone")):
        parsed = parse_request({name: value}, SCHEMA, options)
        (told,) = parsed.mistyped
        assert (told.parameter, parsed.problems) == (name, ())
        assert spelling in told.message


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("count", "6f1ed002ab5595859014ebf0951522d9"), ("count", "1.5"), ("count", "1e3"), ("count", "9" * 31)),
        *(("price", "cheap"), ("price", "1,99"), ("price", "nan"), ("price", datetime(2024, 1, 1, tzinfo=UTC))),
        *(("flag", "maybe"), ("flag", "2024-01-01"), ("at", "soon"), ("at", "2024-13-45"), ("at", 5), ("at", True)),
    ],
)
def test_no_spelling_is_told_for_a_value_that_no_converter_takes(name: str, value: object) -> None:
    (told,) = parse_request({name: value}, SCHEMA, QueryOptions.gateway("Plone")).mistyped
    assert told.message.endswith("finds nothing")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("name", "5"), ("name", ""), ("name", None), ("price", 1), ("price", Decimal("1.9")), ("count", 7)),
        *(("flag", True), ("at", datetime(2024, 1, 1, tzinfo=UTC)), ("day", "2024-01-01"), ("day", "")),
    ],
)
def test_a_value_of_the_type_is_not(name: str, value: object) -> None:
    assert parse_request({name: value}, SCHEMA, QueryOptions.gateway("Plone")).mistyped == ()


def test_a_bare_day_is_utc_in_the_original_and_local_in_the_gateway() -> None:
    zone = ZoneInfo("America/La_Paz")
    local, utc = (datetime(2024, 1, 2, tzinfo=each) for each in (zone, UTC))
    for text in ("2024-01-02", "20240102", "2024-01-02T00:00", "2024-01-02 00:00:00"):
        for options, moment in ((QueryOptions.zope(zone), utc), (QueryOptions.gateway("Plone", zone), local)):
            asked, meant = (parse_request({"day": value}, SCHEMA, options).query for value in (text, moment))
            assert asked == meant
    for options in (QueryOptions.zope(zone), QueryOptions.gateway("Plone", zone)):
        asked, meant = (parse_request({"day": value}, SCHEMA, options).query for value in ("2024/01/02", local))
        assert asked == meant


@pytest.mark.parametrize(
    ("name", "value", "meant"),
    [
        ("price", "1.99", Decimal("1.99")),
        ("price", "1e2", Decimal(100)),
        ("count", " 7 ", Decimal(7)),
        ("flag", "No", False),
        ("name", 5, "5"),
        ("name", Decimal("1.50"), "1.50"),
        ("at", "2024-07-01T10:00", datetime(2024, 7, 1, 8, tzinfo=UTC)),
        ("at", "13/08/2016", datetime(2016, 8, 12, 22, tzinfo=UTC)),
    ],
)
def test_what_is_unambiguous_can_be_converted(name: str, value: object, meant: object) -> None:
    assert converted(SCHEMA.indexes[name], value, DATES) == meant


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("price", "1,99"), ("price", "cheap"), ("price", "NaN"), ("price", ""), ("flag", "maybe"), ("name", True)),
        *(("at", "02/08/2016"), ("at", "10.03.2015 18:52"), ("at", "soon"), ("at", 5)),
    ],
)
def test_what_is_ambiguous_stays_and_is_told(name: str, value: object) -> None:
    index = SCHEMA.indexes[name]
    assert converted(index, value, DATES) == value
    assert is_mistyped(index, value)

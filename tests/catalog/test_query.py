"""The query grammar: what criteria become, and what is said of those that cannot be meant."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog import (
    CatalogSchema,
    Index,
    IndexKind,
    Query,
    QueryError,
    QueryOptions,
    SortKey,
    ValueType,
    parse_query,
    parse_request,
)
from catalog.clauses import AllOf, During, Exact, HasKey, Nothing, OnlyNot, PathPlace, Range, Truth, Under, Without

INDEXES = [
    Index("id", IndexKind.FIELD),
    Index("created", IndexKind.DATE),
    Index("created_by", IndexKind.FIELD),
    Index("priority", IndexKind.FIELD, ValueType.INTEGER),
    Index("price", IndexKind.FIELD, ValueType.DECIMAL),
    Index("Subject", IndexKind.KEYWORD),
    Index("effectiveRange", IndexKind.DATE_RANGE),
    Index("active", IndexKind.BOOLEAN),
    Index("UID", IndexKind.UUID),
    Index("path", IndexKind.PATH),
    Index("Title", IndexKind.TEXT),
    Index("position", IndexKind.POSITION),
]
SCHEMA = CatalogSchema("portal_catalog", {index.name: index for index in INDEXES})
ZOPE = QueryOptions.zope()
GATEWAY = QueryOptions.gateway("Plone")
MINUTE = 28407510  # 2024-01-05 10:30 UTC


@pytest.mark.parametrize(
    ("criteria", "clauses"),
    [
        ({"id": "a"}, [Exact("id", ("a",))]),
        ({"id": ["b", "a", "b"]}, [Exact("id", ("a", "b"))]),
        ({"id": {"query": ["b", None]}}, [Exact("id", ("b",))]),
        ({"id": []}, [Nothing("id")]),
        ({"id": 3}, [Nothing("id")]),
        ({"id": ["b", "a"], "id_range": "min:max"}, [Range("id", "a", "b")]),
        ({"id": {"query": ["b", "c", "a"], "range": "max"}}, [Range("id", None, "c")]),
        ({"id": {"query": "", "range": "max"}}, [Range("id", None, "")]),
        ({"id": {"query": "b", "range": "other"}}, [HasKey("id")]),
        ({"id": {"query": "a", "not": ["b", 3]}}, [Exact("id", ("a",)), Without("id", ("b",))]),
        ({"id": {"not": "b"}}, [OnlyNot("id", ("b",))]),
        ({"id": {"not": 7}}, [HasKey("id")]),
        ({"priority": ["1", "2"]}, [Nothing("priority")]),
        ({"priority": [1.0, True, 2.5]}, [Exact("priority", (1,))]),
        ({"priority": {"query": [1.5, 3.5], "range": "min:max"}}, [Range("priority", 2, 3)]),
        ({"priority": {"query": 0, "range": "max"}}, [Range("priority", None, 0)]),
        ({"priority": {"query": 10**30, "range": "min"}}, [Nothing("priority")]),
        ({"price": 0.1}, [Exact("price", (Decimal("0.1"),))]),
        ({"created": "2024/01/05 10:30"}, [Exact("created", (MINUTE,))]),
        ({"created": datetime(2024, 1, 5, 10, 30, 59, tzinfo=UTC)}, [Exact("created", (MINUTE,))]),
        ({"created": ""}, [Nothing("created")]),
        ({"created": {"query": "", "range": "min"}}, [Range("created", None, None)]),
        ({"Subject": ["a", "b"], "Subject_operator": "AND"}, [AllOf("Subject", ("a", "b"))]),
        ({"Subject": {"query": ["a", None], "operator": "and"}}, [AllOf("Subject", ("a",))]),
        ({"Subject": {"query": ["a", 1], "operator": "and"}}, [Nothing("Subject")]),
        ({"effectiveRange": "2024/01/05 10:30"}, [During("effectiveRange", MINUTE)]),
        ({"effectiveRange": 5}, [During("effectiveRange", 5)]),
        ({"effectiveRange": 10**400}, [During("effectiveRange", 2**31 - 1)]),
        ({"active": "False"}, [Truth("active", True)]),
        ({"active": [True, False]}, [Truth("active", False)]),
        ({"path": "/a//b/"}, [Under("path", (PathPlace(("a", "b"), "/a//b/"),))]),
        ({"path": {"query": "a", "depth": 1}}, [Under("path", (PathPlace(("a",), "/a", 0, 1),))]),
    ],
)
def test_criteria_become_clauses(criteria: dict[str, Any], clauses: list[Any]) -> None:
    assert list(parse_query(criteria, SCHEMA, ZOPE).require().clauses) == clauses


@pytest.mark.parametrize(
    ("criteria", "parameter"),
    [
        ({"id": ["a", 1]}, "id"),
        ({"id": {"query": 3, "range": "min"}}, "id"),
        ({"id": {"range": "min"}}, "id"),
        ({"id": {"query": "a", "range": ["min"]}}, "id range"),
        ({"id": "a", "id_operator": "and"}, "id_operator"),
        ({"id": {"query": "a", "usage": "range:min"}}, "id.usage"),
        ({"created": "no date"}, "created"),
        ({"created": {"query": "no date", "range": "other"}}, "created"),
        ({"created": Decimal("sNaN")}, "created"),
        ({"created": 10**400}, "created"),
        ({"price": [Decimal("NaN"), Decimal(1)]}, "price"),
        ({"effectiveRange": Decimal("sNaN")}, "effectiveRange"),
        ({"created": "2024/01/05", "created_by": "me"}, "created_by"),
        ({"Subject": {"query": "a", "operator": "xor"}}, "Subject operator"),
        ({"Subject": {"query": "a", "operator": 1}}, "Subject operator"),
        ({"effectiveRange": ""}, "effectiveRange"),
        ({"effectiveRange": {"query": "2024/01/05", "range": "min"}}, "effectiveRange.range"),
        ({"path": {"query": "/a", "depth": "1"}}, "path depth"),
        ({"path": {"query": "/a", "level": 1.5}}, "path level"),
        ({"path": {"query": "/a", "navtree": True}}, "path navtree"),
        ({"path": {"query": "/a", "range": "min"}}, "path.range"),
        ({"path": 3}, "path"),
        ({"path": [f"/a{n}" for n in range(201)]}, "path"),
        ({"Title": "the"}, "Title"),
        ({"Title": 3}, "Title"),
        ({"active": True, "active_not": True}, "active_not"),
        ({"position": 1}, "position"),
        ({"id": [str(n) for n in range(20_001)]}, "id"),
    ],
)
def test_faults_name_the_parameter(criteria: dict[str, Any], parameter: str) -> None:
    parsed = parse_query(criteria, SCHEMA, ZOPE)
    assert [problem.parameter for problem in parsed.problems] == [parameter]
    with pytest.raises(QueryError, match=parameter.split(maxsplit=1)[0]):
        parsed.require()


@pytest.mark.parametrize("name", ["id", "Subject", "created"])
@pytest.mark.parametrize(
    ("word", "is_range"),
    [("min", True), ("max", True), ("min:max", True), ("min max", True), ("minmax", True), ("", True)]
    + [(word, False) for word in ("mim", "Min", ">", "other", "minimum", "min:may", "usage:min", " ")],
)
def test_the_gateway_refuses_a_range_of_other_words(name: str, word: str, is_range: bool) -> None:
    criteria = {name: {"query": "2024-01-05", "range": word}}
    problems = parse_query(criteria, SCHEMA, GATEWAY).problems
    assert [problem.parameter for problem in problems] == ([] if is_range else [f"{name} range"])
    assert not parse_query(criteria, SCHEMA, ZOPE).problems


def test_all_faults_are_collected() -> None:
    criteria = {"id": ["a", 1], "created": "never", "Title": "(", "sort_on": "nonsense", "sort_limit": "10"}
    parsed = parse_request(criteria, SCHEMA, ZOPE)
    assert [problem.parameter for problem in parsed.problems] == ["id", "created", "Title", "sort_on", "sort_limit"]


def test_the_original_finds_nothing_without_an_index_and_the_gateway_everything() -> None:
    assert parse_query({"foo": 1}, SCHEMA, ZOPE).require().nothing
    assert not parse_query({"foo": 1}, SCHEMA, GATEWAY).require().nothing
    assert parse_query({"foo": 1}, SCHEMA, GATEWAY).unknown == ("foo",)


def test_the_gateway_takes_options_that_an_index_lacks_as_unknown_names() -> None:
    criteria = {"id": "a", "id_operator": "and", "id_x": 1, "id_not": "b", "active": "no", "Title_range": "min"}
    parsed = parse_query(criteria, SCHEMA, GATEWAY)
    assert parsed.unknown == ("id_operator", "id_x", "Title_range")
    assert parsed.require().clauses == (Exact("id", ("a",)), Without("id", ("b",)), Truth("active", False))


def test_the_gateway_reads_an_index_even_when_its_name_begins_like_an_option() -> None:
    parsed = parse_query({"created": "2024/01/05 10:30", "created_by": "me"}, SCHEMA, GATEWAY)
    assert parsed.require().clauses == (Exact("created", (MINUTE,)), Exact("created_by", ("me",)))
    assert parsed.unknown == ()


def test_options_beside_a_record_are_unknown_names() -> None:
    parsed = parse_query({"id": {"query": "a"}, "id_range": "min"}, SCHEMA, ZOPE)
    assert parsed.require().clauses == (Exact("id", ("a",)),)
    assert parsed.unknown == ("id_range",)


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("", "/Plone"),
        ("/", "/Plone"),
        ("/Plone", "/Plone"),
        ("clients", "/Plone/clients"),
        ("//Plone//clients/", "/Plone/clients"),
    ],
)
def test_the_gateway_supplies_slashes_and_site(query: str, text: str) -> None:
    expected = PathPlace(tuple(text.split("/")[1:]), text, 0, 1)
    parsed = parse_query({"path": {"query": query, "depth": 1}}, SCHEMA, GATEWAY)
    assert parsed.require().clauses == (Under("path", (expected,)),)


def test_paths_at_another_level_stay_as_they_are() -> None:
    parsed = parse_query({"path": {"query": "clients", "level": 1}}, SCHEMA, GATEWAY)
    assert parsed.require().clauses == (Under("path", (PathPlace(("clients",), "/clients", 1, -1),)),)


@pytest.mark.parametrize("word", ["0", "false", "No", "OFF", ""])
def test_the_gateway_knows_words_for_false(word: str) -> None:
    assert parse_query({"active": word}, SCHEMA, GATEWAY).require().clauses == (Truth("active", False),)


def test_indexes_that_a_caller_may_not_use_are_unknown_names() -> None:
    parsed = parse_request({"price": 1, "sort_on": "price"}, SCHEMA.without({"price"}), GATEWAY)
    assert parsed.unknown == ("price",)
    assert [problem.parameter for problem in parsed.problems] == ["sort_on"]


def test_local_time_is_that_of_the_options() -> None:
    options = QueryOptions.zope(ZoneInfo("Europe/Berlin"))
    assert parse_query({"created": "2024/01/05 11:30"}, SCHEMA, options).require().clauses == (
        Exact("created", (MINUTE,)),
    )


def test_the_fault_of_the_date_index_can_be_had() -> None:
    criteria = {"created": {"query": "2024/01/05 10:30", "not": "2024/01/05 10:30"}}
    assert len(parse_query(criteria, SCHEMA, ZOPE).require().clauses) == 2
    assert len(parse_query(criteria, SCHEMA, QueryOptions(not_fault=True)).require().clauses) == 1


@pytest.mark.parametrize(
    ("request_", "sort", "limit", "start"),
    [
        ({"sort_on": "id"}, [SortKey("id")], None, 0),
        ({"sort_on": "id", "sort_order": "Reverse"}, [SortKey("id", True)], None, 0),
        ({"sort_on": "id", "sort_order": "upwards"}, [SortKey("id")], None, 0),
        ({"sort-on": "UID", "sort_on": "id"}, [SortKey("UID")], None, 0),
        ({"sort_on": ["id", "UID"], "sort_order": "descending"}, [SortKey("id", True), SortKey("UID", True)], None, 0),
        ({"sort_on": ["id", "UID"], "sort_order": ["descending", "x"]}, [SortKey("id", True), SortKey("UID")], None, 0),
        ({"sort_limit": 3, "b_start": 2}, [], 3, 0),
        ({"sort_limit": 3, "b_start": "2", "b_size": "4"}, [], 4, 2),
        ({"b_size": 4}, [], 4, 0),
    ],
)
def test_order_and_limits(request_: dict[str, Any], sort: list[SortKey], limit: int | None, start: int) -> None:
    query = parse_request({"id": "a", **request_}, SCHEMA, ZOPE).require()
    assert query == Query((Exact("id", ("a",)),), tuple(sort), limit, start)


@pytest.mark.parametrize(
    "request_",
    [
        *({"sort_on": name} for name in ("", "nonsense", "Title", "Subject", "effectiveRange", 3)),
        *({"sort_limit": limit} for limit in ("3", 0, -1, True)),
        *({"b_size": size} for size in ("x", 0, -1, "-1", "٣")),
        {"sort_on": "id", "sort_order": ["a", "b"]},
        {"sort_on": "id", "sort_order": 1},
        {"b_size": 3, "b_start": "x"},
    ],
)
def test_orders_and_limits_that_are_refused(request_: dict[str, Any]) -> None:
    assert len(parse_request({"id": "a", **request_}, SCHEMA, ZOPE).problems) == 1


def test_ties_follow_the_sort_where_the_options_say_so() -> None:
    request = {"sort_on": "id", "sort_order": "descending"}
    assert parse_request(request, SCHEMA, GATEWAY).require().ties_descending
    assert not parse_request(request, SCHEMA, ZOPE).require().ties_descending


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.decimals() | st.text(max_size=8) | st.datetimes(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
RECORDS = st.fixed_dictionaries(
    {"query": JSON},
    optional=dict.fromkeys(("range", "not", "operator", "depth", "level", "navtree", "usage"), JSON),
)


@given(
    st.dictionaries(st.sampled_from([index.name for index in INDEXES]), JSON | RECORDS, max_size=3),
    st.dictionaries(st.sampled_from(["sort_on", "sort-order", "sort_limit", "b_start", "b_size"]), JSON, max_size=2),
    st.sampled_from([ZOPE, GATEWAY]),
)
def test_nothing_that_a_client_sends_raises(
    criteria: dict[str, Any], order: dict[str, Any], options: QueryOptions
) -> None:
    parsed = parse_request({**criteria, **order}, SCHEMA, options)
    assert all(problem.message for problem in parsed.problems)
    hash(parsed.query)

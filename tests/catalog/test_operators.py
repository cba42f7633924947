"""Operators: empty, open ranges, parts of texts, recent dates, codes; their spellings, faults, and what they find."""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.engine import Connection

from catalog import (
    CatalogSchema,
    CatalogTables,
    Index,
    IndexKind,
    IndexRow,
    QueryOptions,
    ValueType,
    page_statement,
    parse_query,
    parse_request,
    shaped_rows,
    upsert,
)
from catalog.clauses import Coded, Containing, Empty, Exact, Nothing, OnlyNot, Range, Starting, Without
from catalog.dialect import begin_write, create_engine_for, fold
from catalog.operators import OPERATORS, gather, operators_of
from catalog.relative_dates import beginning_of, moment_before
from catalog.statements import condition

NOW = datetime(2024, 3, 31, 12, 0, 30, tzinfo=UTC)
MINUTE = int(NOW.timestamp()) // 60
INDEXES = [
    Index("id", IndexKind.FIELD),
    Index("state", IndexKind.FIELD),
    Index("price", IndexKind.FIELD, ValueType.DECIMAL),
    Index("count", IndexKind.FIELD, ValueType.INTEGER),
    Index("at", IndexKind.FIELD, ValueType.DATETIME),
    Index("flag", IndexKind.FIELD, ValueType.BOOLEAN),
    Index("Subject", IndexKind.KEYWORD),
    Index("numbers", IndexKind.KEYWORD, ValueType.INTEGER),
    Index("created", IndexKind.DATE),
    Index("active", IndexKind.BOOLEAN),
    Index("UID", IndexKind.UUID),
    Index("path", IndexKind.PATH),
    Index("Title", IndexKind.TEXT),
    Index("scan", IndexKind.CODE),
]
SCHEMA = CatalogSchema("operators", {index.name: index for index in INDEXES})
GATEWAY = QueryOptions.gateway("Plone", UTC, NOW)


@pytest.mark.parametrize(
    ("criteria", "clauses"),
    [
        ({"state_empty": "1"}, [Empty("state")]),
        ({"state.empty": "no"}, [Empty("state", negated=True)]),
        ({"state": {"empty": True}}, [Empty("state")]),
        ({"Title_empty": 1}, [Empty("Title")]),
        ({"price.gt": "5"}, [Range("price", Decimal(5), None, above=True)]),
        ({"price.ge": 5, "price.lt": "7.5"}, [Range("price", Decimal(5), Decimal("7.5"), below=True)]),
        ({"price.gt": "0.0000000000001"}, [Range("price", Decimal("1e-12"), None)]),
        ({"count.gt": 5, "count_le": 9}, [Range("count", 6, 9)]),
        ({"count.gt": "5.5"}, [Range("count", 6, None)]),
        ({"count": {"gt": 5, "lt": 5}}, [Range("count", 6, 4)]),
        ({"count.gt": 10**30}, [Nothing("count")]),
        ({"id.gt": "b"}, [Range("id", "b", None, above=True)]),
        ({"id.ge": "a", "id_not": "c"}, [Range("id", "a", None), Without("id", ("c",))]),
        ({"id_not": "c"}, [OnlyNot("id", ("c",))]),
        ({"id.not": ["c", "d"]}, [OnlyNot("id", ("c", "d"))]),
        ({"id": "b", "id.not": "c"}, [Exact("id", ("b",)), Without("id", ("c",))]),
        ({"id.ge": "a", "id.not": "c"}, [Range("id", "a", None), Without("id", ("c",))]),
        ({"numbers.gt": 3, "numbers.lt": 9}, [Range("numbers", 4, 8)]),
        ({"created.gt": "2024-03-31T12:00:00Z"}, [Range("created", MINUTE + 1, None)]),
        ({"created.le": "2024-03-31"}, [Range("created", None, MINUTE - 720)]),
        ({"created_since": "1h"}, [Range("created", MINUTE - 60, None, moving=True)]),
        ({"created_since": "2024-03-31"}, [Range("created", MINUTE - 720, None)]),
        ({"created_since": "20240331120000"}, [Range("created", MINUTE, None)]),
        ({"recent_created": "today"}, [Range("created", MINUTE - 720, None, moving=True)]),
        ({"created": {"recent": "Yesterday"}}, [Range("created", MINUTE - 2160, None, moving=True)]),
        ({"at.gt": "2024-03-31T12:00:30Z"}, [Range("at", int(NOW.timestamp()) * 10**6 + 1, None)]),
        ({"id_contains": "b"}, [Containing("id", ("b",))]),
        ({"Subject.startswith": ["a", "b"]}, [Starting("Subject", ("a", "b"))]),
        ({"id.contains": "b", "id.empty": 0}, [Empty("id", negated=True), Containing("id", ("b",))]),
        ({"scan": " Ab-1\r\n"}, [Coded("scan", ("ab-1",))]),
        ({"scan": 17}, [Coded("scan", ("17",))]),
        ({"scan": "\r\n"}, [Nothing("scan")]),
    ],
)
def test_operators_become_clauses(criteria: dict[str, Any], clauses: list[Any]) -> None:
    parsed = parse_query(criteria, SCHEMA, GATEWAY)
    assert list(parsed.require().clauses) == clauses
    assert not parsed.unknown


@pytest.mark.parametrize(
    ("criteria", "parameter", "words"),
    [
        ({"price": 5, "price.gt": 3}, "price.gt", "price is asked for beside it"),
        ({"price": {"query": 5, "gt": 3}}, "price.gt", "a query stands beside it"),
        ({"price": {"gt": 3, "range": "min"}}, "price.gt", "range has no meaning beside it"),
        ({"price": {"gt": 3}, "price_gt": 4}, "price_gt", "sent twice"),
        ({"price.gt": 3, "price.ge": 4}, "price.ge", "gt gives a lower bound"),
        ({"created_since": "1h", "recent_created": "today"}, "recent_created", "lower bound"),
        ({"price.lt": 3, "price.le": 4}, "price.le", "upper bound"),
        ({"price.gt": "dear"}, "price.gt", "the index holds numbers"),
        ({"price.gt": [3, 4]}, "price.gt", "one value"),
        ({"price.gt": ""}, "price.gt", "one value"),
        ({"id.gt": None}, "id.gt", "one value"),
        ({"id.contains": ""}, "id.contains", "not empty"),
        ({"id.contains": 3}, "id.contains", "text"),
        ({"id.contains": "x" * 97}, "id.contains", "96"),
        ({"state_empty": "perhaps"}, "state_empty", "neither 1"),
        ({"state.empty": 1, "state.gt": "a"}, "state.empty", "nothing to compare; leave out gt"),
        ({"created_since": "soon"}, "created_since", "duration"),
        ({"recent_created": "tomorrow"}, "recent_created", "this-month"),
        ({"path.empty": 1}, "path.empty", "path index without empty"),
        ({"flag.gt": 1}, "flag.gt", "it has empty"),
        ({"numbers_contains": "1"}, "numbers_contains", "without contains"),
        ({"scan": True}, "scan", "a code is text"),
    ],
)
def test_contradictions_are_faults_of_the_parameter_sent(criteria: dict[str, Any], parameter: str, words: str) -> None:
    parsed = parse_query(criteria, SCHEMA, GATEWAY)
    assert [problem.parameter for problem in parsed.problems] == [parameter]
    assert words in parsed.problems[0].message


def test_an_index_of_such_a_name_is_meant_by_it() -> None:
    indexes = [*INDEXES, Index("state_empty", IndexKind.FIELD), Index("recent_created", IndexKind.FIELD)]
    schema = CatalogSchema("clash", {index.name: index for index in indexes})
    parsed = parse_query({"state_empty": "1", "recent_created": "today", "state": "open"}, schema, GATEWAY)
    assert [clause.index for clause in parsed.require().clauses] == ["state_empty", "recent_created", "state"]
    assert parse_query({"state": {"empty": 1}}, schema, GATEWAY).require().clauses == (Empty("state"),)
    assert parse_query({"state_empty.empty": 1}, schema, GATEWAY).require().clauses == (Empty("state_empty"),)


def test_the_original_has_no_operators() -> None:
    parsed = parse_query({"state_empty": "1", "price.gt": 3}, SCHEMA, QueryOptions.zope())
    assert set(parsed.unknown) == {"state_empty", "price.gt"}
    assert not parsed.query.clauses


def test_parts_of_a_table_of_others_are_searched_by_its_substring_indexes() -> None:
    indexes = [
        Index("code", IndexKind.FIELD),
        Index("code_contains", IndexKind.SUBSTRING),
        Index("id", IndexKind.FIELD),
    ]
    schema = CatalogSchema("rows", {index.name: index for index in indexes})
    options = QueryOptions(operators=True, parts="substring_indexes")
    for criteria, clause in (
        ({"code_contains": "a"}, Containing("code_contains", ("a",))),
        ({"code.contains": "a"}, Containing("code_contains", ("a",))),
        ({"code_startswith": "a"}, Starting("code_contains", ("a",))),
    ):
        assert parse_query(criteria, schema, options).require().clauses == (clause,)
    assert "without contains" in parse_query({"id.contains": "1"}, schema, options).problems[0].message


def test_relative_dates_need_a_moment_to_count_from() -> None:
    parsed = parse_query({"created_since": "1h"}, SCHEMA, QueryOptions.gateway("Plone"))
    assert "relative to now" in parsed.problems[0].message


# Spellings

_WORDS = st.sampled_from(["1", "2.5", "a", "today", "1h", "2024-01-05"])
_CRITERIA = st.dictionaries(
    st.sampled_from([index.name for index in INDEXES if operators_of(SCHEMA, index, GATEWAY)]),
    st.dictionaries(st.sampled_from(OPERATORS), _WORDS, min_size=1, max_size=3),
    max_size=4,
)


def _spellings(index: str, operator: str) -> list[str]:
    return [f"{index}.{operator}", f"{index}_{operator}", *([f"recent_{index}"] if operator == "recent" else [])]


@given(_CRITERIA, st.data())
def test_every_spelling_of_an_operator_reads_alike(records: dict[str, dict[str, str]], data: st.DataObject) -> None:
    flat = {
        data.draw(st.sampled_from(_spellings(index, operator))): value
        for index, record in records.items()
        for operator, value in record.items()
    }
    gathered = gather(flat, SCHEMA)
    assert not gathered.problems
    assert gathered.criteria == records
    of_records, of_flat = parse_query(records, SCHEMA, GATEWAY), parse_query(flat, SCHEMA, GATEWAY)
    assert of_records.query == of_flat.query
    assert sorted(problem.message for problem in of_records.problems) == sorted(
        problem.message for problem in of_flat.problems
    )
    assert of_flat.asked == records


# Relative dates


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("1h", NOW - timedelta(hours=1)),
        ("1d6h", NOW - timedelta(days=1, hours=6)),
        ("2 w", NOW - timedelta(weeks=2)),
        ("30min", NOW - timedelta(minutes=30)),
        ("90s", NOW - timedelta(seconds=90)),
        ("1M", datetime(2024, 2, 29, 12, 0, 30, tzinfo=UTC)),
        ("1y1m", datetime(2023, 2, 28, 12, 0, 30, tzinfo=UTC)),
        ("99999y", datetime(1, 1, 2, tzinfo=UTC)),
        ("999999999d", datetime(1, 1, 2, tzinfo=UTC)),
        ("", None),
        ("1", None),
        ("h", None),
        ("6h1d", None),
        ("-1h", None),
        ("١h", None),
    ],
)
def test_durations_are_counted_back_from_now(text: str, moment: datetime | None) -> None:
    assert moment_before(text, NOW) == moment


@given(
    st.tuples(*(st.integers(0, 40) for _ in range(7))).filter(any),
    st.integers(-2_000_000_000, 4_000_000_000),
)
def test_a_duration_as_printed_is_read_back(numbers: tuple[int, ...], seconds: int) -> None:
    now = datetime.fromtimestamp(seconds, UTC)
    units = ("y", "m", "w", "d", "h", "min", "s")
    text = "".join(f"{number}{unit}" for number, unit in zip(numbers, units, strict=True) if number)
    months = now.year * 12 + now.month - 1 - (12 * numbers[0] + numbers[1])
    rest = timedelta(weeks=numbers[2], days=numbers[3], hours=numbers[4], minutes=numbers[5], seconds=numbers[6])
    found = moment_before(text, now)
    assert found is not None
    earlier = found + rest
    assert earlier.year * 12 + earlier.month - 1 == months
    assert earlier.day == now.day or (earlier + timedelta(days=1)).day == 1


def test_recent_days_begin_at_midnight_of_the_zone() -> None:
    zone = ZoneInfo("Europe/Berlin")
    # The night before, the clocks went forward.
    assert beginning_of("today", NOW, zone) == datetime(2024, 3, 30, 23, 0, tzinfo=UTC)
    assert beginning_of("this-week", NOW, zone) == datetime(2024, 3, 23, 23, 0, tzinfo=UTC)
    assert beginning_of("never", NOW, zone) is None


# Finding

METADATA = sa.MetaData()
TABLES = CatalogTables(SCHEMA, METADATA)
LONG = "long" * 40
DOCUMENTS: Mapping[int, Mapping[str, Any]] = {
    1: {"id": "a", "state": "", "price": Decimal(5), "count": 5, "Subject": ["ape", "Bee"], "numbers": [1, 9]},
    2: {"id": "ab_c", "state": "open", "price": Decimal("5.000000000001"), "count": 6, "Subject": [], "Title": "Zinc"},
    3: {"id": "B%", "state": "closed", "price": Decimal("-0.5"), "count": -1, "numbers": [5], "Title": ""},
    4: {"id": LONG, "price": Decimal(0), "created": NOW, "active": True, "UID": "u1", "scan": ["AB-1", " x "]},
    5: {"id": LONG + "x", "created": NOW - timedelta(hours=1), "active": False, "scan": "ab-1"},
    6: {"id": "é€😀", "Subject": "bee", "at": NOW, "flag": False, "created": NOW - timedelta(days=40)},
    7: {},
}
Key = Callable[[Mapping[str, Any]], bool]


@pytest.fixture(scope="module")
def connection(module_database_url: str) -> Iterator[Connection]:
    engine = create_engine_for(module_database_url, threads=1)
    METADATA.create_all(engine)
    with engine.connect() as connection:
        transaction = begin_write(connection)
        upsert(connection, TABLES, [IndexRow(rid, rid, 1, 0, values) for rid, values in DOCUMENTS.items()])
        yield connection
        transaction.rollback()
    engine.dispose()


def found(connection: Connection, criteria: Mapping[str, Any]) -> set[int]:
    query = parse_request(criteria, SCHEMA, GATEWAY).require()
    rows = connection.execute(page_statement(TABLES, query, visible=None)).scalars().all()
    shaped = shaped_rows(TABLES, connection, _page, query, (), {})
    assert shaped is None or {row[0] for row in shaped} == set(rows)
    return set(rows)


def _page(tables: CatalogTables, query: Any, visible: Any) -> sa.Select[Any]:
    return page_statement(tables, query, visible=None)


@pytest.mark.parametrize(
    ("criteria", "rids"),
    [
        ({"state_empty": 1}, {1, 4, 5, 6, 7}),
        ({"state_empty": 0}, {2, 3}),
        ({"price_empty": 1}, {5, 6, 7}),
        ({"count.empty": "no"}, {1, 2, 3}),
        ({"Subject_empty": 1}, {2, 3, 4, 5, 7}),
        ({"Subject_empty": 0}, {1, 6}),
        ({"created_empty": 1}, {1, 2, 3, 7}),
        ({"active_empty": 0}, {4, 5}),
        ({"UID_empty": 1}, {1, 2, 3, 5, 6, 7}),
        ({"flag.empty": 0}, {6}),
        ({"Title_empty": 1}, {1, 3, 4, 5, 6, 7}),
        ({"Title_empty": 0}, {2}),
        ({"price.gt": 5}, {2}),
        ({"price.ge": "5"}, {1, 2}),
        ({"price.lt": 5}, {3, 4}),
        ({"price.le": 0, "price.gt": "-0.5"}, {4}),
        ({"count.gt": -1, "count.lt": 6}, {1}),
        ({"id.gt": "a", "id.lt": "b"}, {2}),
        ({"Subject.gt": "ape"}, {6}),
        ({"Subject.ge": "ape", "Subject.lt": "b"}, {1}),
        ({"numbers.gt": 1, "numbers.lt": 9}, {3}),
        ({"numbers.gt": 1, "numbers.le": 9}, {1, 3}),
        ({"created_since": "1h"}, {4, 5}),
        ({"created_since": "59min"}, {4}),
        ({"recent_created": "today"}, {4, 5}),
        ({"recent_created": "this-year"}, {4, 5, 6}),
        ({"at_since": "1min"}, {6}),
        ({"created.gt": NOW}, set()),
        ({"created.lt": NOW}, {5, 6}),
        ({"id_contains": "_"}, {2}),
        ({"id_contains": "%"}, {3}),
        ({"id_contains": "%", "id_startswith": "%"}, set()),
        ({"id_contains": ["€", "B"]}, {2, 3, 6}),
        ({"id_contains": "gl"}, {4, 5}),
        ({"id_contains": "x"}, set()),
        ({"id_contains": "0"}, set()),
        ({"id_startswith": "a"}, {1, 2}),
        ({"id_startswith": "b"}, {3}),
        ({"id_startswith": "É€"}, {6}),
        ({"id_startswith": LONG[:96]}, {4, 5}),
        ({"Subject_contains": "e"}, {1, 6}),
        ({"Subject_startswith": "BE"}, {1, 6}),
        ({"scan": "ab-1\n"}, {4, 5}),
        ({"scan": "X"}, {4}),
        ({"scan": "ab"}, set()),
        ({"id.startswith": "a", "state_empty": 0}, {2}),
    ],
)
def test_operators_find(connection: Connection, criteria: dict[str, Any], rids: set[int]) -> None:
    assert found(connection, criteria) == rids


def _texts(rid: int, name: str) -> list[str]:
    value = DOCUMENTS[rid].get(name, ())
    return [value] if isinstance(value, str) else list(value)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(name=st.sampled_from(["id", "Subject"]), part=st.text("abelABÉé€😀ßİ_%x!\\", min_size=1, max_size=5))
def test_parts_are_found_whatever_their_case(connection: Connection, name: str, part: str) -> None:
    texts = {rid: [text[:96] if len(text) > 128 else text for text in _texts(rid, name)] for rid in DOCUMENTS}
    for operator, holds in (("contains", str.__contains__), ("startswith", str.startswith)):
        expected = {rid for rid, known in texts.items() if any(holds(fold(text), fold(part)) for text in known)}
        assert found(connection, {f"{name}_{operator}": part}) == expected


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(
    name=st.sampled_from(["price", "count"]),
    bounds=st.dictionaries(
        st.sampled_from(["gt", "ge", "lt", "le"]), st.decimals(-2, 8, allow_nan=False, places=1), min_size=1
    ).filter(lambda bounds: not {"gt", "ge"} <= bounds.keys() and not {"lt", "le"} <= bounds.keys()),
)
def test_bounds_compare_as_numbers_do(connection: Connection, name: str, bounds: dict[str, Decimal]) -> None:
    compare: dict[str, Callable[[Any, Any], bool]] = {
        "gt": lambda key, bound: key > bound,
        "ge": lambda key, bound: key >= bound,
        "lt": lambda key, bound: key < bound,
        "le": lambda key, bound: key <= bound,
    }
    expected = {
        rid
        for rid, document in DOCUMENTS.items()
        if name in document and all(compare[word](document[name], bound) for word, bound in bounds.items())
    }
    spelled = {f"{name}.{word}": str(bound) for word, bound in bounds.items()}
    assert found(connection, spelled) == expected


def test_an_open_range_goes_by_the_key_of_its_index(connection: Connection) -> None:
    clause = parse_query({"id.startswith": "a"}, SCHEMA, GATEWAY).require().clauses[0]
    text = str(condition(TABLES, clause))
    assert ">=" in text
    assert "LIKE" not in text

"""How values are read from requests and shown in answers."""

import re
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from objapi.ispyb.values.errors import Fault
from objapi.ispyb.values.types import (
    ANY_INT,
    BOOL,
    DAY,
    INT,
    INT_COLUMN,
    JOINED_IDS,
    JSON_IDS,
    NUMBER,
    OBJECT,
    STAMP,
    TEXT,
    WRITTEN_STAMP,
    ScalarType,
    constant,
    enum,
    integer,
    pattern,
    short_text,
)
from objapi.ispyb.wire.response import encode
from tests.objapi.ispyb.calling import at


@pytest.mark.parametrize(
    ("kind", "raw", "value"),
    [
        (INT, "12", 12),
        (INT, " 12 ", 12),
        (INT, 2.7, 2),
        (INT, -2.7, -2),
        (INT, True, 1),
        (ANY_INT, str(2**127), 2**127),
        (NUMBER, "5.5", 5.5),
        (NUMBER, 5, 5.0),
        (TEXT, 12, "12"),
        (TEXT, 1.5, "1.5"),
        (BOOL, "YES", True),
        (BOOL, "off", False),
        (BOOL, 1, True),
        (BOOL, 0.0, False),
        (STAMP, "2022-05-20T14:09:20.340Z", at(2022, 5, 20, 14, 9).replace(second=20)),
        (STAMP, "2022-05-20 16:00:00+02:00", at(2022, 5, 20, 16)),
        (STAMP, "2022-5-2T6:00", at(2022, 5, 2, 6)),
        (STAMP, 0, at(1970, 1, 1)),
        (STAMP, "1700000000", at(2023, 11, 14, 22, 13).replace(second=20)),
        (STAMP, 1700000000000, at(2023, 11, 14, 22, 13).replace(second=20)),
        (JSON_IDS, "[1, 2]", [1, 2]),
        (pattern(r"^(\w|-)+\d+$"), "mx-é1", "mx-é1"),
        (enum("E", None, 0, 1), 1, 1),
    ],
)
def test_values_are_read_leniently(kind: ScalarType, raw: Any, value: Any) -> None:
    assert kind.read(raw) == value
    assert type(kind.read(raw)) is type(value)


@pytest.mark.parametrize(
    ("kind", "raw", "type_", "context"),
    [
        (INT, "2.7", "type_error.integer", {}),
        (INT, "", "type_error.integer", {}),
        (INT, [], "type_error.integer", {}),
        (INT, float("inf"), "type_error.integer", {}),
        (INT, 2**63, "value_error.number.not_le", {"limit_value": 2**63 - 1}),
        (INT_COLUMN, -(2**31) - 1, "value_error.number.not_ge", {"limit_value": -(2**31)}),
        (integer(least=0), -1, "value_error.number.not_ge", {"limit_value": 0}),
        (integer(above=0), 0, "value_error.number.not_gt", {"limit_value": 0}),
        (integer(least=1, most=4), "5", "value_error.number.not_le", {"limit_value": 4}),
        (NUMBER, "x", "type_error.float", {}),
        (NUMBER, "nan", "type_error.float", {}),
        (TEXT, {}, "type_error.str", {}),
        (TEXT, "\ud800", "type_error.str", {}),
        (BOOL, "maybe", "type_error.bool", {}),
        (BOOL, 2, "type_error.bool", {}),
        (STAMP, "2022-05-20", "value_error.datetime", {}),
        (STAMP, "2022-02-30T00:00:00", "value_error.datetime", {}),
        (STAMP, "1e400", "value_error.datetime", {}),
        (STAMP, [], "type_error", {}),
        (JSON_IDS, "[1,", "value_error.json", {}),
        (OBJECT, 1, "type_error.dict", {}),
        (pattern("^a$"), "b", "value_error.str.regex", {"pattern": "^a$"}),
        (short_text(2), "abc", "value_error.any_str.max_length", {"limit_value": 2}),
        (enum("E", "a", "b"), "c", "type_error.enum", {"enum_values": ["a", "b"]}),
        (enum("E", 1), True, "type_error.enum", {"enum_values": [1]}),
        (enum("E", "a"), [], "type_error.enum", {"enum_values": ["a"]}),
        (constant("a"), "c", "value_error.const", {"given": "c", "permitted": ["a"]}),
    ],
)
def test_a_value_of_another_kind_is_a_fault_with_its_type(
    kind: ScalarType, raw: Any, type_: str, context: dict[str, Any]
) -> None:
    with pytest.raises(Fault) as found:
        kind.read(raw)
    assert (found.value.type, found.value.context) == (type_, context)


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@example(kind=OBJECT, raw={"count": 1 << 64})
@given(
    kind=st.sampled_from([INT, INT_COLUMN, ANY_INT, NUMBER, TEXT, BOOL, STAMP, JSON_IDS, OBJECT, short_text(3)]),
    raw=JSON_VALUES.filter(lambda value: value is not None),
)
def test_whatever_is_sent_is_read_or_a_fault_and_can_be_answered(kind: ScalarType, raw: Any) -> None:
    try:
        value = kind.read(raw)
    except Fault as fault:
        assert fault.message
        assert fault.type.partition(".")[0] in ("type_error", "value_error")
    else:
        if kind is not ANY_INT:
            encode(kind.show(value))


@given(st.datetimes(min_value=at(1, 1, 1), max_value=at(9999, 1, 1)))
def test_a_time_is_read_as_it_was_written_down_to_the_second(time: datetime) -> None:
    assert STAMP.read(time.isoformat()) == time.replace(microsecond=0)
    assert encode(STAMP.show(time)).decode() == f'"{time.replace(microsecond=0).isoformat()}"'


@pytest.mark.parametrize(
    ("kind", "value", "shown"),
    [
        (INT, Decimal(5), 5),
        (NUMBER, Decimal("5.5"), 5.5),
        (NUMBER, float("nan"), None),
        (BOOL, 1, True),
        (TEXT, 2, "2"),
        (STAMP, "0000-00-00 00:00:00", None),
    ],
)
def test_database_values_are_shown_as_their_kind(kind: ScalarType, value: Any, shown: Any) -> None:
    assert kind.show(value) == shown


@pytest.mark.parametrize("kind", [WRITTEN_STAMP, JSON_IDS, JOINED_IDS, INT, INT_COLUMN, TEXT])
@given(data=st.data())
def test_what_a_description_promises_is_read(kind: ScalarType, data: st.DataObject) -> None:
    schema = kind.schema
    if schema["type"] == "integer":
        kind.read(data.draw(st.sampled_from((schema["minimum"], 0, schema["maximum"]))))
    else:
        kind.read(data.draw(st.from_regex(schema.get("pattern", "^.*$"), fullmatch=True)))


@given(st.from_regex(DAY.schema["pattern"], fullmatch=True))
def test_days_of_the_described_form_are_days(text: str) -> None:
    assert datetime.strptime(text.replace("-", ""), "%Y%m%d")  # noqa: DTZ007 - a day has no zone


@given(st.dates(min_value=date(1000, 1, 1)))
@example(date(2024, 2, 29))
@example(date(2000, 2, 29))
def test_every_day_is_of_the_described_form(day: date) -> None:
    assert re.fullmatch(DAY.schema["pattern"], day.isoformat())
    assert re.fullmatch(DAY.schema["pattern"], day.strftime("%Y%m%d"))
    assert re.fullmatch(WRITTEN_STAMP.schema["pattern"], f"{day}T12:00:00")


@pytest.mark.parametrize("text", ["2023-02-29", "1900-02-29", "2024-02-30", "2024-04-31", "20230229"])
def test_what_is_no_day_is_not_of_the_described_form(text: str) -> None:
    assert not re.fullmatch(DAY.schema["pattern"], text)
    assert not re.fullmatch(WRITTEN_STAMP.schema["pattern"], f"{text}T12:00:00")

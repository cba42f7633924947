import base64
import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from marshmallow import ValidationError

from objapi.model.kinds import load, marshmallow_field, reading_with
from objapi.model.types import Field, Kind
from objapi.model.values import LoadContext, NewFile, answer

ZONE = ZoneInfo("Africa/Johannesburg")
CONTEXT = LoadContext(
    zone=ZONE,
    parse_structured=json.loads,
    now=datetime(2026, 1, 1, tzinfo=UTC),
    max_text=200,
    max_entries=5,
    max_file=10,
)


@dataclass
class FormFile:
    filename: str | None
    content_type: str | None
    content: bytes


class Spelled(Decimal):
    """A number that remembers how a client wrote it, as strict JSON reading gives them."""

    def __str__(self):
        return "57.10"


def field(kind, **more):
    return Field("F", kind, **more)


ADDRESS = field(Kind.RECORD, subfields=("address", "city"), required_subfields=("city",))
RANGES = field(Kind.RECORDS, subfields=("keyword", "min"), required_subfields=("keyword",))
MARKS = {"vocabulary": {".": "dot", ",": "comma"}}


@pytest.mark.parametrize(
    ("declared", "raw", "stored"),
    [
        (field(Kind.STRING), "x", "x"),
        (field(Kind.STRING), "", None),
        (field(Kind.STRING), "  ", None),
        (field(Kind.STRING), 57, "57"),
        (field(Kind.STRING), Spelled("57.1"), "57.10"),
        (field(Kind.STRING), 0.5, "0.5"),
        (field(Kind.STRING), True, "true"),
        (field(Kind.STRING, **MARKS), ",", ","),
        (field(Kind.STRING, **MARKS), "", None),
        (field(Kind.TEXT), "a\nb", "a\nb"),
        (field(Kind.INTEGER), "12", 12),
        (field(Kind.INTEGER), " -12 ", -12),
        (field(Kind.INTEGER), 12.0, 12),
        (field(Kind.INTEGER), Decimal("1e3"), 1000),
        (field(Kind.INTEGER), 2**63 - 1, 2**63 - 1),
        (field(Kind.INTEGER), "", None),
        (field(Kind.FIXEDPOINT, precision=2), "12.5", "12.50"),
        (field(Kind.FIXEDPOINT, precision=2), "0.0500", "0.05"),
        (field(Kind.FIXEDPOINT, precision=2), "-0.00000", "0.00"),
        (field(Kind.FIXEDPOINT, precision=2), "5e-2", "0.05"),
        (field(Kind.FIXEDPOINT, precision=0), "3.0", "3"),
        (field(Kind.FIXEDPOINT), 14, "14.00"),
        (field(Kind.FIXEDPOINT), Decimal("1e3"), "1000.00"),
        (field(Kind.FIXEDPOINT), 0.1, "0.10"),
        (field(Kind.FIXEDPOINT), ".5", "0.50"),
        (field(Kind.BOOLEAN), "", False),
        (field(Kind.BOOLEAN), "FALSE", False),
        (field(Kind.BOOLEAN), "No", False),
        (field(Kind.BOOLEAN), "off", False),
        (field(Kind.BOOLEAN), 0, False),
        (field(Kind.BOOLEAN), "on", True),
        (field(Kind.BOOLEAN), "True", True),
        (field(Kind.BOOLEAN), 1, True),
        (field(Kind.BOOLEAN), None, None),
        (field(Kind.DATETIME), "2013-09-29", "2013-09-28T22:00:00+00:00"),
        (field(Kind.DATETIME), "20130929", "2013-09-28T22:00:00+00:00"),
        (field(Kind.DATETIME), "2013/09/29", "2013-09-28T22:00:00+00:00"),
        (field(Kind.DATETIME), "2013/09/29 00:00:00 GMT+2", "2013-09-28T22:00:00+00:00"),
        (field(Kind.DATETIME), "2013-09-29T10:00:00", "2013-09-29T08:00:00+00:00"),
        (field(Kind.DATETIME), "2013-09-29T10:00:00.5+02:00", "2013-09-29T08:00:00.500000+00:00"),
        (field(Kind.DATETIME), datetime(2013, 9, 29, tzinfo=ZONE), "2013-09-28T22:00:00+00:00"),
        (field(Kind.DATETIME), "", None),
        (field(Kind.LINES), "a\r\nb\n\n c ", ["a", "b", "c"]),
        (field(Kind.LINES), ["a", 5, ""], ["a", "5"]),
        (field(Kind.LINES), "one", ["one"]),
        (field(Kind.LINES), [""], None),
        (ADDRESS, {"city": "Pretoria"}, {"city": "Pretoria"}),
        (ADDRESS, '{"city": "Pretoria", "address": null}', {"city": "Pretoria", "address": None}),
        (ADDRESS, {"city": "", "address": ""}, None),
        (field(Kind.RECORD), {"any": [1, {"deep": True}]}, {"any": [1, {"deep": True}]}),
        (RANGES, [{"keyword": "Zn", "min": Spelled("57.1")}], [{"keyword": "Zn", "min": "57.10"}]),
        (RANGES, ['{"keyword": "Zn"}', {"keyword": "Cu"}], [{"keyword": "Zn"}, {"keyword": "Cu"}]),
        (RANGES, {"keyword": "Zn"}, [{"keyword": "Zn"}]),
        (RANGES, '[{"keyword": "Zn", "min": 5}]', [{"keyword": "Zn", "min": 5}]),
        (RANGES, [{}, {"keyword": ""}], None),
        (field(Kind.JSON), {"a": [Decimal("1.5"), None, "x"]}, {"a": [1.5, None, "x"]}),
        (field(Kind.JSON), '{"a": 1}', '{"a": 1}'),
        (field(Kind.JSON), datetime(2013, 9, 29, tzinfo=ZONE), "2013-09-28T22:00:00+00:00"),
        (
            field(Kind.FILE),
            FormFile("C:\\a\\b.pdf", "Application/PDF; x=y", b"1"),
            NewFile("b.pdf", "application/pdf", b"1"),
        ),
        (field(Kind.FILE), FormFile("", None, b""), None),
        (
            field(Kind.FILE),
            {"filename": "a.csv", "base64": base64.b64encode(b"1,2").decode()},
            NewFile("a.csv", "text/csv", b"1,2"),
        ),
        (
            field(Kind.FILE),
            {"filename": "a.unknown", "data": ""},
            NewFile("a.unknown", "application/octet-stream", b""),
        ),
    ],
)  # fmt: skip
def test_a_value_is_stored_in_the_form_of_its_kind(declared, raw, stored):
    made = load(raw, declared, CONTEXT)
    assert made == stored
    assert type(made) is type(stored)


SIGNALLING = [
    (Kind.INTEGER, "whole number"),
    (Kind.FIXEDPOINT, "decimal"),
    (Kind.NUMBER, "a number such as"),
    (Kind.JSON, "must be finite"),
]
"""What each kind of numbers says of a NaN at which Python's own conversions raise."""


@pytest.mark.parametrize(
    ("declared", "raw", "said"),
    [
        (field(Kind.STRING), ["a", "b"], "a text is expected, not a list"),
        (field(Kind.STRING), {"a": "b"}, "not a record"),
        (field(Kind.STRING), float("nan"), "a text is expected"),
        (field(Kind.STRING), "a\0b", "NUL"),
        (field(Kind.STRING), "a\ud800", "surrogate"),
        (field(Kind.STRING), "x" * 201, "at most 200"),
        (field(Kind.STRING, **MARKS), ";", "is not one of '.', ','"),
        (field(Kind.INTEGER), "1.5", "whole number"),
        (field(Kind.INTEGER), "\uff11", "whole number"),
        (field(Kind.INTEGER), 1.5, "whole number"),
        (field(Kind.INTEGER), True, "not true"),
        (field(Kind.INTEGER), float("inf"), "whole number"),
        (field(Kind.INTEGER), 2**63, "between"),
        (field(Kind.INTEGER, vocabulary={"1": "", "2": ""}), 3, "not one of '1', '2'"),
        (field(Kind.FIXEDPOINT), "12,5", "decimal"),
        (field(Kind.FIXEDPOINT), "NaN", "decimal"),
        (field(Kind.FIXEDPOINT), float("inf"), "decimal"),
        *((field(kind), Decimal("sNaN"), said) for kind, said in SIGNALLING),
        (field(Kind.FIXEDPOINT), "1e26", "26 digits"),
        (field(Kind.FIXEDPOINT, precision=7), "0.000000001", "at most 7 digits after the point"),
        (field(Kind.FIXEDPOINT, precision=7), Decimal("1e-9"), "at most 7 digits after the point"),
        (field(Kind.FIXEDPOINT, precision=7), 1e-9, "at most 7 digits after the point"),
        (field(Kind.FIXEDPOINT), "0.005", "at most 2 digits after the point"),
        (field(Kind.FIXEDPOINT), "-12.001", "at most 2 digits after the point"),
        (field(Kind.FIXEDPOINT, precision=0), "2.5", "at most 0 digits after the point"),
        (field(Kind.NUMBER), "1e-400", "a number such as"),
        (field(Kind.NUMBER), Decimal("1e-400"), "a number such as"),
        (field(Kind.NUMBER), "1e400", "a number such as"),
        (field(Kind.FIXEDPOINT), True, "not true"),
        (field(Kind.BOOLEAN), "perhaps", "true or false"),
        (field(Kind.BOOLEAN), 2, "true or false"),
        (field(Kind.DATETIME), "yesterday-ish", "no date"),
        (field(Kind.DATETIME), "2023-02-29", "no date"),
        (field(Kind.DATETIME), 5, "a date such as"),
        (field(Kind.DATETIME), datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=2))), "years 1 to 9999"),
        (field(Kind.LINES), list("abcdef"), "at most 5"),
        (field(Kind.LINES), [{"a": "b"}], "not a record"),
        (field(Kind.LINES, vocabulary={"email": "", "pdf": ""}), ["email", "fax"], "'fax' is not one of"),
        (ADDRESS, {"city": "x", "town": "y"}, "no subfield is named 'town'; there are address, city"),
        (ADDRESS, {"address": "x"}, "lacks city"),
        (ADDRESS, "no json", "JSON is expected"),
        (ADDRESS, "[1]", "a record is expected"),
        (ADDRESS, {"city": "a\0"}, "NUL"),
        (RANGES, [{"min": 1}, {"keyword": "a"}, 5], "record 1: .*record 3: "),
        (RANGES, [{"keyword": "a"}] * 6, "at most 5"),
        (RANGES, "too little", r'JSON .* such as \[\{"keyword": "…", "min": "…"\}\], not the text .too little.'),
        (RANGES, "[{'keyword': }]", r"JSON is expected, such as .*\]: "),
        (field(Kind.RECORD), {"a": 2**63}, "between"),
        (field(Kind.JSON), {1: 2}, "names in a record"),
        (field(Kind.JSON), object(), "JSON value"),
        (field(Kind.JSON), Decimal("1e999"), "out of range"),
        (field(Kind.FILE), "text", "a file is expected"),
        (field(Kind.FILE), FormFile("a", None, b"x" * 11), "at most 10 bytes"),
        (field(Kind.FILE), FormFile("a\nb", None, b"x"), "no name"),
        (field(Kind.FILE), FormFile("a", "nonsense", b"x"), "media type"),
        (field(Kind.FILE), {"filename": "a", "base64": "%%%%"}, "base64"),
        (field(Kind.FILE), {"filename": "a"}, "needs filename and base64"),
        (field(Kind.FILE), {"filename": "a", "path": "/etc/passwd", "base64": ""}, "no 'path'"),
        (field(Kind.COMPUTED), "x", "cannot be set"),
        (field(Kind.REFERENCE), "x", "looked up"),
    ],
)  # fmt: skip
def test_a_value_that_does_not_fit_is_described(declared, raw, said):
    with pytest.raises(ValidationError) as caught:
        load(raw, declared, CONTEXT)
    assert re.search(said, " ".join(caught.value.messages)), caught.value.messages


def test_a_value_nested_too_deeply_is_refused():
    raw = []
    for _ in range(70):
        raw = [raw, 1]
    with pytest.raises(ValidationError, match="64 levels"):
        load(raw, field(Kind.JSON), CONTEXT)


@pytest.mark.parametrize(
    ("declared", "stored", "answered"),
    [
        (field(Kind.STRING), None, ""),
        (field(Kind.TEXT), "x", "x"),
        (field(Kind.LINES), None, []),
        (field(Kind.RECORDS), None, []),
        (field(Kind.RECORD), None, {}),
        (field(Kind.REFERENCE), None, None),
        (field(Kind.REFERENCE, multi=True), None, []),
        (field(Kind.REFERENCE, multi=True), ["a" * 32], ["a" * 32]),
        (field(Kind.BOOLEAN), None, None),
        (field(Kind.DATETIME), None, None),
        (field(Kind.DATETIME), "2013-09-28T22:00:00+00:00", "2013-09-29T00:00:00+02:00"),
        (field(Kind.FIXEDPOINT), "12.50", "12.50"),
        (
            field(Kind.FILE),
            {"filename": "a", "size": 3, "content_type": "b/c", "sha256": "…"},
            {"filename": "a", "size": 3, "content_type": "b/c", "url": "/x"},
        ),
    ],
)
def test_a_stored_value_is_answered_as_json(declared, stored, answered):
    assert answer(stored, declared, ZONE, "/x") == answered


@given(st.decimals(min_value=-(10**20), max_value=10**20, places=6), st.integers(0, 6))
def test_decimals_are_kept_whole_or_refused(number, precision):
    declared = field(Kind.FIXEDPOINT, precision=precision)
    if number != round(number, precision):
        with pytest.raises(ValidationError, match="digits after the point"):
            load(str(number), declared, CONTEXT)
        return
    stored = load(str(number), declared, CONTEXT)
    assert Decimal(stored) == number
    assert len(stored.partition(".")[2]) == precision
    assert load(stored, declared, CONTEXT) == stored


@given(st.datetimes(timezones=st.just(UTC)).filter(lambda moment: 1 < moment.year < 9999))
def test_an_answered_date_is_stored_as_it_was(moment):
    declared = field(Kind.DATETIME)
    stored = load(moment, declared, CONTEXT)
    assert datetime.fromisoformat(stored) == moment
    assert load(answer(stored, declared, ZONE), declared, CONTEXT) == stored


stored_texts = st.text(st.characters(max_codepoint=0x17F), max_size=210) | st.from_regex(
    r"(0000|0001|2024|9999)-(0[1-9]|1[0-3])-[0-3][0-9]T[0-2][0-9]:[0-6][0-9]:[0-6][0-9](\.5)?(\+00:00|Z|\+01:00)",
    fullmatch=True,
)


@given(
    st.sampled_from((Kind.STRING, Kind.TEXT, Kind.INTEGER, Kind.DATETIME, Kind.LINES)),
    st.booleans(),
    stored_texts | st.integers(-(2**64), 2**64) | st.booleans() | st.none(),
)
def test_a_value_that_is_taken_as_it_is_would_be_read_as_the_same(kind, words, value):
    reader = marshmallow_field(field(kind, **(MARKS if words else {})))
    with reading_with(CONTEXT):
        if reader._is_stored(value):
            assert reader._deserialize(value, None, None) == value


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abc", max_size=3), inner, max_size=4),
    max_leaves=10,
)  # fmt: skip
anything = json_values | st.text() | st.binary() | st.decimals() | st.datetimes()


@given(json_values)
def test_json_is_stored_as_it_is(value):
    stored = load(value, field(Kind.JSON), CONTEXT)
    if stored is None:
        assert value is None or (isinstance(value, str) and not value.strip())
    else:
        assert stored == value
        assert json.loads(json.dumps(stored)) == value


@pytest.mark.parametrize("value", [[], {}, [{}], [""], {"a": ""}, ["x" * 50] * 50])
def test_json_without_contents_and_large_json_are_values(value):
    assert load(value, field(Kind.JSON), CONTEXT) == value


@given(st.sampled_from(sorted(Kind)), anything)
def test_whatever_is_sent_is_stored_as_json_or_described(kind, raw):
    try:
        stored = load(raw, field(kind), CONTEXT)
    except ValidationError as error:
        assert error.messages
    else:
        if kind is not Kind.FILE:
            json.dumps(stored, allow_nan=False)

"""Form marshalling by the rules of Zope's publisher; the expected values were got by asking Zope 6.3."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from objapi.errors import BadRequest, TooLarge
from objapi.http.forms.marshalling import Form, FormOptions, RawPair, Record, Upload, marshal, parse_pairs

ZOPE = FormOptions.zope()
GATEWAY = FormOptions.gateway()


def form_of(query: str | bytes, body: str | None = None, options: FormOptions = ZOPE) -> Form:
    raw = query.encode() if isinstance(query, str) else query
    return marshal(parse_pairs(raw, None if body is None else body.encode()), options, UTC)


def values_of(query: str | bytes, body: str | None = None, options: FormOptions = ZOPE) -> dict[str, Any]:
    form = form_of(query, body, options)
    assert form.problems == ()
    return dict(form)


def record(**members: Any) -> Record:
    return Record(members)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", {}),
        ("&&", {}),
        ("a", {"a": ""}),
        ("=x", {"": "x"}),
        ("a=1&&b=2&", {"a": "1", "b": "2"}),
        ("a=1;b=2", {"a": "1;b=2"}),
        ("a=x=y", {"a": "x=y"}),
        ("a=x+y%20z", {"a": "x y z"}),
        ("a=%zz&b=%4&c=%", {"a": "%zz", "b": "%4", "c": "%"}),
        ("a=%C3%A9", {"a": "é"}),
        ("%C3%A9=1", {"é": "1"}),
        (b"a=\xc3\xa9", {"a": "é"}),
        ("a=%FF", {"a": "\udcff"}),
        ("a= 1 ", {"a": " 1 "}),
        ("a%3Aint=5", {"a": 5}),
    ],
)
def test_pairs_are_read_leniently(query: str | bytes, expected: dict[str, Any]) -> None:
    assert values_of(query) == expected


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("a=1&a=2", {"a": ["1", "2"]}),
        ("a=1&a=2&a=3", {"a": ["1", "2", "3"]}),
        ("a:list=1", {"a": ["1"]}),
        ("a:list=", {"a": [""]}),
        ("a:list=1&a=2", {"a": ["1", "2"]}),
        ("a=1&a:list=2", {"a": ["1", "2"]}),
        ("a[]=1&a[]=2", {"a[]": ["1", "2"]}),
        ("a[]=1", {"a[]": "1"}),
        ("a:lines=1&a:lines=2", {"a": ["1", ["2"]]}),
        ("a:tokens=x+y&a=z", {"a": ["x", "y", "z"]}),
        ("a:tokens:list=x+y", {"a": [["x", "y"]]}),
        ("a:tuple:int=1", {"a": (1,)}),
        ("a:int:tuple=1", {"a": [1]}),
        ("a:tuple=1&a:tuple=2", {"a": ("1", "2")}),
        ("a:tokens=", {"a": []}),
        ("a:lines=", {"a": []}),
    ],
)
def test_repeated_names_and_lists(query: str, expected: dict[str, Any]) -> None:
    assert values_of(query) == expected


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("a:x=1", {"a:x": "1"}),
        ("a:9=1", {"a:9": "1"}),
        ("a:1x=1", {"a:1x": "1"}),
        ("a:=1", {"a:": "1"}),
        ("a:+int=1", {"a: int": "1"}),
        ("a:int:=1", {"a:int:": "1"}),
        ("http://x=1", {"http://x": "1"}),
        ("a:foo=1", {"a": "1"}),
        ("a:bool=1", {"a": "1"}),
        ("a:INT=1", {"a": "1"}),
        ("urn:uuid:abc=1", {"urn": "1"}),
        ("a:int%0A=1", {"a": "1"}),
        ("a:int.x=1", {"a": 1}),
        ("a.x=1", {"a.x": "1"}),
        ("a:int:list=1", {"a": [1]}),
        ("a:list:int=1", {"a": [1]}),
        ("a:int:float=1", {"a": 1}),
        ("a:required:int=5", {"a": "5"}),
        ("a:method=1", {"a": "1"}),
        (":action=publish", {"": "publish"}),
        ("action=publish", {"action": "publish"}),
    ],
)
def test_suffixes_are_cut_from_the_right(query: str, expected: dict[str, Any]) -> None:
    assert values_of(query) == expected


def test_of_two_converters_the_left_one_decides_the_type() -> None:
    assert isinstance(values_of("a:float:int=1")["a"], float)
    assert isinstance(values_of("a:int:float=1")["a"], int)


@pytest.mark.parametrize(
    ("suffix", "text", "expected"),
    [
        ("int", " +1_0 ", 10),
        ("int", "-3", -3),
        ("int", "٣", 3),
        ("long", "5L", 5),
        ("long", "5l", 5),
        ("float", "1e3", 1000.0),
        ("float", ".5", 0.5),
        ("float", "inf", float("inf")),
        ("boolean", "", False),
        ("boolean", "False", False),
        ("boolean", "0", True),
        ("boolean", "false", True),
        ("boolean", " ", True),
        ("string", " x ", " x "),
        ("text", "a\r\nb\n\rc\rd", "a\nb\nc\rd"),
        ("lines", "a\r\nb\n", ["a", "b"]),
        ("lines", "a\x0bb\u2028c", ["a", "b", "c"]),
        ("tokens", " a \t b ", ["a", "b"]),
        ("utokens", "a b", ["a", "b"]),
        ("required", " x ", " x "),
        ("json", '{"a": [1, null]}', {"a": [1, None]}),
        ("bytes", "é", "é".encode()),
        ("date", "2024-01-02", datetime(2024, 1, 2, tzinfo=UTC)),
        ("date", "31/12/2024", datetime(2024, 12, 31, tzinfo=UTC)),
        ("date_international", "02/01/2024", datetime(2024, 1, 2, tzinfo=UTC)),
    ],
)
def test_converters_give_typed_values(suffix: str, text: str, expected: object) -> None:
    pair = RawPair(f"a:{suffix}".encode(), text.encode())
    form = marshal([pair], ZOPE, UTC)
    assert form.problems == ()
    assert form["a"] == expected
    assert type(form["a"]) is type(expected)


@pytest.mark.parametrize(
    ("suffix", "text"),
    [
        ("int", ""),
        ("int", "1.0"),
        ("int", "x"),
        ("long", "L"),
        ("float", ""),
        ("float", "1,5"),
        ("required", ""),
        ("required", " \t"),
        ("date", "no date"),
        ("date_international", "12/31/2024"),
        ("json", ""),
        ("json", "{"),
    ],
)
def test_converters_refuse_and_the_problem_names_the_parameter(suffix: str, text: str) -> None:
    form = marshal([RawPair(f"a:{suffix}".encode(), text.encode())], ZOPE, UTC)
    assert [problem.parameter for problem in form.problems] == [f"a:{suffix}"]
    assert form.problems[0].message.startswith(f"a:{suffix}: ")


def test_dates_without_a_zone_are_local_unless_iso() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    form = marshal(parse_pairs(b"a:date=2024/07/02&b:date=2024-07-02"), ZOPE, berlin)
    assert form["a"] == datetime(2024, 7, 2, tzinfo=berlin)
    assert form["b"] == datetime(2024, 7, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("r.a:record=1&r.b:record:int=2", {"r": record(a="1", b=2)}),
        ("x.y.z:record=1", {"x.y": record(z="1")}),
        ("z:record=1", {"": record(z="1")}),
        ("r.a:record=1&r.a:record=2", {"r": record(a="2")}),
        ("r.a:record:list=1&r.a:list:record=2", {"r": record(a=["1", "2"])}),
        ("r.a:record:list=1&r.a:record=2", {"r": record(a="2")}),
        ("r.a:record:list:int=1", {"r": record(a=[1])}),
        ("r.a:record:tuple=1&r.a:record:tuple=2", {"r": record(a=("1", "2"))}),
        ("r.a:int:tuple:record=1", {"r": record(a=(1,))}),
        ("r.a:record=1&r=2", {"r": [record(a="1"), "2"]}),
        ("q.a:records=1&q.b:records=2&q.a:records=3", {"q": [record(a="1", b="2"), record(a="3")]}),
        ("q.a:records:list=1&q.a:records:list=2", {"q": [record(a=["1", "2"])]}),
        ("q.a:records:tuple=1&q.b:records=2&q.b:records=3", {"q": [record(a=("1",), b="2"), record(b="3")]}),
    ],
)
def test_records(query: str, expected: dict[str, Any]) -> None:
    assert values_of(query) == expected


@pytest.mark.parametrize(
    "query",
    [
        "r=2&r.a:record=1",
        "r.a:record=1&r.b:records=1",
        "r.a:record=1&r.a:record:list=2",
        "q=1&q.a:records=1",
        "q:tokens=&q.a:records=1",
        "q.a:records=1&q.a:records:list=2",
        "r.a:record:int=5&r.a:record:tuple:ignore_empty=",
        "r=1&r.a:record:default=2",
    ],
)
def test_a_plain_value_and_a_record_cannot_share_a_name(query: str) -> None:
    assert len(form_of(query).problems) == 1


def test_a_record_is_no_json_object() -> None:
    form = form_of("r.a:record=1&j:json={%22a%22:%221%22}")
    assert form["r"] != form["j"]
    assert dict(form["r"]) == form["j"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("a:ignore_empty=", {}),
        ("a:int:ignore_empty=", {}),
        ("a:required:ignore_empty=", {}),
        ("a:ignore_empty=+", {"a": " "}),
        ("a:default=x", {"a": "x"}),
        ("a:default=x&a=y", {"a": "y"}),
        ("a=y&a:default=x", {"a": "y"}),
        ("r.a:record:default=1&r.b:record:default=2&r.a:record=3", {"r": record(a="3", b="2")}),
        ("a:list:default=x&a:list=y", {"a": ["y", "x"]}),
        ("a:list:default=x&a=y", {"a": ["y", "x"]}),
        ("a:list:default=x&a:list=x", {"a": ["x"]}),
        ("a:json:default=[[1]]&a:json=[[1],[2]]", {"a": [[1], [2]]}),
        ("q.b:records:default=9&q.a:records=1&q.a:records=2", {"q": [record(a="1", b="9"), record(a="2", b="9")]}),
        ("q.b:records:default=8&q.b:records:default=9&q.a:records=1", {"q": [record(a="1", b="8")]}),
        ("a:int:default=5&a:int=", {"a": 5}),
        ("r.a:record:int:default=5&r.a:record:int=", {"r": record(a=5)}),
        ("q.a:records:int:default=5&q.a:records:int=", {"q": [record(a=5)]}),
    ],
)
def test_empty_values_and_defaults(query: str, expected: dict[str, Any]) -> None:
    assert values_of(query) == expected


@pytest.mark.parametrize("query", ["a:int=&a:int:default=5", "a:int:default=5&a:int=x", "a:int:default="])
def test_a_default_stands_in_only_for_an_empty_value_that_comes_later(query: str) -> None:
    assert len(form_of(query).problems) == 1


def test_a_default_list_never_becomes_a_member_of_itself() -> None:
    assert len(form_of("a:int:list:default=5&a:int=&a:int=").problems) == 1


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("a:latin-1=%E9", {"a": "é"}),
        ("a:cp1252=%80", {"a": "€"}),
        ("a:latin-1:list=%E9", {"a": ["é"]}),
        ("a:utf-8=%C3%A9", {"a": "é"}),
        ("a:utf-8-sig:ignore_empty=%EF%BB%BF", {"a": ""}),
        ("a:ignore_empty:utf-8-sig=%EF%BB%BF", {}),
        ("a:hex=", {"a": ""}),
    ],
)
def test_codec_suffixes_read_the_bytes_again(query: str, expected: dict[str, Any]) -> None:
    assert values_of(query) == expected


@pytest.mark.parametrize("query", ["a:ascii=%C3%A9", "a:hex=6161", "%FF=1"])
def test_what_no_charset_gives_is_a_problem(query: str) -> None:
    assert len(form_of(query).problems) == 1


def test_names_of_the_cgi_environment_are_dropped_after_their_suffixes() -> None:
    form = form_of("HTTP_X:foo=no&PATH_INFO=1&http_x=2")
    assert dict(form) == {"http_x": "2"}
    assert form.dropped == ("HTTP_X", "PATH_INFO")
    assert form.problems == ()


def test_a_body_is_appended_to_the_query() -> None:
    assert values_of("a=1", "&a=2&b:int=3") == {"a": ["1", "2"], "b": 3}


def test_a_body_may_declare_its_charset() -> None:
    form = marshal(parse_pairs(b"a=%C3%A9", b"%E9=%E9", "ISO-8859-1"), ZOPE, UTC)
    assert dict(form) == {"a": "é", "é": "é"}
    assert len(marshal(parse_pairs(b"", b"a=1", "klingon"), ZOPE, UTC).problems) == 1


def test_typical_catalog_spellings() -> None:
    query = (
        "created.query:record:list:date=2024/01/01&created.query:record:list:date=2024/02/01"
        "&created.range:record=min:max&path.query:record=/Plone/clients&path.depth:record:int=1"
    )
    january, february = datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 2, 1, tzinfo=UTC)
    assert values_of(query, options=GATEWAY) == {
        "created": record(query=[january, february], range="min:max"),
        "path": record(query="/Plone/clients", depth=1),
    }


def test_uploads_are_values_and_false_without_a_file_name() -> None:
    pairs = [
        RawPair(b"a", Upload("x.csv", "text/csv", b"1,2")),
        RawPair(b"b:ignore_empty", Upload("", "application/octet-stream", b"")),
        RawPair(b"c:bytes", Upload("y", "", b"zz")),
        RawPair(b"d:int", Upload("y", "", b"1")),
        RawPair(b"e:latin-1", Upload("y", "", b"1")),
    ]
    form = marshal(pairs, ZOPE, UTC)
    assert dict(form) == {"a": Upload("x.csv", "text/csv", b"1,2"), "c": b"zz"}
    assert [problem.parameter for problem in form.problems] == ["d:int", "e:latin-1"]


@pytest.mark.parametrize("word", ["", "0", "false", "FALSE", "no", "Off", "False", " 0 "])
def test_the_gateway_takes_words_of_denial_for_false(word: str) -> None:
    assert form_of(f"a:boolean={word}", options=GATEWAY)["a"] is False


@pytest.mark.parametrize("word", ["1", "true", "x", "yes"])
def test_the_gateway_takes_other_words_for_true(word: str) -> None:
    assert form_of(f"a:boolean={word}", options=GATEWAY)["a"] is True


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("a=%FF", "a"),
        ("a:punycode=x", "a:punycode"),
        ("a:json={%22a%22:1,%22a%22:2}", "a:json"),
        ("a:json=NaN", "a:json"),
    ],
)
def test_the_gateway_refuses_what_would_be_lost(query: str, parameter: str) -> None:
    assert [problem.parameter for problem in form_of(query, options=GATEWAY).problems] == [parameter]


def test_the_gateway_has_no_reserved_record_keys() -> None:
    query = "r.a:record=1&r.keys:record:list=2"
    assert len(form_of(query).problems) == 1
    assert form_of(query, options=GATEWAY)["r"] == record(a="1", keys=["2"])


def test_defaults_are_not_multiplied_without_bound() -> None:
    defaults = [f"q.k{number}:records:default=x" for number in range(1001)]
    given = ["q.a:records=x" for _ in range(1000)]
    (problem,) = form_of("&".join([*defaults, *given]), options=GATEWAY).problems
    assert (problem.parameter, problem.status) == ("q", 413)


def test_limits_give_413() -> None:
    options = FormOptions.gateway(max_parameters=3, max_value_length=4, max_list=2)
    assert [problem.status for problem in form_of("a=1&b=2&c=3&d=4", options=options).problems] == [413]
    assert [problem.status for problem in form_of("a=12345&b=1", options=options).problems] == [413]
    assert [problem.status for problem in form_of("a=1&a=2&a=3", options=options).problems] == [413]
    assert [problem.status for problem in form_of("a:tokens=1+2&a=3", options=options).problems] == [413]
    assert [problem.status for problem in form_of("a:tokens:default=1+2&a=3", options=options).problems] == [413]
    assert [problem.status for problem in form_of("a" * 1001 + "=1", options=options).problems] == [413]


def test_every_problem_is_reported_not_only_the_first() -> None:
    form = form_of("a:int=x&b=1&c:float=y")
    with pytest.raises(BadRequest) as raised:
        form.refuse_problems()
    assert [cause.name for cause in raised.value.causes] == ["a:int", "c:float"]
    assert "a:int" in raised.value.message
    assert "c:float" in raised.value.message


def test_a_problem_past_a_limit_is_too_large() -> None:
    with pytest.raises(TooLarge):
        form_of("a=12345", options=FormOptions.gateway(max_value_length=4)).refuse_problems()


def test_a_form_without_problems_is_not_refused() -> None:
    form_of("a=1").refuse_problems()


def test_one_and_many_know_both_spellings_of_a_list() -> None:
    form = form_of("a=1&b[]=2&c=3&c=4&d[]=5&d=6&e:list=7")
    assert form.one("a") == "1"
    assert form.one("b") == "2"
    assert form.one("e") == "7"
    assert form.one("z", "none") == "none"
    assert form.many("a") == ["1"]
    assert form.many("b") == ["2"]
    assert form.many("c") == ["3", "4"]
    assert form.many("d") == ["6", "5"]
    assert form.many("z") == []
    with pytest.raises(BadRequest, match="c was sent 2 times"):
        form.one("c")


NAMES = st.sampled_from(["a", "b", "r.a", "r.b", "q.x.y", "", "a[]", "HTTP_X", "r.keys", "é", "a:x"])
SUFFIXES = st.sampled_from(
    "int long float boolean string text lines tokens required date date_international json bytes list tuple record "
    "records default ignore_empty method action foo utf-8 latin-1 hex utf-16 punycode x 9".split()
)
VALUES = st.one_of(
    st.sampled_from(["", " ", "1", "x y", "False", "[1,2]", "{}", "2024-01-02", "\r\n", "[" * 3000]), st.text()
)
PAIRS = st.lists(
    st.builds(
        lambda name, suffixes, value: RawPair(
            ":".join([name, *suffixes]).encode(), value.encode("utf-8", "surrogatepass")
        ),
        NAMES,
        st.lists(SUFFIXES, max_size=4),
        VALUES,
    ),
    max_size=6,
)


@settings(max_examples=300, deadline=None)
@given(PAIRS, st.sampled_from([ZOPE, GATEWAY]))
def test_marshalling_never_raises(pairs: list[RawPair], options: FormOptions) -> None:
    form = marshal(pairs, options, UTC)
    assert all(problem.message for problem in form.problems)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200), st.binary(max_size=200))
def test_any_bytes_are_a_query_string(query: bytes, body: bytes) -> None:
    form = marshal(parse_pairs(query, body), GATEWAY, UTC)
    for problem in form.problems:
        problem.message.encode()


def quoted(text: str) -> str:
    return "".join(f"%{byte:02X}" for byte in text.encode())


CHARACTERS = st.characters(exclude_categories=["Cs"])


@given(st.lists(st.text(CHARACTERS), max_size=8))
def test_a_list_of_texts_survives_the_trip(texts: list[str]) -> None:
    query = "&".join(f"a:list={quoted(text)}" for text in texts)
    assert form_of(query, options=GATEWAY).many("a") == texts


@given(st.dictionaries(st.text("abcxyz_", min_size=1), st.integers() | st.floats(allow_nan=False), max_size=6))
def test_a_record_of_numbers_survives_the_trip(numbers: dict[str, Any]) -> None:
    query = "&".join(f"r.{key}:record:{type(value).__name__}={quoted(repr(value))}" for key, value in numbers.items())
    form = form_of(query, options=GATEWAY)
    assert form.problems == ()
    assert dict(form.get("r", {})) == numbers

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from objapi.model.references import (
    PathLookup,
    PathProblem,
    QueryLookup,
    ReferenceProblem,
    UidLookup,
    format_reference,
    normalise_path,
    parse_reference,
    parse_references,
)
from objapi.model.types import Field, Kind
from objapi.model.values import LoadContext

INDEXES = frozenset({"portal_type", "id", "title", "Title", "getFullname"})
UID = "0123456789abcdef0123456789ABCDEF"


def query(*terms):
    return QueryLookup(tuple((index, tuple(values)) for index, *values in terms))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (UID, UidLookup(UID.lower())),
        (f" {UID}\n", UidLookup(UID.lower())),
        (f"UID:{UID}", UidLookup(UID.lower())),
        ("/clients/client-1", PathLookup("/clients/client-1")),
        ("/Plone/clients/client-1/", PathLookup("/clients/client-1")),
        ("Plone/clients/client-1?x=a:b|c", PathLookup("/clients/client-1")),
        ("clients/client-1", PathLookup("/clients/client-1")),
        ("Plone", PathLookup("/")),
        ("client-1", query(("id", "client-1"))),
        ("portal_type:Client|id:client-1", query(("portal_type", "Client"), ("id", "client-1"))),
        ("portal_type:Client|client-1", query(("portal_type", "Client"), ("id", "client-1"))),
        ("title:a|title:b|title:a", query(("title", "a", "b"))),
        ("title:10:30 run", query(("title", "10:30 run"))),
        ("title:A/B", query(("title", "A/B"))),
        (r"title:a\|b|id:c", query(("title", "a|b"), ("id", "c"))),
        (r"title:a\\|id:c", query(("title", "a\\"), ("id", "c"))),
        (r"title:C:\dir\x", query(("title", r"C:\dir\x"))),
        ("portal_type:Batch,title:A Batch", query(("portal_type", "Batch"), ("title", "A Batch"))),
        ("portal_type:Batch, title:A Batch", query(("portal_type", "Batch"), ("title", "A Batch"))),
        ("title:Lindqvist, Maya", query(("title", "Lindqvist, Maya"))),
        ("title:a, unknown:b", query(("title", "a, unknown:b"))),
        (r"title:a\,id:b", query(("title", "a,id:b"))),
    ],
)
def test_every_way_to_write_a_reference_is_read(text, expected):
    assert parse_reference(text, index_names=INDEXES) == expected


@pytest.mark.parametrize(
    "text", ["", "  ", "title:", "title:a|", "|", "title: |id:x", "|".join(["a"] * 21), "x" * 4001]
)
def test_an_unfinished_reference_is_refused(text):
    with pytest.raises(ReferenceProblem):
        parse_reference(text, index_names=INDEXES)


def test_a_value_escaped_twice_has_a_decoded_variant():
    lookup = parse_reference("portal_type:Batch,title:A%20Batch", index_names=INDEXES)
    assert lookup.decoded() == query(("portal_type", "Batch"), ("title", "A Batch"))


@pytest.mark.parametrize("value", ["plain", "100 %", "%zz", "%ff", "%00"])
def test_a_value_without_a_readable_escape_has_no_decoded_variant(value):
    assert query(("title", value)).decoded() is None


values = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=30) | st.text(
    "ab|\\,: id:", min_size=1, max_size=20
)
lookups = st.one_of(
    st.from_regex(r"[0-9a-f]{32}", fullmatch=True).map(UidLookup),
    st.lists(
        st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_-]{0,8}", fullmatch=True).filter(lambda text: text != "Plone"),
        max_size=5,
    ).map(lambda segments: PathLookup("/" + "/".join(segments))),
    st.dictionaries(
        st.sampled_from(sorted(INDEXES)),
        st.lists(values.filter(lambda text: text == text.strip() != ""), min_size=1, max_size=3, unique=True).map(
            tuple
        ),
        min_size=1,
        max_size=4,
    ).map(lambda terms: QueryLookup(tuple(terms.items()))),
)


@given(lookups)
def test_a_formatted_reference_is_read_back(lookup):
    assert parse_reference(format_reference(lookup), index_names=INDEXES) == lookup


@given(st.text(max_size=60) | st.text("\\|,:id/ ", max_size=40))
def test_any_text_is_a_reference_or_a_named_problem(text):
    try:
        parse_reference(text, index_names=INDEXES)
    except ReferenceProblem as problem:
        assert str(problem)


@pytest.mark.parametrize(
    "text",
    ["/Plone/clients/client-1", "Plone/clients/client-1", "/clients/client-1", "clients/client-1"],
)
@pytest.mark.parametrize("tail", ["", "/", "?a=b", "/?came_from=/x/../y"])
def test_all_spellings_of_a_path_are_one(text, tail):
    assert normalise_path(text + tail) == "/clients/client-1"


@pytest.mark.parametrize("text", ["", "/", "/Plone", "Plone/", "Plone?x"])
def test_the_site_itself_is_a_slash(text):
    assert normalise_path(text) == "/"


@pytest.mark.parametrize(
    "text",
    ["//", "/a//b", "a/../b", "..", "a/.", "/a\0b", "/a b", "/ä", "/a\ud800", "/" + "a" * 1000, "/a" * 21],
)
def test_what_is_no_path_is_refused(text):
    with pytest.raises(PathProblem):
        normalise_path(text)


def test_the_site_id_is_taken_off_once():
    assert normalise_path("/lab/lab/x", "lab") == "/lab/x"
    assert normalise_path("/Plone/x", "lab") == "/Plone/x"


CONTEXT = LoadContext(
    zone=UTC,
    parse_structured=str,
    now=datetime(2026, 1, 1, tzinfo=UTC),
    index_names=INDEXES,
    max_text=50,
    max_entries=3,
)
SINGLE = Field("Client", Kind.REFERENCE)
MULTI = Field("Services", Kind.REFERENCE, multi=True)


@pytest.mark.parametrize(
    ("field", "raw", "expected"),
    [
        (SINGLE, "client-1", [query(("id", "client-1"))]),
        (SINGLE, ["client-1", ""], [query(("id", "client-1"))]),
        (SINGLE, 17, [query(("id", "17"))]),
        (SINGLE, Decimal("1.50"), [query(("id", "1.50"))]),
        (MULTI, ["b", "a", "b"], [query(("id", "b")), query(("id", "a"))]),
        (MULTI, ["b", ["a"]], [query(("id", "b")), query(("id", "a"))]),
        (MULTI, "a", [query(("id", "a"))]),
        (MULTI, [], None),
        (MULTI, [""], None),
        (SINGLE, "", None),
        (SINGLE, None, None),
    ],
)
def test_references_keep_their_order_and_come_once(field, raw, expected):
    assert parse_references(raw, field, CONTEXT) == (None if expected is None else tuple(expected))


@pytest.mark.parametrize(
    ("field", "raw", "said"),
    [
        (SINGLE, ["a", "b"], "one object"),
        (MULTI, ["/a//b", "title:"], "empty segment.*without a value"),
        (MULTI, [{"uid": "x"}], "a record"),
        (MULTI, list("abcd"), "at most 3"),
        (SINGLE, "x" * 51, "at most 50"),
        (SINGLE, "a\0b", "NUL"),
    ],
)
def test_references_that_cannot_be_read_are_all_described(field, raw, said):
    with pytest.raises(ReferenceProblem, match=said):
        parse_references(raw, field, CONTEXT)


@given(st.text("/.Plone-ab1? ", max_size=30) | st.text(max_size=20))
def test_any_text_is_a_site_path_that_stays_as_it_is_or_a_named_problem(text):
    try:
        path = normalise_path(text)
    except PathProblem as problem:
        assert str(problem)
    else:
        assert path.startswith("/")
        again = normalise_path(f"/Plone{path}")
        assert again == path
        assert normalise_path(f"{again}/" if again != "/" else "/") == path

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from objapi.model.ids import (
    MAX_ID_LENGTH,
    IdPlan,
    IdProblem,
    IdSettingValues,
    check_id,
    form_paths,
    form_problems,
    format_id,
    normalise_title,
    number_of,
    numbered,
    plan_id,
)
from objapi.model.paths import parse_path
from objapi.model.types import IdKind, IdRule

NOW = datetime(2013, 5, 1, tzinfo=UTC)
VALUES = {"SampleType.Prefix": "AP", "Sample.id": "AP-0001", "Service.Keyword": "Zn", "title": "Ärger im Labor!"}


def plan(rule, portal_type="Sample", settings=None, values=VALUES):
    return plan_id(
        rule, portal_type, values=lambda path: values.get(str(path)), settings=settings or IdSettingValues(), now=NOW
    )


@pytest.mark.parametrize("text", ["a", "client-1", "AP-0001-R01", "W13-0001", "0x._-", "A" * MAX_ID_LENGTH])
def test_an_id_is_letters_digits_dots_underscores_and_hyphens(text):
    assert check_id(text) == text


@pytest.mark.parametrize(
    "text", ["", "-a", ".a", "_a", "a b", "a/b", "ä", "a\n", "a\0", "A" * (MAX_ID_LENGTH + 1), "\uff11"]
)
def test_what_is_no_id_is_refused(text):
    with pytest.raises(IdProblem):
        check_id(text)


SAMPLE = IdRule(
    IdKind.SEQUENCE,
    "{SampleType.Prefix}{yy}-{n}",
    padding=4,
    padding_setting="SampleIDPadding",
    start_setting="SampleIDSequenceStart",
    overridable=False,
)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (IdSettingValues(year_in_prefix=False), IdPlan("AP-", 4, 1)),
        (IdSettingValues(year_in_prefix=True), IdPlan("AP13-", 4, 1)),
        (IdSettingValues(), IdPlan("AP13-", 4, 1)),
        (
            IdSettingValues(year_in_prefix=False, values={"SampleIDPadding": 6, "SampleIDSequenceStart": 500}),
            IdPlan("AP-", 6, 500),
        ),
        (IdSettingValues(year_in_prefix=False, values={"SampleIDPadding": None}), IdPlan("AP-", 4, 1)),
        (
            IdSettingValues(rows=({"portal_type": "Sample", "prefix": "never"},), year_in_prefix=False),
            IdPlan("AP-", 4, 1),
        ),
    ],
)
def test_a_sequence_takes_prefix_year_padding_and_start_from_values_and_settings(settings, expected):
    assert plan(SAMPLE, settings=settings) == expected


@pytest.mark.parametrize(
    ("row", "year", "expected"),
    [
        ({"prefix": "B", "separator": "-", "padding": 3, "sequence_start": 0}, False, IdPlan("B-", 3, 1)),
        ({"prefix": "B", "separator": "-", "padding": "3", "sequence_start": "12"}, True, IdPlan("B13-", 3, 12)),
        ({"prefix": "B", "separator": ""}, None, IdPlan("B", 0, 1)),
        ({"prefix": "Bätch Nr", "padding": "x"}, False, IdPlan("Batch-Nr-", 0, 1)),
        ({}, False, IdPlan("batch-", 0, 1)),
    ],
)
def test_a_row_of_the_settings_replaces_prefix_separator_padding_and_start(row, year, expected):
    rule = IdRule(IdKind.SEQUENCE, "batch-{n}", padding=9)
    settings = IdSettingValues(rows=({"portal_type": "Client"}, {"portal_type": "Batch", **row}), year_in_prefix=year)
    assert plan(rule, "Batch", settings) == expected


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (IdRule(IdKind.FIXED, "bika_setup"), "bika_setup"),
        (IdRule(IdKind.VALUE, "{Service.Keyword}"), "Zn"),
        (IdRule(IdKind.FROM_TITLE, "{title}"), "arger-im-labor"),
    ],
)
def test_other_rules_give_finished_ids(rule, expected):
    assert plan(rule) == expected


@pytest.mark.parametrize("value", [None, "", "  "])
def test_an_empty_value_in_the_form_is_named(value):
    with pytest.raises(IdProblem, match=r"SampleType\.Prefix"):
        plan(SAMPLE, values={"SampleType.Prefix": value})


def test_a_value_that_gives_no_id_is_refused():
    with pytest.raises(IdProblem):
        plan(SAMPLE, values={"SampleType.Prefix": "---"})


@pytest.mark.parametrize(
    ("object_id", "expected"),
    [
        ("AP-0007", 7),
        ("AP-12", 12),
        ("AP-0001-R01", None),
        ("AP--1", None),
        ("AP-+1", None),
        ("AP- 1", None),
        ("AP-", None),
        ("ap-1", None),
        ("AP-\uff11", None),
        ("AP-" + "9" * 19, None),
    ],
)
def test_the_number_of_an_id_is_digits_alone(object_id, expected):
    assert number_of("AP-", object_id) == expected


@given(
    st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,20}", fullmatch=True), st.integers(0, 18), st.integers(0, 10**18 - 1)
)
def test_a_formatted_id_gives_its_number_back(prefix, padding, number):
    text = format_id(IdPlan(prefix, padding), number)
    assert check_id(text) == text
    assert number_of(prefix, text) == number


@given(st.text(max_size=200))
def test_an_id_from_a_title_is_an_id(title):
    try:
        made = normalise_title(title)
    except IdProblem:
        assert not any(character.isascii() and character.isalnum() for character in title)
    else:
        assert check_id(made) == made
        assert len(made) <= 60
        assert normalise_title(made) == made


def test_an_id_from_a_title_is_numbered_until_it_is_free():
    assert numbered("page", set()) == "page"
    assert numbered("page", {"page", "page-1"}) == "page-2"
    long = "a" * MAX_ID_LENGTH
    assert check_id(numbered(long, {long})) != long


@pytest.mark.parametrize(
    ("kind", "form", "said"),
    [
        (IdKind.SEQUENCE, "client-", "ends in {n}"),
        (IdKind.SEQUENCE, "{n}-client", "ends in {n}"),
        (IdKind.SEQUENCE, "{n}-{n}", "ends in {n}"),
        (IdKind.VALUE, "{Keyword}-{n}", "sequence only"),
        (IdKind.FIXED, "{Keyword}", "fixed"),
        (IdKind.VALUE, "{Keyword", "brace"),
        (IdKind.VALUE, "{a..b}", "cannot be read"),
        (IdKind.VALUE, "", "empty"),
    ],
)
def test_a_wrong_form_is_described(kind, form, said):
    assert any(said in problem for problem in form_problems(IdRule(kind, form)))


def test_a_right_form_has_no_problems_and_tells_its_paths():
    assert form_problems(SAMPLE) == []
    assert form_paths(SAMPLE.form) == (parse_path("SampleType.Prefix"),)

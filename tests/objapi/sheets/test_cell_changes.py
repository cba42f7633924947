"""Cells that have come back: which mean the value that they were written from, and what is merged."""

from datetime import timedelta, timezone

import pytest

from objapi.model.types import Field, Kind
from objapi.sheets.cell_changes import merged, same, shown_text, value_of

ZONE = timezone(timedelta(hours=2))
FIELDS = {
    "text": Field("text", Kind.STRING),
    "number": Field("number", Kind.FIXEDPOINT),
    "flag": Field("flag", Kind.BOOLEAN),
    "date": Field("date", Kind.DATETIME),
    "lines": Field("lines", Kind.LINES),
    "targets": Field("targets", Kind.REFERENCE, multi=True),
    "record": Field("record", Kind.RECORDS),
    "json": Field("json", Kind.JSON),
}


@pytest.mark.parametrize(
    ("field", "one", "other", "are_same"),
    [
        ("text", " a ", "a", True),
        ("text", "12.50", "12.5", False),
        ("text", "a\r\nb", "a\nb", True),
        ("number", "12.50", "12.5", True),
        ("number", "12", "1.2E1", True),
        ("number", "NaN", "nan", False),
        ("number", "", "0", False),
        ("flag", "TRUE", "true", True),
        ("flag", "", "false", True),
        ("flag", "maybe", "", False),
        ("date", "2013-09-29", "2013-09-29T00:00:00+02:00", True),
        ("date", "2013-09-28T22:00:00+00:00", "2013-09-29T00:00:00", True),
        ("date", "2013-09-29T00:00:00.400", "2013-09-29", True),
        ("date", "soon", "2013-09-29", False),
        ("date", "", "2013-09-29", False),
        ("lines", "a\n\n b", "a\nb", True),
        ("targets", "a\nb", "b\na", False),
        ("record", '[{"b": 1, "a": 2}]', '[{"a":2,"b":1}]', True),
        ("record", "", "[]", True),
        ("record", "{", "", False),
    ],
)
def test_a_cell_is_what_it_means_to_its_field(field: str, one: str, other: str, are_same: bool) -> None:
    assert same(one, other, FIELDS[field], ZONE) is are_same
    assert same(other, one, FIELDS[field], ZONE) is are_same


@pytest.mark.parametrize(
    ("base", "theirs", "mine", "edits", "conflicts"),
    [
        ({}, "a", "a", {}, []),
        ({}, "a", "b", {"text": "b"}, []),
        ({"text": "a"}, "c", "a", {}, []),
        ({"text": "a"}, "c", "c", {}, []),
        ({"text": "a"}, "c", "b", {}, ["text"]),
        ({"number": "1"}, "a", "b", {"text": "b"}, []),
        (None, "a", "b", {}, ["text"]),
        (None, "a", "a", {}, []),
    ],
)
def test_what_both_changed_conflicts_and_nothing_else(
    base: dict[str, str] | None, theirs: str, mine: str, edits: dict[str, str], conflicts: list[str]
) -> None:
    assert merged({"text": mine}, {"text": theirs}, base, FIELDS, ZONE) == (edits, conflicts)


def test_texts_are_sent_as_their_fields_take_them() -> None:
    assert value_of("a\n\nb", FIELDS["targets"]) == ["a", "b"]
    assert value_of('{"a": 1}', FIELDS["json"]) == {"a": 1}
    assert value_of("", FIELDS["json"]) == ""
    assert value_of(" 12 ", FIELDS["number"]) == "12"
    with pytest.raises(ValueError, match="no JSON"):
        value_of("{", FIELDS["json"])
    assert shown_text(["a", "b"], FIELDS["targets"], ZONE) == "a\nb"

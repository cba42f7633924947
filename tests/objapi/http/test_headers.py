import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.http import parse_options_header

from objapi.http.headers import attachment


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.log", "attachment; filename=a.log"),
        ('a".log', r'attachment; filename="a\".log"'),
        ("α β.log", "attachment; filename=\"_ _.log\"; filename*=UTF-8''%CE%B1%20%CE%B2.log"),
        ("a\r\nX: y.log", 'attachment; filename="aX: y.log"'),
        ("\r\n", "attachment; filename=file"),
    ],
)
def test_a_file_is_saved_under_its_name(name: str, expected: str) -> None:
    assert attachment(name) == expected


@given(st.text(st.characters(categories=["L", "N", "P", "Zs"]), min_size=1))
def test_any_printable_name_comes_back(name: str) -> None:
    value = attachment(name)
    assert value.isascii()
    assert "\n" not in value
    if name.isprintable():
        assert parse_options_header(value) == ("attachment", {"filename": name})

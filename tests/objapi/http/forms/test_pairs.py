from urllib.parse import unquote_to_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from objapi.http.forms.pairs import BodyType, body_type, parse_pairs


@pytest.mark.parametrize(
    ("method", "content_type", "expected"),
    [
        ("POST", None, BodyType("form")),
        ("post", "", BodyType("form")),
        ("PUT", "application/x-www-form-urlencoded; charset=latin-1", BodyType("form", "latin-1")),
        ("PATCH", "Application/X-URL-Encoded", BodyType("form")),
        ("POST", 'multipart/form-data; boundary="a b"', BodyType("multipart", None, "a b")),
        ("POST", "multipart/form-data", BodyType("multipart")),
        ("POST", "application/json;charset=UTF-8", BodyType("json", "UTF-8")),
        ("POST", "text/plain", BodyType("none")),
        ("GET", "application/json", BodyType("none")),
        ("DELETE", "application/x-www-form-urlencoded", BodyType("none")),
    ],
)
def test_method_and_content_type_tell_how_a_body_is_read(
    method: str, content_type: str | None, expected: BodyType
) -> None:
    assert body_type(method, content_type) == expected


def test_only_the_body_has_the_declared_charset() -> None:
    query, body = parse_pairs(b"a=1", b"b=2", "latin-1")
    assert (query.name_charset, query.value_charset) == (None, None)
    assert (body.name_charset, body.value_charset) == ("latin-1", "latin-1")


@given(st.text(alphabet="%4zAaé+ 0", max_size=40))
def test_escapes_are_decoded_and_what_is_none_stays(text: str) -> None:
    raw = text.encode()
    (pair,) = parse_pairs(b"name=" + raw)
    assert pair.value == unquote_to_bytes(raw.replace(b"+", b" "))

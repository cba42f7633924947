"""Which reading a body gets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from objapi.api.bodies import sent_body
from objapi.errors import ApiError, BadRequest, UnsupportedMediaType

FORM = "application/x-www-form-urlencoded"
OBJECT = b' {"obj_path": "/batches"}\r\n'


@pytest.mark.parametrize(
    "content_type",
    [
        *(
            "application/json",
            "text/json",
            "Text/JSON; charset=utf-8",
            "application/vnd.api+json",
            "application/ld+json",
        ),
        *("text/plain", "text/plain;charset=UTF-8", None, "", "application/x-json"),
    ],
)
def test_a_json_object_is_read_as_json_whatever_it_is_called(content_type: str | None) -> None:
    for body in (OBJECT, b"\xef\xbb\xbf" + OBJECT):
        assert (sent_body("POST", content_type, body).type.kind, sent_body("POST", content_type, body).problem) == (
            "json",
            "",
        )


@pytest.mark.parametrize(
    ("verb", "content_type", "body", "refusal"),
    [
        ("POST", "application/xml", b"<a/>", UnsupportedMediaType),
        ("POST", "text/csv", b"a,b", UnsupportedMediaType),
        ("POST", "text/plain", b"a=1&b=2", UnsupportedMediaType),
        ("POST", "text/plain", b"[1, 2]", UnsupportedMediaType),
        ("POST", "image/svg+xml", OBJECT, UnsupportedMediaType),
        ("POST", "application/octet-stream", OBJECT, UnsupportedMediaType),
        ("POST", FORM, OBJECT, BadRequest),
        ("POST", FORM, b"%7B%22obj_path%22%3A%22%2Fbatches%22%7D", BadRequest),
        ("POST", FORM, b'[{"obj_path": "/batches"}]', BadRequest),
        ("GET", "application/json", OBJECT, UnsupportedMediaType),
        ("GET", None, OBJECT, UnsupportedMediaType),
    ],
)
def test_a_body_that_is_not_read_is_a_problem(
    verb: str, content_type: str | None, body: bytes, refusal: type[ApiError]
) -> None:
    error = sent_body(verb, content_type, body).as_error()
    assert type(error) is refusal
    assert "application/json" in error.message


@pytest.mark.parametrize(
    ("content_type", "body", "kind"),
    [
        (FORM, b"a=1", "form"),
        (None, b"a=1", "form"),
        (None, b"", "form"),
        ("multipart/form-data; boundary=x", b"--x--", "multipart"),
        ("application/xml", b" \r\n", "none"),
        (FORM, b"j:json={}", "form"),
    ],
)
def test_other_bodies_are_read_by_their_type(content_type: str | None, body: bytes, kind: str) -> None:
    sent = sent_body("POST", content_type, body)
    assert (sent.type.kind, sent.problem) == (kind, "")


@given(st.sampled_from(["GET", "POST", "HEAD"]), st.none() | st.text(max_size=30), st.binary(max_size=30))
def test_any_body_has_a_reading_or_a_problem(verb: str, content_type: str | None, body: bytes) -> None:
    sent = sent_body(verb, content_type, body)
    assert not sent.unread or sent.problem
    assert sent.type.kind != "none" or sent.problem or not body.removeprefix(b"\xef\xbb\xbf").strip()

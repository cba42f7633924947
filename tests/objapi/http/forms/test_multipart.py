from datetime import UTC

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from objapi.errors import BadRequest, TooLarge
from objapi.http.forms.marshalling import FormOptions, RawPair, Upload, marshal
from objapi.http.forms.multipart import MultipartLimits, parse_multipart

BOUNDARY = "frontier"


def body_of(*parts: tuple[str, bytes]) -> bytes:
    """A multipart body of parts, each its header lines and its content."""
    delimited = b"".join(
        b"--frontier\r\n" + headers.encode() + b"\r\n\r\n" + content + b"\r\n" for headers, content in parts
    )
    return delimited + b"--frontier--\r\n"


def field(name: str, content: bytes, extra: str = "") -> tuple[str, bytes]:
    return f'Content-Disposition: form-data; name="{name}"{extra}', content


def test_fields_and_files_in_order() -> None:
    body = body_of(
        field("a:int", b"5"),
        field("f", b"1,2\r\n3", '; filename="x.csv"\r\nContent-Type: text/csv'),
        field("empty", b"", '; filename=""\r\nContent-Type: application/octet-stream'),
        field("é", "ü".encode()),
    )
    assert parse_multipart(body, BOUNDARY) == [
        RawPair(b"a:int", b"5"),
        RawPair(b"f", Upload("x.csv", "text/csv", b"1,2\r\n3")),
        RawPair(b"empty", Upload("", "application/octet-stream", b"")),
        RawPair("é".encode(), "ü".encode()),
    ]


def test_a_part_may_declare_its_charset() -> None:
    body = body_of(field("a", b"\xe9", "\r\nContent-Type: text/plain; charset=latin-1"))
    assert marshal(parse_multipart(body, BOUNDARY), FormOptions.gateway(), UTC)["a"] == "é"


def test_a_part_without_a_name_is_left_out() -> None:
    assert parse_multipart(body_of(("Content-Disposition: form-data", b"x")), BOUNDARY) == []


def test_long_values_of_many_chunks_arrive_whole() -> None:
    value = b"0123456789" * 100_000
    assert parse_multipart(body_of(field("input_values", value)), BOUNDARY) == [RawPair(b"input_values", value)]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no multipart",
        b"--frontier\r\n",
        body_of(field("a", b"1"))[:-14],
        b"--frontier\r\nX: y\r\n\r\n1\r\n--frontier--\r\n",
        b'--frontier\r\nContent-Disposition: form-data; name="\xff"\r\n\r\n1\r\n--frontier--\r\n',
    ],
)
def test_a_broken_body_is_refused(body: bytes) -> None:
    with pytest.raises(BadRequest, match="broken"):
        parse_multipart(body, BOUNDARY)


def test_a_missing_boundary_is_refused() -> None:
    with pytest.raises(BadRequest, match="boundary"):
        parse_multipart(b"", None)


@pytest.mark.parametrize(
    ("limits", "word"),
    [
        (MultipartLimits(max_parts=1), "more than 1 parts"),
        (MultipartLimits(max_field_size=2), "a: the part has more than 2 bytes"),
        (MultipartLimits(max_file_size=2), "f: the part has more than 2 bytes"),
    ],
)
def test_past_a_limit_it_is_too_large(limits: MultipartLimits, word: str) -> None:
    body = body_of(field("a", b"123"), field("f", b"123", '; filename="x"'))
    with pytest.raises(TooLarge, match=word):
        parse_multipart(body, BOUNDARY, limits)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["a", "b:list", "c"]), st.binary(max_size=300)), max_size=5))
def test_any_content_survives_the_trip(fields: list[tuple[str, bytes]]) -> None:
    fields = [(name, content) for name, content in fields if b"--frontier" not in content]
    body = body_of(*(field(name, content) for name, content in fields))
    assert parse_multipart(body, BOUNDARY) == [RawPair(name.encode(), content) for name, content in fields]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from([b"--frontier", b"--", b"\r\n", b"\n", b"a", b'Content-Disposition: x; name="a"'])))
def test_any_bytes_are_read_or_refused(pieces: list[bytes]) -> None:
    try:
        parse_multipart(b"".join(pieces), BOUNDARY)
    except BadRequest as error:
        assert error.message

"""Files are sent whole or in part, with their type, and in pieces."""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask, Response
from hypothesis import given
from hypothesis import strategies as st

from objapi.ispyb.files import sending as module
from objapi.ispyb.files.disk import DiskSilent
from objapi.ispyb.files.sending import content_type_of, sending
from objapi.ispyb.values.errors import Refusal, ResourceNotFound
from objapi.settings import Settings, load_settings

CONTENT = bytes(range(256)) * 10


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "image.jpg").write_bytes(CONTENT)
    return replace(load_settings({}), ispyb_data_roots=(tmp_path,), ispyb_path_map=str(tmp_path))


_opened: list[Response] = []


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    """A server closes every response; so files are closed."""
    yield
    while _opened:
        _opened.pop().close()


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Even a small file then has several."""
    monkeypatch.setattr(module, "READ", 1000)
    monkeypatch.setattr(module, "PIECE", 300)


def send(settings: Settings, *paths: str | None, save_as: str | None = None, **headers: str) -> Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    with Flask("test").test_request_context("/", headers=named):
        answer = sending(settings, *paths, missing="No such file", save_as=save_as).work()
    assert isinstance(answer, Response)
    _opened.append(answer)
    return answer


def whole(response: Response) -> bytes:
    return b"".join(_bytes(response))


def _bytes(response: Response) -> Iterator[bytes]:
    for piece in response.response:
        assert isinstance(piece, bytes)
        assert len(piece) <= 300
        yield piece


def test_a_file_is_sent_whole(settings: Settings) -> None:
    response = send(settings, "/image.jpg")
    assert (response.status_code, response.content_type, response.content_length) == (200, "image/jpeg", len(CONTENT))
    assert response.headers["Accept-Ranges"] == "bytes"
    assert "Content-Disposition" not in response.headers
    assert whole(response) == CONTENT


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [("bytes=0-9", 0, 10), ("bytes=100-", 100, 2560), ("bytes=-7", 2553, 2560), ("bytes=2559-9999", 2559, 2560)],
)
def test_one_range_is_sent_alone(settings: Settings, asked: str, start: int, end: int) -> None:
    response = send(settings, "/image.jpg", Range=asked)
    assert response.status_code == 206
    assert response.headers["Content-Range"] == f"bytes {start}-{end - 1}/2560"
    assert response.content_length == end - start
    assert whole(response) == CONTENT[start:end]


@pytest.mark.parametrize("asked", ["bytes=0-1,5-6", "lines=0-1", "nonsense", "bytes=9-1"])
def test_what_is_no_single_range_of_bytes_is_passed_over(settings: Settings, asked: str) -> None:
    assert send(settings, "/image.jpg", Range=asked).status_code == 200


def test_a_range_behind_the_end_is_refused(settings: Settings) -> None:
    with pytest.raises(Refusal) as caught:
        send(settings, "/image.jpg", Range="bytes=2560-")
    assert caught.value.status == 416
    assert caught.value.headers == {"Content-Range": "bytes */2560"}


def test_a_range_of_another_state_of_the_file_is_answered_with_all_of_it(settings: Settings, tmp_path: Path) -> None:
    etag = send(settings, "/image.jpg").headers["ETag"]
    assert send(settings, "/image.jpg", Range="bytes=0-1", If_Range=etag).status_code == 206
    os.utime(tmp_path / "image.jpg", (1, 1))
    assert send(settings, "/image.jpg", Range="bytes=0-1", If_Range=etag).status_code == 200


def test_a_file_that_the_client_has_is_not_sent_again(settings: Settings) -> None:
    first = send(settings, "/image.jpg")
    for condition in ({"If_None_Match": first.headers["ETag"]}, {"If_Modified_Since": first.headers["Last-Modified"]}):
        again = send(settings, "/image.jpg", **condition)
        assert (again.status_code, whole(again)) == (304, b"")


@given(st.integers(0, 3000), st.integers(0, 3000))
def test_any_range_is_the_same_slice_of_the_file(
    tmp_path_factory: pytest.TempPathFactory, start: int, end: int
) -> None:
    directory = tmp_path_factory.getbasetemp()
    (directory / "range.bin").write_bytes(CONTENT)
    settings = replace(load_settings({}), ispyb_data_roots=(directory,), ispyb_path_map=str(directory))
    if end >= start and start < len(CONTENT):
        response = send(settings, "/range.bin", Range=f"bytes={start}-{end}")
        assert whole(response) == CONTENT[start : end + 1]


def test_the_first_file_that_is_there_is_sent(settings: Settings) -> None:
    assert send(settings, None, "/none.jpg", "/image.jpg").status_code == 200


@pytest.mark.parametrize("path", [None, "/none.jpg", "/../image.jpg", "relative", "/"])
def test_without_a_file_the_text_for_missing_ones_is_said(settings: Settings, path: str | None) -> None:
    with pytest.raises(ResourceNotFound) as caught:
        send(settings, path)
    assert caught.value.detail == "No such file"


def test_a_silent_disk_is_told_from_a_missing_file(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def silent(*_: object) -> None:
        raise DiskSilent

    monkeypatch.setattr(module, "open_file", silent)
    with pytest.raises(DiskSilent):
        send(settings, "/image.jpg")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.log", "attachment; filename=a.log"),
        ('a".log', r'attachment; filename="a\".log"'),
        ("α β.log", "attachment; filename=\"_ _.log\"; filename*=UTF-8''%CE%B1%20%CE%B2.log"),
        ("a\r\nX: y.log", 'attachment; filename="aX: y.log"'),
    ],
)
def test_attachments_are_saved_under_their_name(settings: Settings, name: str, expected: str) -> None:
    assert send(settings, "/image.jpg", save_as=name).headers["Content-Disposition"] == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.JPG", "image/jpeg"),
        ("a.png", "image/png"),
        ("a.log", "text/plain; charset=utf-8"),
        ("a.html", "text/html; charset=utf-8"),
        ("a.json", "application/json"),
        ("a.h5", "application/x-hdf5"),
        ("a.mtz.gz", "application/gzip"),
        ("a.mtz", "application/octet-stream"),
        ("a", "application/octet-stream"),
    ],
)
def test_the_type_is_told_by_the_name(name: str, expected: str) -> None:
    assert content_type_of(name) == expected

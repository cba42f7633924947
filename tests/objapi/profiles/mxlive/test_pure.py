"""Frames, times, names and addresses."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from objapi.model.ids import check_id
from objapi.profiles.mxlive.files import data_files, report_files
from objapi.profiles.mxlive.frames import MOST, FramesProblem, count_frames, fill_times
from objapi.profiles.mxlive.names import normal_address, number_in, session_id

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
RANGES = st.lists(
    st.tuples(st.integers(0, 5000), st.integers(0, 300)).map(lambda pair: (pair[0], pair[0] + pair[1])), min_size=1
)


@settings(deadline=None)
@given(RANGES)
def test_frames_are_counted_as_if_they_were_written_out(ranges: list[tuple[int, int]]) -> None:
    text = ", ".join(f"{first}-{last}" if first != last else str(first) for first, last in ranges)
    assert count_frames(text) == sum(len(range(first, last + 1)) for first, last in ranges)


@settings(deadline=None)
@given(st.text(alphabet="0123456789-, ax", max_size=30))
def test_any_text_is_a_list_of_frames_or_a_problem(text: str) -> None:
    try:
        assert 1 <= count_frames(text) <= MOST
    except FramesProblem as problem:
        assert str(problem)


@pytest.mark.parametrize("text", ["1-99999999999", "1" * 40, "9-1", "1,", "-", "1" + ",1" * 100_000])
def test_what_is_no_list_of_frames_is_a_problem(text: str) -> None:
    with pytest.raises(FramesProblem):
        count_frames(text)


@settings(deadline=None)
@given(st.integers(1, 10_000), st.floats(0, 100), st.booleans(), st.booleans())
def test_times_lie_frames_times_exposure_apart(frames: int, exposure: float, start: bool, end: bool) -> None:
    begun, ended = fill_times(
        NOW if start else None, NOW if end and not start else None, frames=frames, exposure=exposure, now=NOW
    )
    assert ended - begun == timedelta(seconds=frames * exposure)
    assert (begun if start else ended) == NOW


@settings(deadline=None)
@given(st.text(st.characters(categories=["L", "N"], include_characters="_-"), min_size=1, max_size=100))
def test_every_session_has_an_id_of_its_own(name: str) -> None:
    assert check_id(session_id("BL-1", name))
    assert session_id("BL-1", name) != session_id("BL-1", name + "x")
    assert session_id("BL-1", name) != session_id("BL-2", name)


@pytest.mark.parametrize(
    ("object_id", "number"), [("data-17", 17), ("data-0", None), ("data-007", None), ("lyso", None), ("data-1-2", None)]
)
def test_the_number_of_an_object_is_in_its_id(object_id: str, number: int | None) -> None:
    assert number_in(object_id) == number


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("10.0.0.1", "10.0.0.1"),
        (" ::1 ", "::1"),
        ("2001:DB8:0:0::7", "2001:db8::7"),
        ("::ffff:10.0.0.1", "10.0.0.1"),
        ("10.0.0", None),
        ("host", None),
    ],
)
def test_addresses_have_one_spelling(text: str, normal: str | None) -> None:
    assert normal_address(text) == normal


def test_addresses_of_files_are_built_from_the_key() -> None:
    assert data_files("k1", "a b", "lyso.h5") == {
        "archive": "files/archive/k1/a%20b.tar.gz",
        "snapshot": "files/snapshot/k1/a%20b.gif",
        "raw": "files/raw/k1/lyso.h5",
        "frame": "files/frame/k1/lyso.h5/nm.png",
    }
    assert data_files("k1", "a/../b", "t_{:0>4d}.img").keys() == {"archive", "snapshot"}
    assert data_files("k1", "a/../b", "")["archive"] == "files/archive/k1/a%2F..%2Fb.tar.gz"
    assert data_files("", "a", "b") == {}
    assert report_files("k1", "r") == {"archive": "files/archive/k1/r.tar.gz"}

"""Detector images of CBF and HDF5 files."""

from pathlib import Path

import numpy as np
import pytest

from objapi.ispyb.files.frames import Frame, Pixels, header_texts, histogram, raw, read_cbf, read_hdf5
from objapi.ispyb.files.places import FilePlace, place_of
from objapi.ispyb.files.templates import ending_of, filled, joined
from objapi.ispyb.values.errors import Refusal, ResourceNotFound
from tests.objapi.ispyb.files.making import make_cbf, make_hdf5


def at(path: Path) -> FilePlace:
    found = place_of(str(path), (str(path.parent),))
    assert found is not None
    return found


def braggy(frame: Frame) -> dict[str, float]:
    header: dict[str, float] = frame.header["braggy_hdr"]
    return header


def test_pixels_of_a_cbf_file_are_row_after_row(tmp_path: Path) -> None:
    make_cbf(tmp_path / "a.cbf")
    frame = read_cbf(at(tmp_path / "a.cbf"))
    values = np.frombuffer(raw(frame.pixels), dtype="<f4")
    assert values.tolist() == [*range(1, 24), -1]


def test_the_header_of_a_cbf_file_is_told(tmp_path: Path) -> None:
    make_cbf(tmp_path / "a.cbf")
    header = read_cbf(at(tmp_path / "a.cbf")).header
    assert header["parsed_ext_hdr"]["Wavelength"] == "0.97600 A"
    assert header["parsed_ext_hdr"]["Detector"] == "PILATUS 6M, S/N 60-0104"
    assert header["braggy_hdr"] == {
        "wavelength": 0.976,
        "detector_distance": 0.25,
        "beam_cx": 3.5,
        "beam_cy": 1.25,
        "beam_ocx": -0.5,
        "beam_ocy": 0.75,
        "detector_radius": pytest.approx(172e-6 * 52**0.5 / 2),
        "pixel_size_x": 172e-6,
        "pixel_size_y": 172e-6,
        "img_width": 6,
        "img_height": 4,
        "pxxpm": pytest.approx(1 / 172e-6),
        "pxypm": pytest.approx(1 / 172e-6),
        "min": 1.0,
        "max": 23.0,
        "mean": 12.0,
        "std": pytest.approx(np.std(np.arange(1, 24))),
        "strict_positive_min": 1.0,
        "positive_min": 1.0,
    }


def test_what_a_header_lacks_is_null(tmp_path: Path) -> None:
    make_cbf(tmp_path / "a.cbf", header="# Wavelength")
    header = braggy(read_cbf(at(tmp_path / "a.cbf")))
    for name in ("wavelength", "detector_distance", "beam_cx", "beam_ocy", "pxxpm", "detector_radius"):
        assert header[name] is None
    assert header["max"] == 23


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_an_image_is_found_among_the_data_sets_of_an_hdf5_file(tmp_path: Path, number: int) -> None:
    make_hdf5(tmp_path / "a.h5")
    frame = read_hdf5(at(tmp_path / "a.h5"), number)
    assert frame.pixels.shape == (4, 6)
    assert frame.pixels[2, 2] == number
    header = braggy(frame)
    assert (header["max"], header["min"], header["strict_positive_min"]) == (number, 0, number)
    assert (header["wavelength"], header["beam_ocx"], header["img_width"]) == (0.976, 0.5, 6)
    assert header["detector_radius"] == pytest.approx(7.5e-5 * 6 / 2)
    assert "parsed_ext_hdr" not in frame.header


def test_an_image_that_the_file_does_not_have_is_not_found(tmp_path: Path) -> None:
    make_hdf5(tmp_path / "a.h5")
    with pytest.raises(ResourceNotFound):
        read_hdf5(at(tmp_path / "a.h5"), 5)


@pytest.mark.parametrize("content", [b"", b"no image", b"###CBF: VERSION 1.5\r\n" + b"x" * 300])
def test_a_damaged_image_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.cbf").write_bytes(content)
    with pytest.raises(Refusal) as caught:
        read_cbf(at(tmp_path / "a.cbf"))
    assert caught.value.status == 422


def test_a_histogram_leaves_out_what_is_far_above_the_mean() -> None:
    pixels = np.zeros(1000, dtype=np.float32)
    pixels[:300], pixels[300], pixels[301] = 2, 5, 1_000_000
    told = histogram(pixels)
    assert told == {"values": [698, 0, 300, 0], "bins": [0, 1, 2, 3, 4], "shape": [4], "max": 698}


def test_large_values_are_put_into_three_hundred_bins() -> None:
    told = histogram(np.arange(10_000, dtype=np.float32))
    assert (len(told["values"]), len(told["bins"]), told["shape"]) == (300, 301, [300])
    assert sum(told["values"]) == 10_000


@pytest.mark.parametrize("pixels", [np.array([], dtype=np.float32), np.full(9, 4, dtype=np.float32)])
def test_an_image_without_contrast_has_an_empty_histogram(pixels: Pixels) -> None:
    assert histogram(pixels) == {"values": [], "bins": [], "shape": [0], "max": 0}


def test_lines_of_a_header_are_told_by_name() -> None:
    assert header_texts("# A: b  c\r\n\r\n#\n# D e\n###") == {"A": "b c", "D": "e"}


@pytest.mark.parametrize(
    ("template", "name"),
    [
        ("a_%04d.cbf", "a_0012.cbf"),
        ("a_%d.cbf", "a_12.cbf"),
        ("a_%4d.cbf", "a_  12.cbf"),
        ("100%%_%05d.cbf", "100%_00012.cbf"),
        ("a.cbf", "a.cbf"),
        ("%s_%099d_%n.cbf", "%s_%099d_%n.cbf"),
    ],
)
def test_templates_are_filled_with_the_number(template: str, name: str) -> None:
    assert filled(template, 12) == name


@pytest.mark.parametrize(("name", "ending"), [("a.b.H5", "H5"), ("a", ""), ("/a.b/c", ""), ("/a/c.cbf", "cbf")])
def test_the_ending_of_a_name(name: str, ending: str) -> None:
    assert ending_of(name) == ending


@pytest.mark.parametrize(
    ("directory", "name", "path"), [("/a/", "b", "/a/b"), ("/a", "b", "/a/b"), (None, "b", None), ("/a", None, None)]
)
def test_a_directory_and_a_name_are_a_path(directory: str | None, name: str | None, path: str | None) -> None:
    assert joined(directory, name) == path

"""Maps: how values lie on the grid, their colours and their histogram."""

import gzip
import io
import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from objapi.ispyb.files.maps import Grid, arranged, histogram, picture, read_values, value_at
from objapi.ispyb.values.errors import Refusal


def array(*values: float) -> Any:
    return np.asarray(values, dtype=np.float64)


def pixels(*args: Any) -> list[list[tuple[int, ...]]]:
    image = Image.open(io.BytesIO(picture(*args)))
    width, height = image.size
    return [[image.getpixel((x, y)) for x in range(width)] for y in range(height)]  # type: ignore[misc]


@pytest.mark.parametrize(
    ("data", "data_format", "values"),
    [
        (b"[1, 2.5, -1]", "json", [1, 2.5, -1]),
        (gzip.compress(b"[3]", mtime=0), "json+gzip", [3]),
        (b"[null, 4]", None, [-1, 4]),
        (b"[]", "json", []),
        (None, "json+gzip", []),
    ],
)
def test_values_are_read(data: bytes | None, data_format: str | None, values: list[float]) -> None:
    if data is None:
        data_format = "json"
    assert read_values(data, data_format).tolist() == values


@pytest.mark.parametrize(
    ("data", "data_format"),
    [
        (b"[1", "json"),
        (b'{"a": 1}', "json"),
        (b"[[1]]", "json"),
        (b'["a"]', "json"),
        (b"3", "json"),
        (b"[1]", "json+gzip"),
        (gzip.compress(b"[1]", mtime=0)[:-9], "json+gzip"),
    ],
)
def test_damaged_values_are_refused(data: bytes, data_format: str) -> None:
    with pytest.raises(Refusal) as caught:
        read_values(data, data_format)
    assert caught.value.status == 422


@pytest.mark.parametrize(
    ("grid", "rows"),
    [
        (Grid(3, 2), [[0, 1, 2], [3, 4, 5]]),
        (Grid(3, 2, snaked=True), [[0, 1, 2], [5, 4, 3]]),
        (Grid(3, 2, vertical=True), [[0, 2, 4], [1, 3, 5]]),
        (Grid(3, 2, vertical=True, snaked=True), [[0, 3, 4], [1, 2, 5]]),
        (Grid(2, 2), [[0, 1], [2, 3]]),
        (Grid(4, 2), [[0, 1, 2, 3], [4, 5, -1, -1]]),
        (Grid(4, 2, snaked=True), [[0, 1, 2, 3], [-1, -1, 5, 4]]),
    ],
)
def test_values_lie_on_the_sample_as_they_were_scanned(grid: Grid, rows: list[list[int]]) -> None:
    assert arranged(array(0, 1, 2, 3, 4, 5), grid).tolist() == rows


@pytest.mark.parametrize("grid", [Grid(0, 5), Grid(5, -1), Grid(100_000, 100_000)])
def test_impossible_grids_are_refused(grid: Grid) -> None:
    with pytest.raises(Refusal):
        arranged(array(1), grid)


@given(st.integers(1, 9), st.integers(1, 9), st.booleans(), st.booleans())
def test_no_value_is_lost(across: int, down: int, vertical: bool, snaked: bool) -> None:
    values = np.arange(across * down, dtype=np.float64)
    placed = arranged(values, Grid(across, down, vertical, snaked))
    assert placed.shape == (down, across)
    assert sorted(placed.ravel()) == sorted(values)


def test_places_that_were_not_measured_are_transparent() -> None:
    ((low, none, high),) = pixels(array(0, -1, 10).reshape(1, 3), "viridis", None, None)
    assert none[3] == 0
    assert (low, high) == ((68, 1, 84, 255), (253, 231, 37, 255))


def test_colours_run_between_the_limits_of_the_map() -> None:
    ((low, beyond),) = pixels(array(5, 99).reshape(1, 2), "gray", 5, 10)
    assert (low[:3], beyond[:3]) == ((0, 0, 0), (255, 255, 255))


@pytest.mark.parametrize("name", [None, "", "nosuch", "seaborn:nosuch"])
def test_an_unknown_colour_map_is_viridis(name: str | None) -> None:
    values = array(0, 1).reshape(1, 2)
    assert picture(values, name, None, None) == picture(values, "viridis", None, None)


@pytest.mark.parametrize("name", ["jet", "hot", "magma", "viridis_r"])
def test_other_colour_maps_are_known(name: str) -> None:
    values = array(0, 1).reshape(1, 2)
    assert picture(values, name, None, None) != picture(values, "viridis", None, None)


@pytest.mark.parametrize("values", [array(3, 3), array(-1, -1)])
def test_a_map_of_one_value_has_a_picture(values: Any) -> None:
    assert len(pixels(values.reshape(1, 2), None, None, None)[0]) == 2


def test_the_histogram_has_fifty_bins_and_counts_missing_values_as_zero() -> None:
    told = histogram(array(-1, 0, 0, 100))
    assert [len(told[name]) for name in ("hist", "bins", "width")] == [50, 50, 50]
    assert (told["hist"][0], told["hist"][-1], sum(told["hist"])) == (3, 1, 4)
    assert (told["bins"][0], told["width"][0]) == (1.0, 2.0)
    json.dumps(told)


@pytest.mark.parametrize(("x", "y", "value"), [(0, 0, 1), (1, 0, 2), (0, 1, 3), (2, 0, None), (0, -1, None)])
def test_a_place_is_column_and_row(x: int, y: int, value: float | None) -> None:
    assert value_at(array(1, 2, 3, 4).reshape(2, 2), x, y) == value

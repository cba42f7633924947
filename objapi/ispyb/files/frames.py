"""Detector images: pixels, header and histogram of one image of a data collection, from CBF and HDF5 files."""

import io
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from fabio.cbfimage import CbfImage
from numpy.typing import NDArray

from objapi.ispyb.files.hdf5 import MOST_BYTES, Hdf5, opened, statistics
from objapi.ispyb.files.places import FilePlace, open_file
from objapi.ispyb.values.errors import Refusal, ResourceNotFound

Pixels = NDArray[np.float32]

NO_IMAGE: Final = "Image not found"
_DAMAGED: Final = "The image is damaged"
_NUMBER: Final = re.compile(r"[-+]?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?")
_SIGMAS: Final = 3
_BINS: Final = 300


@dataclass(frozen=True, slots=True)
class Geometry:
    """Geometry of an image: lengths in metres, the wavelength in ångström, the beam's centre in pixels."""

    wavelength: float | None
    distance: float | None
    centre: tuple[float | None, float | None]
    pixel_size: tuple[float | None, float | None]
    shape: tuple[int, int]
    """Width and height in pixels."""
    radius: float | None
    """Half of the detector's size, as viewers scale their rings by it."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One image: its pixels, which of them count, and its header."""

    pixels: Pixels
    counted: Pixels
    geometry: Geometry
    texts: Mapping[str, str] | None = None
    """The lines of a CBF header by their first word."""

    @property
    def header(self) -> dict[str, Any]:
        """The header as it is answered."""
        texts = {} if self.texts is None else {"parsed_ext_hdr": dict(self.texts)}
        counted = self.counted if self.counted.size else self.pixels
        return {**texts, "braggy_hdr": {**_geometry_header(self.geometry), **statistics(counted)}}


def read_cbf(place: FilePlace) -> Frame:
    """The image in a CBF file; raises OSError when there is none, Refusal (422) when it is damaged."""
    with open_file(place) as file:
        content = file.read(MOST_BYTES)
    try:
        image = CbfImage().read(io.BytesIO(content))
        pixels = image.data.astype(np.float32)
        height, width = pixels.shape
    except (ArithmeticError, AttributeError, LookupError, OSError, RuntimeError, TypeError, ValueError):
        raise Refusal(422, _DAMAGED) from None
    texts = header_texts(str(image.header.get("_array_data.header_contents", "")))
    # Pixels that were not measured are negative.
    return Frame(pixels, pixels[pixels >= 0], _cbf_geometry(texts, width, height), texts)


def read_hdf5(place: FilePlace, number: int) -> Frame:
    """An image of a NeXus file as Eiger detectors write it; raises OSError, ResourceNotFound for a missing image."""
    with opened(place) as file:
        path, index = _find(file, number)
        pixels = np.asarray(file.values(path, str(index))).astype(np.float32)
        if pixels.ndim != 2:
            raise ResourceNotFound(NO_IMAGE)
        geometry = _hdf5_geometry(file, pixels.shape)
    # Pixels that were overexposed, or not measured, have the largest value.
    counted = pixels[pixels != pixels.max()] if pixels.size else pixels
    return Frame(pixels, counted, geometry)


def raw(pixels: Pixels) -> bytes:
    """Pixels as little-endian 32-bit floats, row after row."""
    return pixels.astype("<f4", copy=False).tobytes()


def histogram(pixels: Pixels) -> dict[str, Any]:
    """Histogram of pixel values, without those above the mean by three standard deviations or more.

    Bins are one wide when the largest value left is at most 300, else there are 300 of them.
    """
    usual = pixels[pixels < np.mean(pixels) + _SIGMAS * np.std(pixels)] if pixels.size else pixels
    if usual.size == 0:
        return {"values": [], "bins": [], "shape": [0], "max": 0}
    low, high = float(usual.min()), float(usual.max())
    bins: Any = _BINS
    if high <= _BINS:
        bins = np.arange(low, max(high, low + 2), 1.0)
    values, edges = np.histogram(usual, bins=bins)
    return {"values": values.tolist(), "bins": edges.tolist(), "shape": list(values.shape), "max": int(values.max())}


def header_texts(header: str) -> dict[str, str]:
    """The lines of a CBF header, `# Name: value` or `# Name value`, by name."""
    texts = {}
    for line in header.splitlines():
        name, *values = line.strip("# \t").split() or [""]
        if name:
            texts[name.strip(":")] = " ".join(values)
    return texts


def _cbf_geometry(texts: Mapping[str, str], width: int, height: int) -> Geometry:
    sizes = _numbers(texts, "Pixel_size", 2)
    radius = None
    if sizes[0] is not None and sizes[1] is not None:
        radius = math.hypot(sizes[0] * width, sizes[1] * height) / 2
    return Geometry(
        wavelength=_numbers(texts, "Wavelength", 1)[0],
        distance=_numbers(texts, "Detector_distance", 1)[0],
        centre=_pair(_numbers(texts, "Beam_xy", 2)),
        pixel_size=_pair(sizes),
        shape=(width, height),
        radius=radius,
    )


def _numbers(texts: Mapping[str, str], name: str, count: int) -> list[float | None]:
    """The numbers in a line of a header, None for those that it lacks."""
    found: list[float | None] = [float(number) for number in _NUMBER.findall(texts.get(name, ""))[:count]]
    return found + [None] * (count - len(found))


def _pair(values: list[float | None]) -> tuple[float | None, float | None]:
    return values[0], values[1]


def _find(file: Hdf5, number: int) -> tuple[str, int]:
    """The data set that holds an image, and the image's index in it; raises ResourceNotFound."""
    children = file.entity("/entry/data").metadata().get("children", [])
    for child in children:
        path = f"/entry/data/{child['name']}"
        if child["type"] == "dataset":
            attributes = file.attributes(path)
            low, high = attributes.get("image_nr_low"), attributes.get("image_nr_high")
            if low is not None and high is not None and int(low) <= number <= int(high):
                return path, number - int(low)
    raise ResourceNotFound(NO_IMAGE)


def _hdf5_geometry(file: Hdf5, shape: tuple[int, ...]) -> Geometry:
    detector = "/entry/instrument/detector"
    width = _scalar(file, f"{detector}/detectorSpecific/x_pixels_in_detector") or shape[1]
    height = _scalar(file, f"{detector}/detectorSpecific/y_pixels_in_detector") or shape[0]
    across = _scalar(file, f"{detector}/x_pixel_size")
    return Geometry(
        wavelength=_scalar(file, "/entry/instrument/beam/incident_wavelength"),
        distance=_scalar(file, f"{detector}/detector_distance"),
        centre=(_scalar(file, f"{detector}/beam_center_x"), _scalar(file, f"{detector}/beam_center_y")),
        pixel_size=(across, _scalar(file, f"{detector}/y_pixel_size")),
        shape=(int(width), int(height)),
        radius=None if across is None else across * int(width) / 2,
    )


def _scalar(file: Hdf5, path: str) -> float | None:
    """A number that the file holds by itself, None when it does not."""
    try:
        values = np.asarray(file.values(path))
    except Refusal:
        return None
    return float(values.item()) if values.size == 1 and values.dtype.kind in "iuf" else None


def _geometry_header(geometry: Geometry) -> dict[str, float | None]:
    (x, y), (across, down), (width, height) = geometry.centre, geometry.pixel_size, geometry.shape
    return {
        "wavelength": geometry.wavelength,
        "detector_distance": geometry.distance,
        "beam_cx": x,
        "beam_cy": y,
        "beam_ocx": None if x is None else width / 2 - x,
        "beam_ocy": None if y is None else height / 2 - y,
        "detector_radius": geometry.radius,
        "pixel_size_x": across,
        "pixel_size_y": down,
        "img_width": width,
        "img_height": height,
        "pxxpm": 1 / across if across else None,
        "pxypm": 1 / down if down else None,
    }

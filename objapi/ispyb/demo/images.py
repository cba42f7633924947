"""Detector images of the sample installation: in CBF files, and in HDF5 files as Eiger detectors write them."""

from pathlib import Path
from typing import Final

import h5py
import numpy as np
from fabio.cbfimage import CbfImage
from numpy.typing import NDArray

Counts = NDArray[np.int32]

HEIGHT: Final = 120
WIDTH: Final = 150
_PIXEL: Final = 172e-6
_DISTANCE: Final = 0.25
_WAVELENGTH: Final = 0.976
_SPOTS: Final = 60
_SATURATED: Final = 65535


def diffraction(number: int) -> Counts:
    """Counts of a diffraction image: background, a water ring, spots, and a gap between two modules (-1)."""
    random = np.random.default_rng(number)
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    distance = np.hypot(rows - HEIGHT / 2, columns - WIDTH / 2)
    expected = 20 * np.exp(-distance / 40) + 8 * np.exp(-((distance - 45) ** 2) / 50)
    counts: Counts = random.poisson(expected).astype(np.int32)
    for row, column in zip(random.integers(4, HEIGHT - 4, _SPOTS), random.integers(4, WIDTH - 4, _SPOTS), strict=True):
        counts[row - 1 : row + 2, column - 1 : column + 2] += random.integers(50, 400, (3, 3), dtype=np.int32)
    counts[HEIGHT // 2 - 1 : HEIGHT // 2 + 1, : WIDTH // 2 - 8] = -1
    return counts


def write_cbf(path: Path, counts: Counts) -> None:
    """A CBF file with the header of a Pilatus detector."""
    lines = (
        "# Detector: SAMPLE, S/N 0-0001",
        "# Exposure_time 0.0370000 s",
        "# Pixel_size 172e-6 m x 172e-6 m",
        f"# Wavelength {_WAVELENGTH:.5f} A",
        f"# Detector_distance {_DISTANCE:.5f} m",
        f"# Beam_xy ({WIDTH / 2:.2f}, {HEIGHT / 2:.2f}) pixels",
        "# Angle_increment 0.1000 deg.",
    )
    image = CbfImage(data=counts, header={"_array_data.header_contents": "\r\n".join(lines)})
    image.write(str(path))


def write_eiger(master: Path, images: list[Counts]) -> None:
    """A master file, and beside it files with two images each, to which it links."""
    with h5py.File(master, "w") as file:
        entry = file.create_group("entry")
        entry.attrs["NX_class"] = "NXentry"
        for first in range(0, len(images), 2):
            name = f"data_{first // 2 + 1:06d}"
            part = master.with_name(f"{master.stem.removesuffix('_master')}_{name}.h5")
            _write_part(part, images[first : first + 2], first + 1)
            file[f"/entry/data/{name}"] = h5py.ExternalLink(part.name, "/entry/data/data")
        file["/entry/instrument/beam/incident_wavelength"] = _WAVELENGTH
        detector = file.create_group("/entry/instrument/detector")
        detector["detector_distance"] = _DISTANCE
        detector["x_pixel_size"] = detector["y_pixel_size"] = np.float64(_PIXEL)
        detector["beam_center_x"], detector["beam_center_y"] = WIDTH / 2, HEIGHT / 2
        detector["detectorSpecific/x_pixels_in_detector"] = WIDTH
        detector["detectorSpecific/y_pixels_in_detector"] = HEIGHT


def write_result(path: Path) -> None:
    """Results of a processing program: a table of intensities."""
    random = np.random.default_rng(0)
    with h5py.File(path, "w") as file:
        file.attrs["program"] = "autoPROC"
        file["/reflections/intensity"] = random.gamma(2, 500, 200).astype(np.float32)
        file["/reflections/resolution"] = np.linspace(1.4, 39.5, 200, dtype=np.float32)
        file["/reflections/intensity"].attrs["units"] = "counts"


def _write_part(path: Path, images: list[Counts], first: int) -> None:
    counts = np.stack([np.where(image < 0, _SATURATED, image) for image in images]).astype(np.uint16)
    with h5py.File(path, "w") as file:
        data = file.create_dataset("/entry/data/data", data=counts, chunks=(1, HEIGHT, WIDTH), compression="gzip")
        data.attrs["image_nr_low"] = first
        data.attrs["image_nr_high"] = first + len(images) - 1

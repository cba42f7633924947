"""Files of the sample installation: below one directory, at the paths that its rows name."""

import math
from pathlib import Path
from typing import Final

import h5py
import numpy as np
from fabio.cbfimage import CbfImage
from numpy.typing import NDArray
from PIL import Image, ImageDraw

VISITOR: Final = "data/visitor/mx1001"

_SCORES: Final = [[0.0, 4.0, 9.0, 3.0], [6.0, 25.0, 14.0, 2.0], [1.0, 8.0, 5.0, 2.0]]
_LOG: Final = "11:00:00 shutter open\n11:03:00 shutter closed\n11:03:01 3 images written\n"
_ERRORS: Final = "11:00:00 detector armed\n11:02:59 WARNING: the beam was lost for 0.2 s\n"
_PROCESSED: Final = "autoPROC: 3 images\nSpace group P 43 21 2\nHigh resolution limit 1.40\n"
_HTML: Final = "<!doctype html><title>Mesh</title><h1>Best position</h1><p>Row 2, column 2</p>\n"


def write_files(directory: Path) -> None:
    """Write all files below a directory; those that are there are written anew."""
    mx, em = directory / VISITOR / "id30a1", directory / VISITOR / "cm01"
    for folder in (em, *(mx / name for name in ("raw", "snapshots", "sample", "workflow", "log", "processed"))):
        folder.mkdir(parents=True, exist_ok=True)
    _write_images(mx)
    _write_results(mx)
    draw_pixels(em / "movie_1.jpeg", micrograph(1))
    draw_pixels(em / "movie_1_corrected.jpeg", micrograph(2))
    draw_pixels(em / "movie_1_ctf.jpeg", power_spectrum())
    draw_plot(em / "movie_1_drift.png", [0, 0.8, 1.3, 1.5, 1.6, 1.6], "Drift in pixels")


def _write_images(mx: Path) -> None:
    images = [diffraction(number) for number in range(1, 8)]
    for number, image in enumerate(images[:3], start=1):
        write_cbf(mx / "raw" / f"lyso_1_{number:04d}.cbf", image)
    write_eiger(mx / "raw" / "lyso_2_master.h5", images[3:])
    snapshots = mx / "snapshots"
    for angle in (0, 90, 180, 270):
        draw_crystal(snapshots / f"lyso_1_{angle}.jpeg", angle)
    draw_pixels(snapshots / "lyso_1_0001.jpeg", images[0].astype(float), thumbnail=snapshots / "lyso_1_0001.thumb.jpeg")
    draw_plot(snapshots / "lyso_1_quality.png", [41, 42, 43], "Spots in each image")
    draw_crystal(mx / "sample" / "lyso1.jpeg", 30)


def _write_results(mx: Path) -> None:
    write_result(mx / "processed" / "result.h5")
    draw_scores(mx / "workflow" / "mesh.png", _SCORES)
    for name, text in (
        ("log/lyso_1.log", _LOG),
        ("log/lyso_1_err.log", _ERRORS),
        ("processed/autoPROC.log", _PROCESSED),
        ("workflow/mesh.json", '{"best": {"row": 2, "column": 2}, "score": 25}\n'),
        ("workflow/mesh.html", _HTML),
    ):
        (mx / name).write_text(text, encoding="utf-8")


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


Pixels = NDArray[np.float64]

_SIZE: Final = (320, 240)
_THUMBNAIL: Final = (80, 60)


def draw_crystal(path: Path, angle: int) -> None:
    """A crystal in a loop, seen from an angle in degrees, and its thumbnail beside it."""
    picture = Image.new("RGB", _SIZE, (196, 200, 206))
    draw = ImageDraw.Draw(picture)
    width = 30 + 20 * abs(math.cos(math.radians(angle)))
    draw.ellipse((160 - 90, 120 - 60, 160 + 60, 120 + 60), outline=(90, 90, 100), width=4)
    draw.line((220, 120, 319, 120), fill=(90, 90, 100), width=5)
    corners = [(160 - width, 120), (160, 95), (160 + width, 120), (160, 145)]
    draw.polygon(corners, fill=(150, 190, 220), outline=(60, 90, 120))
    draw.line((150, 120, 170, 120), fill=(200, 30, 30))
    draw.line((160, 110, 160, 130), fill=(200, 30, 30))
    picture.save(path, "JPEG")
    picture.resize(_THUMBNAIL).save(path.with_stem(f"{path.stem}t"), "JPEG")


def draw_pixels(path: Path, pixels: Pixels, *, thumbnail: Path | None = None) -> None:
    """An image as shades of grey, dark where much was measured."""
    shades = 255 - np.clip(pixels / max(float(np.percentile(pixels, 99.5)), 1.0), 0, 1) * 255
    picture = Image.fromarray(shades.astype(np.uint8)).resize(_SIZE)
    picture.save(path, "JPEG")
    if thumbnail is not None:
        picture.resize(_THUMBNAIL).save(thumbnail, "JPEG")


def draw_plot(path: Path, values: list[float], title: str) -> None:
    """A line through values."""
    picture = Image.new("RGB", _SIZE, "white")
    draw = ImageDraw.Draw(picture)
    draw.rectangle((30, 30, 300, 210), outline="black")
    draw.text((32, 10), title, fill="black")
    low, high = min(values), max(values)
    step, scale = 260 / max(len(values) - 1, 1), 160 / ((high - low) or 1)
    points = [(35 + step * place, 200 - scale * (value - low)) for place, value in enumerate(values)]
    draw.line(points, fill=(30, 90, 200), width=2)
    picture.save(path, "PNG")


def draw_scores(path: Path, scores: list[list[float]]) -> None:
    """Scores on a grid, brighter where they are higher."""
    values = np.asarray(scores)
    shades = (values / values.max() * 255).astype(np.uint8)
    Image.fromarray(shades).resize(_SIZE, Image.Resampling.NEAREST).save(path, "PNG")


def micrograph(seed: int) -> Pixels:
    """Particles in ice, as an electron microscope shows them."""
    random = np.random.default_rng(seed)
    picture = random.normal(100, 12, (240, 320))
    rows, columns = np.mgrid[:240, :320]
    for row, column in zip(random.integers(20, 220, 25), random.integers(20, 300, 25), strict=True):
        picture += 60 * np.exp(-((rows - row) ** 2 + (columns - column) ** 2) / 60)
    return np.asarray(picture, dtype=np.float64)


def power_spectrum() -> Pixels:
    """Rings, as the contrast transfer function of a microscope leaves them."""
    rows, columns = np.mgrid[:240, :320]
    distance = np.hypot(rows - 120, columns - 160)
    return np.asarray(100 * np.cos(distance**2 / 400) ** 2, dtype=np.float64)

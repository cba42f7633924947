"""Pictures and plots of the sample installation."""

import math
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

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

"""Maps of fluorescence: values measured on a grid, as a picture, a histogram, or the value at one place.

A value of -1 means that nothing was measured there.
"""

import io
import zlib
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import orjson
from cmap import Catalog, Colormap
from numpy.typing import NDArray
from PIL import Image

from objapi.ispyb.values.errors import Refusal

Values = NDArray[np.float64]

GZIPPED: Final = "json+gzip"
DEFAULT_COLOURS: Final = "viridis"
UNMEASURED: Final = -1
BINS: Final = 50

_MOST_BYTES: Final = 64 * 1024 * 1024
_MOST_POINTS: Final = 16_000_000
_GZIP: Final = 16 + zlib.MAX_WBITS
_DAMAGED: Final = "The values of the map are damaged"


@dataclass(frozen=True, slots=True)
class Grid:
    """The grid of a map: points across and down, whether it was scanned by columns, and to and fro."""

    across: int
    down: int
    vertical: bool = False
    snaked: bool = False


def read_values(data: bytes | None, data_format: str | None) -> Values:
    """The values of a map in the order of their measurement; raises Refusal (422) when they are damaged."""
    try:
        text = _unpacked(data or b"[]") if data_format == GZIPPED else data or b"[]"
        values = np.asarray(orjson.loads(text), dtype=np.float64)
    except (TypeError, ValueError, zlib.error):
        raise Refusal(422, _DAMAGED) from None
    if values.ndim != 1:
        raise Refusal(422, _DAMAGED)
    return np.where(np.isfinite(values), values, UNMEASURED)


def arranged(values: Values, grid: Grid) -> Values:
    """The values row after row, as they lie on the sample; places that were not reached yet are -1.

    A line of the scan is a row, or a column when the grid is vertical; when it was scanned to and fro, every second
    line is turned round. Raises Refusal (422) for a grid without points, or with too many.
    """
    lines, length = (grid.across, grid.down) if grid.vertical else (grid.down, grid.across)
    if lines < 1 or length < 1 or lines * length > _MOST_POINTS:
        raise Refusal(422, _DAMAGED)
    whole = np.full(lines * length, float(UNMEASURED))
    measured = values[: whole.size]
    whole[: measured.size] = measured
    scanned = whole.reshape(lines, length)
    if grid.snaked:
        scanned[1::2] = scanned[1::2, ::-1]
    return np.flipud(np.rot90(scanned)) if grid.vertical else scanned


def picture(values: Values, colours: str | None, least: float | None, most: float | None) -> bytes:
    """A PNG of arranged values: coloured from `least` to `most`, transparent where nothing was measured.

    Without those limits, or when they are the same, the measured values' own are taken. `colours` names a colour map
    as matplotlib does; an unknown name means viridis.
    """
    measured = values != UNMEASURED
    low, high = _limits(values[measured], least, most)
    shades = np.clip((values - low) / (high - low), 0, 1)
    pixels = np.round(np.asarray(_colour_map(colours)(shades)) * 255).astype(np.uint8)
    pixels[~measured, 3] = 0
    target = io.BytesIO()
    Image.fromarray(pixels, "RGBA").save(target, "PNG")
    return target.getvalue()


def histogram(values: Values) -> dict[str, Any]:
    """Histogram of values: counts, centres and widths of 50 bins; what was not measured counts as 0."""
    counts, edges = np.histogram(np.where(values == UNMEASURED, 0, values), bins=BINS)
    return {
        "hist": counts.tolist(),
        "bins": ((edges[:-1] + edges[1:]) / 2).tolist(),
        "width": np.diff(edges).tolist(),
    }


def value_at(values: Values, x: int, y: int) -> float | None:
    """The arranged value in column x of row y, both from 0; None outside the map."""
    rows, columns = values.shape
    return float(values[y, x]) if 0 <= x < columns and 0 <= y < rows else None


def _unpacked(data: bytes) -> bytes:
    unpacker = zlib.decompressobj(_GZIP)
    text = unpacker.decompress(data, _MOST_BYTES)
    if not unpacker.eof:
        raise ValueError("the data are incomplete, or longer than any map")
    return text


def _limits(measured: Values, least: float | None, most: float | None) -> tuple[float, float]:
    if least is None or most is None or least >= most:
        least, most = (float(measured.min()), float(measured.max())) if measured.size else (0.0, 1.0)
    return least, most if most > least else least + 1


def _colour_map(name: str | None) -> Colormap:
    """The colour map with a name; `_r` at its end turns it round."""
    known = Catalog()
    for candidate in (f"matplotlib:{name}", name) if name else ():
        with suppress(ValueError):
            known[candidate.removesuffix("_r")]
            return Colormap(candidate)
    return Colormap(DEFAULT_COLOURS)

"""Files of the sample installation: below one directory, at the paths that its rows name."""

from pathlib import Path
from typing import Final

from objapi.ispyb.demo.images import diffraction, write_cbf, write_eiger, write_result
from objapi.ispyb.demo.pictures import draw_crystal, draw_pixels, draw_plot, draw_scores, micrograph, power_spectrum

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

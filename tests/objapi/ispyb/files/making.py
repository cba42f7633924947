"""Little HDF5 and CBF files for the tests."""

from pathlib import Path

import h5py
import numpy as np
from fabio.cbfimage import CbfImage

CBF_HEADER = "\r\n".join(
    (
        "# Detector: PILATUS 6M, S/N 60-0104",
        "# Wavelength 0.97600 A",
        "# Detector_distance 0.25000 m",
        "# Beam_xy (3.50, 1.25) pixels",
        "# Pixel_size 172e-6 m x 172e-6 m",
        "",
        "# Exposure_time 0.0370000 s",
    )
)


def make_cbf(path: Path, number: int = 1, header: str = CBF_HEADER) -> None:
    """A CBF file of 4 rows of 6 pixels: 0 to 22 plus its number, and one that was not measured."""
    pixels = np.arange(24, dtype=np.int32).reshape(4, 6) + number
    pixels[3, 5] = -1
    CbfImage(data=pixels, header={"_array_data.header_contents": header}).write(str(path))


def make_hdf5(path: Path) -> None:
    """A NeXus file with images 1 to 4 in two data sets, image n being all n except for one saturated pixel."""
    with h5py.File(path, "w") as file:
        for part, low in (("data_000001", 1), ("data_000002", 3)):
            images = np.ones((2, 4, 6), dtype=np.uint16) * np.arange(low, low + 2, dtype=np.uint16)[:, None, None]
            images[:, 0, 0] = 65535
            images[:, 1, 1] = 0
            dataset = file.create_dataset(f"/entry/data/{part}", data=images, chunks=(1, 4, 6), compression="gzip")
            dataset.attrs["image_nr_low"] = low
            dataset.attrs["image_nr_high"] = low + 1
        detector = file.create_group("/entry/instrument/detector")
        for name, value in (
            ("detector_distance", 0.2),
            ("x_pixel_size", 7.5e-5),
            ("y_pixel_size", 7.5e-5),
            ("beam_center_x", 2.5),
            ("beam_center_y", 1.5),
            ("detectorSpecific/x_pixels_in_detector", 6),
            ("detectorSpecific/y_pixels_in_detector", 4),
        ):
            detector[name] = value
        file["/entry/instrument/beam/incident_wavelength"] = 0.976
        file["/entry/title"] = "A little file"
        file["/entry/numbers"] = np.array([-1.5, 0, 2.5, np.nan])
        file["/entry/empty"] = h5py.Empty("f4")
        file["/entry/soft"] = h5py.SoftLink("/entry/numbers")
        file["/entry/broken"] = h5py.SoftLink("/entry/nothing")
        file["/entry"].attrs["NX_class"] = "NXentry"
        file["/entry"].attrs["version"] = 3

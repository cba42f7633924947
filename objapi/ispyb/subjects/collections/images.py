"""Detector images of data collections: pixels, header and histogram of one image."""

from collections.abc import Callable
from types import ModuleType
from typing import Any, Final

import sqlalchemy as sa

from objapi.ispyb.files.disk import HDF5_LIBRARY
from objapi.ispyb.files.extra import data_module
from objapi.ispyb.files.reading import read_in_time
from objapi.ispyb.files.templates import HDF5_ENDINGS, ending_of, filled, joined
from objapi.ispyb.subjects.collections.files import visible_collection
from objapi.ispyb.subjects.collections.schemas import ImageHistogram
from objapi.ispyb.values.errors import ResourceNotFound
from objapi.ispyb.values.schema import optional, required
from objapi.ispyb.values.types import INT, integer
from objapi.ispyb.wire.call import Call
from objapi.ispyb.wire.response import Later, RawContent
from objapi.ispyb.wire.routes import BEARER, Group

group: Final = Group("Data")

MISSING: Final = "Image not found"

_COLLECTION: Final = {"dataCollectionId": optional(INT)}
_PIXELS: Final = {"imageNumber": required(integer(above=0)), **_COLLECTION}
_ABOUT: Final = {"imageNumber": required(INT), **_COLLECTION}
RAW: Final = "application/octet-stream"


@group.get("/data/images", access=BEARER, query=_PIXELS, content_type=RAW)
def read_pixels(call: Call) -> Later:
    """Pixels of an image as little-endian 32-bit floats, row after row."""
    return _worked_out(call, lambda frames, frame: RawContent(frames.raw(frame.pixels), RAW))


@group.get("/data/images/header", access=BEARER, query=_ABOUT)
def read_header(call: Call) -> Later:
    """Header of an image: how it was taken, and statistics of its pixels."""
    return _worked_out(call, lambda frames, frame: frame.header)


@group.get("/data/images/histogram", access=BEARER, query=_ABOUT, answer=ImageHistogram)
def read_histogram(call: Call) -> Later:
    """How many pixels of an image have which values."""
    return _worked_out(call, lambda frames, frame: frames.histogram(frame.pixels))


def _worked_out(call: Call, work: Callable[[ModuleType, Any], Any]) -> Later:
    """Do work on the image that the query names, once the transaction is over."""
    row = visible_collection(call, call.query["dataCollectionId"])
    number = call.query["imageNumber"]
    if row is None or not _has_image(row, number):
        raise ResourceNotFound(MISSING)
    is_hdf5 = ending_of(row["fileTemplate"] or "") in HDF5_ENDINGS
    name = row["fileTemplate"] if is_hdf5 else filled(row["fileTemplate"] or "", number)
    path = joined(row["imageDirectory"], name)

    def later() -> Any:
        frames = data_module("frames")

        def read(place: Any) -> Any:
            return work(frames, frames.read_hdf5(place, number) if is_hdf5 else frames.read_cbf(place))

        reader = HDF5_LIBRARY if is_hdf5 else None
        return read_in_time(call.services.settings, path, read, missing=MISSING, reader=reader)

    return Later(later)


def _has_image(row: sa.RowMapping, number: int) -> bool:
    most = row["numberOfImages"]
    return number >= 1 and (most is None or number <= most)

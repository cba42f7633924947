"""Contents of data files: one detector image (pixels, header, histogram), and HDF5 files as h5grove gives them.

Paths of h5grove end in a slash, as its clients write them.
"""

from collections.abc import Callable
from types import ModuleType
from typing import Any, Final

import sqlalchemy as sa

from objapi.ispyb.files.disk import HDF5_LIBRARY
from objapi.ispyb.files.extra import data_module
from objapi.ispyb.files.places import FilePlace
from objapi.ispyb.files.reading import read_in_time
from objapi.ispyb.files.templates import HDF5_ENDINGS, ending_of, filled, joined
from objapi.ispyb.subjects.collections.schemas import ImageHistogram
from objapi.ispyb.subjects.processing.files import visible_attachments
from objapi.ispyb.values.errors import ResourceNotFound
from objapi.ispyb.values.schema import ListOf, optional, required
from objapi.ispyb.values.types import BOOL, INT, TEXT, integer
from objapi.ispyb.wire.call import Call
from objapi.ispyb.wire.response import Later, RawContent
from objapi.ispyb.wire.routes import BEARER, Group
from objapi.profiles.ispyb.tables import (
    AutoProcProgramAttachment,
    BLSession,
    DataCollection,
    DataCollectionGroup,
    RobotAction,
)

_RESULT: Final = "Result"


def visible_collection(call: Call, key: int | None) -> sa.RowMapping | None:
    """Directory, template and number of images of a data collection that the caller sees."""
    if key is None:
        return None
    collection, groups = DataCollection.c, DataCollectionGroup.c
    statement = (
        sa.select(collection.imageDirectory, collection.fileTemplate, collection.numberOfImages)
        .join(DataCollectionGroup, groups.dataCollectionGroupId == collection.dataCollectionGroupId)
        .join(BLSession, BLSession.c.sessionId == groups.sessionId)
        .where(collection.dataCollectionId == key, call.visible(DataCollection, DataCollectionGroup, BLSession))
    )
    return call.first(statement)


def hdf5_path(call: Call) -> str | None:
    """The path of the HDF5 file of the first that the query names: data collection, attachment, robot action.

    As the database holds it; None when the caller does not see it, or when it has no such file.
    """
    query = call.query
    if query["dataCollectionId"] is not None:
        row = visible_collection(call, query["dataCollectionId"])
        return None if row is None else joined(row["imageDirectory"], row["fileTemplate"])
    if query["autoProcProgramAttachmentId"] is not None:
        return _attachment_path(call, query["autoProcProgramAttachmentId"])
    if query["robotActionId"] is not None:
        return _action_path(call, query["robotActionId"])
    return None


def _attachment_path(call: Call, key: int) -> str | None:
    """The path of a result; other files of a program are no HDF5 files."""
    row = call.first(visible_attachments(call).where(AutoProcProgramAttachment.c.autoProcProgramAttachmentId == key))
    if row is None or row["fileType"] != _RESULT or ending_of(row["fileName"] or "") not in HDF5_ENDINGS:
        return None
    return joined(row["filePath"], row["fileName"])


def _action_path(call: Call, key: int) -> str | None:
    path = call.services.database.column(RobotAction.c.resultFilePath)
    statement = (
        sa.select(path)
        .select_from(RobotAction)
        .join(BLSession, BLSession.c.sessionId == RobotAction.c.blsessionId)
        .where(RobotAction.c.robotActionId == key, call.visible(RobotAction, BLSession))
    )
    row = call.first(statement)
    return None if row is None else row["resultFilePath"]


group: Final = Group("Data")

NO_IMAGE: Final = "Image not found"

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
    """Histogram of the pixel values of an image."""
    return _worked_out(call, lambda frames, frame: frames.histogram(frame.pixels))


def _worked_out(call: Call, work: Callable[[ModuleType, Any], Any]) -> Later:
    """Do work on the image that the query names, once the transaction is over."""
    row = visible_collection(call, call.query["dataCollectionId"])
    number = call.query["imageNumber"]
    if row is None or not _has_image(row, number):
        raise ResourceNotFound(NO_IMAGE)
    is_hdf5 = ending_of(row["fileTemplate"] or "") in HDF5_ENDINGS
    name = row["fileTemplate"] if is_hdf5 else filled(row["fileTemplate"] or "", number)
    path = joined(row["imageDirectory"], name)

    def later() -> Any:
        frames = data_module("frames")

        def read(place: Any) -> Any:
            return work(frames, frames.read_hdf5(place, number) if is_hdf5 else frames.read_cbf(place))

        reader = HDF5_LIBRARY if is_hdf5 else None
        return read_in_time(call.services.settings, path, read, missing=NO_IMAGE, reader=reader)

    return Later(later)


def _has_image(row: sa.RowMapping, number: int) -> bool:
    most = row["numberOfImages"]
    return number >= 1 and (most is None or number <= most)


NO_FILE: Final = "File not found"

_SOURCES: Final = {
    "autoProcProgramAttachmentId": optional(INT),
    "robotActionId": optional(INT),
    "dataCollectionId": optional(INT),
}
_PATH: Final = {"path": optional(TEXT, "/")}
_SELECTION: Final = {"selection": optional(TEXT)}
_FORM: Final = {"dtype": optional(TEXT, "origin"), "format": optional(TEXT, "json"), "flatten": optional(BOOL, False)}


@group.get("/data/h5grove/attr/", access=BEARER, query={**_PATH, "attr_keys": optional(ListOf(TEXT)), **_SOURCES})
def read_attributes(call: Call) -> Later:
    """Attributes of an HDF5 entity."""
    query = call.query
    return _read(call, lambda hdf5, place: hdf5.read_attributes(place, query["path"], query["attr_keys"]))


@group.get("/data/h5grove/data/", access=BEARER, query={**_PATH, **_FORM, **_SELECTION, **_SOURCES})
def read_data(call: Call) -> Later:
    """Values of an HDF5 data set."""
    query = call.query

    def read(hdf5: ModuleType, place: FilePlace) -> RawContent:
        content: RawContent = hdf5.read_data(
            place,
            query["path"],
            query["selection"],
            flatten=query["flatten"],
            dtype=query["dtype"],
            format_=query["format"],
        )
        return content

    return _read(call, read)


@group.get(
    "/data/h5grove/meta/", access=BEARER, query={**_PATH, "resolve_links": optional(TEXT, "only_valid"), **_SOURCES}
)
def read_metadata(call: Call) -> Later:
    """Kind, shape, type and children of an HDF5 entity."""
    query = call.query
    return _read(call, lambda hdf5, place: hdf5.read_metadata(place, query["path"], query["resolve_links"]))


@group.get("/data/h5grove/stats/", access=BEARER, query={**_PATH, **_SELECTION, **_SOURCES})
def read_statistics(call: Call) -> Later:
    """Statistics of an HDF5 data set."""
    query = call.query
    return _read(call, lambda hdf5, place: hdf5.read_statistics(place, query["path"], query["selection"]))


def _read(call: Call, work: Callable[[ModuleType, FilePlace], RawContent]) -> Later:
    """Do work on the file that the query names, once the transaction is over."""
    path = hdf5_path(call)
    if path is None:
        raise ResourceNotFound(NO_FILE)

    def later() -> RawContent:
        hdf5 = data_module("hdf5")
        return read_in_time(
            call.services.settings, path, lambda place: work(hdf5, place), missing=NO_FILE, reader=HDF5_LIBRARY
        )

    return Later(later)

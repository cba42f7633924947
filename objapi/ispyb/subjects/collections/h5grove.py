"""Contents of HDF5 files as h5grove tells them: attributes, values, metadata and statistics. Paths end in a slash."""

from collections.abc import Callable
from types import ModuleType
from typing import Final

from objapi.ispyb.files.disk import HDF5_LIBRARY
from objapi.ispyb.files.extra import data_module
from objapi.ispyb.files.places import FilePlace
from objapi.ispyb.files.reading import read_in_time
from objapi.ispyb.subjects.collections.files import hdf5_path
from objapi.ispyb.values.errors import ResourceNotFound
from objapi.ispyb.values.schema import ListOf, optional
from objapi.ispyb.values.types import BOOL, INT, TEXT
from objapi.ispyb.wire.call import Call
from objapi.ispyb.wire.response import Later, RawContent
from objapi.ispyb.wire.routes import BEARER, Group

group: Final = Group("Data")

MISSING: Final = "File not found"

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
        raise ResourceNotFound(MISSING)

    def later() -> RawContent:
        hdf5 = data_module("hdf5")
        return read_in_time(
            call.services.settings, path, lambda place: work(hdf5, place), missing=MISSING, reader=HDF5_LIBRARY
        )

    return Later(later)

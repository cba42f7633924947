"""HDF5 files through the library h5grove, which puts their contents into the forms that web viewers of HDF5 read.

The library is pinned to the version whose answers the clients know. Around it: links that leave the data roots are not
followed, a fault names the wrong parameter, and no selection may be larger than memory bears.
"""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from os.path import realpath
from typing import Any, Final

import h5py
import numpy as np
from h5grove.content import DatasetContent, EntityContent, GroupContent, ResolvedEntityContent, create_content
from h5grove.encoders import encode
from h5grove.models import LinkResolution
from h5grove.utils import (
    NotFoundError,
    QueryArgumentError,
    get_array_stats,
    hdf_path_join,
    parse_link_resolution_arg,
    parse_slice,
)

from objapi.ispyb.files.links import LeavesRoots, Links
from objapi.ispyb.files.places import FilePlace, resolve
from objapi.ispyb.values.errors import Fault, Invalid, Refusal, ResourceNotFound
from objapi.ispyb.wire.response import RawContent

MOST_BYTES: Final = 256 * 1024 * 1024
"""Bytes that one selection may have."""

NO_HDF5: Final = "The file is no HDF5 file, or it is damaged"
NO_ENTITY: Final = "There is nothing at this path of the file"
NO_DATASET: Final = "There is no data set at this path of the file"


class Hdf5:
    """An open HDF5 file; all reading goes through `entity`, which checks links first."""

    def __init__(self, file: h5py.File, roots: tuple[str, ...]) -> None:
        self._file = file
        self._links = Links(roots)

    def entity(self, path: str, resolve_links: LinkResolution = LinkResolution.ONLY_VALID) -> EntityContent:
        """Entity at a path. Raises ResourceNotFound, also for what lies behind a link that leaves the data roots."""
        try:
            if resolve_links is LinkResolution.NONE:
                self._links.check(self._file, path.rstrip("/").rpartition("/")[0])
            else:
                self._links.check(self._file, path)
            content = create_content(self._file, path, resolve_links)
        except (LeavesRoots, NotFoundError, KeyError, ValueError, OSError):
            raise ResourceNotFound(NO_ENTITY) from None
        return _Group(content, self._file, self._links) if isinstance(content, GroupContent) else content

    def dataset(self, path: str) -> DatasetContent:
        """The data set at a path; raises ResourceNotFound."""
        content = self.entity(path)
        if not isinstance(content, DatasetContent):
            raise ResourceNotFound(NO_DATASET)
        return content

    def values(self, path: str, selection: str | None = None) -> Any:
        """Values of a data set; raises ResourceNotFound, and Invalid for a selection that does not fit it."""
        return self._values(self.dataset(path), selection)

    def attributes(self, path: str, keys: Sequence[str] | None = None) -> dict[str, Any]:
        """Attributes of what is at a path, all or those named; raises ResourceNotFound."""
        content = self.entity(path)
        if not isinstance(content, ResolvedEntityContent):
            raise ResourceNotFound(NO_ENTITY)
        try:
            return dict(content.attributes(keys or None))
        except KeyError as error:
            raise ResourceNotFound(f"There is no such attribute: {error.args[0]}") from None

    @staticmethod
    def _values(content: DatasetContent, selection: str | None, flatten: bool = False, dtype: str = "origin") -> Any:
        _check_size(content._h5py_entity, selection)
        try:
            return content.data(selection, flatten, dtype)
        except QueryArgumentError as error:
            raise _wrong("dtype", str(error)) from None
        except (IndexError, TypeError, ValueError) as error:
            raise _wrong("selection", str(error)) from None
        except OSError as error:
            raise Refusal(422, f"The values cannot be read: {error}") from None


class _Group(GroupContent):
    """A group whose children behind links that leave the data roots stay links."""

    def __init__(self, group: GroupContent, file: h5py.File, links: Links) -> None:
        super().__init__(group.path, group._h5py_entity, file)
        self._links = links

    def _get_child_metadata_content(self, depth: int = 0) -> list[Any]:
        children = []
        for name in self._h5py_entity:
            path = hdf_path_join(self._path, name)
            outside = self._links.leaves_roots(self._h5file, path)
            resolution = LinkResolution.NONE if outside else LinkResolution.ONLY_VALID
            children.append(create_content(self._h5file, path, resolution).metadata(depth))
        return children


@contextmanager
def opened(place: FilePlace) -> Iterator[Hdf5]:
    """Open the HDF5 file at a place for reading; raises OSError when there is no file, Refusal (422) for another kind.

    Without locks: they would keep a detector from writing, and network disks often have none.
    """
    path = resolve(place)
    try:
        file = h5py.File(path, "r", locking=False)
    except (FileNotFoundError, PermissionError, IsADirectoryError):
        raise
    except OSError:
        raise Refusal(422, NO_HDF5) from None
    with file:
        yield Hdf5(file, tuple(realpath(root) for root in place.roots))


def read_attributes(place: FilePlace, path: str, keys: Sequence[str] | None) -> RawContent:
    """Attributes of an entity, as JSON."""
    with opened(place) as file:
        return _encoded(file.attributes(path, keys))


def read_data(
    place: FilePlace, path: str, selection: str | None, *, flatten: bool, dtype: str, format_: str
) -> RawContent:
    """Values of a data set in a format: json, bin, csv, npy or tiff."""
    with opened(place) as file:
        values = file._values(file.dataset(path), selection, flatten, dtype)
        return _encoded(values if format_ == "json" else np.asarray(values), format_)


def read_metadata(place: FilePlace, path: str, resolve_links: str) -> RawContent:
    """Kind, shape, type and children of an entity, as JSON. Raises Invalid for an unknown way to resolve links."""
    try:
        resolution = parse_link_resolution_arg(resolve_links, LinkResolution.ONLY_VALID)
    except QueryArgumentError as error:
        raise _wrong("resolve_links", str(error)) from None
    with opened(place) as file:
        return _encoded(file.entity(path, resolution).metadata())


def read_statistics(place: FilePlace, path: str, selection: str | None) -> RawContent:
    """Statistics of the finite values of a data set, as JSON. Raises Invalid when it does not hold numbers."""
    with opened(place) as file:
        values = np.asarray(file.values(path, selection))
    if values.dtype.kind not in "biuf":
        raise _wrong("path", "The data set does not hold numbers")
    return _encoded(statistics(values[np.isfinite(values)]))


def statistics(values: Any) -> dict[str, float | None]:
    """min, max, mean, std, strict_positive_min and positive_min of an array of numbers; None where there are none."""
    return dict(get_array_stats(values.astype(np.uint8) if values.dtype.kind == "b" else values))


def _check_size(dataset: h5py.Dataset, selection: str | None) -> None:
    """Refuse a selection that is larger than allowed; raises Invalid."""
    if dataset.shape is None:
        return
    try:
        members = parse_slice(selection) if selection else ()
        if len(members) > len(dataset.shape):
            raise ValueError(f"a data set of {len(dataset.shape)} dimensions has no such selection")
        lengths = [
            len(range(*member.indices(length))) if isinstance(member, slice) else 1
            for member, length in zip(members, dataset.shape, strict=False)
        ]
    except (TypeError, ValueError) as error:
        raise _wrong("selection", f"no selection: {error}") from None
    if math.prod([*lengths, *dataset.shape[len(lengths) :]]) * dataset.dtype.itemsize > MOST_BYTES:
        raise _wrong("selection", f"the selection has more than {MOST_BYTES} bytes; select a part of it")


def _encoded(value: Any, format_: str = "json") -> RawContent:
    try:
        response = encode(value, format_)
    except QueryArgumentError as error:
        raise _wrong("format", str(error)) from None
    except (LookupError, TypeError, ValueError) as error:
        raise _wrong("format", f"the values have no form in {format_}: {error}") from None
    headers = {name: text for name, text in response.headers.items() if name == "Content-Disposition"}
    return RawContent(response.content, response.headers["Content-Type"], headers)


def _wrong(parameter: str, message: str) -> Invalid:
    return Invalid([Fault(message, "value_error").at(("query", parameter))])

"""HDF5 files: what is told of them, what is refused, and which other files they may draw in."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import orjson
import pytest

from objapi.ispyb.files import hdf5
from objapi.ispyb.files.places import FilePlace, place_of
from objapi.ispyb.values.errors import Invalid, Refusal, ResourceNotFound
from objapi.ispyb.wire.response import RawContent
from tests.objapi.ispyb.files.making import make_hdf5


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A data root."""
    directory = tmp_path / "data"
    directory.mkdir()
    return directory


@pytest.fixture
def place(root: Path) -> FilePlace:
    """An HDF5 file below the root."""
    make_hdf5(root / "a.h5")
    return at(root, "a.h5")


def at(root: Path, name: str) -> FilePlace:
    found = place_of(f"{root}/{name}", (str(root),))
    assert found is not None
    return found


def told(content: RawContent) -> Any:
    assert isinstance(content.body, bytes)
    assert content.content_type == "application/json"
    return orjson.loads(content.body)


def data(
    place: FilePlace,
    path: str,
    selection: str | None = None,
    *,
    flatten: bool = False,
    dtype: str = "origin",
    format_: str = "json",
) -> RawContent:
    return hdf5.read_data(place, path, selection, flatten=flatten, dtype=dtype, format_=format_)


def test_attributes_are_told(place: FilePlace) -> None:
    assert told(hdf5.read_attributes(place, "/entry", None)) == {"NX_class": "NXentry", "version": 3}
    assert told(hdf5.read_attributes(place, "/entry", ["version"])) == {"version": 3}


def test_metadata_of_a_group_names_its_children(place: FilePlace) -> None:
    entry = told(hdf5.read_metadata(place, "/entry", "only_valid"))
    assert (entry["type"], entry["name"]) == ("group", "entry")
    kinds = {child["name"]: child["type"] for child in entry["children"]}
    assert kinds["data"] == "group"
    assert kinds["title"] == "dataset"
    assert kinds["soft"] == "dataset"
    assert kinds["broken"] == "soft_link"


def test_metadata_of_a_data_set_tells_its_shape(place: FilePlace) -> None:
    found = told(hdf5.read_metadata(place, "/entry/data/data_000001", "only_valid"))
    assert (found["shape"], found["dtype"], found["chunks"]) == ([2, 4, 6], "<u2", [1, 4, 6])
    assert {entry["name"] for entry in found["attributes"]} == {"image_nr_low", "image_nr_high"}


def test_links_are_resolved_as_asked(place: FilePlace) -> None:
    assert told(hdf5.read_metadata(place, "/entry/soft", "none"))["type"] == "soft_link"
    assert told(hdf5.read_metadata(place, "/entry/soft", "all"))["type"] == "dataset"
    with pytest.raises(ResourceNotFound):
        hdf5.read_metadata(place, "/entry/broken", "all")


@pytest.mark.parametrize(
    ("path", "selection", "options", "value"),
    [
        ("/entry/data/data_000001", "1,0,1:3", {}, [2, 2]),
        ("/entry/data/data_000001", "0,:2,::5", {"flatten": True}, [65535, 1, 1, 1]),
        ("/entry/numbers", None, {}, [-1.5, 0.0, 2.5, None]),
        ("/entry/numbers", "-2", {}, 2.5),
        ("/entry/title", None, {}, "A little file"),
        ("/entry/empty", None, {}, None),
        ("/entry/soft", "0", {"dtype": "safe"}, -1.5),
    ],
)
def test_values_are_selected(place: FilePlace, path: str, selection: str | None, options: Any, value: Any) -> None:
    assert told(data(place, path, selection, **options)) == value


@pytest.mark.parametrize(
    ("format_", "type_", "start"),
    [
        ("bin", "application/octet-stream", np.float64(-1.5).tobytes()),
        ("npy", "application/octet-stream", b"\x93NUMPY"),
        ("csv", "text/csv", b"-1.5"),
    ],
)
def test_values_have_other_formats(place: FilePlace, format_: str, type_: str, start: bytes) -> None:
    content = data(place, "/entry/numbers", format_=format_)
    assert content.content_type == type_
    assert isinstance(content.body, bytes)
    assert content.body.startswith(start)


def test_an_image_has_a_form_that_a_line_has_not(place: FilePlace) -> None:
    content = data(place, "/entry/data/data_000001", "0", format_="tiff")
    assert content.content_type == "image/tiff"
    assert content.headers == {"Content-Disposition": 'attachment; filename="data.tiff"'}
    with pytest.raises(Invalid):
        data(place, "/entry/numbers", format_="tiff")


def test_a_single_number_has_a_binary_form(place: FilePlace) -> None:
    assert data(place, "/entry/numbers", "2", format_="bin").body == np.float64(2.5).tobytes()


def test_statistics_count_finite_values(place: FilePlace) -> None:
    found = told(hdf5.read_statistics(place, "/entry/numbers", None))
    assert (found["min"], found["max"], found["strict_positive_min"], found["positive_min"]) == (-1.5, 2.5, 2.5, 0.0)
    assert found["mean"] == pytest.approx(1 / 3)
    assert told(hdf5.read_statistics(place, "/entry/instrument/detector/x_pixel_size", None))["max"] == 7.5e-5


@pytest.mark.parametrize("path", ["/nothing", "/entry/nothing/more", "/entry/title/more", "/entry/broken"])
def test_a_path_that_leads_nowhere_is_not_found(place: FilePlace, path: str) -> None:
    with pytest.raises(ResourceNotFound):
        hdf5.read_attributes(place, path, None)
    with pytest.raises(ResourceNotFound):
        data(place, path)


@pytest.mark.parametrize("path", ["/", "/entry"])
def test_values_of_a_group_are_not_found(place: FilePlace, path: str) -> None:
    with pytest.raises(ResourceNotFound):
        data(place, path)
    with pytest.raises(ResourceNotFound):
        hdf5.read_statistics(place, path, None)


@pytest.mark.parametrize(
    ("read", "parameter"),
    [
        (lambda place: data(place, "/entry/numbers", "x"), "selection"),
        (lambda place: data(place, "/entry/numbers", "9"), "selection"),
        (lambda place: data(place, "/entry/numbers", "0,0"), "selection"),
        (lambda place: data(place, "/entry/numbers", "::-1"), "selection"),
        (lambda place: data(place, "/entry/numbers", "::0"), "selection"),
        (lambda place: data(place, "/entry/numbers", "1:2:3:4"), "selection"),
        (lambda place: data(place, "/entry/numbers", dtype="odd"), "dtype"),
        (lambda place: data(place, "/entry/title", dtype="safe"), "dtype"),
        (lambda place: data(place, "/entry/numbers", format_="xml"), "format"),
        (lambda place: data(place, "/entry/title", format_="csv"), "format"),
        (lambda place: hdf5.read_metadata(place, "/", "some"), "resolve_links"),
        (lambda place: hdf5.read_statistics(place, "/entry/title", None), "path"),
    ],
)
def test_what_is_asked_for_wrongly_is_told_by_parameter(
    place: FilePlace, read: Callable[[FilePlace], Any], parameter: str
) -> None:
    with pytest.raises(Invalid) as caught:
        read(place)
    assert [fault["loc"] for fault in caught.value.detail] == [["query", parameter]]


def test_an_attribute_that_is_not_there_is_not_found(place: FilePlace) -> None:
    with pytest.raises(ResourceNotFound):
        hdf5.read_attributes(place, "/entry", ["nothing"])


def test_a_selection_may_not_be_larger_than_memory_bears(root: Path) -> None:
    with h5py.File(root / "huge.h5", "w") as file:
        file.create_dataset("huge", shape=(10**6, 10**6), dtype="f8", chunks=(100, 100))
    with pytest.raises(Invalid):
        data(at(root, "huge.h5"), "/huge")
    assert told(data(at(root, "huge.h5"), "/huge", "0,:3")) == [0.0, 0.0, 0.0]


def test_a_file_of_another_kind_is_refused(root: Path) -> None:
    (root / "a.h5").write_text("no HDF5")
    with pytest.raises(Refusal) as caught:
        data(at(root, "a.h5"), "/")
    assert caught.value.status == 422
    with pytest.raises(FileNotFoundError):
        data(at(root, "none.h5"), "/")


@pytest.fixture
def linking(root: Path, tmp_path: Path) -> FilePlace:
    """A file that draws in others, inside the root and outside, in every way that HDF5 has."""
    (root / "sub").mkdir()
    for path, value in ((root / "sub" / "inside.h5", 1), (tmp_path / "outside.h5", 2)):
        with h5py.File(path, "w") as file:
            file["/group/values"] = [value]
            file["/group"].attrs["secret"] = value
    with h5py.File(root / "sub" / "inside.h5", "a") as file:
        file["/back"] = h5py.ExternalLink("../../outside.h5", "/group")
    (tmp_path / "secret.bin").write_bytes(np.array([42], dtype="i8").tobytes())
    (root / "sub" / "own.bin").write_bytes(np.array([7], dtype="i8").tobytes())
    with h5py.File(root / "a.h5", "w") as file:
        file["/in"] = h5py.ExternalLink("sub/inside.h5", "/group")
        file["/out"] = h5py.ExternalLink("../outside.h5", "/group")
        file["/out_absolute"] = h5py.ExternalLink(str(tmp_path / "outside.h5"), "/group")
        file["/via"] = h5py.ExternalLink("sub/inside.h5", "/back")
        file["/soft_out"] = h5py.SoftLink("/out")
        file["/circle"] = h5py.SoftLink("/circle")
        for name, source in (("virtual_in", "sub/inside.h5"), ("virtual_out", "../outside.h5")):
            layout = h5py.VirtualLayout(shape=(1,), dtype="i8")
            layout[:] = h5py.VirtualSource(source, "/group/values", shape=(1,))
            file.create_virtual_dataset(name, layout)
        for name, raw in (("raw_out", tmp_path / "secret.bin"), ("raw_in", root / "sub" / "own.bin")):
            file.create_dataset(name, shape=(1,), dtype="i8", external=[(str(raw), 0, 8)])
    return at(root, "a.h5")


@pytest.mark.parametrize(("path", "value"), [("/in/values", 1), ("/virtual_in", 1), ("/raw_in", 7)])
def test_files_below_the_roots_are_drawn_in(linking: FilePlace, path: str, value: int) -> None:
    assert told(data(linking, path)) == [value]


@pytest.mark.parametrize(
    "path",
    [
        "/out/values",
        "/out_absolute/values",
        "/via/values",
        "/soft_out/values",
        "/virtual_out",
        "/raw_out",
        "/circle",
        "/circle/x",
    ],
)
def test_files_outside_the_roots_are_not_drawn_in(linking: FilePlace, path: str) -> None:
    readings: tuple[Callable[[], object], ...] = (
        lambda: data(linking, path),
        lambda: hdf5.read_attributes(linking, path, None),
        lambda: hdf5.read_statistics(linking, path, None),
        lambda: hdf5.read_metadata(linking, path, "all"),
    )
    for read in readings:
        with pytest.raises(ResourceNotFound):
            read()


def test_children_behind_links_that_leave_the_roots_stay_links(linking: FilePlace) -> None:
    kinds = {child["name"]: child["type"] for child in told(hdf5.read_metadata(linking, "/", "only_valid"))["children"]}
    assert kinds == {
        "in": "group",
        "out": "external_link",
        "out_absolute": "external_link",
        "via": "external_link",
        "soft_out": "soft_link",
        "circle": "soft_link",
        "virtual_in": "dataset",
        "virtual_out": "dataset",
        "raw_in": "dataset",
        "raw_out": "dataset",
    }

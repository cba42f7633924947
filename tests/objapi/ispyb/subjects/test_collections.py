"""Images, HDF5 files and maps through their routes: who sees them, and what is answered."""

import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flask import Flask

from objapi.app import create_app
from objapi.ispyb.files.extra import NOT_INSTALLED
from objapi.profiles.ispyb import tables as t
from objapi.site import Site
from tests.objapi.ispyb.calling import Api, Rows, body, faults
from tests.objapi.ispyb.files.making import make_cbf, make_hdf5

H5GROVE = "/data/h5grove"


@pytest.fixture
def application(ispyb_site: Site, tmp_path: Path) -> Flask:
    """The application with one data root, which holds images."""
    make_cbf(tmp_path / "a_0001.cbf", 1)
    make_cbf(tmp_path / "a_0002.cbf", 2)
    make_hdf5(tmp_path / "master.h5")
    settings = replace(ispyb_site.settings, ispyb_data_roots=(tmp_path,), ispyb_path_map=str(tmp_path))
    return create_app(site=replace(ispyb_site, settings=settings))


@pytest.fixture
def measured(rows: Rows) -> Mapping[str, int]:
    """Data collections with CBF and HDF5 images, and what else holds HDF5 files, in a session of MX1."""
    key = rows.seed()
    key["sample"] = rows.add(t.BLSample, name="s1")
    key["group"] = rows.add(t.DataCollectionGroup, sessionId=key["MX1-1"], blSampleId=key["sample"])
    for name, template, images in (("cbf", "a_%04d.cbf", 2), ("h5", "master.h5", 4), ("lost", "lost.H5", None)):
        key[name] = rows.add(
            t.DataCollection,
            dataCollectionGroupId=key["group"],
            imageDirectory="/",
            fileTemplate=template,
            numberOfImages=images,
        )
    program = rows.add(t.AutoProcProgram, dataCollectionId=key["h5"])
    for name, type_, file in (
        ("result", "Result", "master.h5"),
        ("log", "Log", "master.h5"),
        ("mtz", "Result", "a.mtz"),
    ):
        key[name] = rows.add(
            t.AutoProcProgramAttachment, autoProcProgramId=program, fileType=type_, filePath="/", fileName=file
        )
    key["action"] = rows.add(t.RobotAction, blsessionId=key["MX1-1"], actionType="LOAD", resultFilePath="/master.h5")
    return key


def test_pixels_are_sent_as_floats(api: Api, measured: Mapping[str, int]) -> None:
    token = api.token(measured["member"])
    for number in (1, 2):
        response = api.get("/data/images", token, imageNumber=number, dataCollectionId=measured["cbf"])
        assert (response.status_code, response.content_type) == (200, "application/octet-stream")
        assert np.frombuffer(response.data, "<f4")[0] == number
    response = api.get("/data/images", token, imageNumber=3, dataCollectionId=measured["h5"])
    assert np.frombuffer(response.data, "<f4").reshape(4, 6)[2, 2] == 3


@pytest.mark.parametrize("name", ["cbf", "h5"])
def test_header_and_histogram_of_an_image_are_told(api: Api, measured: Mapping[str, int], name: str) -> None:
    token = api.token(measured["member"])
    header = body(api.get("/data/images/header", token, imageNumber=1, dataCollectionId=measured[name]))
    assert header["braggy_hdr"]["img_width"] == 6
    assert ("parsed_ext_hdr" in header) == (name == "cbf")
    told = body(api.get("/data/images/histogram", token, imageNumber=1, dataCollectionId=measured[name]))
    assert set(told) == {"values", "bins", "shape", "max"}
    assert told["shape"] == [len(told["values"])]


@pytest.mark.parametrize("route", ["/data/images", "/data/images/header", "/data/images/histogram"])
def test_an_image_that_is_not_there_or_not_visible_is_not_found(
    api: Api, measured: Mapping[str, int], route: str
) -> None:
    member, stranger = api.token(measured["member"]), api.token(measured["visitor"])
    for token, name, number in (
        (member, "cbf", 3),
        (member, "h5", 5),
        (member, "lost", 1),
        (member, "group", 2**30),
        (stranger, "cbf", 1),
    ):
        response = api.get(route, token, imageNumber=number, dataCollectionId=measured[name])
        assert (response.status_code, response.json) == (404, {"detail": "Image not found"})
    assert api.get(route, member, imageNumber=1).status_code == 404


def test_numbers_of_images_are_checked(api: Api, measured: Mapping[str, int]) -> None:
    token = api.token(measured["member"])
    place = ["query", "imageNumber"]
    assert faults(api.get("/data/images", token, imageNumber=0)) == [(place, "value_error.number.not_gt")]
    assert api.get("/data/images/header", token, imageNumber=0).status_code == 404
    for route in ("/data/images", "/data/images/header", "/data/images/histogram"):
        assert faults(api.get(route, token)) == [(place, "value_error.missing")]


@pytest.mark.parametrize(
    "source", [("dataCollectionId", "h5"), ("autoProcProgramAttachmentId", "result"), ("robotActionId", "action")]
)
def test_contents_of_hdf5_files_are_told(api: Api, measured: Mapping[str, int], source: tuple[str, str]) -> None:
    query: dict[str, Any] = {source[0]: measured[source[1]]}
    member = api.token(measured["member"])
    meta = api.get(f"{H5GROVE}/meta/", member, **query)
    assert (meta.status_code, [child["name"] for child in body(meta)["children"]]) == (200, ["entry"])
    attributes = api.get(f"{H5GROVE}/attr/", member, path="/entry", attr_keys=["version", "NX_class"], **query)
    assert body(attributes) == {"version": 3, "NX_class": "NXentry"}
    values = api.get(f"{H5GROVE}/data/", member, path="/entry/numbers", selection="0", **query)
    assert body(values) == -1.5
    binary = api.get(f"{H5GROVE}/data/", member, path="/entry/numbers", format="bin", **query)
    assert np.frombuffer(binary.data, "<f8")[2] == 2.5
    statistics = api.get(f"{H5GROVE}/stats/", member, path="/entry/numbers", **query)
    assert body(statistics)["max"] == 2.5
    for route in ("meta", "attr", "data", "stats"):
        refused = api.get(f"{H5GROVE}/{route}/", api.token(measured["visitor"]), **query)
        assert (refused.status_code, refused.json) == (404, {"detail": "File not found"})


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"dataCollectionId": "lost"},
        {"autoProcProgramAttachmentId": "log"},
        {"autoProcProgramAttachmentId": "mtz"},
        {"dataCollectionId": "lost", "autoProcProgramAttachmentId": "result"},
    ],
)
def test_without_an_hdf5_file_none_is_found(api: Api, measured: Mapping[str, int], query: dict[str, str]) -> None:
    given = {name: measured[key] for name, key in query.items()}
    response = api.get(f"{H5GROVE}/meta/", api.token(measured["member"]), **given)
    assert (response.status_code, response.json) == (404, {"detail": "File not found"})


def test_h5grove_paths_end_in_a_slash(api: Api, measured: Mapping[str, int]) -> None:
    response = api.get(f"{H5GROVE}/meta", api.token(measured["member"]))
    assert response.status_code == 307
    assert response.headers["Location"].endswith("/data/h5grove/meta/")


def test_a_wrong_selection_is_told_with_its_place(api: Api, measured: Mapping[str, int]) -> None:
    query = {"dataCollectionId": measured["h5"], "path": "/entry/numbers", "selection": "x"}
    response = api.get(f"{H5GROVE}/data/", api.token(measured["member"]), **query)
    assert faults(response) == [(["query", "selection"], "value_error")]


def test_without_the_libraries_such_data_are_refused(
    api: Api, measured: Mapping[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("h5py", "objapi.ispyb.files.hdf5", "objapi.ispyb.files.links"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setitem(sys.modules, "h5py", None)
    response = api.get(f"{H5GROVE}/meta/", api.token(measured["member"]), dataCollectionId=measured["h5"])
    assert (response.status_code, response.json) == (501, {"detail": NOT_INSTALLED})


@pytest.fixture
def mapped(rows: Rows, measured: Mapping[str, int]) -> Mapping[str, int]:
    """A map of 3 by 2 points of the data collection with CBF images."""
    key = dict(measured)
    protein = rows.add(t.Protein, proposalId=key["MX1"], name="Insulin", acronym="INS")
    key["crystalline"] = rows.add(t.BLSample, name="s2", crystalId=rows.add(t.Crystal, proteinId=protein))
    key["roi"] = rows.add(
        t.XRFFluorescenceMappingROI, startEnergy=6.2, endEnergy=6.6, element="Fe", blSampleId=key["crystalline"]
    )
    key["grid"] = rows.add(
        t.GridInfo,
        dataCollectionId=key["cbf"],
        dataCollectionGroupId=key["group"],
        steps_x=3,
        steps_y=2,
        orientation="horizontal",
        snaked=1,
    )
    key["map"] = rows.add(
        t.XRFFluorescenceMapping,
        xrfFluorescenceMappingROIId=key["roi"],
        dataCollectionId=key["cbf"],
        gridInfoId=key["grid"],
        imageNumber=1,
        counts=0,
        dataFormat="json",
        data=b"[0, 1, 2, 3, -1, 5]",
        points=6,
        opacity=1,
        colourMap="jet",
    )
    return key


def test_maps_are_listed_with_their_grid_and_region(api: Api, mapped: Mapping[str, int]) -> None:
    token = api.token(mapped["member"])
    page = body(api.get("/mapping", token))
    assert page["total"] == 1
    assert page["results"] == [
        {
            "xrfFluorescenceMappingId": mapped["map"],
            "colourMap": "jet",
            "opacity": 1.0,
            "points": 6,
            "dataFormat": "json",
            "_metadata": {
                "url": f"/ispyb/api/v1/mapping/{mapped['map']}",
                "blSubSampleId": None,
                "blSampleId": mapped["sample"],
                "dataCollectionId": mapped["cbf"],
            },
            "GridInfo": {
                "gridInfoId": mapped["grid"],
                "steps_x": 3,
                "steps_y": 2,
                "snaked": True,
                "orientation": "horizontal",
            },
            "XRFFluorescenceMappingROI": {
                "xrfFluorescenceMappingROIId": mapped["roi"],
                "element": "Fe",
                "edge": None,
                "scalar": None,
                "startEnergy": 6.2,
                "endEnergy": 6.6,
            },
        }
    ]
    for name, key in (
        ("xrfFluorescenceMappingId", "map"),
        ("dataCollectionId", "cbf"),
        ("dataCollectionGroupId", "group"),
        ("blSampleId", "sample"),
    ):
        assert body(api.get("/mapping", token, **{name: mapped[key]}))["total"] == 1
        assert body(api.get("/mapping", token, **{name: 999_999}))["total"] == 0
    assert api.seen("/mapping", api.token(mapped["visitor"]), "points") == []


def test_regions_are_seen_with_the_proposal_of_their_sample(api: Api, mapped: Mapping[str, int]) -> None:
    path, key = "/mapping/rois", "xrfFluorescenceMappingROIId"
    for person in ("member", "visitor"):
        token = api.token(mapped[person])
        assert api.seen(path, token, key) == [mapped["roi"]]
        assert api.seen(path, token, key, blSampleId=mapped["crystalline"]) == [mapped["roi"]]
        assert api.seen(path, token, key, blSampleId=mapped["sample"]) == []
    assert api.seen(path, api.token(mapped["outsider"]), key) == []


def test_a_map_is_a_picture_a_histogram_and_values(api: Api, mapped: Mapping[str, int]) -> None:
    token, key = api.token(mapped["member"]), mapped["map"]
    picture = api.get(f"/mapping/{key}", token)
    assert (picture.status_code, picture.content_type, picture.data[:4]) == (200, "image/png", b"\x89PNG")
    told = body(api.get(f"/mapping/histogram/{key}", token))
    assert told["xrfFluorescenceMappingId"] == key
    assert (len(told["bins"]), sum(told["hist"])) == (50, 6)
    for x, y, value in ((0, 0, 0), (2, 1, 3), (1, 1, -1), (0, 1, 5)):
        assert body(api.get(f"/mapping/pixel/{key}", token, x=x, y=y)) == {
            "xrfFluorescenceMappingId": key,
            "x": x,
            "y": y,
            "value": value,
        }
    assert api.get(f"/mapping/pixel/{key}", token, x=3, y=0).status_code == 404
    assert len(faults(api.get(f"/mapping/pixel/{key}", token))) == 2


@pytest.mark.parametrize("path", ["/mapping/{map}", "/mapping/histogram/{map}", "/mapping/pixel/{map}?x=0&y=0"])
def test_a_map_out_of_sight_is_not_found(api: Api, mapped: Mapping[str, int], path: str) -> None:
    for person, key in (("visitor", mapped["map"]), ("member", 999_999)):
        response = api.call("GET", path.format(map=key), api.token(mapped[person]))
        assert (response.status_code, response.json) == (404, {"detail": "Map not found"})

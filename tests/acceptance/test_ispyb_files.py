"""Files of the sample installation over HTTP: pictures, downloads, images, HDF5 contents and maps."""

import struct

import pytest
import requests

from tests.acceptance.test_ispyb import Script
from tests.waiting import ENOUGH


@pytest.fixture
def scientist(root: str) -> Script:
    return Script(root, "scientist")


@pytest.fixture
def collections(scientist: Script) -> dict[str, int]:
    """Data collections of the sample session by the beginning of their file names."""
    events = scientist.get("/events", session="MX1001-1", limit=50).json()["results"]
    found = [event["Item"] for event in events if event["type"] == "dc"]
    return {(item["fileTemplate"] or "")[:6]: item["dataCollectionId"] for item in found}


def test_pictures_are_shown_whole_in_part_and_not_again(scientist: Script, collections: dict[str, int]) -> None:
    path = f"/datacollections/images/{collections['lyso_1']}"
    whole = scientist.get(path)
    assert (whole.status_code, whole.headers["Content-Type"]) == (200, "image/jpeg")
    assert whole.content.startswith(b"\xff\xd8")
    url = scientist.root + path
    part = scientist.http.get(url, headers={"Range": "bytes=2-5"}, timeout=ENOUGH)
    assert (part.status_code, part.content) == (206, whole.content[2:6])
    again = scientist.http.get(url, headers={"If-None-Match": whole.headers["ETag"]}, timeout=ENOUGH)
    assert (again.status_code, again.content) == (304, b"")
    small = scientist.get(path, snapshot="true")
    assert 0 < len(small.content) < len(whole.content)


def test_snapshots_are_told_by_the_events(scientist: Script, collections: dict[str, int]) -> None:
    (event,) = scientist.get("/events", dataCollectionId=collections["lyso_1"]).json()["results"]
    assert event["Item"]["_metadata"]["snapshots"] == dict.fromkeys(("1", "2", "3", "4", "analysis"), True)


def test_a_download_by_link_is_saved_under_its_name(scientist: Script, collections: dict[str, int]) -> None:
    listed = scientist.get("/datacollections/attachments", dataCollectionId=collections["lyso_1"]).json()["results"]
    link = listed[0]["_metadata"]
    host = scientist.root.removesuffix("/ispyb/api/v1")
    token = scientist.post("/user/sign", {"validity": host + link["url"]}).json()["token"]
    answer = requests.get(host + link["url"], params={"onetime": token}, timeout=ENOUGH)
    assert answer.status_code == 200
    assert answer.headers["Content-Disposition"] == f"attachment; filename={link['fileName']}"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "shutter" in answer.text


@pytest.mark.parametrize("name", ["lyso_1", "lyso_2"])
def test_an_image_its_header_and_its_histogram_agree(scientist: Script, collections: dict[str, int], name: str) -> None:
    query = {"dataCollectionId": collections[name], "imageNumber": 2}
    header = scientist.get("/data/images/header", **query).json()["braggy_hdr"]
    content = scientist.get("/data/images", **query).content
    assert len(content) == 4 * header["img_width"] * header["img_height"]
    counted = [value for value in struct.unpack(f"<{len(content) // 4}f", content) if 0 <= value < 65535]
    assert (min(counted), max(counted)) == (header["min"], header["max"])
    histogram = scientist.get("/data/images/histogram", **query).json()
    assert histogram["max"] == max(histogram["values"])


def test_contents_of_an_hdf5_file_are_browsed(scientist: Script, collections: dict[str, int]) -> None:
    query = {"dataCollectionId": collections["lyso_2"]}
    meta = scientist.get("/data/h5grove/meta/", path="/entry/data", **query).json()
    first = meta["children"][0]
    path = f"/entry/data/{first['name']}"
    row = scientist.get("/data/h5grove/data/", path=path, selection="0,5", **query).json()
    assert len(row) == first["shape"][2]
    statistics = scientist.get("/data/h5grove/stats/", path=path, selection="0,5", **query).json()
    assert (statistics["min"], statistics["max"]) == (min(row), max(row))


def test_a_map_is_drawn(scientist: Script) -> None:
    (listed,) = scientist.get("/mapping").json()["results"]
    url = listed["_metadata"]["url"]
    picture = scientist.http.get(scientist.root.removesuffix("/ispyb/api/v1") + url, timeout=ENOUGH)
    assert picture.headers["Content-Type"] == "image/png"
    width, height = struct.unpack(">II", picture.content[16:24])
    assert (width, height) == (listed["GridInfo"]["steps_x"], listed["GridInfo"]["steps_y"])


def test_strangers_find_nothing(root: str, collections: dict[str, int]) -> None:
    portal = Script(root, "portal")
    for path in ("/datacollections/images/", "/datacollections/images/quality/"):
        answer = portal.get(f"{path}{collections['lyso_1']}")
        assert (answer.status_code, answer.json()) == (404, {"detail": "Image not found"})
    assert portal.get("/data/images", dataCollectionId=collections["lyso_1"], imageNumber=1).status_code == 404

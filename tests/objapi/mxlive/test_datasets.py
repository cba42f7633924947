"""Uploads of datasets: what is stored, what is linked, and what is refused."""

import json
import math
from datetime import datetime
from typing import Any

import msgpack
import pytest

from objapi.mxlive import calls
from objapi.mxlive.proxy import DataProxy
from tests.objapi.mxlive.station import KINDS, Station, User, dataset


def stored(station: Station, user: User) -> dict[str, Any]:
    """The one dataset of a user."""
    found = station.read("MxData", project=user.uid)
    assert len(found) == 1
    return found[0]


def shelf_sample(station: Station, user: User, name: str = "x1", slot: str = "1") -> dict[str, Any]:
    """A sample of a user in a group, in a puck that is on the shelf."""
    puck = station.create("MxContainer", project=user.uid, name=f"puck {name}", kind=f"{KINDS}/uni-puck")
    group = station.create("MxGroup", project=user.uid, name=f"group {name}")
    values = {
        "project": user.uid,
        "name": name,
        "container": puck,
        "group": group,
        "location": f"{KINDS}/uni-puck/{slot}",
    }
    uid = station.create("MxSample", **values)
    return station.read("MxSample", UID=uid)[0]


def test_a_dataset_is_stored_as_it_was_sent(station: Station, user: User, beamline: str) -> None:
    sample = shelf_sample(station, user)
    message = dataset(
        id=None, frames="1-4,8,10-99", filename="test_{:0>4d}.img", sample_id=sample["number"], beam_size=50.0,
        start_time="2026-03-01T10:00:00+01:00", end_time="2026-03-01T10:05:00+01:00",
        group="g", container="c", port="LA1", uuid="u-1", beam_x=math.nan, grid=[[1, 2.5], [math.inf, None]],
    )  # fmt: skip
    answer = user.post(f"data/{beamline}/", message)
    found = stored(station, user)
    assert answer == {"id": found["number"]}
    assert (found["name"], found["energy"], found["exposure_time"]) == ("lyso", "12.6580", "0.100000000")
    assert (found["frames"], found["num_frames"], found["file_name"]) == ("1-4,8,10-99", 95, "test_{:0>4d}.img")
    assert (found["sample"], found["group"]) == (sample["UID"], sample["group"])
    assert found["start_time"] == "2026-03-01T09:00:00+00:00"
    assert found["end_time"] == "2026-03-01T09:05:00+00:00"
    assert found["meta_data"] == {
        "beam_size": 50.0,
        "start_time": "2026-03-01T10:00:00+01:00",
        "end_time": "2026-03-01T10:05:00+01:00",
        "uuid": "u-1",
        "beam_x": None,
        "grid": [[1, 2.5], [None, None]],
    }
    assert found["url"]
    assert found["files"]["archive"] == f"files/archive/{found['url']}/lyso.tar.gz"


def test_the_same_file_sent_again_is_an_update_with_a_fresh_key(station: Station, user: User, beamline: str) -> None:
    number = user.post(f"data/{beamline}/", dataset())["id"]
    key = stored(station, user)["url"]
    assert user.post(f"data/{beamline}/", dataset(id=number, name="again")) == {"id": number}
    assert stored(station, user)["name"] == "again"
    assert stored(station, user)["url"] != key


@pytest.mark.parametrize("other", ["unknown", "foreign", "text", "list", "null", "true"])
def test_an_id_that_is_not_ones_own_makes_a_new_dataset(
    station: Station, user: User, beamline: str, other: str
) -> None:
    foreign = station.user().post(f"data/{beamline}/", dataset(name="theirs"))["id"]
    ids: dict[str, Any] = {
        "unknown": 10**12, "foreign": foreign, "text": "7", "list": [foreign], "null": None, "true": True,
    }  # fmt: skip
    answer = user.post(f"data/{beamline}/", dataset(id=ids[other]))
    assert answer["id"] != foreign
    assert stored(station, user)["number"] == answer["id"]
    assert station.read("MxData", number=foreign)[0]["name"] == "theirs"


def test_samples_of_others_are_not_linked(station: Station, user: User, beamline: str) -> None:
    foreign = shelf_sample(station, station.user())["number"]
    for odd in (foreign, 10**12, "1", [1], None):
        user.post(f"data/{beamline}/", dataset(sample_id=odd))
    assert {item["sample"] for item in station.read("MxData", project=user.uid)} == {None}


def test_a_dataset_belongs_to_the_session_that_runs(station: Station, user: User, beamline: str) -> None:
    user.post(f"launch/{beamline}/week-1/")
    session = station.read("MxSession", project=user.uid)[0]["UID"]
    number = user.post(f"data/{beamline}/", dataset())["id"]
    assert stored(station, user)["session"] == session
    station.user().post(f"launch/{beamline}/theirs/")
    user.post(f"data/{beamline}/", dataset(id=number))
    assert stored(station, user)["session"] is None


def test_an_update_from_another_beamline_looks_for_the_session_there(
    station: Station, user: User, beamline: str
) -> None:
    elsewhere = station.beamline()
    user.post(f"launch/{beamline}/here/")
    user.post(f"launch/{elsewhere}/there/")
    number = user.post(f"data/{beamline}/", dataset())["id"]
    user.post(f"data/{elsewhere}/", dataset(id=number))
    sessions = {item["name"]: item["UID"] for item in station.read("MxSession", project=user.uid)}
    assert stored(station, user)["session"] == sessions["there"]


def test_a_dataset_sent_after_close_has_no_session(station: Station, user: User, beamline: str) -> None:
    user.post(f"launch/{beamline}/week-1/")
    user.post(f"close/{beamline}/week-1/")
    user.post(f"data/{beamline}/", dataset())
    assert stored(station, user)["session"] is None


START, END = "2026-03-01T10:00:00+00:00", "2026-03-01T10:00:01+00:00"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"start_time": START}, (START, END)),
        ({"end_time": END}, (START, END)),
        ({"start_time": START, "end_time": "2026-03-01T12:00:00"}, (START, "2026-03-01T12:00:00+00:00")),
        ({"start_time": START, "exposure": None}, (START, START)),
        ({"start_time": START, "frames": ""}, (START, "2026-03-01T10:00:00.100000+00:00")),
    ],
)
def test_missing_times_follow_from_the_frames(
    station: Station, user: User, beamline: str, given: dict[str, Any], expected: tuple[str, str]
) -> None:
    user.post(f"data/{beamline}/", dataset(**given))
    found = stored(station, user)
    assert (found["start_time"], found["end_time"]) == expected


def test_without_times_a_dataset_has_just_ended(station: Station, user: User, beamline: str) -> None:
    user.post(f"data/{beamline}/", dataset(frames="1-600", exposure=1.0))
    found = stored(station, user)
    lasted = datetime.fromisoformat(found["end_time"]) - datetime.fromisoformat(found["start_time"])
    assert lasted.total_seconds() == 600


REFUSED: list[dict[str, Any]] = [
    *({name: None} for name in ("directory", "type", "name", "energy")),
    *({"frames": frames} for frames in ("a", "1-", "-5", "1.5", "1,,2", "1-2-3", "4-1", "1-99999999999", 7, ["1"])),
    *({name: "x" * 5000} for name in ("name", "filename", "type", "directory", "energy")),
    *({"energy": value} for value in (math.nan, math.inf, "12", True, [1], 1e7, -1e7)),
    *({"exposure": value} for value in (-1, math.inf, "1", 1e300)),
    *({"attenuation": value} for value in ("much", math.nan)),
    *({"start_time": value} for value in ("yesterday", 17, "", "2026-13-01T00:00:00")),
    {"type": "NONE"},
    {"name": 7},
    {"name": "a\0b"},
    {"comments": "a\0b"},
    {"extra": 2**64 - 1},
    {"extra": b"bytes"},
]


@pytest.mark.parametrize("wrong", REFUSED, ids=lambda wrong: repr(wrong)[:40])
def test_what_cannot_be_kept_is_refused_and_nothing_stored(
    station: Station, visitor: User, shared_line: str, wrong: dict[str, Any]
) -> None:
    assert visitor.refused(f"data/{shared_line}/", dataset(**wrong)) in (400, 422)
    assert station.read("MxData", project=visitor.uid) == []
    assert station.read("MxActivityLog", project=visitor.uid) == []


def test_everything_that_is_wrong_is_told_at_once(visitor: User, shared_line: str) -> None:
    response = visitor.call("POST", f"data/{shared_line}/", {"frames": "x", "exposure": "y"})
    message = json.loads(response.data)["message"]
    assert all(f"{name}:" in message for name in ("directory", "type", "name", "energy", "frames", "exposure"))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xc1",
        b"nonsense",
        msgpack.packb([1, 2]),
        msgpack.packb({1: 2}, strict_types=True),
        msgpack.packb(dataset())[:-3],
        msgpack.packb(dataset()) + b"\x00",
        b"\xdf\xff\xff\xff\xff",
        b"\xdd\xff\xff\xff\xff" * 200,
        b"\x81\xa1a" * 100 + b"\xc0",
        b'{"name": NaN}',
        b'{"a": 1, "a": 2}',
        b"\x81\xa1\xff\xc0",
    ],
    ids=lambda body: repr(body)[:30],
)
def test_bodies_that_cannot_be_read_are_refused(visitor: User, shared_line: str, body: bytes) -> None:
    assert visitor.refused(f"data/{shared_line}/", body) == 400


def test_json_bodies_and_old_msgpack_are_read_too(station: Station, user: User, beamline: str) -> None:
    user.post(f"data/{beamline}/", json.dumps(dataset(name="é")).encode())
    user.post(f"data/{beamline}/", msgpack.packb(dataset(name="é"), use_bin_type=False))
    assert [item["name"] for item in station.read("MxData", project=user.uid)] == ["é", "é"]


def test_a_beamline_that_is_not_there_is_not_found(visitor: User) -> None:
    assert visitor.refused("data/NOWHERE/", dataset()) == 404


@pytest.mark.parametrize(
    ("failure", "status"),
    [
        ({"status": 500}, 503),
        ({"status": 302}, 503),
        ({"answer": b"no json"}, 503),
        ({"answer": {"other": 1}}, 503),
        ({"answer": {"key": "x" * 201}}, 503),
        ({"answer": {"key": None}}, 422),
    ],
)
def test_without_a_secure_key_nothing_is_stored(
    station: Station, visitor: User, shared_line: str, failure: dict[str, Any], status: int
) -> None:
    for name, value in failure.items():
        setattr(station.proxy, name, value)
    assert visitor.refused(f"data/{shared_line}/", dataset()) == status
    assert station.read("MxData", project=visitor.uid) == []


def test_a_silent_data_proxy_is_not_waited_for(
    station: Station, visitor: User, shared_line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calls, "DataProxy", lambda url, timeout: DataProxy(url, timeout / 100))
    station.proxy.be_silent()
    assert visitor.refused(f"data/{shared_line}/", dataset()) == 503
    assert station.read("MxData", project=visitor.uid) == []


def test_the_data_proxy_is_asked_only_for_what_will_be_stored(station: Station, user: User, beamline: str) -> None:
    asked = len(station.proxy.asked)
    user.refused(f"data/{beamline}/", dataset(name=None))
    user.refused(f"data/{beamline}/", dataset(energy=1e9))
    assert len(station.proxy.asked) == asked
    user.post(f"data/{beamline}/", dataset())
    assert station.proxy.asked[asked:] == ["/data/lyso"]


def test_uploads_are_logged_updates_too(station: Station, user: User, beamline: str) -> None:
    number = user.post(f"data/{beamline}/", dataset())["id"]
    user.post(f"data/{beamline}/", dataset(id=number))
    logged = station.read("MxActivityLog", project=user.uid)
    assert [item["description"] for item in logged] == [f"MX Dataset uploaded from {beamline}"] * 2
    assert {item["object_id"] for item in logged} == {f"data-{number}"}

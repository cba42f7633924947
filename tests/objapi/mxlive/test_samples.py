"""Which samples a beamline is told, and where its robot finds them."""

from typing import Any

import pytest

from tests.objapi.mxlive.station import KINDS, Station, User

pytestmark = pytest.mark.both_databases

Place = tuple[str, str]
"""A container's UID and the path of the slot in it."""


def robot(station: Station, make: str) -> tuple[str, str]:
    """A new beamline with an automounter of some make: its acronym, and the UID of the container."""
    acronym = station.beamline()
    staff = station.user()
    dewar = station.create("MxContainer", project=staff.uid, name="dewar", kind=f"{KINDS}/{make}")
    beamline = station.read("MxBeamline", acronym=acronym)[0]["UID"]
    station.create("MxAutomounter", beamline=beamline, container=dewar, active=True)
    return acronym, dewar


def container(station: Station, user: User, make: str, place: Place | None = None, *, state: str = "receive") -> str:
    """A container of a user, on site and loaded in a place, if one is given."""
    uid = station.create("MxContainer", project=user.uid, name=f"{make} {user.name}", kind=f"{KINDS}/{make}")
    if state:
        station.transition(uid, state)
    if place is not None:
        station.update(uid, parent=place[0], location=place[1])
    return uid


def sample(station: Station, user: User, inside: str, make: str, slot: str, **more: Any) -> None:
    values = {"name": f"in-{slot}", "container": inside, "location": f"{KINDS}/{make}/{slot}", **more}
    station.create("MxSample", project=user.uid, **values)


@pytest.mark.parametrize(
    ("robot_make", "robot_slot", "make", "slot", "port"),
    [
        ("sam-automounter", "M", "cassette", "C3", "MC3"),
        ("isara-automounter", "1A", "uni-puck", "16", "1A16"),
        ("cats-automounter", "L2B", "spine-puck", "7", "L2B7"),
    ],
)
def test_a_port_names_the_slots_from_the_outside_in(
    station: Station, user: User, robot_make: str, robot_slot: str, make: str, slot: str, port: str
) -> None:
    acronym, dewar = robot(station, robot_make)
    inside = container(station, user, make, (dewar, f"{KINDS}/{robot_make}/{robot_slot}"))
    sample(station, user, inside, make, slot, barcode="B-1", comments="fragile")
    number = station.read("MxSample", project=user.uid)[0]["number"]
    assert user.get(f"samples/{acronym}/") == [
        {
            "id": number,
            "name": f"in-{slot}",
            "barcode": "B-1",
            "comments": "fragile",
            "group": "",
            "container": f"{make} {user.name}",
            "container_type": station.read("MxSample", project=user.uid)[0]["container_type"],
            "location": slot,
            "port": port,
            "priority": 0,
        }
    ]


def test_a_puck_in_an_adaptor_in_the_robot_is_reached_through_both(station: Station, user: User) -> None:
    acronym, dewar = robot(station, "sam-automounter")
    adaptor = container(station, station.user(), "adaptor", (dewar, f"{KINDS}/sam-automounter/L"))
    puck = container(station, user, "uni-puck", (adaptor, f"{KINDS}/adaptor/A"))
    sample(station, user, puck, "uni-puck", "1")
    assert [item["port"] for item in user.get(f"samples/{acronym}/")] == ["LA1"]


def test_samples_on_the_shelf_are_told_without_a_port(station: Station, user: User) -> None:
    acronym, _ = robot(station, "isara-automounter")
    sample(station, user, container(station, user, "uni-puck"), "uni-puck", "5")
    assert [(item["port"], item["location"]) for item in user.get(f"samples/{acronym}/")] == [("", "5")]


def test_what_cannot_be_measured_here_is_left_out(station: Station, user: User) -> None:
    acronym, dewar = robot(station, "isara-automounter")
    _, other = robot(station, "isara-automounter")
    slot = f"{KINDS}/isara-automounter/1A"
    sample(station, user, container(station, user, "uni-puck", state=""), "uni-puck", "1", name="draft")
    sample(station, user, container(station, user, "uni-puck", state="send"), "uni-puck", "1", name="sent")
    sample(station, user, container(station, user, "uni-puck", (other, slot)), "uni-puck", "1", name="elsewhere")
    foreign = station.user()
    sample(station, foreign, container(station, foreign, "uni-puck", (dewar, slot)), "uni-puck", "1", name="theirs")
    station.create("MxSample", project=user.uid, name="nowhere", location=f"{KINDS}/uni-puck/1")
    assert user.get(f"samples/{acronym}/") == []
    assert [item["name"] for item in foreign.get(f"samples/{acronym}/")] == ["theirs"]


def test_samples_come_by_priority_of_group_then_own_with_none_last(station: Station, user: User) -> None:
    acronym, _ = robot(station, "isara-automounter")
    puck = container(station, user, "uni-puck")
    groups = {
        name: station.create("MxGroup", project=user.uid, name=name, priority=priority)
        for name, priority in (("second", 2), ("first", 1), ("never", None))
    }
    for slot, (name, priority) in enumerate(
        (("never", 1), ("second", None), ("second", 5), ("first", 9), ("", 0), ("second", 5)), start=1
    ):
        sample(station, user, puck, "uni-puck", str(slot), group=groups.get(name), priority=priority)
    found = user.get(f"samples/{acronym}/")
    assert [item["location"] for item in found] == ["4", "3", "6", "2", "5", "1"]
    assert [item["priority"] for item in found] == list(range(6))
    assert found[0]["group"] == "first"


@pytest.mark.parametrize("active", [True, False])
def test_a_beamline_without_an_active_automounter_is_not_found(station: Station, user: User, active: bool) -> None:
    if active:
        assert user.call("GET", "samples/NOWHERE/").status_code == 404
        return
    acronym, _ = robot(station, "isara-automounter")
    automounter = station.read("MxAutomounter")[-1]["UID"]
    station.update(automounter, active=False)
    assert user.call("GET", f"samples/{acronym}/").status_code == 404


def test_head_and_options_work(station: Station, user: User) -> None:
    acronym, _ = robot(station, "isara-automounter")
    head = user.call("HEAD", f"samples/{acronym}/")
    assert (head.status_code, head.data) == (200, b"")
    options = user.call("OPTIONS", f"samples/{acronym}/")
    assert (options.status_code, options.headers["Allow"]) == (200, "GET, HEAD, OPTIONS")

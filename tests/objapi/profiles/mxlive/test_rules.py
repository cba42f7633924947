"""The rules of beamlines, which hold for whatever face a change comes through."""

from typing import Any

import pytest

from objapi.errors import ApiError, Conflict, ValidationError
from objapi.model.loading import load_registry, read_content
from objapi.mxlive.calls import load_gateway
from objapi.store.requests import ByUid, CreateItem
from tests.objapi.mxlive.station import KINDS, Station, User


def make(station: Station, user: User, kind: str, **more: Any) -> str:
    """The UID of a container."""
    return station.create("MxContainer", project=user.uid, kind=f"{KINDS}/{kind}", **{"name": kind, **more})


def test_every_type_carries_the_prefix_and_names_its_catalog() -> None:
    registry = load_registry(["mxlive"])
    own = {name: item for name, item in registry.types.items() if name != registry.root_type}
    assert all(name.startswith("Mx") and item.read_catalog == "mx_catalog" for name, item in own.items())
    entities = """Project Beamline Automounter Container ContainerType ContainerLocation Group Sample Shipment Session
        Stretch Data DataType Report RemoteConnection ActivityLog"""
    assert {f"Mx{name}" for name in entities.split()} <= own.keys()


def test_the_sample_contents_fit_the_declarations() -> None:
    registry = load_registry(["mxlive"])
    content = read_content(registry.content_files["demo"][0], registry)
    assert any(item.portal_type == "MxBeamline" for item in content.objects)


def test_a_dataset_can_be_asked_for_before_there_is_any(station: Station) -> None:
    assert station.read("MxData") == []


def test_the_usual_containers_and_data_types_are_there(station: Station) -> None:
    slots = {
        item["name"]: len(station.read("MxContainerLocation", path=item["path"].removeprefix("/Plone")))
        for item in station.read("MxContainerType")
    }
    assert slots == {
        "Uni-Puck": 16,
        "Cassette": 96,
        "Cane": 6,
        "Spine Puck": 10,
        "Plate": 128,
        "Adaptor": 4,
        "SAM Automounter": 3,
        "ISARA Automounter": 29,
        "CATS Automounter": 17,
    }
    acronyms = {item["acronym"] for item in station.read("MxDataType")}
    assert acronyms == {"SCREEN", "DATA", "XRD", "RASTER", "XAS", "XRF", "MAD"}


SAM = f"{KINDS}/sam-automounter"


@pytest.mark.parametrize(
    ("kind", "slot", "reason"),
    [
        ("uni-puck", f"{SAM}/L", "does not accept"),
        ("cassette", f"{KINDS}/adaptor/A", "does not belong"),
        ("cassette", None, "set together"),
        ("cassette", f"{SAM}/R", "stands in the slot"),
    ],
)
def test_a_container_stands_in_a_free_slot_that_accepts_it(
    station: Station, user: User, kind: str, slot: str | None, reason: str
) -> None:
    robot = make(station, user, "sam-automounter")
    make(station, user, "cassette", name="first", parent=robot, location=f"{SAM}/R")
    thing = make(station, user, kind, name="second")
    with pytest.raises(ValidationError, match=reason):
        station.update(thing, parent=robot, **({"location": slot} if slot else {}))
    station.update(thing, comments="still on the shelf")


def test_containers_are_nested_two_deep_and_never_in_themselves(station: Station, user: User) -> None:
    box = station.create("MxContainerType", "/mxlive/containertypes", name=f"Box {user.name}")
    path = station.read("MxContainerType", UID=box)[0]["path"].removeprefix("/Plone")
    station.create("MxContainerLocation", path, name="1", accepts=[f"Box {user.name}"])
    slot = f"{path}/1"
    boxes = [station.create("MxContainer", project=user.uid, name=f"b{n}", kind=path) for n in range(4)]
    station.update(boxes[1], parent=boxes[0], location=slot)
    station.update(boxes[2], parent=boxes[1], location=slot)
    for inner, outer in ((boxes[3], boxes[2]), (boxes[0], boxes[2]), (boxes[0], boxes[0])):
        with pytest.raises(ValidationError, match=r"nested|in itself"):
            station.update(inner, parent=outer, location=slot)


def test_moves_are_recorded(station: Station, user: User) -> None:
    robot = make(station, user, "sam-automounter")
    cassette = make(station, user, "cassette", parent=robot, location=f"{SAM}/L")
    station.update(cassette, location=f"{SAM}/M")
    station.update(cassette, parent="", location="")
    found = [item for item in station.read("MxLoadHistory") if item["child"] == cassette]
    places = [station.read("MxContainerLocation", UID=item["location"])[0]["name"] for item in found]
    assert places == ["L", "M"]
    assert all(item["end"] for item in found)


def test_a_sample_is_alone_in_a_slot_of_its_container(station: Station, user: User) -> None:
    puck = make(station, user, "uni-puck")
    first = {"project": user.uid, "name": "x", "container": puck, "location": f"{KINDS}/uni-puck/1"}
    station.create("MxSample", **first)
    for wrong, reason in ((f"{KINDS}/uni-puck/1", "is in the slot"), (f"{KINDS}/cassette/A1", "does not belong")):
        with pytest.raises(ValidationError, match=reason):
            station.create("MxSample", **{**first, "location": wrong})


def test_a_beamline_has_one_active_automounter(station: Station, user: User) -> None:
    acronym = station.beamline()
    beamline = station.read("MxBeamline", acronym=acronym)[0]["UID"]
    robots = [make(station, user, "sam-automounter", name=f"r{n}") for n in range(2)]
    station.create("MxAutomounter", beamline=beamline, container=robots[0], active=True)
    second = station.create("MxAutomounter", beamline=beamline, container=robots[1])
    with pytest.raises(ValidationError, match="is the active automounter"):
        station.update(second, active=True)
    assert station.read("MxBeamline", acronym=acronym)[0]["active_automounter"] == robots[0]


def test_a_shipment_takes_its_containers_and_groups_along(station: Station, user: User) -> None:
    shipment = station.create("MxShipment", project=user.uid, name="S")
    with pytest.raises(ApiError, match="nothing to send"):
        station.transition(shipment, "send")
    group = station.create("MxGroup", project=user.uid, name="G", shipment=shipment)
    puck = make(station, user, "uni-puck", shipment=shipment)
    sample = {"project": user.uid, "name": "x", "container": puck, "location": f"{KINDS}/uni-puck/1"}
    station.create("MxSample", group=group, **sample)
    states = []
    for action in ("send", "unsend", "send", "receive"):
        station.transition(shipment, action)
        states.append(tuple(station.get(uid)["status"] for uid in (shipment, puck, group)))
    assert states == [
        ("sent", "sent", "active"),
        ("draft", "draft", "draft"),
        ("sent", "sent", "active"),
        ("on-site", "on-site", "active"),
    ]
    robot = make(station, user, "isara-automounter")
    station.update(puck, parent=robot, location=f"{KINDS}/isara-automounter/1A")
    station.transition(shipment, "return")
    assert (station.get(puck)["status"], station.get(puck)["parent"]) == ("returned", None)
    station.transition(shipment, "archive")
    found = station.get(shipment)
    assert all(found[name] for name in ("date_shipped", "date_received", "date_returned"))
    with pytest.raises(Conflict):
        station.transition(shipment, "send")


def test_names_of_containers_are_taken_once_in_a_shipment(station: Station, user: User) -> None:
    shipment = station.create("MxShipment", project=user.uid, name="S")
    make(station, user, "uni-puck", name="UP", shipment=shipment)
    with pytest.raises(ValidationError, match="is taken in the shipment"):
        make(station, user, "uni-puck", name="UP", shipment=shipment)
    make(station, user, "uni-puck", name="UP")


@pytest.mark.parametrize(
    ("portal_type", "where", "values"),
    [
        ("MxProject", "/mxlive/projects", {"username": "with space"}),
        ("MxProject", "/mxlive/projects", {"username": "ok", "key": "ssh-rsa AAAA"}),
        ("MxBeamline", "/mxlive/beamlines", {"name": "x", "acronym": "a.b"}),
        ("MxAccessList", "/mxlive/accesslists", {"name": "x", "address": "somewhere"}),
        ("MxContainerType", "/mxlive/containertypes", {"name": "x" * 21}),
    ],
)
def test_values_that_the_client_could_not_use_are_refused(
    station: Station, portal_type: str, where: str, values: dict[str, Any]
) -> None:
    with pytest.raises(ValidationError):
        station.create(portal_type, where, **values)


def test_what_ids_are_made_of_stays(station: Station, user: User) -> None:
    for values in ({"username": "other"}, {"username": user.name.upper()}):
        with pytest.raises(ValidationError, match="cannot be changed"):
            station.update(user.uid, **values)


def test_things_of_two_projects_do_not_mix(station: Station, user: User) -> None:
    foreign = station.create("MxShipment", project=station.user().uid, name="S")
    with pytest.raises(ValidationError, match="another project"):
        make(station, user, "uni-puck", shipment=foreign)


def test_samples_data_and_reports_always_have_a_number(station: Station, user: User) -> None:
    values = {"project": user.uid, "name": "x", "location": f"{KINDS}/uni-puck/1"}
    found = station.get(station.create("MxSample", **values))
    assert found["id"] == f"sample-{found['number']}"
    item = CreateItem("MxSample", ByUid(user.uid), values, id="mine")
    with pytest.raises(ValidationError, match="no number"):
        station.site.run(load_gateway, lambda tx: tx.create([item]), write=True)


def test_a_session_is_there_once_for_each_name_at_a_beamline(station: Station, user: User) -> None:
    lines = [station.read("MxBeamline", acronym=acronym)[0]["UID"] for acronym in station.beamlines(2)]
    for line in lines:
        station.create("MxSession", project=user.uid, beamline=line, name="week-1")
    with pytest.raises(Conflict):
        station.create("MxSession", project=user.uid, beamline=lines[0], name="week-1")

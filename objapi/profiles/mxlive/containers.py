"""Containers: where they may stand, the history of their places, and the ports of the samples in them."""

from collections.abc import Mapping
from typing import Final

from objapi.model.behaviors import Behaviors, Entity, Planner
from objapi.profiles.mxlive.names import port
from objapi.profiles.mxlive.reading import target, text

behaviors: Final = Behaviors()

MOST_PARENTS: Final = 2
"""A puck stands in an adaptor, and that in an automounter."""


def containers_around(planner: Planner, container: Entity | None) -> list[Entity]:
    """The containers in which a container is loaded, from the inside out; a circle is followed once."""
    found: list[Entity] = []
    around = None if container is None else target(planner, container, "loaded_in")
    while around is not None and around not in found:
        found.append(around)
        around = target(planner, around, "loaded_in")
    return found


@behaviors.add("check", "mx_placed")
def placed(planner: Planner, container: Entity, field: str, value: object) -> str | None:
    """A container stands nowhere, or in a free slot of another one that accepts its kind, at most two deep."""
    around, slot = target(planner, container, "loaded_in"), target(planner, container, "location")
    if around is None and slot is None:
        return None
    if around is None or slot is None:
        return "parent and location are set together and cleared together"
    above = [around, *containers_around(planner, around)]
    if container.uid in {other.uid for other in above}:
        return f"{container.id} cannot be loaded in itself"
    if len(above) + _depth_below(planner, container) > MOST_PARENTS:
        return f"containers are nested at most {MOST_PARENTS} parents deep"
    return _unfit(planner, container, around, slot)


def _unfit(planner: Planner, container: Entity, around: Entity, slot: Entity) -> str | None:
    kind, make = target(planner, container, "kind"), target(planner, around, "kind")
    name = text(planner, slot, "name")
    if make is None or planner.value(slot, "kind") != make.uid:
        return f"the slot {name} does not belong to the kind of {around.id}"
    accepted = planner.value(slot, "accepts")
    if kind is None or not isinstance(accepted, list) or text(planner, kind, "name") not in accepted:
        return f"the slot {name} of {around.id} does not accept this kind of container"
    for other in planner.related(around, "back(MxContainer.loaded_in)"):
        if other.uid != container.uid and planner.value(other, "location") == slot.uid:
            return f"{other.id} stands in the slot {name} of {around.id} already"
    return None


def _depth_below(planner: Planner, container: Entity) -> int:
    """Levels of containers inside a container."""
    if container.is_new:
        return 0
    inside = planner.related(container, "back(MxContainer.loaded_in)")
    return 1 if inside else 0


@behaviors.add("check", "mx_in_slot")
def in_slot(planner: Planner, sample: Entity, field: str, value: object) -> str | None:
    """A sample is in a free slot of its container's kind that takes samples."""
    container, slot = target(planner, sample, "container"), target(planner, sample, "location")
    if container is None or slot is None:
        return None
    name = text(planner, slot, "name")
    if planner.value(slot, "kind") != planner.value(container, "kind"):
        return f"the slot {name} does not belong to the kind of {container.id}"
    if planner.value(slot, "accepts"):
        return f"the slot {name} takes containers, not samples"
    for other in planner.related(container, "back(MxSample.container)"):
        if other.uid != sample.uid and planner.value(other, "location") == slot.uid:
            return f"{other.id} is in the slot {name} of {container.id} already"
    return None


@behaviors.add("effect", "mx_load_history")
def load_history(planner: Planner, container: Entity, args: Mapping[str, object]) -> None:
    """A move ends the entry of the former place and begins one of the new place.

    It runs when a field has changed and, for a new container, once all that it will hold is known.
    """
    if container.is_new and "field" in args:
        return
    around, slot = planner.value(container, "loaded_in"), planner.value(container, "location")
    standing = around is not None and slot is not None
    for entry in planner.related(container, "children(MxLoadHistory)"):
        if planner.value(entry, "end") is not None:
            continue
        if standing and planner.value(entry, "loaded_in") == around and planner.value(entry, "location") == slot:
            return
        planner.set(entry, "end", planner.now, system=True)
    if standing:
        # The history is a record of what was done, whoever may do that.
        planner.create("MxLoadHistory", container, {"loaded_in": around, "location": slot}, system=True)


@behaviors.add("effect", "mx_unload")
def unload(planner: Planner, container: Entity, args: Mapping[str, object]) -> None:
    """Take a container that goes back to its owner out of its slot."""
    planner.set(container, "location", None)
    planner.set(container, "loaded_in", None)


@behaviors.add("computed", "mx_mounted_in")
def mounted_in(planner: Planner, sample: Entity) -> object:
    """The containers in which the sample's own container stands, from the inside out."""
    return [around.uid for around in containers_around(planner, target(planner, sample, "container"))][:MOST_PARENTS]


@behaviors.add("computed", "mx_port")
def sample_port(planner: Planner, sample: Entity) -> object:
    """Port of a sample for the robot: slot names from the outside in; empty for a sample on the shelf."""
    container = target(planner, sample, "container")
    around = containers_around(planner, container)
    if container is None or not around:
        return ""
    placed_things = [*reversed(around[: MOST_PARENTS - 1]), container, sample]
    slots = (target(planner, thing, "location") for thing in placed_things)
    return port(text(planner, slot, "name") for slot in slots if slot is not None)


@behaviors.add("computed", "mx_active_automounter")
def active_automounter(planner: Planner, beamline: Entity) -> object:
    """The container that is the beamline's automounter at present."""
    for automounter in planner.related(beamline, "children(MxAutomounter)"):
        if planner.value(automounter, "active") is True:
            return planner.value(automounter, "container")
    return None

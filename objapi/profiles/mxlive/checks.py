"""Checks of single values, as the declarations name them."""

import re
from typing import Final

from objapi.model.behaviors import Behaviors, Check, Entity, Planner
from objapi.model.safe_names import unsafe_folder, unsafe_name
from objapi.profiles.mxlive.frames import FramesProblem, count_frames
from objapi.profiles.mxlive.keys import KeyProblem, read_key
from objapi.profiles.mxlive.names import ACRONYM, SESSION_NAME, USER_NAME, normal_address
from objapi.profiles.mxlive.reading import decimal, one, target, text, uids

behaviors: Final = Behaviors()

LENGTHS: Final = (5, 20, 30, 50, 60, 100, 180, 200, 600)
MOST_ENERGY: Final = 10**6
"""Energies have ten digits, four of them behind the point."""
_SLUG: Final = re.compile(r"[A-Za-z0-9_-]{1,50}")


def _at_most(length: int) -> Check:
    def check(planner: Planner, entity: Entity, field: str, value: object) -> str | None:
        if value is None or len(str(value)) <= length:
            return None
        return f"{field} has at most {length} characters, this one has {len(str(value))}"

    return check


for _length in LENGTHS:
    behaviors.add("check", f"mx_at_most_{_length}")(_at_most(_length))


@behaviors.add("check", "mx_fixed")
def fixed(planner: Planner, entity: Entity, field: str, value: object) -> str | None:
    """Fields that ids and paths are made of never change; a reference to the container names the container."""
    if not entity.is_new:
        return None if planner.old_value(entity, field) == value else f"{field} cannot be changed"
    declared = entity.type.fields[field]
    container = one(planner, entity, "parent")
    if declared.targets and container is not None and container.portal_type in declared.targets:
        return None if container.uid == value else f"{field} must be the object in which this one is created"
    return None


@behaviors.add("check", "mx_user_name")
def user_name(planner: Planner, entity: Entity, field: str, value: object) -> str | None:
    """A user name that can precede a colon in a URL."""
    if USER_NAME.fullmatch(str(value)):
        return None
    return f"{field} has letters, digits, '_' and '-', the first a letter or digit, at most 64"


@behaviors.add("check", "mx_acronym")
def acronym(planner: Planner, entity: Entity, field: str, value: object) -> str | None:
    """An acronym that can be part of a URL."""
    if ACRONYM.fullmatch(str(value)):
        return None
    return f"{field} has letters, digits, '_' and '-', the first a letter or digit, at most 50"


@behaviors.add("check", "mx_session_name")
def session_name(planner: Planner, entity: Entity, field: str, value: object) -> str | None:
    """A session name that can be part of a URL; letters of any script."""
    return None if SESSION_NAME.fullmatch(str(value)) else f"{field} has letters, digits, '_' and '-' only"


@behaviors.add("check", "mx_slug")
def slug(planner: Planner, entity: Entity, field: str, value: object) -> str | None:
    """Letters, digits, underscore and hyphen."""
    if not value or _SLUG.fullmatch(str(value)):
        return None
    return f"{field} has letters, digits, '_' and '-' only, at most 50"


@behaviors.add("check", "mx_safe_name")
def safe_name(planner: Planner, entity: Entity, field: str, value: object) -> str | None:
    """A name that becomes a directory, and part of file names, at the beamline."""
    problem = unsafe_name(str(value)) if value else None
    return None if problem is None else f"{field}: {problem}"


@behaviors.add("check", "mx_folder_name")
def folder_name(planner: Planner, entity: Entity, field: str, value: object) -> str | None:
    """A name that may become a directory at the beamline."""
    problem = unsafe_folder(str(value)) if value else None
    return None if problem is None else f"{field}: {problem}"


@behaviors.add("check", "mx_public_key")
def public_key(planner: Planner, entity: Entity, field: str, value: object) -> str | None:
    """Empty, or a key that signatures can be verified with; whoever has its other half acts as the project."""
    if (refused := _refused_to_tokens(planner, entity, field, value)) is not None:
        return refused
    try:
        if value:
            read_key(str(value))
    except KeyProblem as problem:
        return f"{field}: {problem}; clear it, and the client registers a new one"
    return None


@behaviors.add("check", "mx_ssh_keys")
def ssh_keys(planner: Planner, entity: Entity, field: str, value: object) -> str | None:
    """Each key is one line, since they are given out one a line; whoever has its other half may log in."""
    if (refused := _refused_to_tokens(planner, entity, field, value)) is not None:
        return refused
    rows = value if isinstance(value, list) else []
    if all(str(row.get("key", "")).isprintable() for row in rows if isinstance(row, dict)):
        return None
    return f"{field}: each key is one line of text"


@behaviors.add("check", "mx_frames")
def frames(planner: Planner, entity: Entity, field: str, value: object) -> str | None:
    """A list of frame numbers, or nothing."""
    try:
        count_frames(None if value is None else str(value))
    except FramesProblem as problem:
        return f"{field}: {problem}"
    return None


@behaviors.add("check", "mx_energy")
def energy(planner: Planner, entity: Entity, field: str, value: object) -> str | None:
    """Ten digits, four of them behind the point."""
    return None if abs(decimal(planner, entity, field)) < MOST_ENERGY else f"{field} is below {MOST_ENERGY} keV"


@behaviors.add("check", "mx_address")
def address(planner: Planner, entity: Entity, field: str, value: object) -> str | None:
    """An IP address, version 4 or 6."""
    return None if normal_address(str(value)) is not None else f"{field} is not an IP address"


@behaviors.add("check", "mx_same_project")
def same_project(planner: Planner, entity: Entity, field: str, value: object) -> str | None:
    """References from objects of a project stay within that project."""
    project = one(planner, entity, "parent")
    others = planner.by_uid(uids(planner, entity, field))
    foreign = [
        other.id for other in others.values() if project is not None and one(planner, other, "parent") != project
    ]
    return f"{field}: {', '.join(foreign)} belongs to another project" if foreign else None


@behaviors.add("check", "mx_unique_in_shipment")
def unique_in_shipment(planner: Planner, entity: Entity, field: str, value: object) -> str | None:
    """No two containers, and no two groups, of one shipment have the same name."""
    shipment = target(planner, entity, "shipment")
    if shipment is None:
        return None
    name = text(planner, entity, "name")
    for other in planner.related(shipment, f"back({entity.portal_type}.shipment)"):
        if other.uid != entity.uid and text(planner, other, "name") == name:
            return f"{name!r} is taken in the shipment by {other.id}; choose another name"
    return None


@behaviors.add("check", "mx_only_active")
def only_active(planner: Planner, entity: Entity, field: str, value: object) -> str | None:
    """A beamline has at most one active automounter."""
    beamline = one(planner, entity, "parent")
    if value is not True or beamline is None:
        return None
    for other in planner.related(beamline, "children(MxAutomounter)"):
        if other.uid != entity.uid and planner.value(other, "active") is True:
            return f"{other.id} is the active automounter of the beamline; deactivate it first"
    return None


@behaviors.add("check", "mx_container_types")
def container_types(planner: Planner, entity: Entity, field: str, value: object) -> str | None:
    """Every name is that of a container type."""
    make = one(planner, entity, "parent")
    folder = None if make is None else one(planner, make, "parent")
    if not isinstance(value, list) or folder is None:
        return None
    known = {text(planner, other, "name") for other in planner.related(folder, "children(MxContainerType)")}
    wrong = [str(name) for name in value if name not in known]
    return f"{field}: there is no container type {', '.join(wrong)}" if wrong else None


def _refused_to_tokens(planner: Planner, entity: Entity, field: str, value: object) -> str | None:
    """The refusal of another key that came by an API token: it would outlive the token and know none of its limits."""
    if not planner.by_token or (value or None) == (planner.old_value(entity, field) or None):
        return None
    return f"{field}: no API token changes a key by which one logs in; log in with the password for that"

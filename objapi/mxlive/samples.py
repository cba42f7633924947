"""The samples of a project that a beamline can measure."""

from objapi.errors import NotFound
from objapi.mxlive.calls import Call
from objapi.mxlive.finding import Found, find_all, find_beamline
from objapi.store.transaction import Transaction

_FIELDS = (
    "name",
    "barcode",
    "comments",
    "group_name",
    "container_name",
    "container_type",
    "location_name",
    "port",
    "priority",
    "group_priority",
    "number",
    "mounted_in",
)


def list_samples(call: Call) -> list[dict[str, object]]:
    """The project's samples on site that are in the beamline's automounter or on the shelf, in order of priority.

    Raises NotFound without such a beamline, and for one without an active automounter.
    """

    def listed(tx: Transaction) -> list[dict[str, object]]:
        automounter = find_beamline(tx, call.names.beamline)["active_automounter"]
        if not automounter:
            raise NotFound("The beamline has no active automounter.")
        on_site = find_all(tx, "MxSample", _FIELDS, container_state="on-site", path=call.project_path)
        here = [sample for sample in on_site if not sample["mounted_in"] or automounter in sample["mounted_in"]]
        return [_shown(sample, place) for place, sample in enumerate(sorted(here, key=_order))]

    return call.signed(listed, write=False)


def _order(sample: Found) -> tuple[bool, int, bool, int, int]:
    """By the priority of the group, then of the sample, lowest first; what has none comes last."""
    group, own = sample["group_priority"], sample["priority"]
    return group is None, group or 0, own is None, own or 0, sample["number"]


def _shown(sample: Found, place: int) -> dict[str, object]:
    return {
        "id": sample["number"],
        "name": sample["name"],
        "barcode": sample["barcode"] or None,
        "comments": sample["comments"] or None,
        "group": sample["group_name"] or "",
        "container": sample["container_name"] or "",
        "container_type": sample["container_type"] or "",
        "location": sample["location_name"] or "",
        "port": sample["port"] or "",
        "priority": place,
    }

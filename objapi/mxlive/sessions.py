"""Sessions at a beamline: launch, close, and the samples that can be measured meanwhile."""

import base64
from datetime import datetime
from typing import Final

from objapi.errors import Conflict, NotFound
from objapi.mxlive.calls import DeviceCall
from objapi.mxlive.finding import Found, find_all, find_beamline, find_one
from objapi.profiles.mxlive.names import session_id
from objapi.store.requests import ByPath, ByUid, CreateItem, UpdateItem
from objapi.store.transaction import Transaction

Answer = dict[str, object]
_UNITS: Final = (("sec", 60.0), ("min", 60.0), ("hour", 24.0), ("day", 7.0), ("week", 4.35), ("month", 12.0))
"""Each unit, and how many of it make the next one."""
_SAMPLE_FIELDS: Final = (
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


def launch(call: DeviceCall) -> Answer:
    """Start the named session at a beamline, creating it when it is new. Raises NotFound for an unknown beamline.

    A session without a secure key gets one from the data proxy, which is called between two transactions.
    """
    key = None
    if call.signed(lambda tx: _lacks_key(tx, call), write=False):
        key = call.proxy.key_of(f"{call.names.username}/{call.names.session}")
    return call.signed(lambda tx: _launched(tx, call, key), write=True)


def _lacks_key(tx: Transaction, call: DeviceCall) -> bool:
    beamline = find_beamline(tx, call.names.beamline)
    session = _session(tx, call, beamline)
    if session is None:
        tx.create([_new_session(call, beamline, None)], dry_run=True)
    return session is None or not session["url"]


def _launched(tx: Transaction, call: DeviceCall, key: str | None) -> Answer:
    beamline = _locked(tx, call)
    session = _session(tx, call, beamline)
    if session is None:
        if key is None:
            raise Conflict("The session was removed while it was launched; launch it again.")
        uid = tx.create([_new_session(call, beamline, key)]).entries[0].uid
        call.log(tx, "Create", "Session launched", ("MxSession", call.names.session, call.names.session))
    else:
        uid = str(session["UID"])
        if key and not session["url"]:
            tx.update([UpdateItem(ByUid(uid), {"url": key})])
    tx.transition([ByUid(uid)], "launch")
    return {
        "session": call.names.session,
        "duration": describe_duration(sum(_seconds(stretch, tx.now) for stretch in _stretches(tx, uid))),
        "survey": _survey(call),
        "end_time": None,
    }


def close(call: DeviceCall) -> Answer:
    """End the open stretches of a session. Raises NotFound for an unknown beamline or session."""

    def closed(tx: Transaction) -> Answer:
        session = _session(tx, call, _locked(tx, call))
        if session is None:
            raise NotFound("There is no such session of this project at the beamline.")
        if session["review_state"] != "closed":
            tx.transition([ByUid(str(session["UID"]))], "close")
        newest = max(_stretches(tx, str(session["UID"])), key=_start, default=None)
        return {
            "session": call.names.session,
            "duration": describe_duration(0.0 if newest is None else _seconds(newest, tx.now)),
        }

    return call.signed(closed, write=True)


def _locked(tx: Transaction, call: DeviceCall) -> Found:
    """The beamline, after its row is locked, so that launching and closing there happen one after the other."""
    uid = str(find_beamline(tx, call.names.beamline)["UID"])
    tx.entity(ByUid(uid))
    return find_beamline(tx, call.names.beamline)


def _session(tx: Transaction, call: DeviceCall, beamline: Found) -> Found | None:
    object_id = session_id(str(beamline["acronym"]), call.names.session)
    return find_one(tx, "MxSession", ("url", "review_state"), id=object_id, path=call.project_path)


def _new_session(call: DeviceCall, beamline: Found, key: str | None) -> CreateItem:
    values = {
        "project": call.project_path,
        "beamline": beamline["UID"],
        "name": call.names.session,
        "url": key,
    }
    return CreateItem("MxSession", ByPath(call.project_path), values)


def _stretches(tx: Transaction, session: str) -> list[Found]:
    return find_all(tx, "MxStretch", ("start", "end"), session=session)


def _start(stretch: Found) -> datetime:
    return datetime.fromisoformat(stretch["start"])


def _seconds(stretch: Found, now: datetime) -> float:
    end = datetime.fromisoformat(stretch["end"]) if stretch["end"] else now
    return (end - _start(stretch)).total_seconds()


def _survey(call: DeviceCall) -> str:
    """The address of the feedback form of a session, which the client opens in a browser at the end."""
    named = base64.urlsafe_b64encode(f"{call.names.username}:{call.names.session}".encode()).decode()
    return f"{call.root}/users/feedback/{named}/new/"


def describe_duration(seconds: float) -> str:
    """The two largest units that round above zero, such as ``1 day 3 hours``."""
    parts: list[tuple[float, str]] = []
    rest = max(seconds, 0.0)
    for unit, size in _UNITS:
        rest, left = divmod(rest, size)
        parts.append((left, unit))
    parts.append((rest, "year"))
    shown = [(round(value), unit) for value, unit in reversed(parts) if round(value) > 0]
    return " ".join(f"{value} {unit}{'s' if value > 1 else ''}" for value, unit in shown[:2]) or "0 minutes"


def list_samples(call: DeviceCall) -> list[dict[str, object]]:
    """The project's samples on site that are in the beamline's automounter or on the shelf, in order of priority.

    Raises NotFound without such a beamline, and for one without an active automounter.
    """

    def listed(tx: Transaction) -> list[dict[str, object]]:
        automounter = find_beamline(tx, call.names.beamline)["active_automounter"]
        if not automounter:
            raise NotFound("The beamline has no active automounter.")
        on_site = find_all(tx, "MxSample", _SAMPLE_FIELDS, container_state="on-site", path=call.project_path)
        here = [sample for sample in on_site if not sample["mounted_in"] or automounter in sample["mounted_in"]]
        return [_shown(sample, place) for place, sample in enumerate(sorted(here, key=_by_priority))]

    return call.signed(listed, write=False)


def _by_priority(sample: Found) -> tuple[bool, int, bool, int, int]:
    """Sort key: priority of the group, then of the sample, lowest first; samples without priority come last."""
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

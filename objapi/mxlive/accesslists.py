"""Access lists of remote access nodes, each known by its address: permitted users and reported connections."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Final

from objapi.mxlive.bodies import read_maps
from objapi.mxlive.calls import DeviceCall, load_gateway
from objapi.mxlive.finding import Found, find_all, find_one
from objapi.profiles.mxlive.names import USER_NAME, normal_address
from objapi.store.requests import ByUid, CreateItem, UpdateItem
from objapi.store.transaction import Transaction

MOST_ENTRIES: Final = 5000
LONGEST_NAME: Final = 200
LONGEST_STATUS: Final = 20
_DATE: Final = "%Y-%m-%d %H:%M:%S"


@dataclass(slots=True)
class RemoteConnection:
    """A connection as the entries of one report leave it; without a UID it is new."""

    user: str
    name: str
    status: str
    start: str
    end: str | None = None
    uid: str | None = None
    changed: bool = False


def list_users(call: DeviceCall) -> list[str]:
    """The names of the users who may connect; empty when no active list has the caller's address."""

    def listed(tx: Transaction) -> list[str]:
        found = find_access_list(tx, call)
        return [] if found is None else list(found["usernames"])

    return call.run(load_gateway, listed, write=False)


def report_connections(call: DeviceCall) -> list[str]:
    """Store the connections that a node reports, and return the names of the users who may connect.

    A node sends all its connections each time. A new one is created; for a known one the status is replaced, and the
    date becomes its end. Entries of unknown users or without a readable date are skipped. Raises BadRequest for a body
    that is not a list of maps; the body is read only when the address has an access list.
    """

    def stored(tx: Transaction) -> list[str]:
        found = find_access_list(tx, call)
        if found is None:
            return []
        entries = read_maps(call.body, depth=call.settings.mxlive_max_depth)[:MOST_ENTRIES]
        tx.entity(ByUid(str(found["UID"])))
        _store(tx, found, entries, call.settings.timezone)
        return list(found["usernames"])

    return call.run(load_gateway, stored, write=True)


def find_access_list(tx: Transaction, call: DeviceCall) -> Found | None:
    """The active access list with the address of the caller, or None."""
    address = normal_address(call.source.address)
    if address is None:
        return None
    return find_one(tx, "MxAccessList", ("usernames",), normal_address=address, active=True)


def _store(tx: Transaction, found: Found, entries: Sequence[Mapping[str, object]], zone: tzinfo) -> None:
    # What cannot be read of one entry must not keep a beamline from reporting the others, so such entries are skipped.
    users = _users(tx, entries)
    known = _known(tx, found, entries)
    for entry in entries:
        user, name, status = users.get(str(entry.get("project"))), entry.get("name"), entry.get("status")
        date = _date(entry.get("date"), zone)
        if user is None or date is None or not _is_text(name, LONGEST_NAME) or not _is_text(status, LONGEST_STATUS):
            continue
        _merge(known, user, str(name), str(status), date)
    made = [connection for connection in known.values() if connection.uid is None]
    changed = [connection for connection in known.values() if connection.uid is not None and connection.changed]
    if made:
        tx.create([CreateItem("MxRemoteConnection", ByUid(str(found["UID"])), _values(item)) for item in made])
    if changed:
        values = [(item.uid or "", {"status": item.status, "end": item.end}) for item in changed]
        tx.update([UpdateItem(ByUid(uid), new) for uid, new in values])


def _merge(known: dict[tuple[str, str], RemoteConnection], user: str, name: str, status: str, date: str) -> None:
    connection = known.get((user, name))
    if connection is None:
        known[user, name] = RemoteConnection(user, name, status, date)
        return
    # A node repeats its earlier reports; only a later date or another status changes a connection.
    latest = connection.end or connection.start
    if date > latest or (date == latest and status != connection.status):
        connection.status, connection.end, connection.changed = status, date, True


def _users(tx: Transaction, entries: Sequence[Mapping[str, object]]) -> dict[str, str]:
    """User name → UID, for the users that entries name."""
    named = {str(entry.get("project")) for entry in entries}
    names = sorted(name for name in named if USER_NAME.fullmatch(name))
    found = find_all(tx, "MxProject", ("username",), username=names) if names else []
    return {str(project["username"]): str(project["UID"]) for project in found}


def _known(
    tx: Transaction, access_list: Found, entries: Sequence[Mapping[str, object]]
) -> dict[tuple[str, str], RemoteConnection]:
    """The connections of the list that entries name."""
    names = sorted({str(entry["name"]) for entry in entries if _is_text(entry.get("name"), LONGEST_NAME)})
    if not names:
        return {}
    fields = ("name", "user", "status", "start", "end")
    inside = str(access_list["path"])
    found = find_all(tx, "MxRemoteConnection", fields, name=names, path=inside)
    return {
        (str(item["user"]), str(item["name"])): RemoteConnection(
            str(item["user"]),
            str(item["name"]),
            str(item["status"]),
            _utc(item["start"]) or "",
            _utc(item["end"]),
            str(item["UID"]),
        )
        for item in found
    }


def _values(connection: RemoteConnection) -> dict[str, object]:
    return {
        "name": connection.name,
        "user": connection.user,
        "status": connection.status,
        "start": connection.start,
        "end": connection.end,
    }


def _is_text(value: object, most: int) -> bool:
    return isinstance(value, str) and bool(value.strip()) and len(value) <= most


def _date(value: object, zone: tzinfo) -> str | None:
    """A date as nodes write it, in UTC; None when it cannot be read."""
    try:
        return _utc(datetime.strptime(str(value), _DATE).replace(tzinfo=zone).isoformat())
    except (ValueError, OverflowError):
        return None


def _utc(text: str | None) -> str | None:
    return None if not text else datetime.fromisoformat(text).astimezone(UTC).isoformat()

"""Launching and closing sessions."""

import base64
from datetime import datetime

from objapi.errors import Conflict, NotFound
from objapi.mxlive.calls import Call
from objapi.mxlive.durations import in_words
from objapi.mxlive.finding import Found, find_all, find_beamline, find_one
from objapi.profiles.mxlive.names import session_id
from objapi.store.requests import ByPath, ByUid, CreateItem, UpdateItem
from objapi.store.transaction import Transaction

Answer = dict[str, object]


def launch(call: Call) -> Answer:
    """Run the session of a name at a beamline; a new name is a new session. Raises NotFound without such a beamline.

    A session that has no secure key yet gets one from the data proxy, asked between two transactions.
    """
    key = None
    if call.signed(lambda tx: _lacks_key(tx, call), write=False):
        key = call.proxy.key_of(f"{call.names.username}/{call.names.session}")
    return call.signed(lambda tx: _launched(tx, call, key), write=True)


def _lacks_key(tx: Transaction, call: Call) -> bool:
    beamline = find_beamline(tx, call.names.beamline)
    session = _session(tx, call, beamline)
    if session is None:
        tx.create([_new_session(call, beamline, None)], dry_run=True)
    return session is None or not session["url"]


def _launched(tx: Transaction, call: Call, key: str | None) -> Answer:
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
        "duration": in_words(sum(_seconds(stretch, tx.now) for stretch in _stretches(tx, uid))),
        "survey": _survey(call),
        "end_time": None,
    }


def close(call: Call) -> Answer:
    """End the open stretches of a session. Raises NotFound when there is no such beamline or session."""

    def closed(tx: Transaction) -> Answer:
        session = _session(tx, call, _locked(tx, call))
        if session is None:
            raise NotFound("There is no such session of this project at the beamline.")
        if session["review_state"] != "closed":
            tx.transition([ByUid(str(session["UID"]))], "close")
        newest = max(_stretches(tx, str(session["UID"])), key=_start, default=None)
        return {
            "session": call.names.session,
            "duration": in_words(0.0 if newest is None else _seconds(newest, tx.now)),
        }

    return call.signed(closed, write=True)


def _locked(tx: Transaction, call: Call) -> Found:
    """The beamline, its row locked first: whoever launches or closes there at the same time waits here."""
    uid = str(find_beamline(tx, call.names.beamline)["UID"])
    tx.entity(ByUid(uid))
    return find_beamline(tx, call.names.beamline)


def _session(tx: Transaction, call: Call, beamline: Found) -> Found | None:
    object_id = session_id(str(beamline["acronym"]), call.names.session)
    return find_one(tx, "MxSession", ("url", "review_state"), id=object_id, path=call.project_path)


def _new_session(call: Call, beamline: Found, key: str | None) -> CreateItem:
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


def _survey(call: Call) -> str:
    """The address of the feedback form of a session, which the client opens in a browser at the end."""
    named = base64.urlsafe_b64encode(f"{call.names.username}:{call.names.session}".encode()).decode()
    return f"{call.root}/users/feedback/{named}/new/"

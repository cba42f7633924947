"""Lists of sessions for old clients: wide rows with the columns of the view v_session, and numbers of what happened.

Those who may only see their own get the sessions in which they take part, and those of proposals that are theirs.
"""

import re
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from objapi.ispyb.auth.visibility import own_sessions
from objapi.ispyb.subjects.legacy.access import is_referred_proposal
from objapi.ispyb.subjects.legacy.session_rows import session_rows
from objapi.ispyb.values.errors import Fault, Invalid
from objapi.ispyb.wire.call import Call
from objapi.ispyb.wire.routes import Door, Group, holder
from objapi.profiles.ispyb.tables import BLSession

header_group: Final = Group("Sessions - legacy with header token", switch="enable_legacy_routes")
path_group: Final = Group("Legacy with token in path", switch="enable_legacy_routes")

_PERMISSIONS: Final = ("own_sessions", "all_sessions")
_BY_HEADER: Final = holder(*_PERMISSIONS)
_BY_PATH: Final = holder(*_PERMISSIONS, door=Door.PATH)

_DATE: Final = re.compile(r"(\d{4})-?(\d{2})-?(\d{2})", re.ASCII)

Answers = list[dict[str, Any]]


@header_group.get("/legacy/sessions", access=_BY_HEADER)
@path_group.get("/legacy/{token}/session/list", access=_BY_PATH)
def list_sessions(call: Call) -> Answers:
    """Sessions of the caller."""
    return session_rows(call, _visible(call))


@header_group.get("/legacy/sessions/date/{start_date}/{end_date}", access=_BY_HEADER)
@path_group.get("/legacy/{token}/proposal/session/date/{start_date}/{end_date}/list", access=_BY_PATH)
def list_sessions_of_dates(call: Call) -> Answers:
    """Sessions of the caller that overlap a range of dates."""
    first, last = _dates(call)
    start, end = BLSession.c.startDate, BLSession.c.endDate
    overlapping = sa.or_(start.between(first, last), end.between(first, last), sa.and_(start <= first, end >= last))
    return session_rows(call, sa.and_(_visible(call), overlapping), newest_first=True)


@header_group.get("/legacy/sessions/proposal/{proposal_id}", access=_BY_HEADER)
@path_group.get("/legacy/{token}/proposal/{proposal_id}/session/list", access=_BY_PATH)
def list_sessions_of_proposal(call: Call) -> Answers:
    """Sessions of the caller in one proposal."""
    return session_rows(call, sa.and_(_visible(call), is_referred_proposal(call.path["proposal_id"])))


def _visible(call: Call) -> sa.ColumnElement[bool]:
    return sa.true() if call.caller.may("all_sessions") else own_sessions(call.caller.person_id)


def _dates(call: Call) -> tuple[datetime, datetime]:
    """The range of dates, each at midnight; raises Invalid with all faults of both."""
    found, faults = [], []
    for name in ("start_date", "end_date"):
        try:
            found.append(_midnight(call.path[name]))
        except Fault as fault:
            faults.append(fault.at(("path", name)))
    if faults:
        raise Invalid(faults)
    first, last = found
    return first, last


def _midnight(text: str) -> datetime:
    match = _DATE.fullmatch(text)
    try:
        if match:
            year, month, day = map(int, match.groups())
            return datetime(year, month, day)  # noqa: DTZ001 - a wall clock time has no zone
    except ValueError:
        pass
    raise Fault("invalid date format, 20230131 or 2023-01-31 is expected", "value_error.date")

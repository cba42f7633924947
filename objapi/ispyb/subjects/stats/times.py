"""Use of the time of sessions: the hours of each activity, and their mean."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any, Final

import sqlalchemy as sa

from catalog.dialect.borrowed import seconds_between
from objapi.ispyb.subjects.events.kinds import ROBOT, SCAN, SPECTRUM, EventKind
from objapi.ispyb.subjects.stats.schemas import TimeEntry, Times, VRun
from objapi.ispyb.subjects.stats.scope import (
    SCOPE_WITH_PROPOSAL,
    SECONDS_OF_HOUR,
    Scope,
    collections_in,
    is_centring,
    load_scope,
)
from objapi.ispyb.subjects.stats.waits import centrings, strategies
from objapi.ispyb.wire.call import Call, Page
from objapi.ispyb.wire.response import Paged
from objapi.ispyb.wire.routes import BEARER, Group
from objapi.profiles.ispyb.tables import BF_fault, BLSession, DataCollection, v_run

group: Final = Group("Stats")

_USED: Final = ("startup", "datacollection", "edge", "xrf", "robot", "strategy", "centring", "fault")

Hours = dict[str, float]


@group.get("/stats/times", access=BEARER, query=SCOPE_WITH_PROPOSAL, answer=Times)
def read_times(call: Call) -> dict[str, Any]:
    """Hours per activity for each session, and their mean."""
    scope = load_scope(call)
    spent: defaultdict[int, defaultdict[str, float]] = defaultdict(lambda: defaultdict(float))
    for name, statement in _activities(scope):
        for session_id, seconds in call.connection.execute(statement):
            spent[session_id][name] += float(seconds or 0)
    # A pause between two actions is a centring only when it is short; a strategy may take as long as it wants.
    for name, waits in (("centring", centrings(scope)), ("strategy", strategies(scope))):
        for row in call.rows(waits):
            if name != "centring" or is_centring(row["seconds"]):
                spent[row["sessionId"]][name] += float(row["seconds"] or 0)
    entries = [{**_entry(row, spent[row["sessionId"]]), "sessionId": row["sessionId"]} for row in _frame(call, scope)]
    names = TimeEntry.properties
    mean = {name: sum(entry[name] for entry in entries) / len(entries) if entries else 0 for name in names}
    return {"average": mean, "sessions": entries}


@group.get("/stats/runs", access=BEARER, answer=Paged(VRun))
def list_runs(call: Call) -> Page:
    """Machine runs, latest first."""
    if not call.services.database.has(v_run):
        return call.paged([], 0)
    return call.paged(*call.page(sa.select(v_run).order_by(v_run.c.startDate.desc(), v_run.c.runId.desc())))


def _activities(scope: Scope) -> Iterable[tuple[str, sa.Select[Any]]]:
    """For each activity the seconds that it took in each session."""
    collection = DataCollection.c
    seconds = sa.func.sum(seconds_between(collection.startTime, collection.endTime))
    yield "datacollection", collections_in(scope, BLSession.c.sessionId, seconds).group_by(BLSession.c.sessionId)
    kinds: tuple[tuple[str, EventKind], ...] = (("robot", ROBOT), ("edge", SCAN), ("xrf", SPECTRUM))
    for name, kind in kinds:
        yield name, _summed(scope, kind.session_id, seconds_between(kind.start, kind.end))
    fault = BF_fault.c
    lost = seconds_between(fault.beamtimelost_starttime, fault.beamtimelost_endtime)
    yield "fault", _summed(scope, fault.sessionId, lost)


def _summed(scope: Scope, session_id: sa.Column[int], seconds: sa.ColumnElement[int]) -> sa.Select[Any]:
    statement = sa.select(BLSession.c.sessionId, sa.func.sum(seconds)).select_from(session_id.table)
    return scope.of(statement, session_id).group_by(BLSession.c.sessionId)


def _frame(call: Call, scope: Scope) -> list[sa.RowMapping]:
    """The sessions with data collections, latest first, and the seconds before the first and after the last of them."""
    session, collection = BLSession.c, DataCollection.c
    statement = collections_in(
        scope,
        session.sessionId,
        seconds_between(session.startDate, session.endDate).label("duration"),
        seconds_between(session.startDate, sa.func.min(collection.startTime)).label("startup"),
        seconds_between(sa.func.max(collection.endTime), session.endDate).label("remaining"),
    )
    grouped = statement.group_by(session.sessionId, session.startDate, session.endDate)
    return call.rows(grouped.order_by(session.startDate.desc(), session.sessionId.desc()))


def _entry(row: sa.RowMapping, spent: defaultdict[str, float]) -> Hours:
    """The hours of one session; what nothing was done in went by with thinking."""
    frame = {name: max(0, row[name] or 0) for name in ("duration", "startup", "remaining")}
    hours = {name: seconds / SECONDS_OF_HOUR for name, seconds in (frame | spent).items()}
    used = sum(hours.get(name, 0) for name in _USED)
    entry = dict.fromkeys(TimeEntry.properties, 0.0) | hours
    return entry | {"thinking": max(0.0, entry["duration"] - used)}

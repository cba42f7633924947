"""The course of a session, or of a machine run at a beamline: what happened when, and with which parameters."""

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from objapi.ispyb.subjects.events.kinds import ROBOT, SCAN, SPECTRUM, EventKind
from objapi.ispyb.subjects.stats.schemas import (
    Breakdown,
    BreakdownOverviewRun,
    BreakdownOverviewSession,
)
from objapi.ispyb.subjects.stats.scope import (
    SCOPE,
    SECONDS_OF_HOUR,
    Scope,
    collections_in,
    is_centring,
    load_scope,
)
from objapi.ispyb.subjects.stats.waits import centrings, strategies
from objapi.ispyb.values.conversions import energy_of
from objapi.ispyb.values.errors import ResourceNotFound
from objapi.ispyb.values.proposal_names import session_name
from objapi.ispyb.wire.call import Call
from objapi.ispyb.wire.lists import Rows
from objapi.ispyb.wire.routes import BEARER, Group
from objapi.profiles.ispyb.tables import (
    BLSample,
    BLSession,
    Crystal,
    DataCollection,
    DataCollectionGroup,
    Proposal,
    Protein,
    RobotAction,
)

group: Final = Group("Stats")

_PARAMETERS: Final = ("wavelength", "beamSizeAtSampleX", "beamSizeAtSampleY", "chiStart", "phiStart", "kappaStart")

_UNTYPED: Final = "unknown"


@group.get("/stats/breakdown", access=BEARER, query=SCOPE, answer=Breakdown)
def read_breakdown(call: Call) -> dict[str, Any]:
    """Overview, time line and plottable parameters of one session, or of one run at one beamline.

    Raises ResourceNotFound.
    """
    scope = load_scope(call)
    of_session = bool(call.query["session"]) or call.query["sessionId"] is not None
    asked = _session(call, scope) if of_session else scope.run
    if asked is None:
        raise ResourceNotFound("Session not found" if of_session else "Run not found")
    found = {"dc": call.rows(_collections(scope))}
    for name, kind in (("robot", ROBOT), ("edge", SCAN), ("xrf", SPECTRUM)):
        found[name] = call.rows(_others(scope, kind))
    if of_session:
        found["centring"] = [row for row in call.rows(centrings(scope)) if is_centring(row["seconds"])]
        found["strategy"] = call.rows(strategies(scope))
    else:
        found["session"] = call.rows(_sessions(scope))
    return {
        "overview": _overview(asked, found, of_session),
        "history": list(_history(found)),
        "plottables": _plottables(found["dc"]),
    }


def _session(call: Call, scope: Scope) -> sa.RowMapping | None:
    columns = (BLSession.c.sessionId, BLSession.c.startDate, BLSession.c.endDate, BLSession.c.beamLineName)
    statement = sa.select(*columns, session_name().label("session"))
    return call.first(statement.join(Proposal, Proposal.c.proposalId == BLSession.c.proposalId).where(scope.condition))


def _collections(scope: Scope) -> sa.Select[Any]:
    """The data collections that began and ended, in the order of their begin."""
    collection, groups = DataCollection.c, DataCollectionGroup.c
    statement = collections_in(
        scope,
        collection.startTime,
        collection.endTime,
        collection.runStatus.label("status"),
        groups.experimentType.label("subType"),
        *(collection[name] for name in _PARAMETERS),
    )
    complete = (collection.startTime.is_not(None), collection.endTime.is_not(None))
    ordered = statement.where(*complete).order_by(collection.startTime, collection.dataCollectionId)
    return _with_sample(ordered, groups.blSampleId)


def _others(scope: Scope, kind: EventKind) -> sa.Select[Any]:
    """The events of another kind, in the order of their end."""
    columns: list[sa.ColumnElement[Any]] = [kind.start.label("startTime"), kind.end.label("endTime")]
    if kind is ROBOT:
        columns += [RobotAction.c.actionType.label("subType"), RobotAction.c.status]
    statement = scope.of(sa.select(*columns).select_from(kind.key.table), kind.session_id)
    return _with_sample(statement.order_by(kind.end, kind.key), kind.sample_id)


def _with_sample(statement: sa.Select[Any], sample_id: sa.ColumnElement[Any]) -> sa.Select[Any]:
    return (
        statement.add_columns(BLSample.c.name.label("sample"), Protein.c.name.label("protein"))
        .outerjoin(BLSample, BLSample.c.blSampleId == sample_id)
        .outerjoin(Crystal, Crystal.c.crystalId == BLSample.c.crystalId)
        .outerjoin(Protein, Protein.c.proteinId == Crystal.c.proteinId)
    )


def _sessions(scope: Scope) -> sa.Select[Any]:
    """The scheduled sessions of a run."""
    return (
        sa.select(
            BLSession.c.startDate.label("startTime"),
            BLSession.c.endDate.label("endTime"),
            BLSession.c.sessionId,
            session_name().label("session"),
            Proposal.c.title,
        )
        .join(Proposal, Proposal.c.proposalId == BLSession.c.proposalId)
        .where(scope.condition, BLSession.c.scheduled == 1)
        .order_by(BLSession.c.startDate, BLSession.c.sessionId)
    )


def _overview(asked: sa.RowMapping, found: Mapping[str, Rows], of_session: bool) -> dict[str, Any]:
    types = Counter(row["subType"] or _UNTYPED for row in found["dc"])
    numbers = {name: len(found[name]) for name in ("robot", "edge", "xrf")}
    counts = {"datacollections": len(found["dc"]), "failed": 0, "datacollectionTypes": types, **numbers}
    schema = BreakdownOverviewSession if of_session else BreakdownOverviewRun
    return schema.answer({**asked, "duration": _hours(asked["startDate"], asked["endDate"]), "counts": counts})


def _history(found: Mapping[str, Rows]) -> Iterator[dict[str, Any]]:
    """Events kind by kind, as far as they have a begin and an end; only sessions are named by their ids."""
    for name, rows in found.items():
        for row in rows:
            if isinstance(row["startTime"], datetime) and isinstance(row["endTime"], datetime):
                session_id = row["sessionId"] if name == "session" else None
                yield {**row, "sessionId": session_id, "eventType": name}


def _plottables(rows: Rows) -> dict[str, Any]:
    series = [{"title": "energy", "data": [energy_of(row["wavelength"]) for row in rows]}]
    series += [{"title": name, "data": [row[name] for row in rows]} for name in _PARAMETERS[1:]]
    return {"time": [row["startTime"] for row in rows], "series": series}


def _hours(start: datetime | None, end: datetime | None) -> float:
    return 0.0 if start is None or end is None else (end - start).total_seconds() / SECONDS_OF_HOUR

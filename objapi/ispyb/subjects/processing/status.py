"""Outcome of the processing of data collections, in short: a state for each program, and numbers of messages.

Clients ask every few seconds for all data collections that they show, by a JSON array of ids in one parameter.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import sqlalchemy as sa

from catalog.dialect import among
from objapi.ispyb.subjects.processing.programs import (
    BY_INTEGRATION,
    BY_JOB,
    has_jobs,
    in_jobs_of,
    is_integration,
    status_of,
    ways,
)
from objapi.ispyb.subjects.processing.schemas import AutoProcProgramMessageStatuses, ProcessingStatusesList
from objapi.ispyb.values.errors import Refusal
from objapi.ispyb.values.schema import optional
from objapi.ispyb.values.types import INT32, JSON_IDS
from objapi.ispyb.wire.call import Call
from objapi.ispyb.wire.routes import BEARER, Group
from objapi.profiles.ispyb.tables import (
    CTF,
    AutoProcProgram,
    AutoProcProgramMessage,
    BLSession,
    DataCollection,
    DataCollectionGroup,
    MotionCorrection,
    Movie,
    Screening,
    ScreeningOutput,
    XrayCentring,
)

group: Final = Group("Processing Status and Results")

_IDS: Final = {"dataCollectionIds": optional(JSON_IDS)}
_CENTRING: Final = {"success": 1, "failed": 0}
_COUNTED: Final = {"ERROR": "errors", "WARNING": "warnings", "INFO": "info"}

Found = Iterator[tuple[int, str, str, dict[str, Any]]]
"""A data collection, the kind of processing, the program, and the state."""


@group.get("/processings/status", access=BEARER, query=_IDS, answer=ProcessingStatusesList)
def read_status(call: Call) -> dict[str, Any]:
    """Outcome per data collection, kind and program."""
    collections = _visible(call)
    statuses: defaultdict[int, dict[str, Any]] = defaultdict(dict)
    for look in (_screenings, _centrings, _integrations, _jobs):
        for key, kind, program, state in look(call, collections):
            statuses[key].setdefault(kind, {}).setdefault(program, []).append(state)
    for row in call.rows(_movies(collections)):
        statuses[row["dataCollectionId"]]["em"] = row
    return {"statuses": statuses}


@group.get("/processings/messages/status", access=BEARER, query=_IDS, answer=AutoProcProgramMessageStatuses)
def read_message_status(call: Call) -> dict[str, Any]:
    """Number of errors, warnings and infos per data collection."""
    collections, database = _visible(call), call.services.database
    if not database.has(AutoProcProgramMessage):
        return {"statuses": {}}
    pairs = sa.union(
        *(
            sa.select(way.collection_id.label("collection"), AutoProcProgram.c.autoProcProgramId)
            .select_from(way.tables)
            .where(among(way.collection_id, collections), in_jobs_of(call, collections) if way is BY_JOB else sa.true())
            for way in ways(database)
        )
    ).subquery("pairs")
    message = AutoProcProgramMessage.c
    counted = (
        sa.select(pairs.c.collection, message.severity, sa.func.count().label("number"))
        .join_from(pairs, AutoProcProgramMessage, message.autoProcProgramId == pairs.c.autoProcProgramId)
        .where(message.severity.in_(_COUNTED))
        .group_by(pairs.c.collection, message.severity)
    )
    statuses: dict[int, dict[str, int]] = {}
    for row in call.rows(counted):
        numbers = statuses.setdefault(row["collection"], dict.fromkeys(_COUNTED.values(), 0))
        numbers[_COUNTED[row["severity"]]] = row["number"]
    return {"statuses": statuses}


def _visible(call: Call) -> dict[int, int]:
    """The asked data collections that are visible, with their groups; raises Refusal (422) when none is asked for."""
    ids = call.query["dataCollectionIds"]
    if not isinstance(ids, list) or not ids or any(type(entry) is not int for entry in ids):
        raise Refusal(422, "Couldn't parse dataCollectionIds")
    statement = (
        sa.select(DataCollection.c.dataCollectionId, DataCollection.c.dataCollectionGroupId)
        .join(
            DataCollectionGroup, DataCollectionGroup.c.dataCollectionGroupId == DataCollection.c.dataCollectionGroupId
        )
        .join(BLSession, BLSession.c.sessionId == DataCollectionGroup.c.sessionId)
        .where(among(DataCollection.c.dataCollectionId, (key for key in ids if 0 < key <= INT32)))
        .where(call.visible(DataCollection, DataCollectionGroup, BLSession))
    )
    return {row["dataCollectionId"]: row["dataCollectionGroupId"] for row in call.rows(statement)}


def _screenings(call: Call, collections: Mapping[int, int]) -> Found:
    """Screenings: of the data collection that they name, or of all of their group when they name none."""
    screening, output = Screening.c, ScreeningOutput.c
    statement = (
        sa.select(
            screening.dataCollectionId,
            screening.dataCollectionGroupId,
            screening.programVersion,
            output.strategySuccess,
            output.indexingSuccess,
        )
        .join_from(Screening, ScreeningOutput, output.screeningId == screening.screeningId)
        .where(
            among(screening.dataCollectionId, collections)
            | (screening.dataCollectionId.is_(None) & among(screening.dataCollectionGroupId, collections.values()))
        )
        .order_by(output.screeningOutputId)
    )
    members = _members(collections)
    for row in call.rows(statement):
        state = {"status": row["strategySuccess"], "indexingSuccess": row["indexingSuccess"]}
        named = row["dataCollectionId"]
        for key in members[row["dataCollectionGroupId"]] if named is None else (named,):
            yield key, "screening", row["programVersion"] or "", state


def _centrings(call: Call, collections: Mapping[int, int]) -> Found:
    if not call.services.database.has(XrayCentring):
        return
    members = _members(collections)
    of_groups = among(XrayCentring.c.dataCollectionGroupId, collections.values())
    for row in call.rows(sa.select(XrayCentring).where(of_groups).order_by(XrayCentring.c.xrayCentringId)):
        for key in members[row["dataCollectionGroupId"]]:
            yield key, "xrc", "xrc", {"status": _CENTRING.get((row["status"] or "").lower())}


def _integrations(call: Call, collections: Mapping[int, int]) -> Found:
    statement = _programs(BY_INTEGRATION.collection_id, collections).select_from(BY_INTEGRATION.tables)
    return _states("autoIntegration", call.rows(statement))


def _jobs(call: Call, collections: Mapping[int, int]) -> Found:
    if not has_jobs(call.services.database):
        return iter(())
    statement = _programs(BY_JOB.collection_id, collections).select_from(BY_JOB.tables)
    found = statement.where(in_jobs_of(call, collections), ~is_integration())
    return _states("processing", call.rows(found))


def _programs(collection_id: sa.ColumnElement[int], collections: Iterable[int]) -> sa.Select[Any]:
    program = AutoProcProgram.c
    return (
        sa.select(
            collection_id.label("collection"),
            program.autoProcProgramId,
            program.processingPrograms,
            program.processingStatus,
        )
        .where(among(collection_id, collections))
        .order_by(program.autoProcProgramId)
    )


def _states(kind: str, rows: Iterable[sa.RowMapping]) -> Found:
    for row in rows:
        state = {"status": status_of(row["processingStatus"]), "autoProcProgramId": row["autoProcProgramId"]}
        yield row["collection"], kind, row["processingPrograms"] or "", state


def _movies(collections: Iterable[int]) -> sa.Select[Any]:
    """Numbers of movies of data collections that have any, by how far they were processed."""
    return (
        sa.select(
            Movie.c.dataCollectionId,
            sa.func.count(sa.distinct(Movie.c.movieId)).label("movie"),
            sa.func.count(sa.distinct(MotionCorrection.c.motionCorrectionId)).label("motionCorrection"),
            sa.func.count(sa.distinct(CTF.c.CTFid)).label("ctf"),
        )
        .select_from(Movie)
        .outerjoin(MotionCorrection, MotionCorrection.c.movieId == Movie.c.movieId)
        .outerjoin(CTF, CTF.c.motionCorrectionId == MotionCorrection.c.motionCorrectionId)
        .where(among(Movie.c.dataCollectionId, collections))
        .group_by(Movie.c.dataCollectionId)
    )


def _members(collections: Mapping[int, int]) -> dict[int, list[int]]:
    """The asked data collections by their groups."""
    members: dict[int, list[int]] = {}
    for key, group_id in collections.items():
        members.setdefault(group_id, []).append(key)
    return members

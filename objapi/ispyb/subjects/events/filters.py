"""The filters of events as conditions, for data collections and for the other kinds."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from catalog.dialect import among
from objapi.ispyb.database import Database
from objapi.ispyb.subjects.events.kinds import KINDS, ROBOT
from objapi.ispyb.subjects.processing.programs import SUCCEEDED, ways
from objapi.ispyb.values.proposal_names import is_proposal, is_session
from objapi.ispyb.wire.call import Call
from objapi.profiles.ispyb.tables import (
    AutoProcProgram,
    AutoProcProgramMessage,
    BLSample,
    BLSession,
    Crystal,
    DataCollection,
    DataCollectionGroup,
    Proposal,
    RobotAction,
)

COLLECTIONS: Final = "dc"
"""The short name of data collections among the kinds of events."""

Condition = sa.ColumnElement[bool]

_OTHERS: Final = frozenset(kind.name for kind in KINDS)
_OF_SESSION: Final = ("session", "sessionId", "proposal", "proposalId")
_SUCCESS: Final = "%success%"


def wanted_kinds(query: Mapping[str, Any]) -> frozenset[str]:
    """The kinds of events that the filters leave."""
    kinds = _OTHERS | {COLLECTIONS}
    if any(query[name] is not None for name in ("dataCollectionId", "dataCollectionGroupId", "blSubSampleId")):
        kinds &= {COLLECTIONS}
    if query["status"] is not None:
        kinds &= {COLLECTIONS, ROBOT.name} if query["status"] in ("success", "failed") else {COLLECTIONS}
    if query["eventType"]:
        kinds &= {query["eventType"] if query["eventType"] in _OTHERS else COLLECTIONS}
    return frozenset(kinds)


@dataclass(frozen=True, slots=True)
class Asked:
    """The keys of what is asked for, each None when it is not.

    They are looked up first: from a few keys a database finds the events at once, from names it may not.
    """

    sessions: list[int] | None
    """The visible sessions that the session or proposal stands for."""
    samples: list[int] | None
    """The samples of the protein."""


def look_up(call: Call) -> Asked:
    """The sessions and samples of a call's filters."""
    sessions = samples = None
    if any(call.query.get(name) not in (None, "") for name in _OF_SESSION):
        named = sa.select(BLSession.c.sessionId).join(Proposal, Proposal.c.proposalId == BLSession.c.proposalId)
        found = named.where(call.visible(BLSession), *_of_session(call))
        sessions = list(call.connection.execute(found).scalars())
    if call.query["proteinId"] is not None:
        of_protein = sa.select(BLSample.c.blSampleId).join(Crystal, Crystal.c.crystalId == BLSample.c.crystalId)
        found = of_protein.where(Crystal.c.proteinId == call.query["proteinId"])
        samples = list(call.connection.execute(found).scalars())
    return Asked(sessions, samples)


def of_visible_sessions(
    call: Call, statement: sa.Select[Any], session_id: sa.Column[Any], asked: Asked
) -> sa.Select[Any]:
    """A statement for the events of the asked sessions, or of all visible ones; `session_id` is their column."""
    if asked.sessions is not None:
        return statement.where(among(session_id, asked.sessions))
    conditions = [call.visible(BLSession), *_of_session(call)]
    if all(isinstance(condition, sa.True_) for condition in conditions):
        # Every event has a session, so that a table less is read.
        return statement
    return statement.join(BLSession, BLSession.c.sessionId == session_id).where(*conditions)


def _of_session(call: Call) -> Iterator[Condition]:
    """The conditions on a session and, where one is named, on its proposal."""
    query = call.query
    if query["sessionId"] is not None:
        yield BLSession.c.sessionId == query["sessionId"]
    if query.get("proposalId") is not None:
        yield BLSession.c.proposalId == query["proposalId"]
    if query["session"]:
        yield is_session(query["session"])
    if query.get("proposal"):
        yield is_proposal(query["proposal"])
    if query.get("beamLineName"):
        yield BLSession.c.beamLineName == query["beamLineName"]


def of_kind(call: Call, asked: Asked, sample_id: sa.ColumnElement[Any], robot: bool = False) -> Iterator[Condition]:
    """The conditions on an event by its sample and outcome; `sample_id` is its column with the sample."""
    if call.query["blSampleId"] is not None:
        yield sample_id == call.query["blSampleId"]
    if asked.samples is not None:
        yield among(sample_id, asked.samples)
    if robot and call.query.get("status") is not None:
        yield _succeeded(RobotAction.c.status, call.query["status"])


def of_collections(call: Call, asked: Asked) -> Iterator[Condition]:
    """The conditions on a data collection joined with its group."""
    query = call.query
    yield from of_kind(call, asked, DataCollectionGroup.c.blSampleId)
    yield from per_collection_filters(call)
    if query["eventType"]:
        yield DataCollectionGroup.c.experimentType == query["eventType"]


def per_collection_filters(call: Call) -> Iterator[Condition]:
    """Filters on single data collections, as opposed to whole groups."""
    query = call.query
    for name in ("dataCollectionId", "dataCollectionGroupId", "blSubSampleId"):
        if query[name] is not None:
            yield DataCollection.c[name] == query[name]
    if query["status"] in ("success", "failed"):
        yield _succeeded(DataCollection.c.runStatus, query["status"])
    elif query["status"] == "processed":
        yield _has_program(call.services.database, AutoProcProgram.c.processingStatus.in_(SUCCEEDED))
    elif query["status"] == "processerror":
        yield _has_trouble(call.services.database)


def _succeeded(column: sa.ColumnElement[Any], status: str) -> Condition:
    return column.like(_SUCCESS) if status == "success" else column.not_like(_SUCCESS)


def _has_program(database: Database, condition: Condition) -> Condition:
    """The condition that a program worked on the data collection, for which another condition holds."""
    found = (
        sa.exists().select_from(way.tables).where(way.collection_id == DataCollection.c.dataCollectionId, condition)
        for way in ways(database)
    )
    return sa.or_(*found)


def _has_trouble(database: Database) -> Condition:
    """The condition that a program that worked on the data collection left a warning or an error."""
    if not database.has(AutoProcProgramMessage):
        return sa.false()
    message = AutoProcProgramMessage.c
    has_message = sa.exists().where(
        message.autoProcProgramId == AutoProcProgram.c.autoProcProgramId, message.severity.in_(("WARNING", "ERROR"))
    )
    return _has_program(database, has_message)

"""Wide rows of sessions for old clients; each number is counted for all sessions of a list in one statement."""

from typing import Any, Final

import sqlalchemy as sa

from objapi.ispyb.values.conversions import known_time
from objapi.ispyb.wire.call import Call
from objapi.profiles.ispyb.tables import (
    BLSession,
    DataCollection,
    DataCollectionGroup,
    EnergyScan,
    Experiment,
    Person,
    Proposal,
    XFEFluorescenceSpectrum,
)

# What the view calls otherwise than the table.
_RENAMED: Final = {
    BLSession.c.startDate: "BLSession_startDate",
    BLSession.c.endDate: "BLSession_endDate",
    BLSession.c.lastUpdate: "BLSession_lastUpdate",
    BLSession.c.protectedData: "BLSession_protectedData",
    Proposal.c.title: "Proposal_title",
    Proposal.c.proposalCode: "Proposal_proposalCode",
    Proposal.c.proposalNumber: "Proposal_ProposalNumber",
    Proposal.c.proposalType: "Proposal_ProposalType",
    Person.c.personId: "Person_personId",
    Person.c.familyName: "Person_familyName",
    Person.c.givenName: "Person_givenName",
    Person.c.emailAddress: "Person_emailAddress",
}
_LEFT_OUT: Final = ("externalId", "nbReimbDewars")
_TIMES: Final = ("BLSession_startDate", "BLSession_endDate", "BLSession_lastUpdate", "bltimeStamp")

_COUNTS: Final = (
    "energyScanCount",
    "sampleCount",
    "testDataCollectionGroupCount",
    "dataCollectionGroupCount",
    "EMdataCollectionGroupCount",
    "xrfSpectrumCount",
    "hplcCount",
    "sampleChangerCount",
    "calibrationCount",
)
_NOTHING: Final[dict[str, Any]] = {
    **dict.fromkeys(_COUNTS, 0),
    "imagesCount": None,
    "lastExperimentDataCollectionGroup": None,
    "lastEndTimeDataCollectionGroup": None,
}
_EXPERIMENTS: Final = {"HPLC": "hplcCount", "STATIC": "sampleChangerCount", "CALIBRATION": "calibrationCount"}

_TEST_IMAGES: Final = 5
"""A data collection with fewer images is a test."""

_SESSIONS: Final = BLSession.join(Proposal, Proposal.c.proposalId == BLSession.c.proposalId)

Answers = list[dict[str, Any]]


def session_rows(call: Call, condition: sa.ColumnElement[bool], *, newest_first: bool = False) -> Answers:
    """The sessions for which a condition on BLSession and Proposal holds, by their keys."""
    key = BLSession.c.sessionId
    columns = [column for column in BLSession.columns if column.name not in _LEFT_OUT]
    columns += [column for column in _RENAMED if column.table is not BLSession]
    statement = (
        sa.select(*(column.label(_RENAMED.get(column, column.name)) for column in columns))
        .select_from(_SESSIONS.outerjoin(Person, Person.c.personId == Proposal.c.personId))
        .where(condition)
        .order_by(key.desc() if newest_first else key)
    )
    sessions = sa.select(key).select_from(_SESSIONS).where(condition).subquery("listed")
    numbers = _numbers(call, sessions)
    return [
        {
            **row,
            **{name: known_time(row[name]) for name in _TIMES},
            **_NOTHING,
            **numbers.get(row["sessionId"], {}),
        }
        for row in call.rows(statement)
    ]


def _numbers(call: Call, sessions: sa.Subquery) -> dict[int, dict[str, Any]]:
    """What was counted of each session, and what came last in it."""
    statements = [
        _counted(EnergyScan, sessions, "energyScanCount"),
        _counted(XFEFluorescenceSpectrum, sessions, "xrfSpectrumCount"),
        _of_collections(sessions),
        _last_groups(sessions),
    ]
    found: dict[int, dict[str, Any]] = {}
    for statement in statements:
        for row in call.rows(statement):
            found.setdefault(row["sessionId"], {}).update(row)
    if call.services.database.has(Experiment.c.experimentType) and call.services.database.has(Experiment.c.sessionId):
        for row in call.rows(_experiments(sessions)):
            name = _EXPERIMENTS[row["experimentType"].upper()]
            found.setdefault(row["sessionId"], {})[name] = row["number"]
    return found


def _counted(table: sa.Table, sessions: sa.Subquery, name: str) -> sa.Select[Any]:
    return (
        sa.select(table.c.sessionId, sa.func.count().label(name))
        .join(sessions, sessions.c.sessionId == table.c.sessionId)
        .group_by(table.c.sessionId)
    )


def _of_collections(sessions: sa.Subquery) -> sa.Select[Any]:
    """Samples, images, and data collections by their sizes and kind."""
    groups, images = DataCollectionGroup.c, DataCollection.c.numberOfImages
    is_em = sa.and_(groups.experimentType == "EM", DataCollection.c.dataCollectionId.is_not(None))
    return (
        sa.select(
            groups.sessionId,
            sa.func.count(sa.distinct(groups.blSampleId)).label("sampleCount"),
            sa.func.sum(images).label("imagesCount"),
            _number(images < _TEST_IMAGES).label("testDataCollectionGroupCount"),
            _number(images >= _TEST_IMAGES).label("dataCollectionGroupCount"),
            _number(is_em).label("EMdataCollectionGroupCount"),
        )
        .join(sessions, sessions.c.sessionId == groups.sessionId)
        .outerjoin(DataCollection, DataCollection.c.dataCollectionGroupId == groups.dataCollectionGroupId)
        .group_by(groups.sessionId)
    )


def _number(condition: sa.ColumnElement[bool]) -> sa.ColumnElement[int]:
    return sa.func.count(sa.case((condition, 1)))


def _last_groups(sessions: sa.Subquery) -> sa.Select[Any]:
    """Kind and end of the group with the highest key."""
    groups = DataCollectionGroup.c
    last = (
        sa.select(sa.func.max(groups.dataCollectionGroupId).label("key"))
        .join(sessions, sessions.c.sessionId == groups.sessionId)
        .group_by(groups.sessionId)
        .subquery("last")
    )
    return sa.select(
        groups.sessionId,
        groups.experimentType.label("lastExperimentDataCollectionGroup"),
        groups.endTime.label("lastEndTimeDataCollectionGroup"),
    ).join(last, last.c.key == groups.dataCollectionGroupId)


def _experiments(sessions: sa.Subquery) -> sa.Select[Any]:
    columns = (Experiment.c.sessionId, Experiment.c.experimentType)
    return (
        sa.select(*columns, sa.func.count().label("number"))
        .join(sessions, sessions.c.sessionId == Experiment.c.sessionId)
        .where(Experiment.c.experimentType.in_(_EXPERIMENTS))
        .group_by(*columns)
    )

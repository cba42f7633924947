"""Sessions and proposals for old clients.

Sessions are wide rows with the columns of the view v_session, and numbers of what happened, each counted for all
sessions of a list in one statement. Those who may only see their own get the sessions in which they take part, and
those of proposals that are theirs.
"""

import re
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from objapi.ispyb.subjects.legacy.access import is_referred_proposal, own_sessions, readable_proposal
from objapi.ispyb.values.conversions import known_time
from objapi.ispyb.values.errors import Fault, Invalid
from objapi.ispyb.wire.call import Call
from objapi.ispyb.wire.lists import Answers
from objapi.ispyb.wire.routes import BEARER, Door, Group, RouteAccess, holder
from objapi.profiles.ispyb.tables import (
    BLSession,
    DataCollection,
    DataCollectionGroup,
    EnergyScan,
    Experiment,
    Person,
    Proposal,
    Session_has_Person,
    XFEFluorescenceSpectrum,
)

header_group: Final = Group("Sessions - legacy with header token", switch="enable_legacy_routes")
path_group: Final = Group("Legacy with token in path", switch="enable_legacy_routes")

_PERMISSIONS: Final = ("own_sessions", "all_sessions")
_BY_HEADER: Final = holder(*_PERMISSIONS)
_BY_PATH: Final = holder(*_PERMISSIONS, door=Door.PATH)

_DATE: Final = re.compile(r"(\d{4})-?(\d{2})-?(\d{2})", re.ASCII)


@header_group.get("/legacy/sessions", access=_BY_HEADER)
@path_group.get("/legacy/{token}/session/list", access=_BY_PATH)
def list_sessions(call: Call) -> Answers:
    """Sessions of the caller."""
    return session_rows(call, _visible(call))


@header_group.get("/legacy/sessions/date/{start_date:day}/{end_date:day}", access=_BY_HEADER)
@path_group.get("/legacy/{token}/proposal/session/date/{start_date:day}/{end_date:day}/list", access=_BY_PATH)
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
    """Numbers that were counted for each session, and what came last in it."""
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
            _count_if(images < _TEST_IMAGES).label("testDataCollectionGroupCount"),
            _count_if(images >= _TEST_IMAGES).label("dataCollectionGroupCount"),
            _count_if(is_em).label("EMdataCollectionGroupCount"),
        )
        .join(sessions, sessions.c.sessionId == groups.sessionId)
        .outerjoin(DataCollection, DataCollection.c.dataCollectionGroupId == groups.dataCollectionGroupId)
        .group_by(groups.sessionId)
    )


def _count_if(condition: sa.ColumnElement[bool]) -> sa.ColumnElement[int]:
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


proposals_header_group: Final = Group("Proposals - legacy with header token", switch="enable_legacy_routes")
proposals_path_group: Final = Group("Legacy with token in path", switch="enable_legacy_routes")

_PROPOSAL_PERMISSIONS: Final = ("own_proposals", "all_proposals")
_LISTED: Final = ("proposalId", "proposalType", "personId", "title", "proposalCode", "proposalNumber")

_EXACT_BITS: Final = 53
"""Integers of more bits lose digits in the clients' floating point numbers; they are given as text."""


@proposals_header_group.get("/legacy/proposals", access=holder(*_PROPOSAL_PERMISSIONS))
@proposals_path_group.get("/legacy/{token}/proposal/list", access=holder(*_PROPOSAL_PERMISSIONS, door=Door.PATH))
def list_proposals(call: Call) -> list[sa.RowMapping]:
    """Proposals of the caller."""
    columns = (Proposal.c[name].label(f"Proposal_{name}") for name in _LISTED)
    statement = sa.select(*columns).order_by(Proposal.c.proposalId)
    if call.caller.may("all_proposals"):
        return call.rows(statement)
    person = call.caller.person_id
    visited = (
        sa.select(BLSession.c.proposalId)
        .join(Session_has_Person, Session_has_Person.c.sessionId == BLSession.c.sessionId)
        .where(Session_has_Person.c.personId == person)
    )
    return call.rows(statement.where((Proposal.c.personId == person) | Proposal.c.proposalId.in_(visited)))


@proposals_header_group.get("/legacy/proposals/{proposal_id}", access=BEARER)
@proposals_path_group.get("/legacy/{token}/proposal/{proposal_id}/info/get", access=RouteAccess(Door.PATH))
def read_proposal(call: Call) -> dict[str, Any]:
    """One proposal."""
    key = readable_proposal(call, call.path["proposal_id"])
    row = None if key is None else call.first(sa.select(Proposal).where(Proposal.c.proposalId == key))
    return {"proposal": None if row is None else _answer(row)}


def _answer(row: sa.RowMapping) -> dict[str, Any]:
    stamp, external = known_time(row["bltimeStamp"]), row["externalId"]
    return {**row, "bltimeStamp": stamp, "externalId": None if external is None else _exact_number(external)}


def _exact_number(stored: bytes) -> int | str:
    number = int.from_bytes(stored, "big")
    return number if number.bit_length() <= _EXACT_BITS else str(number)

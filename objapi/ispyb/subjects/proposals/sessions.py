"""Sessions: a list for tables and calendars, the next or last one of each beamline, and one by its key."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import MAXYEAR, MINYEAR, datetime
from typing import Any, Final

import sqlalchemy as sa

from catalog.dates import shifted
from catalog.dialect import among
from objapi.ispyb.options.load import ui_groups
from objapi.ispyb.subjects.proposals.schemas import Session
from objapi.ispyb.values.errors import ResourceNotFound
from objapi.ispyb.values.proposal_names import PROPOSAL_NAME, is_proposal
from objapi.ispyb.values.schema import optional
from objapi.ispyb.values.types import BOOL, TEXT, pattern
from objapi.ispyb.wire.call import Call, Page
from objapi.ispyb.wire.response import Paged
from objapi.ispyb.wire.routes import BEARER, Group
from objapi.profiles.ispyb.tables import (
    BeamLineSetup,
    BLSession,
    DataCollection,
    DataCollectionGroup,
    Proposal,
    Session_has_Person,
    SessionType,
)

group: Final = Group("Sessions")

MONTH: Final = pattern(r"^\d\d?$")
YEAR: Final = pattern(r"^\d\d\d\d$")

_GROUP_FILTERS: Final = {
    "beamLineGroup": optional(TEXT),
    "upcoming": optional(BOOL, False),
    "previous": optional(BOOL, False),
    "sessionType": optional(TEXT),
}
_FILTERS: Final = {
    **_GROUP_FILTERS,
    "scheduled": optional(BOOL),
    "proposal": optional(PROPOSAL_NAME),
    "beamLineName": optional(TEXT),
    "month": optional(MONTH),
    "year": optional(YEAR),
}
_LATEST_FIRST: Final = (BLSession.c.startDate.desc(), BLSession.c.sessionId.desc())


@group.get("/sessions", access=BEARER, query=_FILTERS, answer=Paged(Session))
def list_sessions(call: Call) -> Page:
    """Sessions, latest start first."""
    query = call.query
    conditions = _conditions(call)
    if query["beamLineGroup"]:
        conditions.append(BLSession.c.beamLineName.in_(_beamlines(call, query["beamLineGroup"])))
    if query["scheduled"]:
        conditions.append(BLSession.c.scheduled == 1)
    if query["proposal"]:
        named = sa.select(Proposal.c.proposalId).where(is_proposal(query["proposal"]))
        conditions.append(BLSession.c.proposalId.in_(named))
    if query["beamLineName"]:
        conditions.append(BLSession.c.beamLineName == query["beamLineName"])
    if query["month"]:
        conditions.append(_at_either_end(lambda end: sa.extract("month", end) == int(query["month"])))
    if query["year"]:
        conditions.append(_in_year(int(query["year"])))
    statement = sa.select(*SELECTED).where(call.visible(BLSession), *conditions).order_by(*_LATEST_FIRST)
    number = sa.select(sa.func.count()).select_from(BLSession).where(call.visible(BLSession, counted=True), *conditions)
    rows, total = call.page(statement, number)
    return call.paged(answers(call, rows), total)


@group.get("/sessions/group", access=BEARER, query=_GROUP_FILTERS, answer=Paged(Session, chosen=False))
def list_sessions_of_group(call: Call) -> Page:
    """The latest session of each beamline of a group."""
    beamlines = _beamlines(call, call.query["beamLineGroup"] or "")
    conditions = _conditions(call)
    firsts = [
        sa.select(BLSession.c.sessionId)
        .where(call.visible(BLSession), *conditions, BLSession.c.beamLineName == name)
        .order_by(*_LATEST_FIRST)
        .limit(1)
        .subquery()
        for name in beamlines
    ]
    # The keys first: as a subquery, databases would look through it once for each session.
    found = sa.union_all(*(sa.select(first.c.sessionId) for first in firsts)) if firsts else None
    keys = [] if found is None else list(call.connection.execute(found).scalars())
    rows = call.rows(sa.select(*SELECTED).where(among(BLSession.c.sessionId, keys))) if keys else []
    places = {name.casefold(): place for place, name in reversed(list(enumerate(beamlines)))}
    rows.sort(key=lambda row: places.get(row["beamLineName"].casefold(), len(places)))
    return Page([*answers(call, rows)], len(rows), 0, len(rows))


@group.get("/sessions/{sessionId:int}", access=BEARER, answer=Session)
def read_session(call: Call) -> dict[str, Any]:
    """One session.

    Raises ResourceNotFound.
    """
    one = BLSession.c.sessionId == call.path["sessionId"]
    row = call.first(sa.select(*SELECTED).where(one, call.visible(BLSession)))
    if row is None:
        raise ResourceNotFound("Session not found")
    return answers(call, [row])[0]


def _conditions(call: Call) -> list[sa.ColumnElement[bool]]:
    """Conditions of both lists: past or future, type."""
    query = call.query
    conditions: list[sa.ColumnElement[bool]] = []
    if query["upcoming"]:
        conditions.append(BLSession.c.endDate >= call.now)
    if query["previous"]:
        conditions.append(BLSession.c.endDate < call.now)
    if query["sessionType"]:
        of_type = SessionType.alias()
        conditions.append(
            sa.exists().where(of_type.c.sessionId == BLSession.c.sessionId, of_type.c.typeName == query["sessionType"])
        )
    return conditions


def _beamlines(call: Call, name: str) -> list[str]:
    """The beamlines of the groups with a name, each once; none for an unknown group."""
    named = [group for group in call.beamline_groups if group.name == name]
    return list(dict.fromkeys(beamline for group in named for beamline in group.beamlines))


def _at_either_end(condition: Any) -> sa.ColumnElement[bool]:
    return sa.or_(condition(BLSession.c.startDate), condition(BLSession.c.endDate))


def _in_year(year: int) -> sa.ColumnElement[bool]:
    """Start or end is in a year; written as a range of times, which goes by their keys."""
    if not MINYEAR <= year <= MAXYEAR:
        return sa.false()
    first = datetime(year, 1, 1)  # noqa: DTZ001 - a wall clock time
    if year == MAXYEAR:
        return _at_either_end(lambda end: end >= first)
    next_first = first.replace(year=year + 1)
    return _at_either_end(lambda end: sa.and_(end >= first, end < next_first))


SELECTED: Final = (
    *(BLSession.c[name] for name in Session.properties if name in BLSession.c),
    BLSession.c.beamLineSetupId,
)
"""The columns that an answer is made of."""

_SOON_MINUTES: Final = 20


def answers(call: Call, rows: Sequence[sa.RowMapping]) -> list[dict[str, Any]]:
    """Rows of BLSession with everything that belongs to their answers; six statements for all of them."""
    if not rows:
        return []
    ids = [row["sessionId"] for row in rows]
    proposals = _by_key(call, Proposal, (row["proposalId"] for row in rows), "proposalCode", "proposalNumber")
    setups = _by_key(call, BeamLineSetup, (row["beamLineSetupId"] for row in rows))
    people = sa.select().select_from(Session_has_Person).where(among(Session_has_Person.c.sessionId, ids))
    persons = call.counts(Session_has_Person.c.sessionId, people)
    collections = call.counts(DataCollectionGroup.c.sessionId, _collections(ids))
    types = _types(call, ids)
    groups = call.beamline_groups
    return [
        {
            **row,
            **_names(row, proposals.get(row["proposalId"])),
            "beamLineName": row["beamLineName"],
            "BeamLineSetup": setups.get(row["beamLineSetupId"]),
            "_metadata": {
                "datacollections": collections.get(row["sessionId"], 0),
                "uiGroups": ui_groups(groups, [row["beamLineName"]]),
                "persons": persons.get(row["sessionId"], 0),
                "active": _covers(row, call.now),
                "active_soon": _covers(row, call.now, _SOON_MINUTES),
                "sessionTypes": types[row["sessionId"]],
            },
        }
        for row in rows
    ]


def _names(row: sa.RowMapping, proposal: sa.RowMapping | None) -> dict[str, str]:
    name = "" if proposal is None else f"{proposal['proposalCode'] or ''}{proposal['proposalNumber'] or ''}"
    return {"proposal": name, "session": f"{name}-{row['visit_number'] or 0}"}


def _covers(row: sa.RowMapping, now: datetime, minutes: int = 0) -> bool:
    """Check whether a session is on, or was or will be within so many minutes."""
    start, end = row["startDate"], row["endDate"]
    return (
        start is not None
        and end is not None
        and shifted(start, minutes=-minutes) <= now <= shifted(end, minutes=minutes)
    )


def _by_key(call: Call, table: sa.Table, keys: Any, *names: str) -> dict[int, sa.RowMapping]:
    """Rows of a table by their keys; all declared columns unless some are named."""
    (key,) = table.primary_key.columns
    wanted = {value for value in keys if value is not None}
    if not wanted:
        return {}
    selected = [key, *(table.c[name] for name in names)] if names else list(table.columns)
    return {row[key.name]: row for row in call.rows(sa.select(*selected).where(among(key, wanted)))}


def _collections(ids: Sequence[int]) -> sa.Select[Any]:
    return (
        sa.select()
        .select_from(DataCollectionGroup)
        .join(DataCollection, DataCollection.c.dataCollectionGroupId == DataCollectionGroup.c.dataCollectionGroupId)
        .where(among(DataCollectionGroup.c.sessionId, ids))
    )


def _types(call: Call, ids: Sequence[int]) -> defaultdict[int, list[str]]:
    table = SessionType.c
    types: defaultdict[int, list[str]] = defaultdict(list)
    selected = sa.select(table.sessionId, table.typeName).where(among(table.sessionId, ids))
    for row in call.rows(selected.order_by(table.sessionTypeId)):
        types[row["sessionId"]].append(row["typeName"])
    return types

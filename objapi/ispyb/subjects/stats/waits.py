"""Times between two things that happened: from a robot's action, or from a data collection, to what followed."""

from typing import Any

import sqlalchemy as sa

from catalog.dialect.borrowed import seconds_between
from objapi.ispyb.subjects.stats.scope import Scope, collections_in
from objapi.profiles.ispyb.tables import DataCollection, DataCollectionGroup, RobotAction, Screening


def centrings(scope: Scope) -> sa.Select[Any]:
    """Each robot's action on a sample with the next data collection of that sample in the session.

    Columns: sessionId, startTime (the action's end), endTime (the collection's start), seconds.
    """
    action, groups = RobotAction.c, DataCollectionGroup.c
    following = (
        sa.select(sa.func.min(DataCollection.c.startTime))
        .join(DataCollectionGroup, groups.dataCollectionGroupId == DataCollection.c.dataCollectionGroupId)
        .where(
            groups.sessionId == action.blsessionId,
            groups.blSampleId == action.blsampleId,
            DataCollection.c.startTime > action.endTimestamp,
            DataCollection.c.endTime.is_not(None),
        )
        .correlate(RobotAction)
        .scalar_subquery()
    )
    inner = sa.select(
        action.blsessionId.label("sessionId"), action.endTimestamp.label("startTime"), following.label("endTime")
    ).select_from(RobotAction)
    pairs = scope.of(inner, action.blsessionId).where(action.blsampleId.is_not(None)).subquery("pairs").c
    seconds = seconds_between(pairs.startTime, pairs.endTime).label("seconds")
    return sa.select(*pairs, seconds).where(pairs.endTime.is_not(None)).order_by(pairs.startTime)


def strategies(scope: Scope) -> sa.Select[Any]:
    """Each data collection with the last screening of it, or of its group where a screening names no collection.

    Columns: sessionId, startTime (the collection's end), endTime (the screening's time), seconds.
    """
    named = Screening.c.dataCollectionId == DataCollection.c.dataCollectionId
    whole = sa.and_(
        Screening.c.dataCollectionId.is_(None),
        Screening.c.dataCollectionGroupId == DataCollection.c.dataCollectionGroupId,
    )
    columns = (
        DataCollection.c.dataCollectionId,
        DataCollectionGroup.c.sessionId,
        DataCollection.c.endTime.label("startTime"),
        Screening.c.bltimeStamp,
    )
    finished = DataCollection.c.endTime.is_not(None)
    parts = (collections_in(scope, *columns).join(Screening, link).where(finished) for link in (named, whole))
    found = sa.union_all(*parts).subquery("found").c
    last = sa.func.max(found.bltimeStamp)
    return (
        sa.select(
            found.sessionId,
            found.startTime,
            last.label("endTime"),
            seconds_between(found.startTime, last).label("seconds"),
        )
        .group_by(found.dataCollectionId, found.sessionId, found.startTime)
        .order_by(found.startTime)
    )

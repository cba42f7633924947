"""Data collection groups of a session for old clients: one wide row each, with what hangs on it as joined texts."""

from typing import Any, Final

import sqlalchemy as sa

from objapi.ispyb.subjects.legacy.access import readable_proposal, readable_session
from objapi.ispyb.subjects.legacy.collection_texts import texts_of
from objapi.ispyb.subjects.legacy.movie_counts import movie_counts
from objapi.ispyb.wire.call import Call
from objapi.ispyb.wire.routes import BEARER, Door, Group, RouteAccess
from objapi.profiles.ispyb.tables import (
    BLSample,
    BLSession,
    Crystal,
    DataCollection,
    DataCollectionGroup,
    Protein,
    Workflow,
)

header_group: Final = Group("Data collections - legacy with header token", switch="enable_legacy_routes")
microscopy_group: Final = Group("EM - legacy with header token", switch="enable_legacy_routes")
path_group: Final = Group("Legacy with token in path", switch="enable_legacy_routes")

_BY_PATH: Final = RouteAccess(Door.PATH)

_SHOWN: Final = (
    *DataCollectionGroup.columns,
    BLSample.c.blSampleId,
    BLSample.c.crystalId,
    BLSample.c.name,
    BLSample.c.code,
    BLSession.c.sessionId,
    BLSession.c.proposalId,
    BLSession.c.protectedData,
    Protein.c.proteinId,
    Protein.c.name,
    Protein.c.acronym,
    *DataCollection.columns,
    *Workflow.columns,
)

Answers = list[dict[str, Any]]


@header_group.get("/legacy/data_collections/groups/session/{session_id}", access=BEARER)
@path_group.get("/legacy/{token}/proposal/session/{session_id}/list", access=_BY_PATH)
def list_groups(call: Call) -> Answers:
    """Data collection groups of a session."""
    return _groups(call, BLSession.c.sessionId == readable_session(call, call.path["session_id"]))


@microscopy_group.get("/legacy/em/proposal/{proposal_id}/session/{session_id}/data_collections/groups", access=BEARER)
@path_group.get("/legacy/{token}/proposal/{proposal_id}/em/datacollection/session/{session_id}/list", access=_BY_PATH)
def list_groups_with_counts(call: Call) -> Answers:
    """Data collection groups of a session with the numbers of their movies."""
    proposal_id = readable_proposal(call, call.path["proposal_id"])
    session_id = readable_session(call, call.path["session_id"])
    asked = sa.and_(BLSession.c.sessionId == session_id, BLSession.c.proposalId == proposal_id)
    counts = movie_counts(call, asked)
    return [
        {**row, "stats": counts.get(row["DataCollectionGroup_dataCollectionGroupId"], [])}
        for row in _groups(call, asked)
    ]


def _groups(call: Call, condition: sa.ColumnElement[bool]) -> Answers:
    """The groups with the data collection that has the highest key in each, the latest first."""
    group, collection = DataCollectionGroup.c, DataCollection.c
    other = DataCollection.alias("other")
    last = (
        sa.select(sa.func.max(other.c.dataCollectionId))
        .where(other.c.dataCollectionGroupId == group.dataCollectionGroupId)
        .scalar_subquery()
    )
    is_last = sa.and_(
        collection.dataCollectionGroupId == group.dataCollectionGroupId, collection.dataCollectionId == last
    )
    statement = (
        sa.select(*(call.services.database.column(column).label(_name(column)) for column in _SHOWN))
        .select_from(DataCollectionGroup)
        .join(BLSession, BLSession.c.sessionId == group.sessionId)
        .outerjoin(DataCollection, is_last)
        .outerjoin(BLSample, BLSample.c.blSampleId == group.blSampleId)
        .outerjoin(Crystal, Crystal.c.crystalId == BLSample.c.crystalId)
        .outerjoin(Protein, Protein.c.proteinId == Crystal.c.proteinId)
        .outerjoin(Workflow, Workflow.c.workflowId == group.workflowId)
        .where(condition)
        .order_by(collection.startTime.desc(), group.dataCollectionGroupId.desc())
    )
    rows = call.rows(statement)
    texts = texts_of(call, rows)
    return [{**row, "transmission": row["DataCollection_transmission"], **texts(row)} for row in rows]


def _name(column: sa.Column[Any]) -> str:
    return f"{column.table.name}_{column.name}"

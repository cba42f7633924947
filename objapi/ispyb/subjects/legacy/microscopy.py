"""Electron microscopy for old clients: movies, how far their processing is, and classes of particles."""

from collections.abc import Iterable
from typing import Any, Final

import sqlalchemy as sa

from catalog.dialect import among
from objapi.ispyb.subjects.legacy.access import readable_proposal, readable_session
from objapi.ispyb.subjects.legacy.movie_counts import Counts, listed, movie_counts
from objapi.ispyb.values.errors import Fault, Invalid
from objapi.ispyb.values.types import INT
from objapi.ispyb.wire.call import Call
from objapi.ispyb.wire.lists import Rows
from objapi.ispyb.wire.routes import BEARER, Door, Group, RouteAccess
from objapi.profiles.ispyb.tables import (
    CTF,
    BLSession,
    DataCollection,
    DataCollectionGroup,
    MotionCorrection,
    Movie,
    ParticleClassification,
    ParticleClassificationGroup,
    ParticlePicker,
)

header_group: Final = Group("EM - legacy with header token", switch="enable_legacy_routes")
path_group: Final = Group("Legacy with token in path", switch="enable_legacy_routes")

_BY_PATH: Final = RouteAccess(Door.PATH)
_BY_QUERY: Final = RouteAccess(Door.QUERY)

_MOVIES: Final = (
    Movie.join(DataCollection, DataCollection.c.dataCollectionId == Movie.c.dataCollectionId)
    .join(DataCollectionGroup, DataCollectionGroup.c.dataCollectionGroupId == DataCollection.c.dataCollectionGroupId)
    .join(BLSession, BLSession.c.sessionId == DataCollectionGroup.c.sessionId)
    .outerjoin(MotionCorrection, MotionCorrection.c.movieId == Movie.c.movieId)
    .outerjoin(CTF, CTF.c.motionCorrectionId == MotionCorrection.c.motionCorrectionId)
)

_STATISTICS: Final = (
    Movie.c.movieId,
    Movie.c.movieNumber,
    Movie.c.createdTimeStamp,
    MotionCorrection.c.motionCorrectionId,
    DataCollection.c.dataCollectionId,
    MotionCorrection.c.totalMotion,
    MotionCorrection.c.averageMotionPerFrame,
    MotionCorrection.c.lastFrame,
    MotionCorrection.c.dosePerFrame,
    CTF.c.defocusU,
    CTF.c.defocusV,
    CTF.c.resolutionLimit,
    CTF.c.estimatedBfactor,
    CTF.c.angle,
)


@header_group.get("/legacy/em/proposal/{proposal_id}/datacollection/{datacollection_id:int}/movies", access=BEARER)
@path_group.get(
    "/legacy/{token}/proposal/{proposal_id}/em/datacollection/{datacollection_id:int}/movie/all", access=_BY_PATH
)
def list_movies(call: Call) -> Rows:
    """Movies of a data collection."""
    columns: list[sa.ColumnElement[Any]] = [
        call.services.database.column(column).label(f"{table.name}_{column.name}")
        for table in (Movie, MotionCorrection, CTF)
        for column in table.columns
    ]
    columns.append(DataCollection.c.xBeamPix.label("DataCollection_xBeamPix"))
    columns.append(BLSession.c.proposalId.label("Proposal_proposalId"))
    columns.append(BLSession.c.sessionId.label("BLSession_sessionId"))
    proposal_id = readable_proposal(call, call.path["proposal_id"])
    asked = (DataCollection.c.dataCollectionId == call.path["datacollection_id"], BLSession.c.proposalId == proposal_id)
    return call.rows(_ordered(sa.select(*columns).select_from(_MOVIES).where(*asked)))


@header_group.get("/legacy/em/session/{session_id}/stats", access=BEARER)
@path_group.get("/legacy/{token}/proposal/{proposal}/em/session/{session_id}/stats", access=_BY_PATH)
def list_movie_statistics(call: Call) -> Rows:
    """Statistics of the movies of a session."""
    columns = [call.services.database.column(column) for column in _STATISTICS]
    statement = sa.select(
        BLSession.c.proposalId, BLSession.c.sessionId, DataCollection.c.imageDirectory, *columns
    ).select_from(_MOVIES)
    session_id = readable_session(call, call.path["session_id"])
    return call.rows(_ordered(statement.where(BLSession.c.sessionId == session_id)))


@header_group.get("/legacy/em/proposal/{proposal_id}/data_collections/{data_collections_ids:ids}/stats", access=BEARER)
@path_group.get("/legacy/proposal/{proposal_id}/data_collections/{data_collections_ids:ids}/stats", access=_BY_QUERY)
def count_movies_of_collections(call: Call) -> Counts:
    """Numbers of movies, motion corrections and CTFs of data collections."""
    proposal_id = readable_proposal(call, call.path["proposal_id"])
    asked = among(DataCollection.c.dataCollectionId, _ids(call.path["data_collections_ids"]))
    return listed(movie_counts(call, asked, BLSession.c.proposalId == proposal_id))


@header_group.get(
    "/legacy/em/proposal/{proposal_id}/data_collections_group/{data_collections_group_id:int}/stats", access=BEARER
)
@path_group.get(
    "/legacy/proposal/{proposal_id}/data_collections_group/{data_collections_group_id:int}/stats", access=_BY_QUERY
)
def count_movies_of_group(call: Call) -> Counts:
    """Numbers of movies, motion corrections and CTFs of the data collections of a group."""
    proposal_id = readable_proposal(call, call.path["proposal_id"])
    asked = DataCollection.c.dataCollectionGroupId == call.path["data_collections_group_id"]
    return listed(movie_counts(call, asked, BLSession.c.proposalId == proposal_id))


@header_group.get("/legacy/em/session/{session_id}/classification", access=BEARER)
@path_group.get("/legacy/{token}/proposal/{proposal_id}/em/session/{session_id}/classification", access=_BY_PATH)
def list_classes(call: Call) -> Rows:
    """Classes of particles that were found in a session."""
    session_id, database = readable_session(call, call.path["session_id"]), call.services.database
    picker, classes = ParticlePicker.c, ParticleClassification.c
    groups = ParticleClassificationGroup.c
    links = (picker.firstMotionCorrectionId, groups.particlePickerId, classes.particleClassificationGroupId)
    if not all(database.has(link) for link in links):
        return []
    shown = [column for column in ParticleClassification.columns if column.name != "particleClassificationGroupId"]
    statement = (
        sa.select(
            BLSession.c.proposalId,
            BLSession.c.sessionId,
            DataCollection.c.imageDirectory,
            *database.columns(ParticlePicker),
            groups.particleClassificationGroupId,
            *(database.column(column) for column in shown),
        )
        .select_from(_MOVIES)
        .join(ParticlePicker, picker.firstMotionCorrectionId == MotionCorrection.c.motionCorrectionId)
        .join(ParticleClassificationGroup, groups.particlePickerId == picker.particlePickerId)
        .join(ParticleClassification, classes.particleClassificationGroupId == groups.particleClassificationGroupId)
        .where(BLSession.c.sessionId == session_id)
        .distinct()
    )
    return call.rows(statement.order_by(classes.particleClassificationId))


def _ordered(statement: sa.Select[Any]) -> sa.Select[Any]:
    return statement.order_by(Movie.c.movieId, MotionCorrection.c.motionCorrectionId, CTF.c.CTFid)


def _ids(text: str) -> Iterable[int]:
    """Ids that are joined by commas; raises Invalid when one is not an integer."""
    try:
        return [INT.read(part) for part in text.split(",")]
    except Fault as fault:
        raise Invalid([fault.at(("path", "data_collections_ids"))]) from None

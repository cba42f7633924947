"""Pictures of electron microscopy movies, through the legacy routes: with the token in the header or in the path."""

from collections.abc import Callable
from typing import Any, Final

import sqlalchemy as sa

from objapi.ispyb.files.sending import sending
from objapi.ispyb.subjects.legacy.access import readable_proposal
from objapi.ispyb.values.errors import ResourceNotFound
from objapi.ispyb.wire.call import Call
from objapi.ispyb.wire.response import Later
from objapi.ispyb.wire.routes import BEARER, Door, Group, RouteAccess
from objapi.profiles.ispyb.tables import CTF, BLSession, DataCollection, DataCollectionGroup, MotionCorrection, Movie

header_group: Final = Group("EM - legacy with header token", switch="enable_legacy_routes")
path_group: Final = Group("Legacy with token in path", switch="enable_legacy_routes")

MISSING: Final = "Sample not found"

_PICTURES: Final[tuple[tuple[str, str, str, sa.Column[str]], ...]] = (
    ("thumbnail", "thumbnail", "Picture of a movie.", Movie.c.micrographSnapshotFullPath),
    (
        "thumbnail/motioncorrection",
        "motioncorrection/thumbnail",
        "Picture of a movie after the correction of its motion.",
        MotionCorrection.c.micrographSnapshotFullPath,
    ),
    (
        "thumbnail/ctf",
        "ctf/thumbnail",
        "Picture of a movie's contrast transfer function.",
        CTF.c.spectraImageThumbnailFullPath,
    ),
    (
        "plot/motioncorrectiondrift",
        "motioncorrection/drift",
        "Plot of a movie's drift.",
        MotionCorrection.c.driftPlotFullPath,
    ),
)


def _declare(by_header: str, by_path: str, summary: str, column: sa.Column[str]) -> None:
    handler = _handler(summary, column)
    header_group.get(f"/legacy/em/proposal/{{proposal_id}}/movie/{{movie_id:int}}/{by_header}", access=BEARER)(handler)
    movie = "/legacy/{token}/proposal/{proposal_id}/em/datacollection/{datacollection_id:int}/movie/{movie_id:int}"
    path_group.get(f"{movie}/{by_path}", access=RouteAccess(Door.PATH))(handler)


def _handler(summary: str, column: sa.Column[str]) -> Callable[[Call], Later]:
    def send_picture(call: Call) -> Later:
        return _send(call, column)

    send_picture.__doc__ = summary
    return send_picture


def _send(call: Call, column: sa.Column[str]) -> Later:
    """Send the picture that a column names, of a movie of the proposal that has been corrected and estimated."""
    proposal_id = readable_proposal(call, call.path["proposal_id"])
    row = call.first(_pictures(column).where(_is_asked_for(call), BLSession.c.proposalId == proposal_id))
    if row is None:
        raise ResourceNotFound(MISSING)
    return sending(call.services.settings, row["path"], missing=MISSING)


def _pictures(column: sa.Column[str]) -> sa.Select[Any]:
    return (
        sa.select(column.label("path"))
        .select_from(Movie)
        .join(MotionCorrection, MotionCorrection.c.movieId == Movie.c.movieId)
        .join(CTF, CTF.c.motionCorrectionId == MotionCorrection.c.motionCorrectionId)
        .join(DataCollection, DataCollection.c.dataCollectionId == Movie.c.dataCollectionId)
        .join(
            DataCollectionGroup,
            DataCollectionGroup.c.dataCollectionGroupId == DataCollection.c.dataCollectionGroupId,
        )
        .join(BLSession, BLSession.c.sessionId == DataCollectionGroup.c.sessionId)
        .order_by(MotionCorrection.c.motionCorrectionId, CTF.c.CTFid)
    )


def _is_asked_for(call: Call) -> sa.ColumnElement[bool]:
    is_movie: sa.ColumnElement[bool] = Movie.c.movieId == call.path["movie_id"]
    if "datacollection_id" in call.path:
        return sa.and_(is_movie, Movie.c.dataCollectionId == call.path["datacollection_id"])
    return is_movie


for _picture in _PICTURES:
    _declare(*_picture)

"""Numbers of movies of data collections, by how far these were processed."""

from typing import Any, Final

import sqlalchemy as sa

from objapi.ispyb.wire.call import Call
from objapi.profiles.ispyb.tables import CTF, BLSession, DataCollection, DataCollectionGroup, MotionCorrection, Movie

_COUNTED: Final = ("dataCollectionId", "movieCount", "motionCorrectionCount", "ctfCorrectionCount")

Counts = list[dict[str, Any]]


def movie_counts(call: Call, *conditions: sa.ColumnElement[bool]) -> dict[int, Counts]:
    """Counts of the data collections that fulfil conditions on them, their groups or sessions, by their groups."""
    counts: dict[int, Counts] = {}
    for row in call.rows(_counted(*conditions)):
        counts.setdefault(row["dataCollectionGroupId"], []).append({name: row[name] for name in _COUNTED})
    return counts


def listed(counts: dict[int, Counts]) -> Counts:
    """Counts of all groups as one list, by the keys of the data collections."""
    return sorted(
        (entry for entries in counts.values() for entry in entries), key=lambda entry: entry["dataCollectionId"]
    )


def _counted(*conditions: sa.ColumnElement[bool]) -> sa.Select[Any]:
    groups = DataCollectionGroup.c
    return (
        sa.select(
            DataCollection.c.dataCollectionId,
            DataCollection.c.dataCollectionGroupId,
            sa.func.count(sa.distinct(Movie.c.movieId)).label("movieCount"),
            sa.func.count(sa.distinct(MotionCorrection.c.motionCorrectionId)).label("motionCorrectionCount"),
            sa.func.count(sa.distinct(CTF.c.CTFid)).label("ctfCorrectionCount"),
        )
        .select_from(DataCollection)
        .join(DataCollectionGroup, groups.dataCollectionGroupId == DataCollection.c.dataCollectionGroupId)
        .join(BLSession, BLSession.c.sessionId == groups.sessionId)
        .outerjoin(Movie, Movie.c.dataCollectionId == DataCollection.c.dataCollectionId)
        .outerjoin(MotionCorrection, MotionCorrection.c.movieId == Movie.c.movieId)
        .outerjoin(CTF, CTF.c.motionCorrectionId == MotionCorrection.c.motionCorrectionId)
        .where(*conditions)
        .group_by(DataCollection.c.dataCollectionId, DataCollection.c.dataCollectionGroupId)
        .order_by(DataCollection.c.dataCollectionId)
    )

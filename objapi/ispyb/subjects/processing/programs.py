"""Processing programs that worked on a data collection: those that integrated it, and those of jobs for it.

A row of AutoProcProgram does not say by itself what it worked on in a way that all flavours of the database share.
Databases without processing jobs know the first of the two ways only.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from catalog.dialect import among
from objapi.ispyb.database import Database
from objapi.ispyb.wire.call import Call
from objapi.profiles.ispyb.tables import (
    AutoProcIntegration,
    AutoProcProgram,
    BLSession,
    DataCollection,
    DataCollectionGroup,
    ProcessingJob,
)

SUCCEEDED: Final = ("1", "SUCCESS")
"""The values of processingStatus that mean success, in the two flavours of the database."""

_STATUSES: Final = {"1": 1, "success": 1, "0": 0, "failed": 0, "2": 2}


@dataclass(frozen=True, slots=True)
class Way:
    """One way in which programs belong to data collections: joined tables, and the key of the data collection."""

    tables: sa.FromClause
    collection_id: sa.ColumnElement[int]


BY_INTEGRATION: Final = Way(
    AutoProcIntegration.join(
        AutoProcProgram, AutoProcProgram.c.autoProcProgramId == AutoProcIntegration.c.autoProcProgramId
    ),
    AutoProcIntegration.c.dataCollectionId,
)
BY_JOB: Final = Way(
    ProcessingJob.join(AutoProcProgram, AutoProcProgram.c.processingJobId == ProcessingJob.c.processingJobId),
    ProcessingJob.c.dataCollectionId,
)


def status_of(value: Any) -> int | None:
    """A stored processing status as it is answered: 1 success, 0 failed, 2 did not run, None running."""
    return _STATUSES.get(str(value).lower())


def has_jobs(database: Database) -> bool:
    """Check whether the database has processing jobs."""
    return database.has(ProcessingJob) and database.has(AutoProcProgram.c.processingJobId)


def is_integration() -> sa.ColumnElement[bool]:
    """The condition that a program of the statement integrated a data collection."""
    integration = AutoProcIntegration.alias()
    return sa.exists().where(integration.c.autoProcProgramId == AutoProcProgram.c.autoProcProgramId)


def ways(database: Database) -> Iterator[Way]:
    """The ways that a database knows."""
    yield BY_INTEGRATION
    if has_jobs(database):
        yield BY_JOB


def in_jobs_of(call: Call, collections: Iterable[int]) -> sa.ColumnElement[bool]:
    """The condition that a program of the statement belongs to one of the jobs for data collections.

    The jobs are looked up first. Most programs may have none, and a database that knows this may rather read all
    programs than join them with the jobs by their key.
    """
    of_collections = sa.select(ProcessingJob.c.processingJobId).where(
        among(ProcessingJob.c.dataCollectionId, collections)
    )
    return among(AutoProcProgram.c.processingJobId, call.connection.execute(of_collections).scalars())


def visible_of(way: Way) -> sa.FromClause:
    """The tables of a way joined with the data collection, its group and its session."""
    return (
        way.tables.join(DataCollection, DataCollection.c.dataCollectionId == way.collection_id)
        .join(
            DataCollectionGroup, DataCollectionGroup.c.dataCollectionGroupId == DataCollection.c.dataCollectionGroupId
        )
        .join(BLSession, BLSession.c.sessionId == DataCollectionGroup.c.sessionId)
    )


def tied_programs(call: Call, *conditions: sa.ColumnElement[bool]) -> sa.Subquery:
    """The keys of the programs that worked on visible data collections, those with the conditions, each once."""
    found = (
        sa.select(AutoProcProgram.c.autoProcProgramId)
        .select_from(visible_of(way))
        .where(call.visible(DataCollection, DataCollectionGroup, BLSession), *conditions)
        for way in ways(call.services.database)
    )
    return sa.union(*found).subquery("tied")

"""Results of processing programs: of jobs, and of the automatic integration of data collections."""

from typing import Any, Final

import sqlalchemy as sa

from objapi.ispyb.subjects.processing.integration_answers import integrations_of
from objapi.ispyb.subjects.processing.program_answers import all_messages, message, program_columns, programs
from objapi.ispyb.subjects.processing.programs import (
    BY_INTEGRATION,
    BY_JOB,
    has_jobs,
    in_jobs_of,
    is_integration,
    tied_programs,
    visible_of,
)
from objapi.ispyb.subjects.processing.schemas import AutoProcProgram as ProgramAnswer
from objapi.ispyb.subjects.processing.schemas import AutoProcProgramIntegration
from objapi.ispyb.subjects.processing.schemas import AutoProcProgramMessage as MessageAnswer
from objapi.ispyb.values.schema import optional
from objapi.ispyb.values.types import INT
from objapi.ispyb.wire.call import Call, Page
from objapi.ispyb.wire.lists import among
from objapi.ispyb.wire.response import Paged
from objapi.ispyb.wire.routes import BEARER, Group
from objapi.profiles.ispyb.tables import AutoProcProgram, AutoProcProgramMessage, DataCollection, ProcessingJob

group: Final = Group("Processing Status and Results")

_OF_COLLECTION: Final = {"dataCollectionId": optional(INT)}
_OF_MESSAGE: Final = {"autoProcProgramMessageId": optional(INT), **_OF_COLLECTION}


@group.get("/processings", access=BEARER, query=_OF_COLLECTION, answer=Paged(ProgramAnswer))
def list_processings(call: Call) -> Page:
    """Results of processing jobs that are not auto-integrations."""
    if not has_jobs(call.services.database):
        return call.paged([], 0)
    statement = (
        sa.select(*program_columns(call))
        .select_from(visible_of(BY_JOB))
        .where(~is_integration(), call.sight.of_session(), *_of_collection(call))
        .order_by(AutoProcProgram.c.autoProcProgramId)
    )
    if call.query["dataCollectionId"] is not None:
        statement = statement.where(in_jobs_of(call, [call.query["dataCollectionId"]]))
    rows, total = call.page(statement)
    return call.paged(programs(call, rows), total)


@group.get(
    "/processings/auto-integrations", access=BEARER, query=_OF_COLLECTION, answer=Paged(AutoProcProgramIntegration)
)
def list_integrations(call: Call) -> Page:
    """Auto-integration results with scaling statistics."""
    conditions = (call.sight.of_session(), *_of_collection(call))
    found = (
        sa.select(AutoProcProgram.c.autoProcProgramId)
        .distinct()
        .select_from(visible_of(BY_INTEGRATION))
        .where(*conditions)
        .subquery("found")
    )
    tables: sa.FromClause = AutoProcProgram.join(
        found, found.c.autoProcProgramId == AutoProcProgram.c.autoProcProgramId
    )
    if has_jobs(call.services.database):
        tables = tables.outerjoin(ProcessingJob, ProcessingJob.c.processingJobId == AutoProcProgram.c.processingJobId)
    statement = sa.select(*program_columns(call)).select_from(tables)
    rows, total = call.page(statement.order_by(AutoProcProgram.c.autoProcProgramId))
    below = integrations_of(call, [row["autoProcProgramId"] for row in rows], *conditions)
    answers = programs(call, rows)
    return call.paged(
        [{**answer, "AutoProcIntegration": below[answer["autoProcProgramId"]]} for answer in answers], total
    )


@group.get("/processings/messages", access=BEARER, query=_OF_MESSAGE, answer=Paged(MessageAnswer))
def list_messages(call: Call) -> Page:
    """Messages of processing programs."""
    if not call.services.database.has(AutoProcProgramMessage):
        return call.paged([], 0)
    tied, key = tied_programs(call, *_of_collection(call)), call.query["autoProcProgramMessageId"]
    statement = all_messages()
    if call.query["dataCollectionId"] is None:
        statement = statement.join(tied, tied.c.autoProcProgramId == AutoProcProgramMessage.c.autoProcProgramId)
    else:
        # A few ids lead to the messages by a key, which a join with them may not.
        programs_tied = call.connection.execute(sa.select(tied)).scalars()
        statement = statement.where(among(AutoProcProgramMessage.c.autoProcProgramId, programs_tied))
    if key is not None:
        statement = statement.where(AutoProcProgramMessage.c.autoProcProgramMessageId == key)
    rows, total = call.page(statement)
    return call.paged([message(row) for row in rows], total)


def _of_collection(call: Call) -> list[sa.ColumnElement[bool]]:
    key: Any = call.query["dataCollectionId"]
    return [] if key is None else [DataCollection.c.dataCollectionId == key]

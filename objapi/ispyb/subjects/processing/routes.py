"""Results of processing programs: of jobs, and of the automatic integration of data collections."""

from collections.abc import Sequence
from typing import Any, Final

import sqlalchemy as sa

from catalog.dialect import among
from objapi.ispyb.subjects.processing.programs import (
    BY_INTEGRATION,
    BY_JOB,
    has_jobs,
    in_jobs_of,
    is_integration,
    status_of,
    tied_programs,
    visible_of,
)
from objapi.ispyb.subjects.processing.schemas import AutoProcProgram as ProgramAnswer
from objapi.ispyb.subjects.processing.schemas import AutoProcProgramIntegration
from objapi.ispyb.subjects.processing.schemas import AutoProcProgramMessage as MessageAnswer
from objapi.ispyb.values.schema import optional
from objapi.ispyb.values.types import INT
from objapi.ispyb.wire.call import Call, Page
from objapi.ispyb.wire.lists import Answers, Rows, grouped
from objapi.ispyb.wire.response import Paged
from objapi.ispyb.wire.routes import BEARER, Group
from objapi.profiles.ispyb.tables import (
    AutoProc,
    AutoProcIntegration,
    AutoProcProgram,
    AutoProcProgramAttachment,
    AutoProcProgramMessage,
    AutoProcScaling,
    AutoProcScaling_has_Int,
    AutoProcScalingStatistics,
    BLSession,
    DataCollection,
    DataCollectionGroup,
    ProcessingJob,
    ProcessingJobImageSweep,
    ProcessingJobParameter,
)

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
        .where(~is_integration(), call.visible(DataCollection, DataCollectionGroup, BLSession), *_of_collection(call))
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
    conditions = (call.visible(DataCollection, DataCollectionGroup, BLSession), *_of_collection(call))
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


_PROGRAM: Final = (
    "autoProcProgramId",
    "processingCommandLine",
    "processingPrograms",
    "processingStatus",
    "processingMessage",
    "processingStartTime",
    "processingEndTime",
    "processingEnvironment",
    "recordTimeStamp",
)
_JOB: Final = ("processingJobId", "displayName", "comments", "recordTimestamp", "recipe", "automatic")


def program_columns(call: Call) -> list[sa.ColumnElement[Any]]:
    """The columns that `programs` needs, of AutoProcProgram and, where there are jobs, of ProcessingJob."""
    columns: list[sa.ColumnElement[Any]] = [AutoProcProgram.c[name] for name in _PROGRAM]
    if has_jobs(call.services.database):
        return [*columns, *(ProcessingJob.c[name].label(f"Job_{name}") for name in _JOB)]
    return [*columns, *(sa.null().label(f"Job_{name}") for name in _JOB)]


def programs(call: Call, rows: Sequence[sa.RowMapping]) -> Answers:
    """The programs of rows with the columns of `program_columns`, and what hangs on them."""
    ids = [row["autoProcProgramId"] for row in rows]
    jobs = [row["Job_processingJobId"] for row in rows if row["Job_processingJobId"] is not None]
    attachment, database = AutoProcProgramAttachment.c, call.services.database
    attached = sa.select().select_from(AutoProcProgramAttachment).where(among(attachment.autoProcProgramId, ids))
    attachments = call.counts(attachment.autoProcProgramId, attached)
    messages: dict[int, Answers] = {}
    if database.has(AutoProcProgramMessage):
        of_programs = all_messages().where(among(AutoProcProgramMessage.c.autoProcProgramId, ids))
        found = grouped(call, of_programs, "autoProcProgramId")
        messages = {key: [message(row) for row in rows_of_program] for key, rows_of_program in found.items()}
    sweeps = _sweeps(call, jobs)
    parameters = _parameters(call, jobs)
    return [
        {
            **row,
            "processingStatus": status_of(row["processingStatus"]),
            "ProcessingJob": _job(row, parameters),
            "_metadata": {
                "attachments": attachments.get(row["autoProcProgramId"], 0),
                "autoProcProgramMessages": messages.get(row["autoProcProgramId"], []),
                "imageSweepCount": None if sweeps is None else sweeps.get(row["Job_processingJobId"], 0),
            },
        }
        for row in rows
    ]


def all_messages() -> sa.Select[Any]:
    """Messages in the order in which they came."""
    return sa.select(AutoProcProgramMessage).order_by(AutoProcProgramMessage.c.autoProcProgramMessageId)


def message(row: sa.RowMapping) -> dict[str, Any]:
    """A message as it is answered."""
    return {**row, "message": row["message"] or "", "description": row["description"] or ""}


def _sweeps(call: Call, jobs: Sequence[int]) -> dict[int, int] | None:
    """The number of image sweeps of each job; None where the database has no such table."""
    sweep = ProcessingJobImageSweep
    if not call.services.database.has(sweep):
        return None
    of_jobs = sa.select().select_from(sweep).where(among(sweep.c.processingJobId, jobs))
    return call.counts(sweep.c.processingJobId, of_jobs)


def _parameters(call: Call, jobs: Sequence[int]) -> dict[Any, list[sa.RowMapping]]:
    parameter = ProcessingJobParameter
    if not call.services.database.has(parameter):
        return {}
    of_jobs = sa.select(parameter).where(among(parameter.c.processingJobId, jobs))
    return grouped(call, of_jobs.order_by(parameter.c.processingJobParameterId), "processingJobId")


def _job(row: sa.RowMapping, parameters: dict[Any, list[sa.RowMapping]]) -> dict[str, Any] | None:
    key = row["Job_processingJobId"]
    if key is None:
        return None
    job = {name: row[f"Job_{name}"] for name in _JOB}
    return {**job, "automatic": bool(job["automatic"]), "ProcessingJobParameters": parameters.get(key, [])}


def integrations_of(call: Call, ids: Sequence[int], *conditions: sa.ColumnElement[bool]) -> dict[int, Answers]:
    """The integrations of programs by their keys, of the data collections that fulfil the conditions."""
    integration = AutoProcIntegration.c
    statement = (
        sa.select(
            integration.autoProcIntegrationId,
            integration.autoProcProgramId,
            integration.refinedXBeam,
            integration.refinedYBeam,
            DataCollection.c.xBeam,
            DataCollection.c.yBeam,
        )
        .select_from(visible_of(BY_INTEGRATION))
        .where(among(integration.autoProcProgramId, ids), *conditions)
        .order_by(integration.autoProcIntegrationId)
    )
    rows = call.rows(statement)
    scalings = _scalings(call, [row["autoProcIntegrationId"] for row in rows])
    answers: dict[int, Answers] = {key: [] for key in ids}
    for row in rows:
        answers[row["autoProcProgramId"]].append(
            {**row, "DataCollection": row, "AutoProcScalingHasInt": scalings.get(row["autoProcIntegrationId"], [])}
        )
    return answers


def _scalings(call: Call, ids: Sequence[int]) -> dict[int, Answers]:
    """The scalings of integrations by their keys."""
    link, scaling = AutoProcScaling_has_Int.c, AutoProcScaling.c
    statement = (
        sa.select(link.autoProcIntegrationId, scaling.autoProcScalingId, *AutoProc.columns)
        .join_from(AutoProcScaling_has_Int, AutoProcScaling, scaling.autoProcScalingId == link.autoProcScalingId)
        .outerjoin(AutoProc, AutoProc.c.autoProcId == scaling.autoProcId)
        .where(among(link.autoProcIntegrationId, ids))
        .order_by(link.autoProcScaling_has_IntId)
    )
    rows = call.rows(statement)
    statistics = _statistics(call, [row["autoProcScalingId"] for row in rows])
    answers: dict[int, Answers] = {}
    for row in rows:
        found = row if row["autoProcId"] is not None else None
        below = {"AutoProc": found, "AutoProcScalingStatistics": statistics[row["autoProcScalingId"]]}
        answers.setdefault(row["autoProcIntegrationId"], []).append({"AutoProcScaling": below})
    return answers


def _statistics(call: Call, ids: Sequence[int]) -> dict[int, Rows]:
    """The statistics of scalings by their keys; the anomalous correlation has two names in the flavours."""
    table, database = AutoProcScalingStatistics, call.services.database
    correlation = sa.func.coalesce(database.column(table.c.ccAnomalous), table.c.ccAno).label("ccAnomalous")
    columns = [database.column(column) for column in table.columns if column.name not in ("ccAno", "ccAnomalous")]
    statement = sa.select(*columns, correlation).where(among(table.c.autoProcScalingId, ids))
    return grouped(call, statement.order_by(table.c.autoProcScalingStatisticsId), "autoProcScalingId")

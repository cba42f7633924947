"""Processing programs as they are answered, with their jobs, messages and numbers of files."""

from collections.abc import Sequence
from typing import Any, Final

import sqlalchemy as sa

from objapi.ispyb.subjects.processing.programs import has_jobs, status_of
from objapi.ispyb.wire.call import Call
from objapi.ispyb.wire.lists import among, grouped
from objapi.profiles.ispyb.tables import (
    AutoProcProgram,
    AutoProcProgramAttachment,
    AutoProcProgramMessage,
    ProcessingJob,
    ProcessingJobImageSweep,
    ProcessingJobParameter,
)

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

Answers = list[dict[str, Any]]


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
        told = grouped(call, of_programs, "autoProcProgramId")
        messages = {key: [message(row) for row in found] for key, found in told.items()}
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

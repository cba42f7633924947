"""Steps of workflows and the files that they leave."""

from typing import Any, Final

import sqlalchemy as sa

from objapi.ispyb.files.presence import present
from objapi.ispyb.files.sending import sending
from objapi.ispyb.subjects.events.schemas import WorkflowStep as WorkflowStepAnswer
from objapi.ispyb.values.errors import ResourceNotFound
from objapi.ispyb.values.schema import optional, required
from objapi.ispyb.values.types import INT, enum
from objapi.ispyb.wire.call import Call, Page
from objapi.ispyb.wire.response import Later, Paged
from objapi.ispyb.wire.routes import BEARER, Group
from objapi.profiles.ispyb.tables import BLSession, DataCollectionGroup, WorkflowStep

group: Final = Group("Data Collections")

MISSING: Final = "Workflow step attachment not found"

_FILES: Final = ("imageResultFilePath", "resultFilePath", "htmlResultFilePath")
_SENT: Final = enum("WorkflowStepAttachmentType", "imageResultFilePath", "resultFilePath")
_FILTERS: Final = {"workflowId": optional(INT), "workflowStepId": optional(INT)}


@group.get("/datacollections/workflows/steps", access=BEARER, query=_FILTERS, answer=Paged(WorkflowStepAnswer))
def list_steps(call: Call) -> Later:
    """Workflow steps, and which of their files there are."""
    statement = call.filtered(_visible(call), *(WorkflowStep.c[name] for name in _FILTERS))
    rows, total = call.page(statement.order_by(WorkflowStep.c.workflowStepId))

    def work() -> Page:
        there = present(call.services.settings, (row[name] for row in rows for name in _FILES))
        return call.paged(
            [{**row, "_metadata": {"attachments": {name: row[name] in there for name in _FILES}}} for row in rows],
            total,
        )

    return Later(work)


@group.get(
    "/datacollections/workflows/steps/{workflowStepId:int}",
    access=BEARER,
    query={"attachmentType": required(_SENT)},
)
def send_step_file(call: Call) -> Later:
    """File of a workflow step."""
    row = call.first(_visible(call).where(WorkflowStep.c.workflowStepId == call.path["workflowStepId"]))
    if row is None:
        raise ResourceNotFound(MISSING)
    path = row[call.query["attachmentType"]]
    name = path.rpartition("/")[2] if path else None
    return sending(call.services.settings, path, missing=MISSING, save_as=name)


def _visible(call: Call) -> sa.Select[Any]:
    """Steps of workflows that ran in a visible session."""
    groups = DataCollectionGroup.alias()
    in_sight = (
        sa.exists()
        .where(groups.c.workflowId == WorkflowStep.c.workflowId, groups.c.sessionId == BLSession.c.sessionId)
        .where(call.sight.of_session())
    )
    return sa.select(WorkflowStep).where(in_sight)

"""Files that processing programs leave."""

from typing import Any, Final

import sqlalchemy as sa

from objapi.ispyb import API_ROOT
from objapi.ispyb.files.sending import sending
from objapi.ispyb.files.templates import joined
from objapi.ispyb.subjects.processing.schemas import AutoProcProgramAttachment as AttachmentAnswer
from objapi.ispyb.values.errors import ResourceNotFound
from objapi.ispyb.values.schema import optional
from objapi.ispyb.values.types import INT
from objapi.ispyb.wire.call import Call, Page
from objapi.ispyb.wire.response import Later, Paged
from objapi.ispyb.wire.routes import BEARER, Group
from objapi.profiles.ispyb.tables import (
    AutoProcProgram,
    AutoProcProgramAttachment,
)

group: Final = Group("Processing Status and Results")

MISSING: Final = "Autoproc program attachment not found"
_FILTERS: Final = {"autoProcProgramId": optional(INT), "autoProcProgramAttachmentId": optional(INT)}


@group.get("/processings/attachments", access=BEARER, query=_FILTERS, answer=Paged(AttachmentAnswer))
def list_processing_attachments(call: Call) -> Page:
    """Files of processing programs."""
    statement = call.filtered(visible_attachments(call), *(AutoProcProgramAttachment.c[name] for name in _FILTERS))
    rows, total = call.page(statement.order_by(AutoProcProgramAttachment.c.autoProcProgramAttachmentId))
    return call.paged([_answer(row) for row in rows], total)


@group.get("/processings/attachments/{autoProcProgramAttachmentId:int}", access=BEARER)
def send_processing_attachment(call: Call) -> Later:
    """File of a processing program.

    Raises ResourceNotFound.
    """
    key = call.path["autoProcProgramAttachmentId"]
    row = call.first(visible_attachments(call).where(AutoProcProgramAttachment.c.autoProcProgramAttachmentId == key))
    if row is None:
        raise ResourceNotFound(MISSING)
    return sending(
        call.services.settings, joined(row["filePath"], row["fileName"]), missing=MISSING, save_as=row["fileName"]
    )


def visible_attachments(call: Call) -> sa.Select[Any]:
    """Attachments of programs that worked on a data collection of a visible session."""
    table = AutoProcProgramAttachment
    statement = (
        sa.select(*call.services.database.columns(table))
        .select_from(table)
        .join(AutoProcProgram, AutoProcProgram.c.autoProcProgramId == table.c.autoProcProgramId)
    )
    return statement.where(call.visible(AutoProcProgramAttachment, AutoProcProgram))


def _answer(row: sa.RowMapping) -> dict[str, Any]:
    url = f"{API_ROOT}/processings/attachments/{row['autoProcProgramAttachmentId']}"
    return {**row, "fileName": row["fileName"] or "", "fileType": row["fileType"] or "", "_metadata": {"url": url}}

"""Data collections: pictures, attachments, analysis of their images, and steps of workflows with their files."""

from typing import Any, Final

import sqlalchemy as sa

from objapi.ispyb import API_ROOT
from objapi.ispyb.files.presence import present
from objapi.ispyb.files.sending import sending
from objapi.ispyb.subjects.events.schemas import DataCollectionFileAttachment as AttachmentAnswer
from objapi.ispyb.subjects.events.schemas import PerImageAnalysis
from objapi.ispyb.subjects.events.schemas import WorkflowStep as WorkflowStepAnswer
from objapi.ispyb.values.errors import ResourceNotFound
from objapi.ispyb.values.schema import optional, required
from objapi.ispyb.values.types import BOOL, INT, enum, integer
from objapi.ispyb.wire.call import Call, Page
from objapi.ispyb.wire.response import Later, Paged
from objapi.ispyb.wire.routes import BEARER, Group
from objapi.profiles.ispyb.tables import (
    BLSession,
    DataCollection,
    DataCollectionFileAttachment,
    DataCollectionGroup,
    Image,
    ImageQualityIndicators,
    WorkflowStep,
)

group: Final = Group("Data Collections")

NO_IMAGE: Final = "Image not found"
NO_ATTACHMENT: Final = "Data collection attachment not found"

_FILTERS: Final = {"dataCollectionId": optional(INT), "dataCollectionGroupId": optional(INT)}
_SNAPSHOT: Final = {"snapshot": optional(BOOL, False)}
_ANALYSES: Final = ("imageNumber", "totalIntegratedSignal", "goodBraggCandidates", "method2Res")


@group.get("/datacollections/images/diffraction/{dataCollectionId:int}", access=BEARER, query=_SNAPSHOT)
def send_diffraction_image(call: Call) -> Later:
    """First diffraction image as a picture, or its thumbnail."""
    column = Image.c.jpegThumbnailFileFullPath if call.query["snapshot"] else Image.c.jpegFileFullPath
    statement = _visible(call, column.label("path"), of=Image).where(Image.c.imageNumber == 1).order_by(Image.c.imageId)
    return sending(call.services.settings, _one(call, statement)["path"], missing=NO_IMAGE)


@group.get("/datacollections/images/quality/{dataCollectionId:int}", access=BEARER)
def send_quality_plot(call: Call) -> Later:
    """Plot of the analysis of each image."""
    statement = _visible(call, DataCollection.c.imageQualityIndicatorsPlotPath.label("path"))
    return sending(call.services.settings, _one(call, statement)["path"], missing=NO_IMAGE)


@group.get(
    "/datacollections/images/{dataCollectionId:int}",
    access=BEARER,
    query={"imageId": optional(integer(least=1, most=4), 1), **_SNAPSHOT},
)
def send_crystal_snapshot(call: Call) -> Later:
    """One of the four pictures of the crystal, or its thumbnail when there is one."""
    column = DataCollection.c[f"xtalSnapshotFullPath{call.query['imageId']}"]
    path = _one(call, _visible(call, column.label("path")))["path"]
    small = thumbnail_of(path) if path and call.query["snapshot"] else None
    return sending(call.services.settings, small, path, missing=NO_IMAGE)


@group.get("/datacollections/attachments", access=BEARER, query=_FILTERS, answer=Paged(AttachmentAnswer))
def list_attachments(call: Call) -> Page:
    """Files of data collections."""
    table = DataCollectionFileAttachment
    statement = _filtered(call, _visible(call, *table.columns, of=table))
    rows, total = call.page(statement.order_by(table.c.dataCollectionFileAttachmentId))
    return call.paged([_attachment(row) for row in rows], total)


@group.get("/datacollections/attachments/{dataCollectionFileAttachmentId:int}", access=BEARER)
def send_attachment(call: Call) -> Later:
    """File of a data collection.

    Raises ResourceNotFound.
    """
    table = DataCollectionFileAttachment
    key = call.path["dataCollectionFileAttachmentId"]
    statement = _visible(call, table.c.fileFullPath, of=table).where(table.c.dataCollectionFileAttachmentId == key)
    row = call.first(statement)
    if row is None:
        raise ResourceNotFound(NO_ATTACHMENT)
    path = row["fileFullPath"]
    return sending(call.services.settings, path, missing=NO_ATTACHMENT, save_as=_file_name(path))


@group.get("/datacollections/quality", access=BEARER, query=_FILTERS, answer=Paged(PerImageAnalysis))
def read_quality(call: Call) -> Page:
    """Analysis of each image, as parallel lists in one object; the total counts the images of this page."""
    table, query = ImageQualityIndicators, call.query
    statement = _filtered(call, _visible(call, *(table.c[name] for name in _ANALYSES), of=table))
    ordered = statement.order_by(table.c.dataCollectionId, table.c.imageNumber, table.c.imageQualityIndicatorsId)
    rows = call.rows(ordered.offset(query["skip"]).limit(query["limit"]))
    lists = {name: [row[name] for row in rows if row[name] is not None] if rows else None for name in _ANALYSES}
    return call.paged([{"dataCollectionId": query["dataCollectionId"], **lists}], len(rows))


def thumbnail_of(path: str) -> str:
    """Path of the thumbnail of a picture: beside it, with a `t` at the end of its name."""
    directory, slash, name = path.rpartition("/")
    stem, dot, ending = name.rpartition(".")
    return f"{directory}{slash}{stem}t.{ending}" if dot and stem else f"{path}t"


def _visible(call: Call, *columns: sa.ColumnElement[Any], of: sa.Table = DataCollection) -> sa.Select[Any]:
    """Columns of visible data collections, or of a table `of` things that belong to them."""
    statement = sa.select(*columns).select_from(DataCollection)
    if of is not DataCollection:
        statement = statement.join(of, of.c.dataCollectionId == DataCollection.c.dataCollectionId)
    groups = DataCollectionGroup.c
    return (
        statement.join(DataCollectionGroup, groups.dataCollectionGroupId == DataCollection.c.dataCollectionGroupId)
        .join(BLSession, BLSession.c.sessionId == groups.sessionId)
        .where(call.visible(DataCollection, DataCollectionGroup, BLSession))
    )


def _filtered(call: Call, statement: sa.Select[Any]) -> sa.Select[Any]:
    return call.filtered(statement, *(DataCollection.c[name] for name in _FILTERS))


def _one(call: Call, statement: sa.Select[Any]) -> sa.RowMapping:
    """The row of the data collection that the path names."""
    row = call.first(statement.where(DataCollection.c.dataCollectionId == call.path["dataCollectionId"]))
    if row is None:
        raise ResourceNotFound(NO_IMAGE)
    return row


def _attachment(row: sa.RowMapping) -> dict[str, Any]:
    key = row["dataCollectionFileAttachmentId"]
    url = f"{API_ROOT}/datacollections/attachments/{key}"
    name = _file_name(row["fileFullPath"])
    return {**row, "fileType": row["fileType"] or "", "_metadata": {"url": url, "fileName": name}}


def _file_name(path: str) -> str:
    return path.rpartition("/")[2]


NO_STEP_FILE: Final = "Workflow step attachment not found"

_STEP_FILES: Final = ("imageResultFilePath", "resultFilePath", "htmlResultFilePath")
_SENT: Final = enum("WorkflowStepAttachmentType", "imageResultFilePath", "resultFilePath")
_STEPS: Final = {"workflowId": optional(INT), "workflowStepId": optional(INT)}


@group.get("/datacollections/workflows/steps", access=BEARER, query=_STEPS, answer=Paged(WorkflowStepAnswer))
def list_steps(call: Call) -> Later:
    """Workflow steps, and which of their files there are."""
    statement = call.filtered(_visible_steps(call), *(WorkflowStep.c[name] for name in _STEPS))
    rows, total = call.page(statement.order_by(WorkflowStep.c.workflowStepId))

    def work() -> Page:
        there = present(call.services.settings, (row[name] for row in rows for name in _STEP_FILES))
        return call.paged(
            [{**row, "_metadata": {"attachments": {name: row[name] in there for name in _STEP_FILES}}} for row in rows],
            total,
        )

    return Later(work)


@group.get(
    "/datacollections/workflows/steps/{workflowStepId:int}",
    access=BEARER,
    query={"attachmentType": required(_SENT)},
)
def send_step_file(call: Call) -> Later:
    """File of a workflow step.

    Raises ResourceNotFound.
    """
    row = call.first(_visible_steps(call).where(WorkflowStep.c.workflowStepId == call.path["workflowStepId"]))
    if row is None:
        raise ResourceNotFound(NO_STEP_FILE)
    path = row[call.query["attachmentType"]]
    name = path.rpartition("/")[2] if path else None
    return sending(call.services.settings, path, missing=NO_STEP_FILE, save_as=name)


def _visible_steps(call: Call) -> sa.Select[Any]:
    """Steps of workflows that ran in a visible session."""
    return sa.select(WorkflowStep).where(call.visible(WorkflowStep))

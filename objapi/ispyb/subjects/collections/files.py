"""Paths of files with HDF5 data, for those who may see what they belong to."""

from typing import Final

import sqlalchemy as sa

from objapi.ispyb.files.templates import HDF5_ENDINGS, ending_of, joined
from objapi.ispyb.subjects.processing.files import visible_attachments
from objapi.ispyb.wire.call import Call
from objapi.profiles.ispyb.tables import (
    AutoProcProgramAttachment,
    BLSession,
    DataCollection,
    DataCollectionGroup,
    RobotAction,
)

_RESULT: Final = "Result"


def visible_collection(call: Call, key: int | None) -> sa.RowMapping | None:
    """Directory, template and number of images of a data collection that the caller sees."""
    if key is None:
        return None
    collection, groups = DataCollection.c, DataCollectionGroup.c
    statement = (
        sa.select(collection.imageDirectory, collection.fileTemplate, collection.numberOfImages)
        .join(DataCollectionGroup, groups.dataCollectionGroupId == collection.dataCollectionGroupId)
        .join(BLSession, BLSession.c.sessionId == groups.sessionId)
        .where(collection.dataCollectionId == key, call.visible(DataCollection, DataCollectionGroup, BLSession))
    )
    return call.first(statement)


def hdf5_path(call: Call) -> str | None:
    """The path of the HDF5 file of the first that the query names: data collection, attachment, robot action.

    As the database holds it; None when the caller does not see it, or when it has no such file.
    """
    query = call.query
    if query["dataCollectionId"] is not None:
        row = visible_collection(call, query["dataCollectionId"])
        return None if row is None else joined(row["imageDirectory"], row["fileTemplate"])
    if query["autoProcProgramAttachmentId"] is not None:
        return _attachment_path(call, query["autoProcProgramAttachmentId"])
    if query["robotActionId"] is not None:
        return _action_path(call, query["robotActionId"])
    return None


def _attachment_path(call: Call, key: int) -> str | None:
    """The path of a result; other files of a program are no HDF5 files."""
    row = call.first(visible_attachments(call).where(AutoProcProgramAttachment.c.autoProcProgramAttachmentId == key))
    if row is None or row["fileType"] != _RESULT or ending_of(row["fileName"] or "") not in HDF5_ENDINGS:
        return None
    return joined(row["filePath"], row["fileName"])


def _action_path(call: Call, key: int) -> str | None:
    path = call.services.database.column(RobotAction.c.resultFilePath)
    statement = (
        sa.select(path)
        .select_from(RobotAction)
        .join(BLSession, BLSession.c.sessionId == RobotAction.c.blsessionId)
        .where(RobotAction.c.robotActionId == key, call.visible(RobotAction, BLSession))
    )
    row = call.first(statement)
    return None if row is None else row["resultFilePath"]

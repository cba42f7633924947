"""Events of a session and what they carry: data collections, workflows, attachments, quality."""

from objapi.ispyb.values.schema import ListOf, MapOf, OneOf, Schema, optional, required
from objapi.ispyb.values.types import BOOL, INT, NUMBER, STAMP, TEXT

Workflow = Schema(
    "Workflow",
    {
        "workflowId": required(INT),
        "comments": optional(TEXT),
        "status": optional(TEXT),
        "workflowTitle": optional(TEXT),
        "workflowType": optional(TEXT),
    },
)

DataCollectionGroup = Schema(
    "DataCollectionGroup",
    {
        "dataCollectionGroupId": required(INT),
        "experimentType": optional(TEXT),
        "Workflow": optional(Workflow),
    },
)

GridInfo = Schema(
    "GridInfo",
    {
        "gridInfoId": required(INT),
        "xOffset": optional(NUMBER),
        "yOffset": optional(NUMBER),
        "dx_mm": optional(NUMBER),
        "dy_mm": optional(NUMBER),
        "steps_x": optional(NUMBER),
        "steps_y": optional(NUMBER),
        "meshAngle": optional(NUMBER),
        "orientation": optional(TEXT),
        "pixelsPerMicronX": optional(NUMBER),
        "pixelsPerMicronY": optional(NUMBER),
        "snapshot_offsetXPixel": optional(NUMBER),
        "snapshot_offsetYPixel": optional(NUMBER),
        "snaked": optional(BOOL),
    },
)

DataCollectionMetaData = Schema(
    "DataCollectionMetaData",
    {
        "snapshots": required(MapOf(BOOL)),
    },
)

DataCollection = Schema(
    "DataCollection",
    {
        "runStatus": optional(TEXT),
        "imageDirectory": optional(TEXT),
        "fileTemplate": optional(TEXT),
        "imageContainerSubPath": optional(TEXT),
        "numberOfImages": optional(INT),
        "numberOfPasses": optional(INT),
        "wavelength": optional(NUMBER),
        "exposureTime": optional(NUMBER),
        "flux": optional(NUMBER),
        "xBeam": optional(NUMBER),
        "yBeam": optional(NUMBER),
        "beamSizeAtSampleX": optional(NUMBER),
        "beamSizeAtSampleY": optional(NUMBER),
        "transmission": optional(NUMBER),
        "resolution": optional(NUMBER),
        "detectorDistance": optional(NUMBER),
        "axisStart": optional(NUMBER),
        "axisEnd": optional(NUMBER),
        "axisRange": optional(NUMBER),
        "rotationAxis": optional(TEXT),
        "overlap": optional(NUMBER),
        "phiStart": optional(NUMBER),
        "kappaStart": optional(NUMBER),
        "omegaStart": optional(NUMBER),
        "chiStart": optional(NUMBER),
        "xBeamPix": optional(NUMBER),
        "yBeamPix": optional(NUMBER),
        "magnification": optional(INT),
        "binning": optional(INT),
        "particleDiameter": optional(NUMBER),
        "defocusStepSize": optional(NUMBER),
        "amountAstigmatism": optional(NUMBER),
        "voltage": optional(NUMBER),
        "objAperture": optional(NUMBER),
        "dataCollectionId": required(INT),
        "DataCollectionGroup": required(DataCollectionGroup),
        "GridInfo": optional(ListOf(GridInfo)),
        "_metadata": required(DataCollectionMetaData),
    },
)

RobotAction = Schema(
    "RobotAction",
    {
        "actionType": required(TEXT),
        "status": optional(TEXT),
        "message": optional(TEXT),
    },
)

EnergyScan = Schema(
    "EnergyScan",
    {
        "energyScanId": required(INT),
    },
)

XFEFluorescenceSpectrum = Schema(
    "XFEFluorescenceSpectrum",
    {
        "xfeFluorescenceSpectrumId": required(INT),
    },
)

Event = Schema(
    "Event",
    {
        "id": required(INT),
        "type": required(TEXT),
        "startTime": optional(STAMP),
        "endTime": optional(STAMP),
        "duration": optional(NUMBER),
        "count": required(INT),
        "session": optional(TEXT),
        "sessionId": required(INT),
        "proposal": required(TEXT),
        "blSample": optional(TEXT),
        "blSampleId": optional(INT),
        "attachments": optional(INT),
        "Item": required(OneOf((DataCollection, RobotAction, XFEFluorescenceSpectrum, EnergyScan))),
    },
)

EventType = Schema(
    "EventType",
    {
        "eventTypeName": required(TEXT),
        "eventType": required(TEXT),
    },
)

DataCollectionFileAttachmentMetaData = Schema(
    "DataCollectionFileAttachmentMetaData",
    {
        "url": required(TEXT),
        "fileName": required(TEXT),
    },
)

DataCollectionFileAttachment = Schema(
    "DataCollectionFileAttachment",
    {
        "dataCollectionFileAttachmentId": required(INT),
        "dataCollectionId": required(INT),
        "fileType": required(TEXT),
        "_metadata": required(DataCollectionFileAttachmentMetaData),
    },
)

PerImageAnalysis = Schema(
    "PerImageAnalysis",
    {
        "dataCollectionId": optional(INT),
        "imageNumber": optional(ListOf(INT)),
        "totalIntegratedSignal": optional(ListOf(NUMBER)),
        "goodBraggCandidates": optional(ListOf(INT)),
        "method2Res": optional(ListOf(NUMBER)),
    },
)

WorkflowStepMetaData = Schema(
    "WorkflowStepMetaData",
    {
        "attachments": required(MapOf(BOOL)),
    },
)

WorkflowStep = Schema(
    "WorkflowStep",
    {
        "workflowId": required(INT),
        "workflowStepId": required(INT),
        "workflowStepType": optional(TEXT),
        "status": optional(TEXT),
        "comments": optional(TEXT),
        "_metadata": required(WorkflowStepMetaData),
    },
)

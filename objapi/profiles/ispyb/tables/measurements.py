"""Data collections and what else happens in a session: robot actions, scans, spectra, maps, faults, experiments."""

from catalog.dialect import long_bytes
from catalog.dialect.borrowed import enumerated, folded_text
from objapi.profiles.ispyb.tables.columns import FLOAT, INTEGER, NOW, STAMP, TINY, column, key, link, table

DataCollectionGroup = table(
    "DataCollectionGroup",
    key("dataCollectionGroupId"),
    link("blSampleId", "BLSample.blSampleId"),
    link("sessionId", "BLSession.sessionId", null=False),
    link("workflowId", "Workflow.workflowId", optional=True),
    column(
        "experimentType",
        enumerated(
            "EM",
            "SAD",
            "SAD - Inverse Beam",
            "OSC",
            "Collect - Multiwedge",
            "MAD",
            "Helical",
            "Multi-positional",
            "Mesh",
            "Burn",
            "MAD - Inverse Beam",
            "Characterization",
            "Dehydration",
            "Still",
        ),
        index=True,
    ),
    column("startTime", STAMP),
    column("endTime", STAMP),
)

DataCollection = table(
    "DataCollection",
    key("dataCollectionId"),
    link("dataCollectionGroupId", "DataCollectionGroup.dataCollectionGroupId", null=False),
    link("blSubSampleId", "BLSubSample.blSubSampleId"),
    column("startTime", STAMP, index=True),
    column("endTime", STAMP),
    column("runStatus", folded_text(45)),
    column("axisStart", FLOAT),
    column("axisEnd", FLOAT),
    column("axisRange", FLOAT),
    column("overlap", FLOAT),
    column("numberOfImages", INTEGER),
    column("numberOfPasses", INTEGER),
    column("exposureTime", FLOAT),
    column("imageDirectory", folded_text(255)),
    column("imageContainerSubPath", folded_text(255)),
    column("fileTemplate", folded_text(255)),
    column("wavelength", FLOAT),
    column("resolution", FLOAT),
    column("detectorDistance", FLOAT),
    column("xBeam", FLOAT),
    column("yBeam", FLOAT),
    column("xBeamPix", FLOAT, optional=True),
    column("yBeamPix", FLOAT, optional=True),
    column("transmission", FLOAT),
    column("xtalSnapshotFullPath1", folded_text(255)),
    column("xtalSnapshotFullPath2", folded_text(255)),
    column("xtalSnapshotFullPath3", folded_text(255)),
    column("xtalSnapshotFullPath4", folded_text(255)),
    column("rotationAxis", enumerated("Omega", "Kappa", "Phi")),
    column("phiStart", FLOAT),
    column("kappaStart", FLOAT),
    column("omegaStart", FLOAT),
    column("beamSizeAtSampleX", FLOAT),
    column("beamSizeAtSampleY", FLOAT),
    column("flux", FLOAT),
    column("imageQualityIndicatorsPlotPath", folded_text(512), optional=True),
    column("chiStart", FLOAT),
    column("magnification", INTEGER),
    column("binning", TINY, default="1"),
    column("particleDiameter", FLOAT),
    column("defocusStepSize", FLOAT),
    column("amountAstigmatism", FLOAT),
    column("voltage", FLOAT),
    column("objAperture", FLOAT),
    column("dataCollectionPlanId", INTEGER, index=True, optional=True),
)

DataCollectionFileAttachment = table(
    "DataCollectionFileAttachment",
    key("dataCollectionFileAttachmentId"),
    link("dataCollectionId", "DataCollection.dataCollectionId", null=False),
    column("fileFullPath", folded_text(255), null=False),
    column("fileType", enumerated("snapshot", "log", "xy", "recip")),
    column("createTime", STAMP, null=False, default=NOW),
)

Image = table(
    "Image",
    key("imageId"),
    link("dataCollectionId", "DataCollection.dataCollectionId", null=False),
    column("imageNumber", INTEGER, index=True),
    column("jpegFileFullPath", folded_text(255)),
    column("jpegThumbnailFileFullPath", folded_text(255)),
)

ImageQualityIndicators = table(
    "ImageQualityIndicators",
    key("imageQualityIndicatorsId", optional=True),
    column("goodBraggCandidates", INTEGER),
    column("method2Res", FLOAT),
    column("totalIntegratedSignal", FLOAT),
    column("dataCollectionId", INTEGER, index=True, leads_to="DataCollection.dataCollectionId"),
    column("imageNumber", INTEGER),
)

GridInfo = table(
    "GridInfo",
    key("gridInfoId"),
    column("xOffset", FLOAT),
    column("yOffset", FLOAT),
    column("dx_mm", FLOAT),
    column("dy_mm", FLOAT),
    column("steps_x", FLOAT),
    column("steps_y", FLOAT),
    column("meshAngle", FLOAT),
    column("orientation", enumerated("vertical", "horizontal"), default="horizontal"),
    link("dataCollectionGroupId", "DataCollectionGroup.dataCollectionGroupId"),
    column("pixelspermicronX", FLOAT, optional=True),
    column("pixelspermicronY", FLOAT, optional=True),
    column("snapshot_offsetxpixel", FLOAT),
    column("snapshot_offsetypixel", FLOAT),
    link("dataCollectionId", "DataCollection.dataCollectionId", optional=True),
    column("snaked", TINY, default="0", optional=True),
)

Workflow = table(
    "Workflow",
    key("workflowId"),
    column("workflowTitle", folded_text(255)),
    column(
        "workflowType",
        enumerated(
            "Characterisation",
            "Undefined",
            "BioSAXS Post Processing",
            "EnhancedCharacterisation",
            "LineScan",
            "MeshScan",
            "Dehydration",
            "KappaReorientation",
            "BurnStrategy",
            "XrayCentering",
            "DiffractionTomography",
            "TroubleShooting",
            "VisualReorientation",
            "HelicalCharacterisation",
            "GroupedProcessing",
            "MXPressE",
            "MXPressO",
            "MXPressL",
            "MXScore",
            "MXPressI",
            "MXPressM",
            "MXPressA",
            "CollectAndSpectra",
            "LowDoseDC",
            "EnergyInterleavedMAD",
            "MXPressF",
            "MXPressH",
            "MXPressP",
            "MXPressP_SAD",
            "MXPressR",
            "MXPressR_180",
            "MXPressR_dehydration",
            "MeshAndCollect",
            "MeshAndCollectFromFile",
        ),
    ),
    column("comments", folded_text(1024)),
    column("status", folded_text(255)),
    optional=True,
)

WorkflowStep = table(
    "WorkflowStep",
    key("workflowStepId"),
    link("workflowId", "Workflow.workflowId", null=False),
    column("workflowStepType", folded_text(45)),
    column("status", folded_text(45)),
    column("imageResultFilePath", folded_text(1024)),
    column("htmlResultFilePath", folded_text(1024)),
    column("resultFilePath", folded_text(1024)),
    column("comments", folded_text(2048)),
    optional=True,
)

RobotAction = table(
    "RobotAction",
    key("robotActionId"),
    link("blsessionId", "BLSession.sessionId", null=False),
    link("blsampleId", "BLSample.blSampleId"),
    column("actionType", enumerated("LOAD", "UNLOAD", "DISPOSE", "STORE", "WASH", "ANNEAL")),
    column("startTimestamp", STAMP, null=False, default=NOW),
    column("endTimestamp", STAMP, null=False, default=NOW),
    column("status", enumerated("SUCCESS", "ERROR", "CRITICAL", "WARNING", "COMMANDNOTSENT")),
    column("message", folded_text(255)),
    column("resultFilePath", folded_text(255), optional=True),
)

EnergyScan = table(
    "EnergyScan",
    key("energyScanId"),
    link("sessionId", "BLSession.sessionId", null=False),
    link("blSampleId", "BLSample.blSampleId"),
    column("element", folded_text(45)),
    column("startTime", STAMP),
    column("endTime", STAMP),
)

XFEFluorescenceSpectrum = table(
    "XFEFluorescenceSpectrum",
    key("xfeFluorescenceSpectrumId"),
    link("sessionId", "BLSession.sessionId", null=False),
    link("blSampleId", "BLSample.blSampleId"),
    column("startTime", STAMP),
    column("endTime", STAMP),
)

XRFFluorescenceMapping = table(
    "XRFFluorescenceMapping",
    key("xrfFluorescenceMappingId"),
    link("xrfFluorescenceMappingROIId", "XRFFluorescenceMappingROI.xrfFluorescenceMappingROIId", null=False),
    link("dataCollectionId", "DataCollection.dataCollectionId", null=False, optional=True),
    column("imageNumber", INTEGER, null=False, optional=True),
    column("counts", INTEGER, null=False, optional=True),
    link("gridInfoId", "GridInfo.gridInfoId", optional=True),
    column("dataFormat", folded_text(15), optional=True),
    column("data", long_bytes(), optional=True),
    column("points", INTEGER, optional=True),
    column("opacity", FLOAT, default="1", optional=True),
    column("colourMap", folded_text(20), optional=True),
    column("min", INTEGER, optional=True),
    column("max", INTEGER, optional=True),
)

XRFFluorescenceMappingROI = table(
    "XRFFluorescenceMappingROI",
    key("xrfFluorescenceMappingROIId"),
    column("startEnergy", FLOAT, null=False),
    column("endEnergy", FLOAT, null=False),
    column("element", folded_text(2)),
    column("edge", folded_text(2)),
    link("blSampleId", "BLSample.blSampleId", optional=True),
    column("scalar", folded_text(50), optional=True),
)

BF_fault = table(
    "BF_fault",
    key("faultId"),
    link("sessionId", "BLSession.sessionId", null=False),
    column("beamtimelost", TINY),
    column("beamtimelost_starttime", STAMP),
    column("beamtimelost_endtime", STAMP),
    column("title", folded_text(200)),
)

Experiment = table(
    "Experiment",
    key("experimentId"),
    link("sessionId", "BLSession.sessionId", optional=True),
    column("experimentType", folded_text(45), optional=True),
    optional=True,
)

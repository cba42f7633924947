"""Processing programs and their results, screenings, processing jobs, and the calendar of the machine."""

from catalog.dialect.borrowed import enumerated, folded_text
from objapi.profiles.ispyb.tables.columns import FLOAT, INTEGER, NOW, STAMP, TINY, column, key, link, table

AutoProcProgram = table(
    "AutoProcProgram",
    key("autoProcProgramId"),
    link("dataCollectionId", "DataCollection.dataCollectionId", optional=True),
    column("processingCommandLine", folded_text(255)),
    column("processingPrograms", folded_text(255)),
    column("processingStatus", enumerated("RUNNING", "FAILED", "SUCCESS", "0", "1")),
    column("processingMessage", folded_text(255)),
    column("processingStartTime", STAMP),
    column("processingEndTime", STAMP),
    column("processingEnvironment", folded_text(255)),
    column("recordTimeStamp", STAMP),
    link("processingJobId", "ProcessingJob.processingJobId", optional=True),
)

AutoProcProgramAttachment = table(
    "AutoProcProgramAttachment",
    key("autoProcProgramAttachmentId"),
    link("autoProcProgramId", "AutoProcProgram.autoProcProgramId", null=False),
    column("fileType", enumerated("Log", "Result", "Graph")),
    column("fileName", folded_text(255)),
    column("filePath", folded_text(255)),
    column("recordTimeStamp", STAMP),
    column("importanceRank", TINY, optional=True),
)

AutoProcIntegration = table(
    "AutoProcIntegration",
    key("autoProcIntegrationId"),
    link("dataCollectionId", "DataCollection.dataCollectionId", null=False),
    link("autoProcProgramId", "AutoProcProgram.autoProcProgramId"),
    column("refinedXBeam", FLOAT),
    column("refinedYBeam", FLOAT),
)

AutoProcScaling_has_Int = table(
    "AutoProcScaling_has_Int",
    key("autoProcScaling_has_IntId"),
    link("autoProcScalingId", "AutoProcScaling.autoProcScalingId"),
    link("autoProcIntegrationId", "AutoProcIntegration.autoProcIntegrationId", null=False),
)

AutoProcScaling = table(
    "AutoProcScaling",
    key("autoProcScalingId"),
    link("autoProcId", "AutoProc.autoProcId"),
)

AutoProcScalingStatistics = table(
    "AutoProcScalingStatistics",
    key("autoProcScalingStatisticsId"),
    link("autoProcScalingId", "AutoProcScaling.autoProcScalingId"),
    column(
        "scalingStatisticsType",
        enumerated("overall", "innerShell", "outerShell"),
        null=False,
        default="overall",
        index=True,
    ),
    column("comments", folded_text(255)),
    column("resolutionLimitLow", FLOAT),
    column("resolutionLimitHigh", FLOAT),
    column("rMerge", FLOAT),
    column("rMeasAllIPlusIMinus", FLOAT),
    column("rPimAllIPlusIMinus", FLOAT),
    column("fractionalPartialBias", FLOAT),
    column("nTotalObservations", INTEGER),
    column("nTotalUniqueObservations", INTEGER),
    column("meanIOverSigI", FLOAT),
    column("completeness", FLOAT),
    column("multiplicity", FLOAT),
    column("anomalousCompleteness", FLOAT),
    column("anomalousMultiplicity", FLOAT),
    column("anomalous", TINY, default="0"),
    column("ccHalf", FLOAT),
    column("ccAno", FLOAT, optional=True),
    column("ccAnomalous", FLOAT, optional=True),
    column("resIOverSigI2", FLOAT, optional=True),
)

AutoProc = table(
    "AutoProc",
    key("autoProcId"),
    column("spaceGroup", folded_text(45)),
    column("refinedCell_a", FLOAT),
    column("refinedCell_b", FLOAT),
    column("refinedCell_c", FLOAT),
    column("refinedCell_alpha", FLOAT),
    column("refinedCell_beta", FLOAT),
    column("refinedCell_gamma", FLOAT),
)

Screening = table(
    "Screening",
    key("screeningId"),
    link("dataCollectionGroupId", "DataCollectionGroup.dataCollectionGroupId"),
    column("dataCollectionId", INTEGER, index=True, leads_to="DataCollection.dataCollectionId"),
    column("bltimeStamp", STAMP, null=False, default=NOW),
    column("programVersion", folded_text(45)),
    column("comments", folded_text(255)),
    column("shortComments", folded_text(20)),
)

ScreeningOutput = table(
    "ScreeningOutput",
    key("screeningOutputId"),
    link("screeningId", "Screening.screeningId", null=False),
    column("strategySuccess", TINY, null=False, default="0"),
    column("indexingSuccess", TINY, null=False, default="0"),
)

ScreeningOutputLattice = table(
    "ScreeningOutputLattice",
    key("screeningOutputLatticeId"),
    link("screeningOutputId", "ScreeningOutput.screeningOutputId", null=False),
    column("spaceGroup", folded_text(45)),
    column("pointGroup", folded_text(45)),
    column("unitCell_a", FLOAT),
    column("unitCell_b", FLOAT),
    column("unitCell_c", FLOAT),
    column("unitCell_alpha", FLOAT),
    column("unitCell_beta", FLOAT),
    column("unitCell_gamma", FLOAT),
)

ScreeningStrategy = table(
    "ScreeningStrategy",
    key("screeningStrategyId"),
    link("screeningOutputId", "ScreeningOutput.screeningOutputId", null=False),
    column("rankingResolution", FLOAT),
)

ScreeningStrategyWedge = table(
    "ScreeningStrategyWedge",
    key("screeningStrategyWedgeId"),
    link("screeningStrategyId", "ScreeningStrategy.screeningStrategyId"),
    column("wedgeNumber", INTEGER),
    column("resolution", FLOAT),
    column("completeness", FLOAT),
    column("multiplicity", FLOAT),
    column("doseTotal", FLOAT),
    column("numberOfImages", INTEGER),
    column("phi", FLOAT),
    column("kappa", FLOAT),
    column("chi", FLOAT),
    column("comments", folded_text(255)),
    column("wavelength", FLOAT),
)

ScreeningStrategySubWedge = table(
    "ScreeningStrategySubWedge",
    key("screeningStrategySubWedgeId"),
    link("screeningStrategyWedgeId", "ScreeningStrategyWedge.screeningStrategyWedgeId"),
    column("subWedgeNumber", INTEGER),
    column("rotationAxis", folded_text(45)),
    column("axisStart", FLOAT),
    column("axisEnd", FLOAT),
    column("exposureTime", FLOAT),
    column("transmission", FLOAT),
    column("oscillationRange", FLOAT),
    column("completeness", FLOAT),
    column("multiplicity", FLOAT),
    column("doseTotal", FLOAT),
    column("numberOfImages", INTEGER),
    column("comments", folded_text(255)),
    column("resolution", FLOAT),
)

ProcessingJob = table(
    "ProcessingJob",
    key("processingJobId"),
    column("recordTimestamp", STAMP, default=NOW),
    link("dataCollectionId", "DataCollection.dataCollectionId"),
    column("displayName", folded_text(80)),
    column("comments", folded_text(255)),
    column("recipe", folded_text(50)),
    column("automatic", TINY),
    optional=True,
)

ProcessingJobParameter = table(
    "ProcessingJobParameter",
    key("processingJobParameterId"),
    link("processingJobId", "ProcessingJob.processingJobId"),
    column("parameterKey", folded_text(80)),
    column("parameterValue", folded_text(1024)),
    optional=True,
)

ProcessingJobImageSweep = table(
    "ProcessingJobImageSweep",
    key("processingJobImageSweepId"),
    link("processingJobId", "ProcessingJob.processingJobId"),
    link("dataCollectionId", "DataCollection.dataCollectionId"),
    column("startImage", INTEGER),
    column("endImage", INTEGER),
    optional=True,
)

AutoProcProgramMessage = table(
    "AutoProcProgramMessage",
    key("autoProcProgramMessageId"),
    column("recordTimeStamp", STAMP, default=NOW),
    column("severity", enumerated("ERROR", "WARNING", "INFO")),
    link("autoProcProgramId", "AutoProcProgram.autoProcProgramId"),
    column("message", folded_text(200)),
    column("description", folded_text()),
    optional=True,
)

XrayCentring = table(
    "XrayCentring",
    key("xrayCentringId"),
    link("dataCollectionGroupId", "DataCollectionGroup.dataCollectionGroupId"),
    column("status", enumerated("success", "failed", "pending")),
    optional=True,
)

BeamCalendar = table(
    "BeamCalendar",
    key("beamCalendarId"),
    column("run", folded_text(7)),
    column("beamStatus", folded_text(24)),
    column("startDate", STAMP),
    column("endDate", STAMP),
    optional=True,
)

v_run = table(
    "v_run",
    key("runId"),
    column("run", folded_text(7), default=""),
    column("startDate", STAMP),
    column("endDate", STAMP),
    optional=True,
)

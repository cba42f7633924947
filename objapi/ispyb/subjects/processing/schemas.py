"""Processing programs, their results, messages and files, and screenings."""

from objapi.ispyb.values.schema import ListOf, MapOf, Schema, optional, required, stored
from objapi.ispyb.values.types import BOOL, INT, NUMBER, STAMP, TEXT, enum

AutoProc = Schema(
    "AutoProc",
    {
        "spaceGroup": stored(TEXT),
        "refinedCell_a": stored(NUMBER),
        "refinedCell_b": stored(NUMBER),
        "refinedCell_c": stored(NUMBER),
        "refinedCell_alpha": stored(NUMBER),
        "refinedCell_beta": stored(NUMBER),
        "refinedCell_gamma": stored(NUMBER),
    },
)

AutoProcIntegrationDataCollection = Schema(
    "AutoProcIntegrationDataCollection",
    {
        "xBeam": optional(NUMBER),
        "yBeam": optional(NUMBER),
    },
)

ScalingStatisticsType = enum("ScalingStatisticsType", "overall", "innerShell", "outerShell")

AutoProcScalingStatistics = Schema(
    "AutoProcScalingStatistics",
    {
        "comments": optional(TEXT),
        "scalingStatisticsType": optional(ScalingStatisticsType),
        "resolutionLimitLow": optional(NUMBER),
        "resolutionLimitHigh": optional(NUMBER),
        "rMerge": optional(NUMBER),
        "rMeasAllIPlusIMinus": optional(NUMBER),
        "rPimAllIPlusIMinus": optional(NUMBER),
        "fractionalPartialBias": optional(NUMBER),
        "nTotalObservations": optional(INT),
        "nTotalUniqueObservations": optional(INT),
        "meanIOverSigI": optional(NUMBER),
        "completeness": optional(NUMBER),
        "multiplicity": optional(NUMBER),
        "anomalousCompleteness": optional(NUMBER),
        "anomalousMultiplicity": optional(NUMBER),
        "anomalous": optional(BOOL),
        "ccHalf": optional(NUMBER),
        "ccAnomalous": optional(NUMBER),
        "resIOverSigI2": optional(NUMBER),
    },
)

AutoProcScaling = Schema(
    "AutoProcScaling",
    {
        "AutoProc": optional(AutoProc),
        "AutoProcScalingStatistics": optional(ListOf(AutoProcScalingStatistics)),
    },
)

AutoProcScalingHasInt = Schema(
    "AutoProcScalingHasInt",
    {
        "AutoProcScaling": optional(AutoProcScaling),
    },
)

AutoProcIntegration = Schema(
    "AutoProcIntegration",
    {
        "refinedXBeam": optional(NUMBER),
        "refinedYBeam": optional(NUMBER),
        "AutoProcScalingHasInt": optional(ListOf(AutoProcScalingHasInt)),
        "DataCollection": optional(AutoProcIntegrationDataCollection),
    },
)

AutoProcProgramMessageSeverity = enum("AutoProcProgramMessageSeverity", "ERROR", "WARNING", "INFO")

AutoProcProgramMessage = Schema(
    "AutoProcProgramMessage",
    {
        "autoProcProgramMessageId": required(INT),
        "autoProcProgramId": required(INT),
        "description": stored(TEXT),
        "message": stored(TEXT),
        "severity": stored(AutoProcProgramMessageSeverity),
        "recordTimeStamp": stored(STAMP),
    },
)

AutoProcProgramMetadata = Schema(
    "AutoProcProgramMetadata",
    {
        "attachments": optional(INT),
        "autoProcProgramMessages": optional(ListOf(AutoProcProgramMessage)),
        "imageSweepCount": optional(INT),
    },
)

ProcessingJobParameter = Schema(
    "ProcessingJobParameter",
    {
        "parameterKey": optional(TEXT),
        "parameterValue": optional(TEXT),
    },
)

ProcessingJob = Schema(
    "ProcessingJob",
    {
        "processingJobId": required(INT),
        "displayName": optional(TEXT),
        "comments": optional(TEXT),
        "recordTimestamp": stored(STAMP),
        "recipe": optional(TEXT),
        "automatic": stored(BOOL),
        "ProcessingJobParameters": optional(ListOf(ProcessingJobParameter)),
    },
)

StatusEnum = enum("StatusEnum", None, 0, 1, 2)

AutoProcProgram = Schema(
    "AutoProcProgram",
    {
        "autoProcProgramId": required(INT),
        "processingCommandLine": optional(TEXT),
        "processingPrograms": optional(TEXT),
        "processingStatus": optional(StatusEnum),
        "processingMessage": optional(TEXT),
        "processingStartTime": optional(STAMP),
        "processingEndTime": optional(STAMP),
        "processingEnvironment": optional(TEXT),
        "recordTimeStamp": stored(STAMP),
        "ProcessingJob": optional(ProcessingJob),
        "_metadata": required(AutoProcProgramMetadata),
    },
)

AutoProcProgramAttachmentMetaData = Schema(
    "AutoProcProgramAttachmentMetaData",
    {
        "url": required(TEXT),
    },
)

AutoProcProgramAttachment = Schema(
    "AutoProcProgramAttachment",
    {
        "autoProcProgramAttachmentId": required(INT),
        "autoProcProgramId": required(INT),
        "fileName": stored(TEXT),
        "fileType": stored(TEXT),
        "importanceRank": optional(INT),
        "_metadata": required(AutoProcProgramAttachmentMetaData),
    },
)

AutoProcProgramIntegration = Schema(
    "AutoProcProgramIntegration",
    {
        "autoProcProgramId": required(INT),
        "processingCommandLine": optional(TEXT),
        "processingPrograms": optional(TEXT),
        "processingStatus": optional(StatusEnum),
        "processingMessage": optional(TEXT),
        "processingStartTime": optional(STAMP),
        "processingEndTime": optional(STAMP),
        "processingEnvironment": optional(TEXT),
        "recordTimeStamp": stored(STAMP),
        "ProcessingJob": optional(ProcessingJob),
        "_metadata": required(AutoProcProgramMetadata),
        "AutoProcIntegration": optional(ListOf(AutoProcIntegration)),
    },
)

AutoProcProgramMessageStatus = Schema(
    "AutoProcProgramMessageStatus",
    {
        "errors": required(INT),
        "warnings": required(INT),
        "info": required(INT),
    },
)

AutoProcProgramMessageStatuses = Schema(
    "AutoProcProgramMessageStatuses",
    {
        "statuses": required(MapOf(AutoProcProgramMessageStatus)),
    },
)

EMProcessingStatus = Schema(
    "EMProcessingStatus",
    {
        "movie": required(INT),
        "motionCorrection": required(INT),
        "ctf": required(INT),
    },
)

ProcessingProcessingStatus = Schema(
    "ProcessingProcessingStatus",
    {
        "status": optional(StatusEnum),
        "autoProcProgramId": required(INT),
    },
)

ProcessingStatus = Schema(
    "ProcessingStatus",
    {
        "status": optional(StatusEnum),
    },
)

ScreeningProcesingStatus = Schema(
    "ScreeningProcesingStatus",
    {
        "status": optional(StatusEnum),
        "indexingSuccess": required(StatusEnum),
    },
)

ProcessingStatuses = Schema(
    "ProcessingStatuses",
    {
        "screening": optional(MapOf(ListOf(ScreeningProcesingStatus))),
        "xrc": optional(MapOf(ListOf(ProcessingStatus))),
        "processing": optional(MapOf(ListOf(ProcessingProcessingStatus))),
        "autoIntegration": optional(MapOf(ListOf(ProcessingProcessingStatus))),
        "em": optional(EMProcessingStatus),
    },
)

ProcessingStatusesList = Schema(
    "ProcessingStatusesList",
    {
        "statuses": required(MapOf(ProcessingStatuses)),
    },
)

ScreeningOutputLattice = Schema(
    "ScreeningOutputLattice",
    {
        "unitCell_a": stored(NUMBER),
        "unitCell_b": stored(NUMBER),
        "unitCell_c": stored(NUMBER),
        "unitCell_alpha": stored(NUMBER),
        "unitCell_beta": stored(NUMBER),
        "unitCell_gamma": stored(NUMBER),
        "spaceGroup": optional(TEXT),
        "pointGroup": optional(TEXT),
    },
)

ScreeningStrategySubWedge = Schema(
    "ScreeningStrategySubWedge",
    {
        "screeningStrategySubWedgeId": required(INT),
        "subWedgeNumber": optional(INT),
        "rotationAxis": optional(TEXT),
        "axisStart": optional(NUMBER),
        "axisEnd": optional(NUMBER),
        "exposureTime": optional(NUMBER),
        "transmission": optional(NUMBER),
        "oscillationRange": optional(NUMBER),
        "completeness": optional(NUMBER),
        "multiplicity": optional(NUMBER),
        "RESOLUTION": optional(NUMBER),
        "doseTotal": optional(NUMBER),
        "numberOfImages": optional(INT),
        "comments": optional(TEXT),
    },
)

ScreeningStrategyWedge = Schema(
    "ScreeningStrategyWedge",
    {
        "screeningStrategyWedgeId": required(INT),
        "wedgeNumber": optional(INT),
        "resolution": optional(NUMBER),
        "completeness": optional(NUMBER),
        "multiplicity": optional(NUMBER),
        "doseTotal": optional(NUMBER),
        "numberOfImages": optional(INT),
        "phi": optional(NUMBER),
        "kappa": optional(NUMBER),
        "chi": optional(NUMBER),
        "comments": optional(TEXT),
        "wavelength": optional(NUMBER),
        "ScreeningStrategySubWedge": optional(ListOf(ScreeningStrategySubWedge)),
    },
)

ScreeningStrategy = Schema(
    "ScreeningStrategy",
    {
        "screeningStrategyId": required(INT),
        "rankingResolution": optional(NUMBER),
        "ScreeningStrategyWedge": optional(ListOf(ScreeningStrategyWedge)),
    },
)

ScreeningOutput = Schema(
    "ScreeningOutput",
    {
        "screeningOutputId": required(INT),
        "indexingSuccess": stored(INT),
        "strategySuccess": stored(INT),
        "ScreeningStrategy": optional(ListOf(ScreeningStrategy)),
        "ScreeningOutputLattice": optional(ListOf(ScreeningOutputLattice)),
    },
)

Screening = Schema(
    "Screening",
    {
        "screeningId": required(INT),
        "programVersion": stored(TEXT),
        "comments": optional(TEXT),
        "shortComments": optional(TEXT),
        "ScreeningOutput": optional(ListOf(ScreeningOutput)),
    },
)

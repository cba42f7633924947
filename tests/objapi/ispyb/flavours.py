"""Shapes of the ISPyB databases that exist: the declared tables without what each flavour lacks."""

from collections.abc import Mapping
from typing import Final

import sqlalchemy as sa

from objapi.profiles.ispyb import tables as t
from objapi.profiles.ispyb.tables.columns import is_optional

ESRF: Final = frozenset(
    """
    AutoProcProgramMessage ProcessingJob ProcessingJobImageSweep ProcessingJobParameter XrayCentring v_run
    AutoProcProgram.processingJobId AutoProcProgramAttachment.importanceRank AutoProcScalingStatistics.ccAnomalous
    AutoProcScalingStatistics.resIOverSigI2 BLSampleImage.offsetX BLSampleImage.offsetY BLSubSample.type
    ContainerQueueSample.blSampleId ContainerQueueSample.dataCollectionPlanId DataCollection.dataCollectionPlanId
    Dewar.dewarType GridInfo.dataCollectionId GridInfo.snaked Protein.density RobotAction.resultFilePath
    XRFFluorescenceMapping.colourMap XRFFluorescenceMapping.data XRFFluorescenceMapping.dataFormat
    XRFFluorescenceMapping.gridInfoId XRFFluorescenceMapping.max XRFFluorescenceMapping.min
    XRFFluorescenceMapping.opacity XRFFluorescenceMapping.points XRFFluorescenceMappingROI.blSampleId
    XRFFluorescenceMappingROI.scalar
    """.split()
)
DIAMOND: Final = frozenset(
    """
    Experiment Workflow WorkflowStep
    AutoProcProgram.dataCollectionId AutoProcScalingStatistics.ccAno BLSession.databackupEurope
    BLSession.databackupFrance BLSession.dewarTransport BLSession.expSessionPk BLSession.nbReimbDewars
    BLSession.operatorSiteNumber BLSession.projectCode BLSession.protectedData BLSession.sessionTitle
    BLSession.structureDeterminations CTF.angle CTF.createdTimeStamp CTF.crossCorrelationCoefficient CTF.defocusU
    CTF.defocusV CTF.estimatedBfactor CTF.logFilePath CTF.resolutionLimit CTF.spectraImageFullPath
    CTF.spectraImageThumbnailFullPath DataCollection.imageQualityIndicatorsPlotPath DataCollection.xBeamPix
    DataCollection.yBeamPix DataCollectionGroup.workflowId Dewar.dewarType GridInfo.pixelspermicronX
    GridInfo.pixelspermicronY ImageQualityIndicators.imageQualityIndicatorsId Laboratory.laboratoryExtPk
    MotionCorrection.correctedDoseMicrographFullPath MotionCorrection.logFileFullPath MotionCorrection.patchesUsed
    Movie.dosePerImage Movie.micrographFullPath Movie.micrographSnapshotFullPath Movie.xmlMetaDataFullPath
    Person.passwd Protein.modId RobotAction.resultFilePath XRFFluorescenceMapping.counts
    XRFFluorescenceMapping.dataCollectionId XRFFluorescenceMapping.imageNumber
    """.split()
)


def _optional() -> frozenset[str]:
    tables = [table for table in t.METADATA.tables.values() if is_optional(table)]
    columns = [column for table in t.METADATA.tables.values() for column in table.columns if is_optional(column)]
    names = [f"{column.table.name}.{column.name}" for column in columns if not column.primary_key]
    return frozenset(names).union(table.name for table in tables)


NOTHING_OPTIONAL: Final = _optional()
FLAVOURS: Final[Mapping[str, frozenset[str]]] = {
    "ESRF": ESRF,
    "Diamond": DIAMOND,
    "nothing optional": NOTHING_OPTIONAL,
}


def tables_without(lacking: frozenset[str]) -> sa.MetaData:
    """The tables without keys over columns, and without the tables and columns that are lacking."""
    metadata = sa.MetaData()
    for table in t.METADATA.tables.values():
        if table.name in lacking:
            continue
        columns = [
            sa.Column(column.name, column.type, primary_key=column.primary_key, server_default=column.server_default)
            for column in table.columns
            if f"{table.name}.{column.name}" not in lacking
        ]
        sa.Table(table.name, metadata, *columns)
    return metadata

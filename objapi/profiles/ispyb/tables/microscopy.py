"""Electron microscopy: movies, what was made of each, and the classes of the particles in them."""

from catalog.dialect.borrowed import folded_text
from objapi.profiles.ispyb.tables.columns import FLOAT, INTEGER, STAMP, column, key, link, table

_SHORT = folded_text(45)
_PATH = folded_text(512)

Movie = table(
    "Movie",
    key("movieId"),
    link("dataCollectionId", "DataCollection.dataCollectionId"),
    column("movieNumber", INTEGER, optional=True),
    column("movieFullPath", folded_text(255), optional=True),
    column("positionX", _SHORT, optional=True),
    column("positionY", _SHORT, optional=True),
    column("micrographFullPath", folded_text(255), optional=True),
    column("micrographSnapshotFullPath", folded_text(255), optional=True),
    column("xmlMetaDataFullPath", folded_text(255), optional=True),
    column("dosePerImage", _SHORT, optional=True),
    column("createdTimeStamp", STAMP, optional=True),
)

MotionCorrection = table(
    "MotionCorrection",
    key("motionCorrectionId"),
    link("movieId", "Movie.movieId"),
    column("firstFrame", _SHORT, optional=True),
    column("lastFrame", _SHORT, optional=True),
    column("dosePerFrame", _SHORT, optional=True),
    column("doseWeight", _SHORT, optional=True),
    column("totalMotion", _SHORT, optional=True),
    column("averageMotionPerFrame", _SHORT, optional=True),
    column("driftPlotFullPath", _PATH),
    column("micrographFullPath", _PATH, optional=True),
    column("micrographSnapshotFullPath", _PATH),
    column("correctedDoseMicrographFullPath", _PATH, optional=True),
    column("patchesUsed", _SHORT, optional=True),
    column("logFileFullPath", _PATH, optional=True),
)

CTF = table(
    "CTF",
    key("CTFid"),
    column("motionCorrectionId", INTEGER, null=False, index=True, leads_to="MotionCorrection.motionCorrectionId"),
    column("spectraImageThumbnailFullPath", _PATH, optional=True),
    column("spectraImageFullPath", _PATH, optional=True),
    column("defocusU", _SHORT, optional=True),
    column("defocusV", _SHORT, optional=True),
    column("angle", _SHORT, optional=True),
    column("crossCorrelationCoefficient", _SHORT, optional=True),
    column("resolutionLimit", _SHORT, optional=True),
    column("estimatedBfactor", _SHORT, optional=True),
    column("logFilePath", _PATH, optional=True),
    column("createdTimeStamp", STAMP, optional=True),
)

ParticlePicker = table(
    "ParticlePicker",
    key("particlePickerId"),
    link("firstMotionCorrectionId", "MotionCorrection.motionCorrectionId", optional=True),
    column("numberOfParticles", INTEGER, optional=True),
    optional=True,
)

ParticleClassificationGroup = table(
    "ParticleClassificationGroup",
    key("particleClassificationGroupId"),
    link("particlePickerId", "ParticlePicker.particlePickerId", optional=True),
    optional=True,
)

ParticleClassification = table(
    "ParticleClassification",
    key("particleClassificationId"),
    link(
        "particleClassificationGroupId",
        "ParticleClassificationGroup.particleClassificationGroupId",
        optional=True,
    ),
    column("classNumber", INTEGER, optional=True),
    column("classImageFullPath", folded_text(255), optional=True),
    column("particlesPerClass", INTEGER, optional=True),
    column("classDistribution", FLOAT, optional=True),
    column("rotationAccuracy", FLOAT, optional=True),
    column("translationAccuracy", FLOAT, optional=True),
    column("estimatedResolution", FLOAT, optional=True),
    column("overallFourierCompleteness", FLOAT, optional=True),
    optional=True,
)

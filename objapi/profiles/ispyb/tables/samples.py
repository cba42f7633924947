"""Proteins, crystals, samples, and the shipments that they travel in."""

from catalog.dialect.borrowed import enumerated, folded_text
from objapi.profiles.ispyb.tables.columns import EXTERNAL_ID, FLOAT, INTEGER, NOW, STAMP, TINY, column, key, link, table

Protein = table(
    "Protein",
    key("proteinId"),
    link("proposalId", "Proposal.proposalId", null=False),
    column("name", folded_text(255)),
    column("acronym", folded_text(45), index=True),
    column("description", folded_text()),
    column("hazardGroup", TINY, null=False, default="1"),
    column("containmentLevel", TINY, null=False, default="1"),
    column("safetyLevel", enumerated("GREEN", "YELLOW", "RED")),
    column("molecularMass", FLOAT),
    column("proteinType", folded_text(45)),
    column("sequence", folded_text()),
    column("personId", INTEGER, index=True, leads_to="Person.personId"),
    column("bltimeStamp", STAMP, null=False, default=NOW),
    column("isCreatedBySampleSheet", TINY, default="0"),
    column("externalId", EXTERNAL_ID, index=True),
    link("componentTypeId", "ComponentType.componentTypeId"),
    column("modId", folded_text(20), optional=True),
    column("concentrationTypeId", INTEGER),
    column("global", TINY, default="0"),
    column("density", FLOAT, optional=True),
)

ComponentType = table(
    "ComponentType",
    key("componentTypeId"),
    column("name", folded_text(31), null=False),
)

Protein_has_PDB = table(
    "Protein_has_PDB",
    key("proteinhaspdbid"),
    link("proteinid", "Protein.proteinId", null=False),
    column("pdbid", INTEGER, null=False, index=True),
)

Crystal = table(
    "Crystal",
    key("crystalId"),
    link("proteinId", "Protein.proteinId", null=False),
    column("cell_a", FLOAT),
    column("cell_b", FLOAT),
    column("cell_c", FLOAT),
    column("cell_alpha", FLOAT),
    column("cell_beta", FLOAT),
    column("cell_gamma", FLOAT),
)

BLSample = table(
    "BLSample",
    key("blSampleId"),
    link("crystalId", "Crystal.crystalId"),
    link("containerId", "Container.containerId"),
    column("name", folded_text(100), index=True),
    column("code", folded_text(45)),
    column("location", folded_text(45)),
    column("comments", folded_text(1024)),
    column("blSampleStatus", folded_text(20), index=True),
    column("recordTimeStamp", STAMP, null=False, default=NOW),
)

BLSubSample = table(
    "BLSubSample",
    key("blSubSampleId"),
    link("blSampleId", "BLSample.blSampleId"),
    link("positionId", "Position.positionId"),
    link("position2Id", "Position.positionId"),
    column("comments", folded_text(1024)),
    column("recordTimeStamp", STAMP, null=False, default=NOW),
    column("type", folded_text(10), optional=True),
)

Position = table(
    "Position",
    key("positionId"),
    column("posX", FLOAT),
    column("posY", FLOAT),
)

BLSampleImage = table(
    "BLSampleImage",
    key("blSampleImageId"),
    link("blSampleId", "BLSample.blSampleId"),
    column("micronsPerPixelX", FLOAT),
    column("micronsPerPixelY", FLOAT),
    column("imageFullPath", folded_text(255)),
    column("offsetX", INTEGER, default="0", optional=True),
    column("offsetY", INTEGER, default="0", optional=True),
)

Container = table(
    "Container",
    key("containerId"),
    link("dewarId", "Dewar.dewarId"),
    column("code", folded_text(45)),
    column("containerType", folded_text(20)),
    column("beamlineLocation", folded_text(20), index=True),
    column("sampleChangerLocation", folded_text(20)),
    column("containerStatus", folded_text(45), index=True),
    column("bltimeStamp", STAMP),
    link("sessionId", "BLSession.sessionId"),
    link("ownerId", "Person.personId"),
)

Dewar = table(
    "Dewar",
    key("dewarId"),
    link("shippingId", "Shipping.shippingId"),
    column("code", folded_text(45), index=True),
    column("dewarStatus", folded_text(45), index=True),
    column("barCode", folded_text(45), unique=True),
    column("type", enumerated("Dewar", "Toolbox"), null=False, default="Dewar"),
    column("dewarType", folded_text(45), optional=True),
)

Shipping = table(
    "Shipping",
    key("shippingId"),
    link("proposalId", "Proposal.proposalId", null=False),
    column("shippingName", folded_text(45), index=True),
    column("shippingStatus", folded_text(45), index=True),
    column("bltimeStamp", STAMP),
    column("creationDate", STAMP, index=True),
    column("comments", folded_text(255)),
    link("sendingLabContactId", "LabContact.labContactId"),
    link("returnLabContactId", "LabContact.labContactId"),
    column("safetyLevel", folded_text(8)),
)

ContainerQueueSample = table(
    "ContainerQueueSample",
    key("containerQueueSampleId"),
    column("containerQueueId", INTEGER, index=True),
    link("blSubSampleId", "BLSubSample.blSubSampleId"),
    link("blSampleId", "BLSample.blSampleId", optional=True),
    column("dataCollectionPlanId", INTEGER, index=True, optional=True),
)

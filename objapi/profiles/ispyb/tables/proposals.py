"""Proposals with their participants and lab contacts, and sessions with theirs."""

import sqlalchemy as sa

from catalog.dialect.borrowed import enumerated, folded_text
from objapi.profiles.ispyb.tables.columns import EXTERNAL_ID, FLOAT, INTEGER, NOW, STAMP, TINY, column, key, link, table

Proposal = table(
    "Proposal",
    key("proposalId"),
    link("personId", "Person.personId", null=False),
    column("title", folded_text(200)),
    column("proposalCode", folded_text(45)),
    column("proposalNumber", folded_text(45)),
    column("proposalType", folded_text(2)),
    column("bltimeStamp", STAMP, null=False, default=NOW),
    column("externalId", EXTERNAL_ID, index=True),
    column("state", enumerated("Open", "Closed", "Cancelled"), default="Open"),
    sa.Index("ix_Proposal_name", "proposalCode", "proposalNumber"),
)

ProposalHasPerson = table(
    "ProposalHasPerson",
    key("proposalHasPersonId"),
    link("proposalId", "Proposal.proposalId", null=False),
    link("personId", "Person.personId", null=False),
)

LabContact = table(
    "LabContact",
    key("labContactId"),
    link("personId", "Person.personId", null=False),
    column("cardName", folded_text(40), null=False),
    link("proposalId", "Proposal.proposalId", null=False),
    column("defaultCourrierCompany", folded_text(45)),
    column("courierAccount", folded_text(45)),
    column("billingReference", folded_text(45)),
    column("dewarAvgCustomsValue", INTEGER, null=False, default="0"),
    column("dewarAvgTransportValue", INTEGER, null=False, default="0"),
    column("recordTimeStamp", STAMP, null=False, default=NOW),
    sa.UniqueConstraint("personId", "proposalId"),
    sa.UniqueConstraint("cardName", "proposalId"),
)

BLSession = table(
    "BLSession",
    key("sessionId"),
    column("expSessionPk", INTEGER, index=True, optional=True),
    link("beamLineSetupId", "BeamLineSetup.beamLineSetupId"),
    link("proposalId", "Proposal.proposalId", null=False),
    column("projectCode", folded_text(45), optional=True),
    column("startDate", STAMP, index=True),
    column("endDate", STAMP, index=True),
    column("beamLineName", folded_text(45), index=True),
    column("scheduled", TINY),
    column("nbShifts", INTEGER, index=True),
    column("comments", folded_text(2000)),
    column("beamLineOperator", folded_text(255)),
    column("visit_number", INTEGER, default="0"),
    column("bltimeStamp", STAMP, null=False, default=NOW),
    column("usedFlag", TINY),
    column("sessionTitle", folded_text(255), optional=True),
    column("structureDeterminations", FLOAT, optional=True),
    column("dewarTransport", FLOAT, optional=True),
    column("databackupFrance", FLOAT, optional=True),
    column("databackupEurope", FLOAT, optional=True),
    column("operatorSiteNumber", folded_text(10), index=True, optional=True),
    column("lastUpdate", STAMP, null=False, default=NOW),
    column("protectedData", folded_text(1024), optional=True),
    column("externalId", EXTERNAL_ID, index=True),
    column("nbReimbDewars", INTEGER, optional=True),
    sa.Index("ix_BLSession_place", "beamLineName", "startDate"),
)

Session_has_Person = table(
    "Session_has_Person",
    link("sessionId", "BLSession.sessionId", primary_key=True),
    link("personId", "Person.personId", primary_key=True, index=True),
    column(
        "role",
        enumerated(
            "Local Contact",
            "Local Contact 2",
            "Staff",
            "Team Leader",
            "Co-Investigator",
            "Principal Investigator",
            "Alternate Contact",
        ),
    ),
    column("remote", TINY, default="0"),
)

SessionType = table(
    "SessionType",
    key("sessionTypeId"),
    link("sessionId", "BLSession.sessionId", null=False),
    column("typeName", folded_text(31), null=False),
)

BeamLineSetup = table(
    "BeamLineSetup",
    key("beamLineSetupId"),
    column("synchrotronMode", folded_text(255)),
    column("undulatorType1", folded_text(45)),
    column("undulatorType2", folded_text(45)),
    column("undulatorType3", folded_text(45)),
    column("focalSpotSizeAtSample", FLOAT),
    column("focusingOptic", folded_text(255)),
    column("beamDivergenceHorizontal", FLOAT),
    column("beamDivergenceVertical", FLOAT),
    column("polarisation", FLOAT),
    column("monochromatorType", folded_text(255)),
    column("setupDate", STAMP),
    column("synchrotronName", folded_text(255)),
    column("maxExpTimePerDataCollection", FLOAT),
    column("minExposureTimePerImage", FLOAT),
    column("goniostatMaxOscillationSpeed", FLOAT),
    column("goniostatMinOscillationWidth", FLOAT),
    column("minTransmission", FLOAT),
    column("CS", FLOAT),
)

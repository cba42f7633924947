"""Proposals, sessions and proteins."""

from objapi.ispyb.values.schema import ListOf, Schema, optional, required, stored
from objapi.ispyb.values.types import BOOL, INT, NUMBER, STAMP, TEXT, enum

ProposalState = enum("ProposalState", "Open", "Closed", "Cancelled")

ProposalMetaData = Schema(
    "ProposalMetaData",
    {
        "persons": required(INT),
        "sessions": required(INT),
        "beamLines": required(ListOf(TEXT)),
        "uiGroups": optional(ListOf(TEXT)),
    },
)

Proposal = Schema(
    "Proposal",
    {
        "proposalCode": required(TEXT),
        "proposalNumber": required(TEXT),
        "proposal": required(TEXT),
        "title": optional(TEXT),
        "state": optional(ProposalState),
        "_metadata": required(ProposalMetaData),
        "proposalId": required(INT),
    },
)

BeamLineSetup = Schema(
    "BeamLineSetup",
    {
        "beamLineSetupId": required(INT),
        "synchrotronMode": optional(TEXT),
        "undulatorType1": optional(TEXT),
        "undulatorType2": optional(TEXT),
        "undulatorType3": optional(TEXT),
        "focalSpotSizeAtSample": optional(NUMBER),
        "focusingOptic": optional(TEXT),
        "beamDivergenceHorizontal": optional(NUMBER),
        "beamDivergenceVertical": optional(NUMBER),
        "polarisation": optional(NUMBER),
        "monochromatorType": optional(TEXT),
        "setupDate": optional(STAMP),
        "synchrotronName": optional(TEXT),
        "maxExpTimePerDataCollection": optional(NUMBER),
        "minExposureTimePerImage": optional(NUMBER),
        "goniostatMaxOscillationSpeed": optional(NUMBER),
        "goniostatMinOscillationWidth": optional(NUMBER),
        "minTransmission": optional(NUMBER),
        "CS": optional(NUMBER),
    },
)

SessionMetaData = Schema(
    "SessionMetaData",
    {
        "datacollections": optional(INT),
        "uiGroups": optional(ListOf(TEXT)),
        "persons": required(INT),
        "active": required(BOOL),
        "active_soon": required(BOOL),
        "sessionTypes": required(ListOf(TEXT)),
    },
)

Session = Schema(
    "Session",
    {
        "sessionId": required(INT),
        "proposalId": required(INT),
        "session": required(TEXT),
        "proposal": required(TEXT),
        "BeamLineSetup": optional(BeamLineSetup),
        "visit_number": optional(INT),
        "startDate": stored(STAMP),
        "endDate": stored(STAMP),
        "beamLineName": required(TEXT),
        "beamLineOperator": optional(TEXT),
        "scheduled": optional(BOOL),
        "comments": optional(TEXT),
        "nbReimbDewars": optional(INT),
        "_metadata": required(SessionMetaData),
    },
)

ComponentType = Schema(
    "ComponentType",
    {
        "componentTypeId": required(INT),
        "name": required(TEXT),
    },
)

ProteinMetaData = Schema(
    "ProteinMetaData",
    {
        "pdbs": optional(INT),
        "crystals": optional(INT),
        "samples": optional(INT),
        "datacollections": optional(INT),
    },
)

Protein = Schema(
    "Protein",
    {
        "name": required(TEXT),
        "acronym": required(TEXT),
        "proposalId": required(INT),
        "sequence": optional(TEXT),
        "density": optional(NUMBER),
        "molecularMass": optional(NUMBER),
        "containmentLevel": optional(TEXT),
        "hazardGroup": optional(TEXT),
        "safetyLevel": optional(TEXT),
        "ComponentType": optional(ComponentType),
        "proteinId": required(INT),
        "_metadata": optional(ProteinMetaData),
    },
)

"""The payload of the user portal."""

from typing import Final

from objapi.ispyb.subjects.people.schemas import LaboratoryCreate
from objapi.ispyb.values.schema import ListOf, OneGiven, Schema, optional, required
from objapi.ispyb.values.types import (
    ANY_INT,
    INT_COLUMN,
    NUMBER,
    TEXT,
    TINY_COLUMN,
    WRITTEN_STAMP,
    constant,
    short_text,
)

_PERSON_KEY: Final = OneGiven(("login", "externalId"), "either login or externalId is required for a Person entity")
_SESSION_KEY: Final = OneGiven(
    ("expSessionPk", "externalId"), "either expSessionPk or externalId is required for a Session entity"
)


PersonProposalLaboratory = Schema(
    "PersonProposalLaboratory",
    {
        "siteId": optional(INT_COLUMN),
        "personUUID": optional(short_text(45)),
        "familyName": optional(short_text(100)),
        "givenName": optional(short_text(45)),
        "title": optional(short_text(45)),
        "emailAddress": optional(short_text(60)),
        "phoneNumber": optional(short_text(45)),
        "login": optional(short_text(45)),
        "passwd": optional(short_text(45)),
        "faxNumber": optional(short_text(45)),
        "externalId": optional(ANY_INT),
        "cache": optional(TEXT),
        "laboratory": optional(LaboratoryCreate),
    },
    rules=(_PERSON_KEY,),
)

PersonSessionOptions = Schema(
    "PersonSessionOptions",
    {
        "role": optional(
            constant(
                "Local Contact",
                "Local Contact 2",
                "Staff",
                "Team Leader",
                "Co-Investigator",
                "Principal Investigator",
                "Alternate Contact",
            )
        ),
        "remote": optional(TINY_COLUMN),
    },
)

PersonSessionLaboratory = Schema(
    "PersonSessionLaboratory",
    {**PersonProposalLaboratory.properties, "session_options": optional(PersonSessionOptions)},
    rules=(_PERSON_KEY,),
)

UPLabContact = Schema(
    "UPLabContact",
    {
        "cardName": required(short_text(40)),
        "defaultCourrierCompany": optional(short_text(45)),
        "courierAccount": optional(short_text(45)),
        "billingReference": optional(short_text(45)),
        "dewarAvgCustomsValue": optional(INT_COLUMN),
        "dewarAvgTransportValue": optional(INT_COLUMN),
        "person": required(PersonProposalLaboratory),
    },
)

UPProposal = Schema(
    "UPProposal",
    {
        "title": optional(short_text(200)),
        "proposalCode": required(short_text(45)),
        "proposalNumber": required(short_text(45)),
        "proposalType": optional(short_text(2)),
        "externalId": optional(ANY_INT),
        "state": optional(TEXT),
        "persons": required(ListOf(PersonProposalLaboratory, least=1)),
        "labcontacts": optional(ListOf(UPLabContact)),
    },
)

UPSession = Schema(
    "UPSession",
    {
        "expSessionPk": optional(INT_COLUMN),
        "beamLineSetupId": optional(INT_COLUMN),
        "projectCode": optional(short_text(45)),
        "startDate": optional(WRITTEN_STAMP),
        "endDate": optional(WRITTEN_STAMP),
        "beamLineName": optional(short_text(45)),
        "scheduled": optional(TINY_COLUMN),
        "nbShifts": optional(INT_COLUMN),
        "beamLineOperator": optional(short_text(255)),
        "visit_number": optional(INT_COLUMN),
        "usedFlag": optional(TINY_COLUMN),
        "sessionTitle": optional(short_text(255)),
        "structureDeterminations": optional(NUMBER),
        "dewarTransport": optional(NUMBER),
        "databackupFrance": optional(NUMBER),
        "databackupEurope": optional(NUMBER),
        "operatorSiteNumber": optional(short_text(10)),
        "lastUpdate": optional(WRITTEN_STAMP),
        "protectedData": optional(short_text(1024)),
        "externalId": optional(ANY_INT),
        "nbReimbDewars": optional(INT_COLUMN),
        "persons": optional(ListOf(PersonSessionLaboratory)),
    },
    rules=(_SESSION_KEY,),
)

UPProtein = Schema(
    "UPProtein",
    {
        "name": optional(short_text(255)),
        "acronym": required(short_text(45)),
        "description": optional(TEXT),
        "hazardGroup": required(TINY_COLUMN),
        "containmentLevel": required(TINY_COLUMN),
        "safetyLevel": optional(TEXT),
        "molecularMass": optional(NUMBER),
        "proteinType": optional(short_text(45)),
        "sequence": optional(TEXT),
        "isCreatedBySampleSheet": optional(TINY_COLUMN),
        "externalId": optional(ANY_INT),
        "componentTypeId": optional(INT_COLUMN),
        "modId": optional(short_text(20)),
        "concentrationTypeId": optional(INT_COLUMN),
        "person": required(PersonProposalLaboratory),
    },
)

UserPortalProposalSync = Schema(
    "UserPortalProposalSync",
    {
        "proposal": required(UPProposal),
        "sessions": optional(ListOf(UPSession)),
        "proteins": optional(ListOf(UPProtein)),
    },
)

"""Lab contacts: cards for shipments, each with a person and the person's laboratory."""

from datetime import UTC, datetime
from typing import Any, Final

import sqlalchemy as sa

from objapi.ispyb.database import writing
from objapi.ispyb.subjects.people.schemas import LabContact as LabContactAnswer
from objapi.ispyb.subjects.people.schemas import LabContactCreate, LabContactCreateOptional
from objapi.ispyb.values.errors import BadCall, ResourceNotFound
from objapi.ispyb.values.proposal_names import PROPOSAL_NAME, is_proposal
from objapi.ispyb.values.schema import Values, optional
from objapi.ispyb.wire.call import Call, Page
from objapi.ispyb.wire.response import Paged
from objapi.ispyb.wire.routes import BEARER, Group
from objapi.profiles.ispyb.tables import LabContact, Laboratory, Person, Proposal

group: Final = Group("Lab Contacts")

_WRITES: Final = writing("lab contacts", LabContact, linked=(Person, Laboratory))

_CARD: Final = ("cardName", "defaultCourrierCompany", "courierAccount", "billingReference")
_VALUES: Final = ("dewarAvgCustomsValue", "dewarAvgTransportValue")
_PERSON: Final = ("givenName", "familyName", "emailAddress", "phoneNumber")
_LABORATORY: Final = ("name", "address", "city", "country", "url", "laboratoryExtPk")


@group.get("/labcontacts", access=BEARER, query={"proposal": optional(PROPOSAL_NAME)}, answer=Paged(LabContactAnswer))
def list_lab_contacts(call: Call) -> Page:
    """Lab contacts."""
    statement = _lab_contacts(call).order_by(LabContact.c.labContactId)
    if call.query["proposal"]:
        named = sa.select(Proposal.c.proposalId).where(is_proposal(call.query["proposal"]))
        statement = statement.where(LabContact.c.proposalId.in_(named))
    rows, total = call.page(statement)
    return call.paged([_answer(row) for row in rows], total)


@group.post("/labcontacts", access=BEARER, writes=_WRITES, body=LabContactCreate, answer=LabContactAnswer, status=201)
def add_lab_contact(call: Call) -> dict[str, Any]:
    """Add a lab contact together with a new person and a new laboratory.

    Raises ResourceNotFound, and BadCall when the name is taken.
    """
    body = call.body
    visible = sa.select(Proposal.c.proposalId).where(
        Proposal.c.proposalId == body["proposalId"], call.visible(Proposal)
    )
    if call.first(visible) is None:
        raise ResourceNotFound("No such proposal")
    if _is_taken(call, body["proposalId"], body["cardName"]):
        raise BadCall("Could not add lab contact: the card name is taken in this proposal")
    given, now = body["Person"], call.now
    laboratory = None if given["Laboratory"] is None else _add_laboratory(call, given["Laboratory"])
    person = {name: given[name] for name in _PERSON} | {"laboratoryId": laboratory, "recordTimeStamp": now}
    card = {name: body[name] for name in ("proposalId", *_CARD)} | {name: body[name] or 0 for name in _VALUES}
    card |= {"personId": call.insert(Person, person), "recordTimeStamp": now}
    return _one(call, call.insert(LabContact, card))


@group.get("/labcontacts/{labContactId:int}", access=BEARER, answer=LabContactAnswer)
def read_lab_contact(call: Call) -> dict[str, Any]:
    """One lab contact."""
    return _one(call, call.path["labContactId"])


@group.patch(
    "/labcontacts/{labContactId:int}",
    access=BEARER,
    writes=_WRITES,
    body=LabContactCreateOptional,
    answer=LabContactAnswer,
)
def change_lab_contact(call: Call) -> dict[str, Any]:
    """Change the values that are given, those of the person and of the laboratory on their own rows.

    Raises ResourceNotFound and BadCall.
    """
    key = call.path["labContactId"]
    known = _one(call, key)
    card: dict[str, Any] = {name: call.body[name] for name in _CARD if name in call.body}
    card.update({name: call.body[name] or 0 for name in _VALUES if name in call.body})
    if "cardName" in card and (
        not card["cardName"] or _is_taken(call, known["proposalId"], card["cardName"], beside=key)
    ):
        raise BadCall("Could not update lab contact: the card name is empty or taken in this proposal")
    # The card first, so that a name that is taken leaves the person and the laboratory as they were.
    call.update(LabContact, key, card)
    given = call.body.get("Person") or {}
    person = {name: given[name] for name in _PERSON if name in given}
    laboratory = given.get("Laboratory") or {}
    linked = known["Person"]["Laboratory"]
    if laboratory and linked is None:
        person["laboratoryId"] = _add_laboratory(call, laboratory)
    elif laboratory:
        call.update(Laboratory, linked["laboratoryId"], laboratory)
    call.update(Person, known["personId"], person)
    return _one(call, key)


def _lab_contacts(call: Call) -> sa.Select[Any]:
    """The visible cards with their people and laboratories, whose columns stand behind a prefix."""
    selected = [
        *(LabContact.c[name] for name in ("labContactId", "personId", "proposalId", *_CARD, *_VALUES)),
        LabContact.c.recordTimeStamp,
        *(Person.c[name] for name in _PERSON),
        *(Laboratory.c[name].label(f"laboratory_{name}") for name in ("laboratoryId", "recordTimeStamp", *_LABORATORY)),
    ]
    return (
        sa.select(*selected)
        .join_from(LabContact, Person, Person.c.personId == LabContact.c.personId)
        .outerjoin(Laboratory, Laboratory.c.laboratoryId == Person.c.laboratoryId)
        .where(call.visible(LabContact))
    )


def _one(call: Call, key: int) -> dict[str, Any]:
    row = call.first(_lab_contacts(call).where(LabContact.c.labContactId == key))
    if row is None:
        raise ResourceNotFound("Lab contact not found")
    return _answer(row)


def _answer(row: sa.RowMapping) -> dict[str, Any]:
    """A row as it is answered; the times of cards and laboratories have a zone."""
    laboratory = {name: row[f"laboratory_{name}"] for name in ("laboratoryId", *_LABORATORY)}
    laboratory["recordTimeStamp"] = _with_zone(row["laboratory_recordTimeStamp"])
    person = {**row, **{name: row[name] or "" for name in ("givenName", "familyName")}}
    return {
        **row,
        "recordTimeStamp": _with_zone(row["recordTimeStamp"]),
        "Person": person | {"Laboratory": laboratory if laboratory["laboratoryId"] is not None else None},
    }


def _with_zone(time: datetime | None) -> datetime | None:
    return None if time is None else time.replace(tzinfo=UTC)


def _is_taken(call: Call, proposal_id: int, name: str, *, beside: int = 0) -> bool:
    """Check whether another card of a proposal has a name."""
    table = LabContact.c
    same = (table.proposalId == proposal_id, table.cardName == name, table.labContactId != beside)
    return call.first(sa.select(table.labContactId).where(*same)) is not None


def _add_laboratory(call: Call, given: Values) -> int:
    return call.insert(Laboratory, {name: given.get(name) for name in _LABORATORY} | {"recordTimeStamp": call.now})

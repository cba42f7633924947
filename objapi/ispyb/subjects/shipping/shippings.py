"""Shipments of samples: lists, one by its key, adding and changing."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import sqlalchemy as sa

from objapi.ispyb.database import writing
from objapi.ispyb.subjects.shipping.schemas import Shipping as ShippingAnswer
from objapi.ispyb.subjects.shipping.schemas import ShippingCreate, ShippingCreateOptional
from objapi.ispyb.values.errors import BadCall, ResourceNotFound
from objapi.ispyb.values.proposal_names import PROPOSAL_NAME, is_proposal
from objapi.ispyb.values.schema import optional
from objapi.ispyb.wire.call import Call, Page
from objapi.ispyb.wire.response import Paged
from objapi.ispyb.wire.routes import BEARER, Group
from objapi.profiles.ispyb.tables import Dewar, LabContact, Person, Proposal, Shipping

group: Final = Group("Shipping")

_WRITES: Final = writing("shipments", Shipping)

_NEEDED: Final = ("proposalId", "shippingName")
_CARDS: Final = ("sendingLabContactId", "returnLabContactId")

# The answer's names of the two cards: the return card has the plain one.
_RETURN: Final = (LabContact.alias("ReturnCard"), Person.alias("ReturnPerson"), "LabContact")
_SENDING: Final = (LabContact.alias("SendingCard"), Person.alias("SendingPerson"), "LabContact1")


@group.get("/shippings", access=BEARER, query={"proposal": optional(PROPOSAL_NAME)}, answer=Paged(ShippingAnswer))
def list_shippings(call: Call) -> Page:
    """Shipments."""
    statement = _shippings(call)
    if call.query["proposal"]:
        statement = statement.where(is_proposal(call.query["proposal"]))
    rows, total = call.page(statement.order_by(Shipping.c.shippingId))
    return call.paged(_answers(call, rows), total)


@group.post("/shippings", access=BEARER, writes=_WRITES, body=ShippingCreate, answer=ShippingAnswer, status=201)
def add_shipping(call: Call) -> dict[str, Any]:
    """Add a shipment."""
    _check(call, call.body)
    return _one(call, call.insert(Shipping, {**call.body, "bltimeStamp": call.now}))


@group.get("/shippings/{shippingId:int}", access=BEARER, answer=ShippingAnswer)
def read_shipping(call: Call) -> dict[str, Any]:
    """One shipment."""
    return _one(call, call.path["shippingId"])


@group.patch(
    "/shippings/{shippingId:int}", access=BEARER, writes=_WRITES, body=ShippingCreateOptional, answer=ShippingAnswer
)
def change_shipping(call: Call) -> dict[str, Any]:
    """Change the given values of a shipment.

    Raises ResourceNotFound and BadCall.
    """
    key = call.path["shippingId"]
    known = _one(call, key)
    if not call.body:
        return known
    if any(name in call.body and call.body[name] is None for name in _NEEDED):
        raise BadCall("Could not update shipment")
    _check(call, {name: value for name, value in call.body.items() if value != known[name]})
    call.update(Shipping, key, call.body)
    return _one(call, key)


def _check(call: Call, values: Mapping[str, Any]) -> None:
    """Refuse a proposal or cards that the caller does not see."""
    if "proposalId" in values:
        visible = call.visible(Proposal)
        proposal = sa.select(Proposal.c.proposalId).where(Proposal.c.proposalId == values["proposalId"], visible)
        if call.first(proposal) is None:
            raise ResourceNotFound("No such proposal")
    cards = {values[name] for name in _CARDS if values.get(name) is not None}
    if cards:
        visible = call.visible(LabContact)
        known = call.rows(sa.select(LabContact.c.labContactId).where(LabContact.c.labContactId.in_(cards), visible))
        if len(known) != len(cards):
            raise BadCall("No such lab contact")


def _shippings(call: Call) -> sa.Select[Any]:
    """The visible shipments with the names on their cards."""
    joined: sa.FromClause = Shipping.join(Proposal, Proposal.c.proposalId == Shipping.c.proposalId)
    names: list[sa.ColumnElement[Any]] = []
    for (card, person, label), column in ((_RETURN, "returnLabContactId"), (_SENDING, "sendingLabContactId")):
        joined = joined.outerjoin(card, card.c.labContactId == Shipping.c[column]).outerjoin(
            person, person.c.personId == card.c.personId
        )
        columns = (card.c.labContactId, card.c.cardName, person.c.givenName, person.c.familyName)
        names += (part.label(f"{label}_{part.name}") for part in columns)
    visible = call.visible(Shipping)
    return sa.select(*Shipping.columns, *names).select_from(joined).where(visible)


def _one(call: Call, key: int) -> dict[str, Any]:
    row = call.first(_shippings(call).where(Shipping.c.shippingId == key))
    if row is None:
        raise ResourceNotFound("Shipment not found")
    return _answers(call, [row])[0]


def _answers(call: Call, rows: Sequence[sa.RowMapping]) -> list[dict[str, Any]]:
    ids = [row["shippingId"] for row in rows]
    dewars = call.counts(Dewar.c.shippingId, sa.select().select_from(Dewar).where(Dewar.c.shippingId.in_(ids)))
    return [
        {
            **row,
            "shippingName": row["shippingName"] or "",
            "bltimeStamp": _in_utc(row["bltimeStamp"]),
            "_metadata": {"dewars": dewars.get(row["shippingId"], 0)},
            **{label: _card(row, label) for _, _, label in (_RETURN, _SENDING)},
        }
        for row in rows
    ]


def _card(row: sa.RowMapping, label: str) -> dict[str, Any] | None:
    if row[f"{label}_labContactId"] is None:
        return None
    names = ("givenName", "familyName")
    return {
        "cardName": row[f"{label}_cardName"],
        "Person": {name: row[f"{label}_{name}"] or "" for name in names},
    }


def _in_utc(stamp: datetime | None) -> datetime | None:
    """The clients of this route read the wall clock time as if it were in UTC."""
    return None if stamp is None else stamp.replace(tzinfo=UTC)

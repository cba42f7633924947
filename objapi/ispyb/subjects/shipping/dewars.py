"""Dewars of shipments: lists, one by its key, adding and changing."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import sqlalchemy as sa

from objapi.ispyb.database import writing
from objapi.ispyb.subjects.shipping.schemas import Dewar as DewarAnswer
from objapi.ispyb.subjects.shipping.schemas import DewarCreate, DewarCreateOptional
from objapi.ispyb.values.errors import BadCall, ResourceNotFound
from objapi.ispyb.values.proposal_names import PROPOSAL_NAME, is_proposal
from objapi.ispyb.values.schema import optional
from objapi.ispyb.values.types import INT
from objapi.ispyb.wire.call import Call, Page
from objapi.ispyb.wire.response import Paged
from objapi.ispyb.wire.routes import BEARER, Group
from objapi.profiles.ispyb.tables import Dewar, Proposal, Shipping

group: Final = Group("Dewars")

_WRITES: Final = writing("dewars", Dewar)

_FILTERS: Final = {"shippingId": optional(INT), "proposal": optional(PROPOSAL_NAME)}

# What the column `type` holds, which holds the type in databases without dewarType.
_OLD_TYPES: Final = {"dewar": "Dewar", "toolbox": "Toolbox"}


@group.get("/dewars", access=BEARER, query=_FILTERS, answer=Paged(DewarAnswer))
def list_dewars(call: Call) -> Page:
    """Dewars, ordered by dewarId."""
    statement = call.filtered(_dewars(call).order_by(Dewar.c.dewarId), Dewar.c.shippingId)
    if call.query["proposal"]:
        statement = statement.where(is_proposal(call.query["proposal"]))
    rows, total = call.page(statement)
    return call.paged(_answers(rows), total)


@group.post("/dewars", access=BEARER, writes=_WRITES, body=DewarCreate, answer=DewarAnswer, status=201)
def add_dewar(call: Call) -> dict[str, Any]:
    """Add a dewar to a shipment.

    Raises ResourceNotFound and BadCall.
    """
    visible = call.visible(Shipping)
    shipping = sa.select(Shipping.c.shippingId).where(Shipping.c.shippingId == call.body["shippingId"], visible)
    if call.first(shipping) is None:
        raise ResourceNotFound("Shipment not found")
    return _one(call, call.insert(Dewar, _stored(call, call.body)))


@group.get("/dewars/{dewarId:int}", access=BEARER, answer=DewarAnswer)
def read_dewar(call: Call) -> dict[str, Any]:
    """One dewar."""
    return _one(call, call.path["dewarId"])


@group.patch("/dewars/{dewarId:int}", access=BEARER, writes=_WRITES, body=DewarCreateOptional, answer=DewarAnswer)
def change_dewar(call: Call) -> dict[str, Any]:
    """Change the code or the type of a dewar.

    Raises ResourceNotFound and BadCall.
    """
    key = call.path["dewarId"]
    known = _one(call, key)
    if not call.body:
        return known
    if "code" in call.body and call.body["code"] is None:
        raise BadCall("Could not update dewar")
    call.update(Dewar, key, _stored(call, call.body))
    return _one(call, key)


def _stored(call: Call, values: Mapping[str, Any]) -> dict[str, Any]:
    """The values as the table takes them; raises BadCall when its older form has no place for the type."""
    if "dewarType" not in values or call.services.database.has(Dewar.c.dewarType):
        return dict(values)
    others = {name: value for name, value in values.items() if name != "dewarType"}
    type_ = _OLD_TYPES.get((values["dewarType"] or "Dewar").lower())
    if type_ is None:
        raise BadCall("This database knows the dewar types Dewar and Toolbox only")
    return others | {"type": type_}


def _dewars(call: Call) -> sa.Select[Any]:
    """The visible dewars with their shipments."""
    type_ = Dewar.c.dewarType if call.services.database.has(Dewar.c.dewarType) else Dewar.c.type
    return (
        sa.select(
            Dewar.c.dewarId,
            Dewar.c.shippingId,
            Dewar.c.code,
            type_.label("dewarType"),
            Shipping.c.proposalId,
            Shipping.c.shippingName,
        )
        .join_from(Dewar, Shipping, Shipping.c.shippingId == Dewar.c.shippingId)
        .join(Proposal, Proposal.c.proposalId == Shipping.c.proposalId)
        .where(call.visible(Dewar, Shipping))
    )


def _one(call: Call, key: int) -> dict[str, Any]:
    row = call.first(_dewars(call).where(Dewar.c.dewarId == key))
    if row is None:
        raise ResourceNotFound("Dewar not found")
    return _answers([row])[0]


def _answers(rows: Sequence[sa.RowMapping]) -> list[dict[str, Any]]:
    return [
        {
            **row,
            "code": row["code"] or "",
            "Shipping": {"proposalId": row["proposalId"], "shippingName": row["shippingName"] or ""},
        }
        for row in rows
    ]

"""Containers of dewars, which hold the samples: lists, one by its key, adding and changing."""

from collections.abc import Sequence
from typing import Any, Final

import sqlalchemy as sa

from objapi.ispyb.database import writing
from objapi.ispyb.subjects.shipping.schemas import Container as ContainerAnswer
from objapi.ispyb.subjects.shipping.schemas import ContainerCreate, ContainerCreateOptional
from objapi.ispyb.values.errors import BadCall, ResourceNotFound
from objapi.ispyb.values.proposal_names import PROPOSAL_NAME, is_proposal
from objapi.ispyb.values.schema import optional
from objapi.ispyb.wire.call import Call, Page
from objapi.ispyb.wire.response import Paged
from objapi.ispyb.wire.routes import BEARER, Group
from objapi.profiles.ispyb.tables import Container, Dewar, Proposal, Shipping

group: Final = Group("Containers")

_WRITES: Final = writing("containers", Container)

_NEEDED: Final = ("code", "dewarId", "containerType")


@group.get("/containers", access=BEARER, query={"proposal": optional(PROPOSAL_NAME)}, answer=Paged(ContainerAnswer))
def list_containers(call: Call) -> Page:
    """Containers, ordered by containerId."""
    statement = _containers(call).order_by(Container.c.containerId)
    if call.query["proposal"]:
        statement = statement.where(is_proposal(call.query["proposal"]))
    rows, total = call.page(statement)
    return call.paged(_answers(rows), total)


@group.post("/containers", access=BEARER, writes=_WRITES, body=ContainerCreate, answer=ContainerAnswer, status=201)
def add_container(call: Call) -> dict[str, Any]:
    """Add a container to a dewar."""
    _check_dewar(call, call.body["dewarId"])
    return _one(call, call.insert(Container, call.body))


@group.get("/containers/{containerId:int}", access=BEARER, answer=ContainerAnswer)
def read_container(call: Call) -> dict[str, Any]:
    """One container."""
    return _one(call, call.path["containerId"])


@group.patch(
    "/containers/{containerId:int}", access=BEARER, writes=_WRITES, body=ContainerCreateOptional, answer=ContainerAnswer
)
def change_container(call: Call) -> dict[str, Any]:
    """Change the given values of a container.

    Raises ResourceNotFound and BadCall.
    """
    key = call.path["containerId"]
    known = _one(call, key)
    if not call.body:
        return known
    if any(name in call.body and call.body[name] is None for name in _NEEDED):
        raise BadCall("Could not update container")
    if call.body.get("dewarId", known["dewarId"]) != known["dewarId"]:
        _check_dewar(call, call.body["dewarId"])
    call.update(Container, key, call.body)
    return _one(call, key)


def _check_dewar(call: Call, dewar_id: int) -> None:
    """Refuse a dewar that the caller does not see."""
    dewar = (
        sa.select(Dewar.c.dewarId)
        .join(Shipping, Shipping.c.shippingId == Dewar.c.shippingId)
        .where(Dewar.c.dewarId == dewar_id, call.visible(Dewar, Shipping))
    )
    if call.first(dewar) is None:
        raise ResourceNotFound("Dewar not found")


def _containers(call: Call) -> sa.Select[Any]:
    """The visible containers with their dewars and shipments."""
    columns = Container.c
    return (
        sa.select(
            columns.containerId,
            columns.dewarId,
            columns.code,
            columns.containerType,
            columns.sampleChangerLocation,
            columns.beamlineLocation,
            Dewar.c.code.label("dewarCode"),
            Shipping.c.proposalId,
            Shipping.c.shippingName,
        )
        .join_from(Container, Dewar, Dewar.c.dewarId == columns.dewarId)
        .join(Shipping, Shipping.c.shippingId == Dewar.c.shippingId)
        .join(Proposal, Proposal.c.proposalId == Shipping.c.proposalId)
        .where(call.visible(Container, Dewar, Shipping))
    )


def _one(call: Call, key: int) -> dict[str, Any]:
    row = call.first(_containers(call).where(Container.c.containerId == key))
    if row is None:
        raise ResourceNotFound("Container not found")
    return _answers([row])[0]


def _answers(rows: Sequence[sa.RowMapping]) -> list[dict[str, Any]]:
    return [
        {
            **row,
            "code": row["code"] or "",
            "containerType": row["containerType"] or "",
            "Dewar": {
                "code": row["dewarCode"] or "",
                "Shipping": {"proposalId": row["proposalId"], "shippingName": row["shippingName"] or ""},
            },
        }
        for row in rows
    ]

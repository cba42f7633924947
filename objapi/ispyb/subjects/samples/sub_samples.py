"""Places on samples that were measured by themselves: a list with filters and one by its key."""

from collections.abc import Sequence
from typing import Any, Final

import sqlalchemy as sa

from objapi.ispyb.subjects.samples.answers import collected
from objapi.ispyb.subjects.samples.schemas import SubSample as SubSampleAnswer
from objapi.ispyb.values.errors import ResourceNotFound
from objapi.ispyb.values.proposal_names import PROPOSAL_NAME, is_proposal
from objapi.ispyb.values.schema import optional
from objapi.ispyb.values.types import INT, enum
from objapi.ispyb.wire.call import Call, Page
from objapi.ispyb.wire.lists import ORDER, ordered
from objapi.ispyb.wire.response import Paged
from objapi.ispyb.wire.routes import BEARER, Group
from objapi.profiles.ispyb.tables import (
    BLSample,
    BLSubSample,
    Container,
    Crystal,
    DataCollection,
    Dewar,
    Position,
    Proposal,
    Protein,
    Shipping,
)

group: Final = Group("Samples")

_COLLECTIONS: Final = (
    sa.select(sa.func.count())
    .select_from(DataCollection)
    .where(DataCollection.c.blSubSampleId == BLSubSample.c.blSubSampleId)
    .scalar_subquery()
)
_ORDERS: Final = {"blSubSampleId": BLSubSample.c.blSubSampleId, "datacollections": _COLLECTIONS}

_FILTERS: Final = {
    "blSampleId": optional(INT),
    "proteinId": optional(INT),
    "proposal": optional(PROPOSAL_NAME),
    "containerId": optional(INT),
    "order_by": optional(enum("SubSampleOrder", *_ORDERS)),
    "order": optional(ORDER),
}

_POSITIONS: Final = (("Position1", Position.alias("Position1")), ("Position2", Position.alias("Position2")))


@group.get("/samples/sub", access=BEARER, query=_FILTERS, answer=Paged(SubSampleAnswer))
def list_sub_samples(call: Call) -> Page:
    """Sub samples."""
    query = call.query
    statement = _sub_samples(call)
    columns = (
        ("blSampleId", BLSample.c.blSampleId),
        ("proteinId", Protein.c.proteinId),
        ("containerId", Container.c.containerId),
    )
    for name, column in columns:
        if query[name] is not None:
            statement = statement.where(column == query[name])
    if query["proposal"]:
        statement = statement.where(is_proposal(query["proposal"]))
    rows, total = call.page(ordered(statement, query, _ORDERS, by=BLSubSample.c.blSubSampleId))
    return call.paged(_answers(call, rows), total)


@group.get("/samples/sub/{blSubSampleId:int}", access=BEARER, answer=SubSampleAnswer)
def read_sub_sample(call: Call) -> dict[str, Any]:
    """One sub sample.

    Raises ResourceNotFound.
    """
    row = call.first(_sub_samples(call).where(BLSubSample.c.blSubSampleId == call.path["blSubSampleId"]))
    if row is None:
        raise ResourceNotFound("Sub sample not found")
    return _answers(call, [row])[0]


def _sub_samples(call: Call) -> sa.Select[Any]:
    """The visible sub samples with their positions, of samples that lie in a container of a shipment."""
    positions = [column.label(f"{name}_{column.name}") for name, position in _POSITIONS for column in position.columns]
    statement = sa.select(
        BLSubSample.c.blSubSampleId,
        BLSubSample.c.blSampleId,
        BLSubSample.c.comments,
        call.services.database.column(BLSubSample.c.type),
        BLSample.c.name,
        *positions,
    )
    (_, first), (_, second) = _POSITIONS
    return (
        statement.join_from(BLSubSample, BLSample, BLSample.c.blSampleId == BLSubSample.c.blSampleId)
        .join(Crystal, Crystal.c.crystalId == BLSample.c.crystalId)
        .join(Protein, Protein.c.proteinId == Crystal.c.proteinId)
        .join(Proposal, Proposal.c.proposalId == Protein.c.proposalId)
        .join(Container, Container.c.containerId == BLSample.c.containerId)
        .join(Dewar, Dewar.c.dewarId == Container.c.dewarId)
        .join(Shipping, Shipping.c.shippingId == Dewar.c.shippingId)
        .outerjoin(first, first.c.positionId == BLSubSample.c.positionId)
        .outerjoin(second, second.c.positionId == BLSubSample.c.position2Id)
        .where(call.visible(BLSubSample, BLSample, Container, Dewar, Shipping))
    )


def _answers(call: Call, rows: Sequence[sa.RowMapping]) -> list[dict[str, Any]]:
    measured = collected(call, DataCollection.c.blSubSampleId, [row["blSubSampleId"] for row in rows])
    return [
        {
            **row,
            "BLSample": {"name": row["name"] or ""},
            **{name: _position(row, name) for name, _ in _POSITIONS},
            "_metadata": {
                "datacollections": sum(measured.get(row["blSubSampleId"], {}).values()),
                "types": sorted(filter(None, measured.get(row["blSubSampleId"], {}))),
            },
        }
        for row in rows
    ]


def _position(row: sa.RowMapping, name: str) -> dict[str, Any] | None:
    if row[f"{name}_positionId"] is None:
        return None
    return {axis: row[f"{name}_{axis}"] or 0 for axis in ("posX", "posY")}

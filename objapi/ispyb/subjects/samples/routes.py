"""Samples: a list with filters and one by its key, each with its crystal, its container and what was measured."""

from typing import Any, Final

import sqlalchemy as sa

from catalog.dialect import in_join_order, unkeyed
from objapi.ispyb import API_ROOT
from objapi.ispyb.files.sending import sending
from objapi.ispyb.subjects.samples.answers import answers
from objapi.ispyb.subjects.samples.schemas import Sample as SampleAnswer
from objapi.ispyb.subjects.samples.schemas import SampleImage
from objapi.ispyb.values.errors import ResourceNotFound
from objapi.ispyb.values.proposal_names import PROPOSAL_NAME, is_proposal, proposal_name
from objapi.ispyb.values.schema import optional
from objapi.ispyb.values.types import INT, TEXT, enum
from objapi.ispyb.wire.call import Call, Page
from objapi.ispyb.wire.lists import ORDER
from objapi.ispyb.wire.response import Later, Paged
from objapi.ispyb.wire.routes import BEARER, Group
from objapi.profiles.ispyb.tables import (
    AutoProcIntegration,
    BLSample,
    BLSampleImage,
    Container,
    Crystal,
    DataCollection,
    DataCollectionGroup,
    Dewar,
    Proposal,
    Protein,
    RobotAction,
    Screening,
    Shipping,
)

group: Final = Group("Samples")

SAMPLE_STATUS: Final = enum("SampleStatus", "Sample Action", "Data Collected", "Strategy", "Auto Integrated")

_ORDERS: Final = ("blSampleId", "name", "location", "datacollections")

_FILTERS: Final = {
    "status": optional(SAMPLE_STATUS),
    "search": optional(TEXT),
    "proteinId": optional(INT),
    "proposal": optional(PROPOSAL_NAME),
    "containerId": optional(INT),
    "beamLineName": optional(TEXT),
    "order_by": optional(enum("SampleOrder", *_ORDERS)),
    "order": optional(ORDER),
}

_NARROWING: Final = ("status", "search", "proteinId", "proposal", "containerId", "beamLineName")

_CONTAINED: Final = Container.join(BLSample, BLSample.c.containerId == Container.c.containerId)

# From shipments down to samples: who sees which is found out for each shipment, of which there are fewer.
_SHIPPED: Final = (
    Shipping.join(Dewar, Dewar.c.shippingId == unkeyed(Shipping.c.shippingId))
    .join(Container, Container.c.dewarId == unkeyed(Dewar.c.dewarId))
    .join(BLSample, BLSample.c.containerId == unkeyed(Container.c.containerId))
)

_COLLECTED: Final = DataCollectionGroup.join(
    DataCollection, DataCollection.c.dataCollectionGroupId == DataCollectionGroup.c.dataCollectionGroupId
)


@group.get("/samples", access=BEARER, query=_FILTERS, answer=Paged(SampleAnswer))
def list_samples(call: Call) -> Page:
    """Samples with crystal, protein, container and counts."""
    query = call.query
    statement = _samples(call)
    for name, column in (("proteinId", Protein.c.proteinId), ("containerId", Container.c.containerId)):
        if query[name] is not None:
            statement = statement.where(column == query[name])
    if query["search"]:
        statement = statement.where(BLSample.c.name.like(f"%{query['search']}%"))
    if query["proposal"]:
        statement = statement.where(is_proposal(query["proposal"]))
    if query["beamLineName"]:
        statement = statement.where(
            Container.c.beamlineLocation == query["beamLineName"],
            Dewar.c.dewarStatus == "processing",
            Container.c.sampleChangerLocation != "",
        )
    if query["status"] is not None:
        statement = statement.where(_has_status(query["status"]))
    number = None
    if not any(query[name] for name in _NARROWING):
        number = _number(call)
        statement = in_join_order(statement) if call.sees_many(BLSample) else statement
    rows, total = call.page(_ordered(statement, query["order_by"], query["order"]), number)
    return call.paged(answers(call, rows), total)


def _number(call: Call) -> sa.Select[Any]:
    """The number of visible samples that `_samples` selects, of which few lack a link on the way to the proposal.

    All rows are counted, and those that lack one subtracted: that reads a key of each sample rather than seven tables.
    """
    visible = call.visible(BLSample, Container, Dewar, Shipping, counted=True)
    count = sa.select(sa.func.count())
    if not isinstance(visible, sa.True_):
        shipped = count.select_from(_SHIPPED).where(visible)
        return sa.select(shipped.scalar_subquery() - _part(shipped.where(BLSample.c.crystalId.is_(None))))
    unlinked = sa.or_(BLSample.c.crystalId.is_(None), BLSample.c.containerId.is_(None))
    of_crystals = count.select_from(_CONTAINED).where(BLSample.c.crystalId.is_not(None))
    lacking = (
        count.select_from(BLSample).where(unlinked),
        of_crystals.where(Container.c.dewarId.is_(None)),
        of_crystals.join(Dewar, Dewar.c.dewarId == Container.c.dewarId).where(Dewar.c.shippingId.is_(None)),
    )
    everything = count.select_from(BLSample).scalar_subquery()
    return sa.select(everything - sum(map(_part, lacking[1:]), start=_part(lacking[0])))


def _part(statement: sa.Select[Any]) -> Any:
    return statement.scalar_subquery()


@group.get("/samples/{blSampleId:int}", access=BEARER, answer=SampleAnswer)
def read_sample(call: Call) -> dict[str, Any]:
    """One sample.

    Raises ResourceNotFound.
    """
    row = call.first(_samples(call).where(BLSample.c.blSampleId == call.path["blSampleId"]))
    if row is None:
        raise ResourceNotFound("Sample not found")
    return answers(call, [row])[0]


def _samples(call: Call) -> sa.Select[Any]:
    """The visible samples that have a crystal and a protein, and lie in a container of a shipment."""
    return (
        sa.select(
            BLSample.c.blSampleId,
            BLSample.c.name,
            BLSample.c.comments,
            BLSample.c.location,
            BLSample.c.containerId,
            *Crystal.columns,
            Protein.c.proposalId,
            Protein.c.name.label("protein"),
            Protein.c.acronym,
            Container.c.code,
            Container.c.sampleChangerLocation,
            Container.c.beamlineLocation,
            proposal_name().label("proposal"),
        )
        .join_from(BLSample, Crystal, Crystal.c.crystalId == BLSample.c.crystalId)
        .join(Protein, Protein.c.proteinId == Crystal.c.proteinId)
        .join(Container, Container.c.containerId == BLSample.c.containerId)
        .join(Dewar, Dewar.c.dewarId == Container.c.dewarId)
        .join(Shipping, Shipping.c.shippingId == Dewar.c.shippingId)
        .join(Proposal, Proposal.c.proposalId == Shipping.c.proposalId)
        .where(call.visible(BLSample, Container, Dewar, Shipping))
    )


def _has_status(status: str) -> sa.ColumnElement[bool]:
    """The condition that something of a kind was done with the sample.

    The first such thing is looked for, sample by sample; for a mere EXISTS, MariaDB first lists all samples that have
    one.
    """
    if status == "Sample Action":
        done = sa.select(RobotAction.c.robotActionId).where(RobotAction.c.blsampleId == BLSample.c.blSampleId)
    else:
        done = sa.select(DataCollection.c.dataCollectionId).select_from(_COLLECTED)
        done = done.where(DataCollectionGroup.c.blSampleId == BLSample.c.blSampleId)
    if status == "Strategy":
        screened = sa.or_(
            sa.exists().where(Screening.c.dataCollectionId == DataCollection.c.dataCollectionId),
            sa.exists().where(Screening.c.dataCollectionGroupId == DataCollectionGroup.c.dataCollectionGroupId),
        )
        done = done.where(screened)
    elif status == "Auto Integrated":
        done = done.join(
            AutoProcIntegration, AutoProcIntegration.c.dataCollectionId == DataCollection.c.dataCollectionId
        )
    return done.correlate(BLSample).limit(1).scalar_subquery().is_not(None)


def _ordered(statement: sa.Select[Any], order_by: str | None, order: str | None) -> sa.Select[Any]:
    """The statement in the asked order; what is not given of it is as in the usual one, newest first."""
    columns: dict[str, sa.ColumnElement[Any]] = {
        "blSampleId": BLSample.c.blSampleId,
        "name": BLSample.c.name,
        "location": sa.cast(BLSample.c.location, sa.Integer),
        "datacollections": sa.select(sa.func.count())
        .select_from(_COLLECTED)
        .where(DataCollectionGroup.c.blSampleId == BLSample.c.blSampleId)
        .scalar_subquery(),
    }
    column = columns[order_by or "blSampleId"]
    return statement.order_by(column.asc() if order == "asc" else column.desc(), BLSample.c.blSampleId.desc())


NO_IMAGE: Final = "Sample image not found"
_NUMBERS: Final = ("micronsPerPixelX", "micronsPerPixelY", "offsetX", "offsetY")


@group.get("/samples/images", access=BEARER, query={"blSampleId": optional(INT)}, answer=Paged(SampleImage))
def list_sample_images(call: Call) -> Page:
    """Pictures of samples."""
    statement = call.filtered(_visible(call).order_by(BLSampleImage.c.blSampleImageId), BLSampleImage.c.blSampleId)
    rows, total = call.page(statement)
    return call.paged([_answer(row) for row in rows], total)


@group.get("/samples/images/{blSampleImageId:int}", access=BEARER)
def send_sample_image(call: Call) -> Later:
    """The picture of a sample.

    Raises ResourceNotFound.
    """
    row = call.first(_visible(call).where(BLSampleImage.c.blSampleImageId == call.path["blSampleImageId"]))
    if row is None:
        raise ResourceNotFound(NO_IMAGE)
    return sending(call.services.settings, row["imageFullPath"], missing=NO_IMAGE)


def _visible(call: Call) -> sa.Select[Any]:
    return (
        sa.select(*call.services.database.columns(BLSampleImage))
        .select_from(BLSampleImage)
        .join(BLSample, BLSample.c.blSampleId == BLSampleImage.c.blSampleId)
        .join(Container, Container.c.containerId == BLSample.c.containerId)
        .join(Dewar, Dewar.c.dewarId == Container.c.dewarId)
        .join(Shipping, Shipping.c.shippingId == Dewar.c.shippingId)
        .where(call.visible(BLSampleImage, BLSample, Container, Dewar, Shipping))
    )


def _answer(row: sa.RowMapping) -> dict[str, Any]:
    numbers = {name: row[name] or 0 for name in _NUMBERS}
    return {**row, **numbers, "_metadata": {"url": f"{API_ROOT}/samples/images/{row['blSampleImageId']}"}}

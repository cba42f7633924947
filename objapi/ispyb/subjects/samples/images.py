"""Pictures of samples."""

from typing import Any, Final

import sqlalchemy as sa

from objapi.ispyb import API_ROOT
from objapi.ispyb.files.sending import sending
from objapi.ispyb.subjects.samples.schemas import SampleImage
from objapi.ispyb.values.errors import ResourceNotFound
from objapi.ispyb.values.schema import optional
from objapi.ispyb.values.types import INT
from objapi.ispyb.wire.call import Call, Page
from objapi.ispyb.wire.response import Later, Paged
from objapi.ispyb.wire.routes import BEARER, Group
from objapi.profiles.ispyb.tables import BLSample, BLSampleImage, Container, Dewar, Shipping

group: Final = Group("Samples")

MISSING: Final = "Sample image not found"
_NUMBERS: Final = ("micronsPerPixelX", "micronsPerPixelY", "offsetX", "offsetY")


@group.get("/samples/images", access=BEARER, query={"blSampleId": optional(INT)}, answer=Paged(SampleImage))
def list_sample_images(call: Call) -> Page:
    """Pictures of samples."""
    statement = call.filtered(_visible(call).order_by(BLSampleImage.c.blSampleImageId), BLSampleImage.c.blSampleId)
    rows, total = call.page(statement)
    return call.paged([_answer(row) for row in rows], total)


@group.get("/samples/images/{blSampleImageId:int}", access=BEARER)
def send_sample_image(call: Call) -> Later:
    """The picture of a sample."""
    row = call.first(_visible(call).where(BLSampleImage.c.blSampleImageId == call.path["blSampleImageId"]))
    if row is None:
        raise ResourceNotFound(MISSING)
    return sending(call.services.settings, row["imageFullPath"], missing=MISSING)


def _visible(call: Call) -> sa.Select[Any]:
    return (
        sa.select(*call.services.database.columns(BLSampleImage))
        .select_from(BLSampleImage)
        .join(BLSample, BLSample.c.blSampleId == BLSampleImage.c.blSampleId)
        .join(Container, Container.c.containerId == BLSample.c.containerId)
        .join(Dewar, Dewar.c.dewarId == Container.c.dewarId)
        .join(Shipping, Shipping.c.shippingId == Dewar.c.shippingId)
        .where(call.sight.of_proposal(Shipping.c.proposalId))
    )


def _answer(row: sa.RowMapping) -> dict[str, Any]:
    numbers = {name: row[name] or 0 for name in _NUMBERS}
    return {**row, **numbers, "_metadata": {"url": f"{API_ROOT}/samples/images/{row['blSampleImageId']}"}}

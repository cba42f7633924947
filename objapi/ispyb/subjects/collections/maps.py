"""Maps of fluorescence measured on a grid, and their regions of interest in energy."""

from collections.abc import Callable
from types import ModuleType
from typing import Any, Final

import sqlalchemy as sa

from objapi.ispyb import API_ROOT
from objapi.ispyb.files.extra import data_module
from objapi.ispyb.subjects.collections.schemas import Map, MapHistogram, MapPixelValue, MapROI
from objapi.ispyb.values.errors import ResourceNotFound
from objapi.ispyb.values.schema import optional, required
from objapi.ispyb.values.types import INT
from objapi.ispyb.wire.call import Call, Page
from objapi.ispyb.wire.response import Later, Paged, RawContent
from objapi.ispyb.wire.routes import BEARER, Group
from objapi.profiles.ispyb.tables import (
    BLSample,
    BLSession,
    Crystal,
    DataCollection,
    DataCollectionGroup,
    GridInfo,
    Protein,
    XRFFluorescenceMapping,
    XRFFluorescenceMappingROI,
)

group: Final = Group("Mapping")

MISSING: Final = "Map not found"

_MAP: Final = "/{xrfFluorescenceMappingId:int}"
_KEYS: Final = (
    XRFFluorescenceMapping.c.xrfFluorescenceMappingId,
    DataCollection.c.dataCollectionId,
    DataCollection.c.dataCollectionGroupId,
    DataCollectionGroup.c.blSampleId,
    DataCollection.c.blSubSampleId,
)
_FILTERS: Final = {column.name: optional(INT) for column in _KEYS}
_ROI_KEYS: Final = (XRFFluorescenceMappingROI.c.xrfFluorescenceMappingROIId, XRFFluorescenceMappingROI.c.blSampleId)
_ROI_FILTERS: Final = {column.name: optional(INT) for column in _ROI_KEYS}
_PLACE: Final = {"x": required(INT), "y": required(INT)}
_CONTENT: Final = ("dataFormat", "data", "colourMap", "min", "max")


@group.get("/mapping/rois", access=BEARER, query=_ROI_FILTERS, answer=Paged(MapROI))
def list_regions(call: Call) -> Page:
    """Regions of interest of maps."""
    table, database = XRFFluorescenceMappingROI, call.services.database
    if not database.has(table.c.blSampleId):
        return call.paged([], 0)
    statement = (
        sa.select(*database.columns(table))
        .select_from(table)
        .join(BLSample, BLSample.c.blSampleId == table.c.blSampleId)
        .join(Crystal, Crystal.c.crystalId == BLSample.c.crystalId)
        .join(Protein, Protein.c.proteinId == Crystal.c.proteinId)
        .where(call.visible(XRFFluorescenceMappingROI, BLSample, Crystal, Protein))
        .order_by(table.c.xrfFluorescenceMappingROIId)
    )
    return call.paged(*call.page(call.filtered(statement, *_ROI_KEYS)))


@group.get("/mapping", access=BEARER, query=_FILTERS, answer=Paged(Map))
def list_maps(call: Call) -> Page:
    """Maps with their region of interest and their grid."""
    database = call.services.database
    if not _has_maps(call):
        return call.paged([], 0)
    roi = [
        database.column(column).label(f"roi_{column.name}")
        for column in XRFFluorescenceMappingROI.columns
        if column.name != "blSampleId"
    ]
    columns = [
        database.column(XRFFluorescenceMapping.c[name])
        for name in ("xrfFluorescenceMappingId", "colourMap", "opacity", "points", "dataFormat")
    ]
    own = (DataCollection.c.blSubSampleId, DataCollectionGroup.c.blSampleId, DataCollection.c.dataCollectionId)
    statement = _visible(call, *columns, *own, *_grid(call), *roi)
    key = XRFFluorescenceMapping.c.xrfFluorescenceMappingId
    rows, total = call.page(call.filtered(statement, *_KEYS).order_by(key))
    return call.paged([_answer(row) for row in rows], total)


@group.get(f"/mapping/histogram{_MAP}", access=BEARER, answer=MapHistogram)
def read_histogram(call: Call) -> Later:
    """Histogram of the values of a map."""
    return _from_values(call, lambda maps, row, values: {**_key(call), **maps.histogram(values)})


@group.get(f"/mapping/pixel{_MAP}", access=BEARER, query=_PLACE, answer=MapPixelValue)
def read_pixel(call: Call) -> Later:
    """The value at one place of a map.

    Raises ResourceNotFound for a place beyond it.
    """
    place = {name: call.query[name] for name in _PLACE}

    def value(maps: ModuleType, row: sa.RowMapping, values: Any) -> dict[str, Any]:
        found = maps.value_at(maps.arranged(values, _grid_of(maps, row)), **place)
        if found is None:
            raise ResourceNotFound(MISSING)
        return {**_key(call), **place, "value": found}

    return _from_values(call, value)


@group.get(f"/mapping{_MAP}", access=BEARER, content_type="image/png")
def draw_map(call: Call) -> Later:
    """A map as a picture."""

    def draw(maps: ModuleType, row: sa.RowMapping, values: Any) -> RawContent:
        picture = maps.picture(maps.arranged(values, _grid_of(maps, row)), row["colourMap"], row["min"], row["max"])
        return RawContent(picture, "image/png")

    return _from_values(call, draw)


def _from_values(call: Call, work: Callable[[ModuleType, sa.RowMapping, Any], Any]) -> Later:
    """Do work on the values of the map that the path names, once the transaction is over."""
    if not _has_maps(call):
        raise ResourceNotFound(MISSING)
    columns = [call.services.database.column(XRFFluorescenceMapping.c[name]) for name in _CONTENT]
    is_asked_for = XRFFluorescenceMapping.c.xrfFluorescenceMappingId == call.path["xrfFluorescenceMappingId"]
    row = call.first(_visible(call, *columns, *_grid(call)).where(is_asked_for))
    if row is None:
        raise ResourceNotFound(MISSING)

    def later() -> Any:
        maps = data_module("maps")
        return work(maps, row, maps.read_values(row["data"], row["dataFormat"]))

    return Later(later)


def _visible(call: Call, *columns: sa.ColumnElement[Any]) -> sa.Select[Any]:
    """Columns of the maps in visible sessions, in a database that has maps."""
    mapping, groups = XRFFluorescenceMapping.c, DataCollectionGroup.c
    return (
        sa.select(*columns)
        .select_from(XRFFluorescenceMapping)
        .join(GridInfo, GridInfo.c.gridInfoId == mapping.gridInfoId)
        .join(
            XRFFluorescenceMappingROI,
            XRFFluorescenceMappingROI.c.xrfFluorescenceMappingROIId == mapping.xrfFluorescenceMappingROIId,
        )
        .join(DataCollection, DataCollection.c.dataCollectionId == sa.func.coalesce(*_collections(call)))
        .join(DataCollectionGroup, groups.dataCollectionGroupId == DataCollection.c.dataCollectionGroupId)
        .join(BLSession, BLSession.c.sessionId == groups.sessionId)
        .where(call.visible(DataCollection, DataCollectionGroup, BLSession))
    )


def _has_maps(call: Call) -> bool:
    """Check whether the database has the columns that join maps with grids and data collections."""
    return call.services.database.has(XRFFluorescenceMapping.c.gridInfoId) and bool(_collections(call))


def _collections(call: Call) -> list[sa.Column[int]]:
    """The columns that name a map's data collection, that of its grid first."""
    columns = (GridInfo.c.dataCollectionId, XRFFluorescenceMapping.c.dataCollectionId)
    return [column for column in columns if call.services.database.has(column)]


def _grid(call: Call) -> list[sa.ColumnElement[Any]]:
    grid = GridInfo.c
    return [grid.gridInfoId, grid.steps_x, grid.steps_y, grid.orientation, call.services.database.column(grid.snaked)]


def _grid_of(maps: ModuleType, row: sa.RowMapping) -> Any:
    vertical = row["orientation"] == "vertical"
    return maps.Grid(int(row["steps_x"] or 0), int(row["steps_y"] or 0), vertical, bool(row["snaked"]))


def _key(call: Call) -> dict[str, int]:
    return {"xrfFluorescenceMappingId": call.path["xrfFluorescenceMappingId"]}


def _answer(row: sa.RowMapping) -> dict[str, Any]:
    url = f"{API_ROOT}/mapping/{row['xrfFluorescenceMappingId']}"
    named = {name: row[name] for name in ("blSubSampleId", "blSampleId", "dataCollectionId")}
    return {
        **row,
        "dataFormat": row["dataFormat"] or "json",
        "_metadata": {"url": url, **named},
        "GridInfo": {
            "gridInfoId": row["gridInfoId"],
            "steps_x": row["steps_x"] or 0,
            "steps_y": row["steps_y"] or 0,
            "snaked": row["snaked"] or 0,
            "orientation": row["orientation"] or "horizontal",
        },
        "XRFFluorescenceMappingROI": {
            name.removeprefix("roi_"): value for name, value in row.items() if name.startswith("roi_")
        },
    }

"""Images and maps."""

from objapi.ispyb.values.schema import ListOf, Schema, optional, required
from objapi.ispyb.values.types import ANYTHING, BOOL, INT, NUMBER, TEXT

ImageHistogram = Schema(
    "ImageHistogram",
    {
        "values": required(ListOf(INT)),
        "bins": required(ListOf(INT)),
        "shape": required(ListOf(ANYTHING)),
        "max": required(NUMBER),
    },
)

MapGridInfo = Schema(
    "MapGridInfo",
    {
        "gridInfoId": required(INT),
        "steps_x": required(INT),
        "steps_y": required(INT),
        "snaked": required(BOOL),
        "orientation": required(TEXT),
    },
)

MapROI = Schema(
    "MapROI",
    {
        "xrfFluorescenceMappingROIId": required(INT),
        "element": optional(TEXT),
        "edge": optional(TEXT),
        "scalar": optional(TEXT),
        "startEnergy": required(NUMBER),
        "endEnergy": required(NUMBER),
    },
)

MapMetaData = Schema(
    "MapMetaData",
    {
        "url": required(TEXT),
        "blSubSampleId": optional(INT),
        "blSampleId": optional(INT),
        "dataCollectionId": optional(INT),
    },
)

Map = Schema(
    "Map",
    {
        "xrfFluorescenceMappingId": required(INT),
        "colourMap": optional(TEXT),
        "opacity": optional(NUMBER),
        "points": optional(INT),
        "dataFormat": required(TEXT),
        "_metadata": required(MapMetaData),
        "GridInfo": required(MapGridInfo),
        "XRFFluorescenceMappingROI": required(MapROI),
    },
)

MapHistogram = Schema(
    "MapHistogram",
    {
        "xrfFluorescenceMappingId": required(INT),
        "hist": required(ListOf(INT)),
        "bins": required(ListOf(NUMBER)),
        "width": required(ListOf(NUMBER)),
    },
)

MapPixelValue = Schema(
    "MapPixelValue",
    {
        "xrfFluorescenceMappingId": required(INT),
        "x": required(INT),
        "y": required(INT),
        "value": required(NUMBER),
    },
)

"""Samples, sub samples and their pictures."""

from objapi.ispyb.values.schema import ListOf, Schema, optional, required
from objapi.ispyb.values.types import BOOL, INT, NUMBER, TEXT

SampleProtein = Schema(
    "SampleProtein",
    {
        "proposalId": required(TEXT),
        "name": required(TEXT),
        "acronym": required(TEXT),
    },
)

SampleCrystal = Schema(
    "SampleCrystal",
    {
        "cell_a": optional(NUMBER),
        "cell_b": optional(NUMBER),
        "cell_c": optional(NUMBER),
        "cell_alpha": optional(NUMBER),
        "cell_beta": optional(NUMBER),
        "cell_gamma": optional(NUMBER),
        "Protein": required(SampleProtein),
        "crystalId": required(INT),
        "proteinId": required(INT),
    },
)

SampleContainer = Schema(
    "SampleContainer",
    {
        "code": required(TEXT),
        "sampleChangerLocation": optional(TEXT),
        "beamlineLocation": optional(TEXT),
    },
)

SampleMetaData = Schema(
    "SampleMetaData",
    {
        "subsamples": required(INT),
        "datacollections": required(INT),
        "types": optional(ListOf(TEXT)),
        "queued": optional(BOOL),
        "strategies": optional(INT),
        "autoIntegrations": optional(INT),
        "integratedResolution": optional(NUMBER),
        "proposal": optional(TEXT),
    },
)

Sample = Schema(
    "Sample",
    {
        "name": required(TEXT),
        "comments": optional(TEXT),
        "location": optional(INT),
        "containerId": optional(INT),
        "Crystal": required(SampleCrystal),
        "blSampleId": required(INT),
        "Container": optional(SampleContainer),
        "_metadata": optional(SampleMetaData),
    },
)

Position = Schema(
    "Position",
    {
        "posX": required(INT),
        "posY": required(INT),
    },
)

SubSampleSample = Schema(
    "SubSampleSample",
    {
        "name": required(TEXT),
    },
)

SubSampleMetaData = Schema(
    "SubSampleMetaData",
    {
        "datacollections": required(INT),
        "types": optional(ListOf(TEXT)),
    },
)

SubSample = Schema(
    "SubSample",
    {
        "type": optional(TEXT),
        "comments": optional(TEXT),
        "blSampleId": required(INT),
        "_metadata": required(SubSampleMetaData),
        "blSubSampleId": required(INT),
        "BLSample": required(SubSampleSample),
        "Position1": optional(Position),
        "Position2": optional(Position),
    },
)

SampleImageMetaData = Schema(
    "SampleImageMetaData",
    {
        "url": required(TEXT),
    },
)

SampleImage = Schema(
    "SampleImage",
    {
        "blSampleImageId": required(INT),
        "blSampleId": required(INT),
        "micronsPerPixelX": required(NUMBER),
        "micronsPerPixelY": required(NUMBER),
        "offsetX": required(INT),
        "offsetY": required(INT),
        "_metadata": required(SampleImageMetaData),
    },
)

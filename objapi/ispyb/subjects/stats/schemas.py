"""Statistics of sessions and runs."""

from objapi.ispyb.values.schema import ListOf, MapOf, OneOf, Schema, optional, required, stored
from objapi.ispyb.values.types import ANYTHING, INT, NUMBER, STAMP, TEXT

BreakdownOverviewCounts = Schema(
    "BreakdownOverviewCounts",
    {
        "datacollections": required(INT),
        "failed": required(INT),
        "datacollectionTypes": required(MapOf(INT)),
        "robot": required(INT),
        "edge": required(INT),
        "xrf": required(INT),
    },
)

BreakdownOverviewRun = Schema(
    "BreakdownOverviewRun",
    {
        "startDate": stored(STAMP),
        "endDate": stored(STAMP),
        "duration": required(NUMBER),
        "run": required(TEXT),
        "counts": required(BreakdownOverviewCounts),
    },
)

BreakdownOverviewSession = Schema(
    "BreakdownOverviewSession",
    {
        "startDate": stored(STAMP),
        "endDate": stored(STAMP),
        "duration": required(NUMBER),
        "beamLineName": required(TEXT),
        "sessionId": required(TEXT),
        "session": optional(TEXT),
        "counts": required(BreakdownOverviewCounts),
    },
)

BreakdownPlottable = Schema(
    "BreakdownPlottable",
    {
        "title": required(TEXT),
        "unit": optional(TEXT),
        "data": required(ListOf(ANYTHING)),
    },
)

BreakdownPlottables = Schema(
    "BreakdownPlottables",
    {
        "time": required(ListOf(STAMP)),
        "series": required(ListOf(BreakdownPlottable)),
    },
)

BreakdownPoint = Schema(
    "BreakdownPoint",
    {
        "eventType": required(TEXT),
        "startTime": stored(STAMP),
        "endTime": stored(STAMP),
        "protein": optional(TEXT),
        "sample": optional(TEXT),
        "subType": optional(TEXT),
        "status": optional(TEXT),
        "title": optional(TEXT),
        "session": optional(TEXT),
        "sessionId": optional(TEXT),
    },
)

Breakdown = Schema(
    "Breakdown",
    {
        "overview": required(OneOf((BreakdownOverviewSession, BreakdownOverviewRun))),
        "history": required(ListOf(BreakdownPoint)),
        "plottables": required(BreakdownPlottables),
    },
)

ParameterHistogram = Schema(
    "ParameterHistogram",
    {
        "beamLineName": required(TEXT),
        "bin": required(ListOf(INT)),
        "frequency": required(ListOf(INT)),
    },
)

ParameterHistograms = Schema(
    "ParameterHistograms",
    {
        "parameter": required(TEXT),
        "unit": required(TEXT),
        "beamLines": required(ListOf(ParameterHistogram)),
    },
)

Hourly = Schema(
    "Hourly",
    {
        "hour": required(ListOf(INT)),
        "average": required(ListOf(NUMBER)),
    },
)

Hourlies = Schema(
    "Hourlies",
    {
        "datacollections": required(Hourly),
        "loaded": required(Hourly),
    },
)

TimeEntry = Schema(
    "TimeEntry",
    {
        "duration": optional(NUMBER, 0),
        "startup": optional(NUMBER, 0),
        "datacollection": optional(NUMBER, 0),
        "edge": optional(NUMBER, 0),
        "xrf": optional(NUMBER, 0),
        "robot": optional(NUMBER, 0),
        "strategy": optional(NUMBER, 0),
        "centring": optional(NUMBER, 0),
        "fault": optional(NUMBER, 0),
        "remaining": optional(NUMBER, 0),
        "thinking": optional(NUMBER, 0),
    },
)

SessionTimeEntry = Schema(
    "SessionTimeEntry",
    {
        "duration": optional(NUMBER, 0),
        "startup": optional(NUMBER, 0),
        "datacollection": optional(NUMBER, 0),
        "edge": optional(NUMBER, 0),
        "xrf": optional(NUMBER, 0),
        "robot": optional(NUMBER, 0),
        "strategy": optional(NUMBER, 0),
        "centring": optional(NUMBER, 0),
        "fault": optional(NUMBER, 0),
        "remaining": optional(NUMBER, 0),
        "thinking": optional(NUMBER, 0),
        "sessionId": required(INT),
    },
)

Times = Schema(
    "Times",
    {
        "average": required(TimeEntry),
        "sessions": required(ListOf(SessionTimeEntry)),
    },
)

ExperimentTypeMessages = Schema(
    "ExperimentTypeMessages",
    {
        "count": required(INT),
        "message": required(TEXT),
    },
)

ExperimentTypeGroup = Schema(
    "ExperimentTypeGroup",
    {
        "experimentType": required(TEXT),
        "total": required(INT),
        "failed": required(INT),
        "failedPercent": optional(NUMBER, 0),
        "aborted": required(INT),
        "abortedPercent": optional(NUMBER, 0),
        "messages": required(ListOf(ExperimentTypeMessages)),
    },
)

Errors = Schema(
    "Errors",
    {
        "totals": required(ListOf(ExperimentTypeGroup)),
    },
)

VRun = Schema(
    "VRun",
    {
        "run": required(TEXT),
        "runId": required(INT),
        "startDate": stored(STAMP),
        "endDate": stored(STAMP),
    },
)

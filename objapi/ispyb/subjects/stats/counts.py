"""Numbers of data collections: by outcome, by hour of the day, and by photon energy."""

from collections import Counter
from collections.abc import Callable, Iterable
from difflib import SequenceMatcher
from typing import Any, Final

import sqlalchemy as sa

from objapi.ispyb.files.reading import last_lines
from objapi.ispyb.subjects.stats.schemas import Errors, Hourlies, ParameterHistograms
from objapi.ispyb.subjects.stats.scope import SCOPE, SCOPE_WITH_PROPOSAL, Scope, collections_in, load_scope
from objapi.ispyb.values.conversions import energy_of
from objapi.ispyb.values.errors import Refusal
from objapi.ispyb.wire.call import Call
from objapi.ispyb.wire.response import Later
from objapi.ispyb.wire.routes import BEARER, Group
from objapi.profiles.ispyb.tables import (
    BLSession,
    DataCollection,
    DataCollectionFileAttachment,
    DataCollectionGroup,
    RobotAction,
)

group: Final = Group("Stats")

_UNTYPED: Final = "unknown"
_ALIKE: Final = 0.8
_COMPARED_CHARACTERS: Final = 500

_BIN: Final = 200
_BINS: Final = tuple(range(1000, 25000, _BIN))


@group.get("/stats/errors", access=BEARER, query=SCOPE, answer=Errors)
def read_errors(call: Call) -> Later:
    """Per experiment type: number of data collections, failed and aborted ones, and messages from log files."""
    scope = load_scope(call)
    rows = call.rows(_outcomes(scope))
    logs = call.rows(_logs(scope))

    def work() -> dict[str, Any]:
        lines = last_lines(call.services.settings, (row["fileFullPath"] for row in logs))
        messages: dict[str, list[str]] = {}
        for row in logs:
            if row["fileFullPath"] in lines:
                messages.setdefault(_type(row), []).append(lines[row["fileFullPath"]])
        return {"totals": [_total(type_, found, messages.get(type_, [])) for type_, found in _by_type(rows)]}

    return Later(work)


@group.get("/stats/hourlies", access=BEARER, query=SCOPE_WITH_PROPOSAL, answer=Hourlies)
def read_hourlies(call: Call) -> dict[str, Any]:
    """Mean number of data collections and of robot loads for each hour of the day."""
    scope = load_scope(call)
    loads = scope.of(sa.select().select_from(RobotAction), RobotAction.c.blsessionId)
    return {
        "datacollections": _hourly(call, collections_in(scope), DataCollection.c.startTime),
        "loaded": _hourly(call, loads.where(RobotAction.c.actionType == "LOAD"), RobotAction.c.startTimestamp),
    }


@group.get("/stats/parameters/histogram", access=BEARER, query=SCOPE, answer=ParameterHistograms)
def read_histogram(call: Call) -> dict[str, Any]:
    """Histogram of the photon energy per beamline.

    Raises Refusal (422) when neither a session nor a run is named.
    """
    try:
        scope = load_scope(call)
    except Refusal:
        raise Refusal(422, "Please provide either `session` or `runId`") from None
    columns = (BLSession.c.beamLineName, DataCollection.c.wavelength)
    statement = collections_in(scope, *columns, sa.func.count().label("number")).group_by(*columns)
    histograms: dict[str, Counter[int]] = {}
    for row in call.rows(statement):
        frequencies = histograms.setdefault(row["beamLineName"] or "", Counter())
        energy = energy_of(row["wavelength"])
        if energy is not None:
            frequencies[energy // _BIN * _BIN] += row["number"]
    beamlines = [
        {"beamLineName": name, "bin": _BINS, "frequency": [found[start] for start in _BINS]}
        for name, found in sorted(histograms.items())
    ]
    return {"parameter": "energy", "unit": "eV", "beamLines": beamlines}


def _outcomes(scope: Scope) -> sa.Select[Any]:
    """The numbers of data collections by experiment type and by how they ended."""
    columns = (DataCollectionGroup.c.experimentType, DataCollection.c.runStatus)
    return collections_in(scope, *columns, sa.func.count().label("number")).group_by(*columns)


def _logs(scope: Scope) -> sa.Select[Any]:
    """The logs of failed data collections, the first of each."""
    attachment, status = DataCollectionFileAttachment.c, DataCollection.c.runStatus
    first = (
        sa.select(sa.func.min(attachment.dataCollectionFileAttachmentId))
        .where(
            attachment.dataCollectionId == DataCollection.c.dataCollectionId,
            attachment.fileType == "log",
            attachment.fileFullPath.like("%err%"),
        )
        .scalar_subquery()
    )
    log = DataCollectionFileAttachment.alias("log")
    return (
        collections_in(scope, DataCollectionGroup.c.experimentType, log.c.fileFullPath)
        .join(log, log.c.dataCollectionId == DataCollection.c.dataCollectionId)
        .where(log.c.dataCollectionFileAttachmentId == first)
        .where(status.not_like("%success%"), status.not_like("%aborted%"))
        .order_by(DataCollection.c.dataCollectionId)
    )


def _by_type(rows: Iterable[sa.RowMapping]) -> list[tuple[str, list[sa.RowMapping]]]:
    found: dict[str, list[sa.RowMapping]] = {}
    for row in rows:
        found.setdefault(_type(row), []).append(row)
    return sorted(found.items())


def _type(row: sa.RowMapping) -> str:
    return str(row["experimentType"] or _UNTYPED)


def _total(type_: str, rows: list[sa.RowMapping], lines: list[str]) -> dict[str, Any]:
    """One experiment type; a data collection without a status is neither failed nor aborted."""
    total = sum(row["number"] for row in rows)
    aborted = _number(rows, lambda status: "aborted" in status)
    failed = _number(rows, lambda status: "success" not in status and "aborted" not in status)
    return {
        "experimentType": type_,
        "total": total,
        "failed": failed,
        "failedPercent": round(failed / total * 100, 1),
        "aborted": aborted,
        "abortedPercent": round(aborted / total * 100, 1),
        "messages": merged(lines),
    }


def _number(rows: Iterable[sa.RowMapping], condition: Callable[[str], bool]) -> int:
    ended = (row for row in rows if row["runStatus"] is not None)
    return sum(row["number"] for row in ended if condition(row["runStatus"].lower()))


def merged(lines: Iterable[str]) -> list[dict[str, Any]]:
    """Messages with their numbers, the rarest first; lines that are alike count as the first of them."""
    counts: Counter[str] = Counter()
    matcher = SequenceMatcher(autojunk=False)
    for line in lines:
        matcher.set_seq2(line[:_COMPARED_CHARACTERS])
        alike = line if line in counts else next((known for known in counts if _are_alike(matcher, known)), line)
        counts[alike] += 1
    return [{"message": line, "count": number} for line, number in sorted(counts.items(), key=lambda entry: entry[1])]


def _are_alike(matcher: SequenceMatcher[str], line: str) -> bool:
    matcher.set_seq1(line[:_COMPARED_CHARACTERS])
    # The quick ratios are upper bounds of the exact one, which is slow.
    return matcher.real_quick_ratio() > _ALIKE and matcher.quick_ratio() > _ALIKE and matcher.ratio() > _ALIKE


def _hourly(call: Call, statement: sa.Select[Any], time: sa.ColumnElement[Any]) -> dict[str, Any]:
    """The mean over those days on which there was something in that hour."""
    day, hour = sa.func.date(time), sa.extract("hour", time)
    by_day = (
        statement.with_only_columns(
            day.label("day"), hour.label("hour"), sa.func.count().label("number"), maintain_column_froms=True
        )
        .where(time.is_not(None))
        .group_by(day, hour)
        .subquery("by_day")
    )
    # Divided here, because MariaDB cuts its averages to four decimals.
    sums = sa.select(by_day.c.hour, sa.func.sum(by_day.c.number).label("sum"), sa.func.count().label("days"))
    found = {int(row["hour"]): int(row["sum"]) / row["days"] for row in call.rows(sums.group_by(by_day.c.hour))}
    return {"hour": list(range(24)), "average": [found.get(hour, 0) for hour in range(24)]}

"""Samples as they are answered: rows of samples with what was measured on them, counted for all rows together."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from catalog.dialect import among
from objapi.ispyb.wire.call import Call
from objapi.ispyb.wire.lists import Answers, grouped
from objapi.profiles.ispyb.tables import (
    AutoProcIntegration,
    AutoProcScaling_has_Int,
    AutoProcScalingStatistics,
    BLSubSample,
    ContainerQueueSample,
    Crystal,
    DataCollection,
    DataCollectionGroup,
    Screening,
    ScreeningOutput,
)

_COLLECTED = DataCollectionGroup.outerjoin(
    DataCollection, DataCollection.c.dataCollectionGroupId == DataCollectionGroup.c.dataCollectionGroupId
)


def answers(call: Call, rows: Sequence[sa.RowMapping]) -> Answers:
    """The samples of rows that hold a sample, its crystal, protein and container."""
    ids = [row["blSampleId"] for row in rows]
    of_samples = sa.select().select_from(BLSubSample).where(among(BLSubSample.c.blSampleId, ids))
    sub_samples = call.counts(BLSubSample.c.blSampleId, of_samples)
    collections = collected(call, DataCollectionGroup.c.blSampleId, ids)
    strategies = _strategies(call, ids)
    integrations = _integrations(call, ids)
    queued = _queued(call, ids)
    return [
        {
            **row,
            "name": row["name"] or "",
            "location": whole_number(row["location"]),
            "Crystal": _crystal(row),
            "Container": {
                "code": row["code"] or "",
                "sampleChangerLocation": row["sampleChangerLocation"],
                "beamlineLocation": row["beamlineLocation"],
            },
            "_metadata": {
                "subsamples": sub_samples.get(key := row["blSampleId"], 0),
                "datacollections": sum(collections.get(key, {}).values()),
                "types": sorted(filter(None, collections.get(key, {}))) or None,
                "queued": key in queued,
                "strategies": strategies.get(key, 0),
                "autoIntegrations": integrations.get(key, (0, None))[0],
                "integratedResolution": integrations.get(key, (0, None))[1],
                "proposal": row["proposal"],
            },
        }
        for row in rows
    ]


def collected(call: Call, key: sa.ColumnElement[Any], ids: Sequence[int]) -> dict[Any, dict[str | None, int]]:
    """Numbers of data collections of each experiment type, by the value of `key`."""
    statement = (
        sa.select(
            key.label("key"),
            DataCollectionGroup.c.experimentType.label("type"),
            sa.func.count(DataCollection.c.dataCollectionId).label("number"),
        )
        .select_from(_COLLECTED)
        .where(among(key, ids))
        .group_by(key, DataCollectionGroup.c.experimentType)
    )
    return {
        value: {row["type"]: row["number"] for row in rows} for value, rows in grouped(call, statement, "key").items()
    }


def whole_number(text: str | None) -> int | None:
    """A text of digits as a number; None for any other."""
    stripped = (text or "").strip()
    return int(stripped) if stripped.isascii() and stripped.isdigit() else None


def _crystal(row: sa.RowMapping) -> dict[str, Any]:
    protein = {
        "proposalId": row["proposalId"],
        "name": row["protein"] or "",
        "acronym": row["acronym"] or "",
    }
    return {**{column.name: row[column.name] for column in Crystal.columns}, "Protein": protein}


def _strategies(call: Call, ids: Sequence[int]) -> dict[int, int]:
    """The number of screenings with a strategy, found by data collection or by group."""
    of_samples = among(DataCollectionGroup.c.blSampleId, ids)
    pair = (DataCollectionGroup.c.blSampleId, ScreeningOutput.c.screeningOutputId)
    succeeded = sa.and_(
        ScreeningOutput.c.screeningId == Screening.c.screeningId, ScreeningOutput.c.strategySuccess == 1
    )
    by_group = (
        sa.select(*pair)
        .join_from(
            DataCollectionGroup,
            Screening,
            Screening.c.dataCollectionGroupId == DataCollectionGroup.c.dataCollectionGroupId,
        )
        .join(ScreeningOutput, succeeded)
    )
    by_collection = (
        sa.select(*pair)
        .select_from(_COLLECTED)
        .join(Screening, Screening.c.dataCollectionId == DataCollection.c.dataCollectionId)
        .join(ScreeningOutput, succeeded)
    )
    pairs = sa.union(by_group.where(of_samples), by_collection.where(of_samples)).subquery()
    return call.counts(pairs.c.blSampleId, sa.select().select_from(pairs))


def _integrations(call: Call, ids: Sequence[int]) -> dict[int, tuple[int, float | None]]:
    """The number of integrations and the best resolution that they reached."""
    key = DataCollectionGroup.c.blSampleId
    scaled, reached = AutoProcScaling_has_Int.c, AutoProcScalingStatistics.c
    statement = (
        sa.select(
            key,
            sa.func.count(sa.distinct(AutoProcIntegration.c.autoProcIntegrationId)),
            sa.func.min(reached.resolutionLimitHigh),
        )
        .select_from(_COLLECTED)
        .join(AutoProcIntegration, AutoProcIntegration.c.dataCollectionId == DataCollection.c.dataCollectionId)
        .outerjoin(AutoProcScaling_has_Int, scaled.autoProcIntegrationId == AutoProcIntegration.c.autoProcIntegrationId)
        .outerjoin(AutoProcScalingStatistics, reached.autoProcScalingId == scaled.autoProcScalingId)
        .where(among(key, ids))
        .group_by(key)
    )
    return {sample: (number, resolution) for sample, number, resolution in call.connection.execute(statement)}


def _queued(call: Call, ids: Sequence[int]) -> frozenset[int]:
    """The samples that wait: a place in a queue with a plan by which nothing was collected yet."""
    queue, database = ContainerQueueSample.c, call.services.database
    plan = DataCollection.c.dataCollectionPlanId
    if not all(database.has(column) for column in (queue.blSampleId, queue.dataCollectionPlanId, plan)):
        return frozenset()
    waiting = sa.select(queue.blSampleId).where(
        among(queue.blSampleId, ids), ~sa.exists().where(plan == queue.dataCollectionPlanId)
    )
    return frozenset(call.connection.execute(waiting).scalars())

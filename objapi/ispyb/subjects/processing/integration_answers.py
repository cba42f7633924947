"""Integrations of data collections as they are answered: with their scalings, and the statistics of every shell."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from objapi.ispyb.subjects.processing.programs import BY_INTEGRATION, visible_of
from objapi.ispyb.wire.call import Call
from objapi.ispyb.wire.lists import Rows, among, grouped
from objapi.profiles.ispyb.tables import (
    AutoProc,
    AutoProcIntegration,
    AutoProcScaling,
    AutoProcScaling_has_Int,
    AutoProcScalingStatistics,
    DataCollection,
)

Answers = list[dict[str, Any]]


def integrations_of(call: Call, ids: Sequence[int], *conditions: sa.ColumnElement[bool]) -> dict[int, Answers]:
    """The integrations of programs by their keys, of the data collections that fulfil the conditions."""
    integration = AutoProcIntegration.c
    statement = (
        sa.select(
            integration.autoProcIntegrationId,
            integration.autoProcProgramId,
            integration.refinedXBeam,
            integration.refinedYBeam,
            DataCollection.c.xBeam,
            DataCollection.c.yBeam,
        )
        .select_from(visible_of(BY_INTEGRATION))
        .where(among(integration.autoProcProgramId, ids), *conditions)
        .order_by(integration.autoProcIntegrationId)
    )
    rows = call.rows(statement)
    scalings = _scalings(call, [row["autoProcIntegrationId"] for row in rows])
    answers: dict[int, Answers] = {key: [] for key in ids}
    for row in rows:
        answers[row["autoProcProgramId"]].append(
            {**row, "DataCollection": row, "AutoProcScalingHasInt": scalings.get(row["autoProcIntegrationId"], [])}
        )
    return answers


def _scalings(call: Call, ids: Sequence[int]) -> dict[int, Answers]:
    """The scalings of integrations by their keys."""
    link, scaling = AutoProcScaling_has_Int.c, AutoProcScaling.c
    statement = (
        sa.select(link.autoProcIntegrationId, scaling.autoProcScalingId, *AutoProc.columns)
        .join_from(AutoProcScaling_has_Int, AutoProcScaling, scaling.autoProcScalingId == link.autoProcScalingId)
        .outerjoin(AutoProc, AutoProc.c.autoProcId == scaling.autoProcId)
        .where(among(link.autoProcIntegrationId, ids))
        .order_by(link.autoProcScaling_has_IntId)
    )
    rows = call.rows(statement)
    statistics = _statistics(call, [row["autoProcScalingId"] for row in rows])
    answers: dict[int, Answers] = {}
    for row in rows:
        found = row if row["autoProcId"] is not None else None
        below = {"AutoProc": found, "AutoProcScalingStatistics": statistics[row["autoProcScalingId"]]}
        answers.setdefault(row["autoProcIntegrationId"], []).append({"AutoProcScaling": below})
    return answers


def _statistics(call: Call, ids: Sequence[int]) -> dict[int, Rows]:
    """The statistics of scalings by their keys; the anomalous correlation has two names in the flavours."""
    table, database = AutoProcScalingStatistics, call.services.database
    correlation = sa.func.coalesce(database.column(table.c.ccAnomalous), table.c.ccAno).label("ccAnomalous")
    columns = [database.column(column) for column in table.columns if column.name not in ("ccAno", "ccAnomalous")]
    statement = sa.select(*columns, correlation).where(among(table.c.autoProcScalingId, ids))
    return grouped(call, statement.order_by(table.c.autoProcScalingStatisticsId), "autoProcScalingId")

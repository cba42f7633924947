"""What hangs on data collection groups as old clients read it: the values of many rows joined to one text."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from objapi.ispyb.wire.call import Call
from objapi.ispyb.wire.lists import Rows, among, grouped
from objapi.profiles.ispyb.tables import (
    AutoProc,
    AutoProcIntegration,
    AutoProcProgram,
    AutoProcScaling,
    AutoProcScaling_has_Int,
    AutoProcScalingStatistics,
    DataCollection,
    Image,
    Screening,
    ScreeningOutput,
    ScreeningOutputLattice,
    WorkflowStep,
)

_OF_COLLECTIONS: Final = {
    "dataCollectionIdList": "dataCollectionId",
    "imageDirectoryList": "imageDirectory",
    "startTimeList": "startTime",
    "magnificationList": "magnification",
    "voltageList": "voltage",
    "imagesCount": "numberOfImages",
}
_OF_STEPS: Final = {
    "WorkflowStep_workflowStepId": "workflowStepId",
    "WorkflowStep_workflowStepType": "workflowStepType",
    "WorkflowStep_status": "status",
}
_OF_PROGRAMS: Final = {
    "processingPrograms": "processingPrograms",
    "processingStatus": "processingStatus",
    "autoProcIntegrationId": "autoProcIntegrationId",
    "autoProcIds": "autoProcId",
    "AutoProc_spaceGroups": "spaceGroup",
    **{f"Autoprocessing_cell_{part}": f"refinedCell_{part}" for part in ("a", "b", "c", "alpha", "beta", "gamma")},
    "scalingStatisticsTypes": "scalingStatisticsType",
    "Autoprocessing_anomalous": "anomalous",
    "resolutionsLimitHigh": "resolutionLimitHigh",
    "resolutionsLimitLow": "resolutionLimitLow",
    "rMerges": "rMerge",
    "completenessList": "completeness",
}
_CELL: Final = tuple(f"unitCell_{part}" for part in ("a", "b", "c", "alpha", "beta", "gamma"))

Texts = dict[str, Any]


def texts_of(call: Call, rows: Sequence[sa.RowMapping]) -> Callable[[sa.RowMapping], Texts]:
    """A function that gives the further values of each of the rows, which were loaded for all of them together."""
    groups = [row["DataCollectionGroup_dataCollectionGroupId"] for row in rows]
    last = [key for row in rows if (key := row["DataCollection_dataCollectionId"]) is not None]
    flows = [key for row in rows if (key := row["Workflow_workflowId"]) is not None]
    collections = grouped(call, _collections(groups), "dataCollectionGroupId")
    steps = grouped(call, _steps(flows), "workflowId")
    programs = grouped(call, _programs(last), "dataCollectionId")
    screenings = grouped(call, _screenings(last), "dataCollectionId")
    images = {row["dataCollectionId"]: row for row in call.rows(_images(last))}

    def texts(row: sa.RowMapping) -> Texts:
        members = collections[row["DataCollectionGroup_dataCollectionGroupId"]]
        key = row["DataCollection_dataCollectionId"]
        image: Mapping[Any, Any] = images.get(key, {})
        own_steps = steps[row["Workflow_workflowId"]]
        characterisations = [step for step in own_steps if step["workflowStepType"] == "Characterisation"]
        return {
            **_joined(members, _OF_COLLECTIONS, ","),
            "totalNumberOfImages": _sum(member["numberOfImages"] for member in members),
            "totalNumberOfDataCollections": len(members),
            "numberOfGridSquares": len(members),
            "firstImageId": image.get("firstImageId"),
            "lastImageId": image.get("lastImageId"),
            **_joined(own_steps, _OF_STEPS, ","),
            "characterisationWorkflowStepIds": _text(characterisations, "workflowStepId", ","),
            **_joined(programs[key], _OF_PROGRAMS, ", "),
            **_screened(screenings[key]),
        }

    return texts


def _collections(groups: Iterable[int]) -> sa.Select[Any]:
    columns = (DataCollection.c[name] for name in _OF_COLLECTIONS.values())
    statement = sa.select(DataCollection.c.dataCollectionGroupId, *columns)
    return statement.where(among(DataCollection.c.dataCollectionGroupId, groups)).order_by(
        DataCollection.c.dataCollectionId
    )


def _steps(flows: Iterable[int]) -> sa.Select[Any]:
    columns = (WorkflowStep.c[name] for name in _OF_STEPS.values())
    statement = sa.select(WorkflowStep.c.workflowId, *columns).where(among(WorkflowStep.c.workflowId, flows))
    return statement.order_by(WorkflowStep.c.workflowStepId)


def _programs(collections: Iterable[int]) -> sa.Select[Any]:
    """One row for each shell of each integration."""
    integration, scaled, scaling = AutoProcIntegration.c, AutoProcScaling_has_Int.c, AutoProcScaling.c
    tables = (
        AutoProcIntegration.outerjoin(
            AutoProcProgram, AutoProcProgram.c.autoProcProgramId == integration.autoProcProgramId
        )
        .outerjoin(AutoProcScaling_has_Int, scaled.autoProcIntegrationId == integration.autoProcIntegrationId)
        .outerjoin(AutoProcScaling, scaling.autoProcScalingId == scaled.autoProcScalingId)
        .outerjoin(AutoProc, AutoProc.c.autoProcId == scaling.autoProcId)
        .outerjoin(
            AutoProcScalingStatistics, AutoProcScalingStatistics.c.autoProcScalingId == scaling.autoProcScalingId
        )
    )
    sources = (AutoProcProgram, AutoProcIntegration, AutoProc, AutoProcScalingStatistics)
    columns = [next(source.c[name] for source in sources if name in source.c) for name in _OF_PROGRAMS.values()]
    statement = sa.select(integration.dataCollectionId, *columns).select_from(tables)
    return statement.where(among(integration.dataCollectionId, collections)).order_by(
        integration.autoProcIntegrationId, AutoProcScalingStatistics.c.autoProcScalingStatisticsId
    )


def _screenings(collections: Iterable[int]) -> sa.Select[Any]:
    screening, output, lattice = Screening.c, ScreeningOutput.c, ScreeningOutputLattice.c
    return (
        sa.select(
            screening.dataCollectionId,
            screening.screeningId,
            output.strategySuccess,
            output.indexingSuccess,
            lattice.spaceGroup,
            *(lattice[name] for name in _CELL),
        )
        .select_from(Screening)
        .outerjoin(ScreeningOutput, output.screeningId == screening.screeningId)
        .outerjoin(ScreeningOutputLattice, lattice.screeningOutputId == output.screeningOutputId)
        .where(among(screening.dataCollectionId, collections))
        .order_by(screening.screeningId, output.screeningOutputId)
    )


def _images(collections: Iterable[int]) -> sa.Select[Any]:
    return (
        sa.select(
            Image.c.dataCollectionId,
            sa.func.min(Image.c.imageId).label("firstImageId"),
            sa.func.max(Image.c.imageId).label("lastImageId"),
        )
        .where(among(Image.c.dataCollectionId, collections))
        .group_by(Image.c.dataCollectionId)
    )


def _screened(rows: Rows) -> Texts:
    """The last screening; nulls when there is none."""
    row: Mapping[Any, Any] = rows[-1] if rows else {}
    return {
        "Screening_screeningId": row.get("screeningId"),
        "Screening_dataCollectionId": row.get("dataCollectionId"),
        "ScreeningOutput_strategySuccess": row.get("strategySuccess"),
        "ScreeningOutput_indexingSuccess": row.get("indexingSuccess"),
        "ScreeningOutputLattice_spaceGroup": row.get("spaceGroup"),
        **{f"ScreeningOutputLattice_{name}": row.get(name) for name in _CELL},
    }


def _joined(rows: Rows, names: Mapping[str, str], separator: str) -> Texts:
    return {name: _text(rows, column, separator) for name, column in names.items()}


def _text(rows: Rows, column: str, separator: str) -> str | None:
    """The values of a column as one text, without the nulls; None when nothing is left."""
    parts = [_shown(row[column]) for row in rows if row[column] is not None]
    return separator.join(parts) if parts else None


def _shown(value: Any) -> str:
    return value.isoformat(" ") if isinstance(value, datetime) else str(value)


def _sum(numbers: Iterable[int | None]) -> int | None:
    known = [number for number in numbers if number is not None]
    return sum(known) if known else None

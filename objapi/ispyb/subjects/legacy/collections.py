"""Data collection groups of a session for old clients: one wide row each.

Values of the many rows that belong to a group are joined to one text.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from catalog.dialect import among
from objapi.ispyb.subjects.legacy.access import readable_proposal, readable_session
from objapi.ispyb.subjects.legacy.movie_counts import movie_counts
from objapi.ispyb.wire.call import Call
from objapi.ispyb.wire.lists import Answers, Rows, grouped
from objapi.ispyb.wire.routes import BEARER, Door, Group, RouteAccess
from objapi.profiles.ispyb.tables import (
    AutoProc,
    AutoProcIntegration,
    AutoProcProgram,
    AutoProcScaling,
    AutoProcScaling_has_Int,
    AutoProcScalingStatistics,
    BLSample,
    BLSession,
    Crystal,
    DataCollection,
    DataCollectionGroup,
    Image,
    Protein,
    Screening,
    ScreeningOutput,
    ScreeningOutputLattice,
    Workflow,
    WorkflowStep,
)

header_group: Final = Group("Data collections - legacy with header token", switch="enable_legacy_routes")
microscopy_group: Final = Group("EM - legacy with header token", switch="enable_legacy_routes")
path_group: Final = Group("Legacy with token in path", switch="enable_legacy_routes")

_BY_PATH: Final = RouteAccess(Door.PATH)

_SHOWN: Final = (
    *DataCollectionGroup.columns,
    BLSample.c.blSampleId,
    BLSample.c.crystalId,
    BLSample.c.name,
    BLSample.c.code,
    BLSession.c.sessionId,
    BLSession.c.proposalId,
    BLSession.c.protectedData,
    Protein.c.proteinId,
    Protein.c.name,
    Protein.c.acronym,
    *DataCollection.columns,
    *Workflow.columns,
)


@header_group.get("/legacy/data_collections/groups/session/{session_id}", access=BEARER)
@path_group.get("/legacy/{token}/proposal/session/{session_id}/list", access=_BY_PATH)
def list_groups(call: Call) -> Answers:
    """Data collection groups of a session."""
    return _groups(call, BLSession.c.sessionId == readable_session(call, call.path["session_id"]))


@microscopy_group.get("/legacy/em/proposal/{proposal_id}/session/{session_id}/data_collections/groups", access=BEARER)
@path_group.get("/legacy/{token}/proposal/{proposal_id}/em/datacollection/session/{session_id}/list", access=_BY_PATH)
def list_groups_with_counts(call: Call) -> Answers:
    """Data collection groups of a session with the numbers of their movies."""
    proposal_id = readable_proposal(call, call.path["proposal_id"])
    session_id = readable_session(call, call.path["session_id"])
    asked = sa.and_(BLSession.c.sessionId == session_id, BLSession.c.proposalId == proposal_id)
    counts = movie_counts(call, asked)
    return [
        {**row, "stats": counts.get(row["DataCollectionGroup_dataCollectionGroupId"], [])}
        for row in _groups(call, asked)
    ]


def _groups(call: Call, condition: sa.ColumnElement[bool]) -> Answers:
    """The groups with the data collection that has the highest key in each, the latest first."""
    group, collection = DataCollectionGroup.c, DataCollection.c
    other = DataCollection.alias("other")
    last = (
        sa.select(sa.func.max(other.c.dataCollectionId))
        .where(other.c.dataCollectionGroupId == group.dataCollectionGroupId)
        .scalar_subquery()
    )
    is_last = sa.and_(
        collection.dataCollectionGroupId == group.dataCollectionGroupId, collection.dataCollectionId == last
    )
    statement = (
        sa.select(*(call.services.database.column(column).label(_name(column)) for column in _SHOWN))
        .select_from(DataCollectionGroup)
        .join(BLSession, BLSession.c.sessionId == group.sessionId)
        .outerjoin(DataCollection, is_last)
        .outerjoin(BLSample, BLSample.c.blSampleId == group.blSampleId)
        .outerjoin(Crystal, Crystal.c.crystalId == BLSample.c.crystalId)
        .outerjoin(Protein, Protein.c.proteinId == Crystal.c.proteinId)
        .outerjoin(Workflow, Workflow.c.workflowId == group.workflowId)
        .where(condition)
        .order_by(collection.startTime.desc(), group.dataCollectionGroupId.desc())
    )
    rows = call.rows(statement)
    texts = texts_of(call, rows)
    return [{**row, "transmission": row["DataCollection_transmission"], **texts(row)} for row in rows]


def _name(column: sa.Column[Any]) -> str:
    return f"{column.table.name}_{column.name}"


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
